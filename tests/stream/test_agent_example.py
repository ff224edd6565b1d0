"""The agent on the plain Anthropic SDK; the others are in tests/agents, with what they need."""

from tests.support.agent_example import plays_along
from workers.embedded import EmbeddedKafka


async def test_it_reports_asks_is_silent_and_comes_back(kafka: EmbeddedKafka) -> None:
    await plays_along("anthropic_agent.py", kafka)
