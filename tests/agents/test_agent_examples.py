"""Agents on frameworks that this project does not need itself: `make test-agents`."""

import pytest

from tests.support.agent_example import plays_along
from workers.embedded import EmbeddedKafka


@pytest.mark.parametrize("name", ["openai_agent.py", "langgraph_agent.py"])
async def test_it_reports_asks_is_silent_and_comes_back(name: str) -> None:
    with EmbeddedKafka() as kafka:
        await plays_along(name, kafka)
