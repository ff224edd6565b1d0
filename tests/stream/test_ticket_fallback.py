"""The whole fallback: queue full, overflow closed, a ticket; without one, contact details."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from ruamel.yaml import YAML
from starlette.requests import Request as Received
from starlette.responses import Response

from tests.support.bridge import serving
from tests.support.forked import ForkedHandoff, forked_worker
from tests.support.ticket_systems import Zendesk
from workers.contracts.calendars import DAYS
from workers.contracts.control import Control
from workers.contracts.topics import load_topics
from workers.data import data_path
from workers.embedded import EmbeddedStack
from workers.embedded.simulators import SimulatedSystems
from workers.embedded.workers import EMBEDDED_SETTINGS

pytestmark = pytest.mark.timeout(240)

_WITHIN_S = 60.0


class Fallback(NamedTuple):
    """The systems that take part."""

    zendesk: Zendesk
    heard: SimulatedSystems
    workers: dict[str, ForkedHandoff]

    async def report(self, kind: str, **fields: object) -> None:
        """Report something as a desk does."""
        now = datetime.now(UTC).isoformat()
        event = {"type": kind, "event_id": str(uuid.uuid4()), "occurred_at": now, **fields}
        await self.heard.report(event)

    async def asks(self, conversation: str, text: str = "Can I speak to a human, please?") -> None:
        """Write as a customer."""
        await self.heard.say(
            {
                "event_id": str(uuid.uuid4()),
                "conversation_id": conversation,
                "occurred_at": datetime.now(UTC).isoformat(),
                "role": "customer",
                "content": text,
                "customer": {"id": "u-1", "name": "Ada", "email": "ada@example.com"},
            }
        )

    async def told(self, conversation: str, **fields: object) -> Control:
        """Wait until the chat system is told something with these fields."""

        def found() -> Control | None:
            controls = self.heard.controls.get(conversation, ())
            return next(
                (one for one in controls if all(getattr(one, k) == v for k, v in fields.items())),
                None,
            )

        try:
            return await self.heard.until(found, _WITHIN_S, f"{conversation}: {fields}")
        except TimeoutError:
            logs = "\n".join(worker.tail() for worker in self.workers.values())
            raise AssertionError(f"{self.heard.controls.get(conversation)}\n{logs}") from None


def _topics_file(folder: Path) -> Path:
    """Write topics with one place on the queue, and an overflow that is closed today."""
    yaml = YAML()
    document = yaml.load(data_path("topics.yaml"))
    closed = document["calendars"][1]
    later = datetime.now(UTC) + timedelta(days=3)
    closed |= {"timezone": "UTC", "hours": {DAYS[later.weekday()]: ["09:00-17:00"]}}
    for queue in document["queues"]:
        if queue["queue"] == "tier_2_support":
            queue |= {"max_waiting": 1, "presence_seconds": 600}
        if queue["queue"] == "premium_support":
            queue["calendar"] = closed["calendar"]
    document["ladder"]["ticket_answer_minutes"] = 0.6
    path = folder / "topics.yaml"
    yaml.dump(document, path)
    return path


@pytest.fixture
async def fallback(tmp_path: Path) -> AsyncIterator[Fallback]:
    """Start everything on embedded servers of its own."""
    zendesk, path = Zendesk(), _topics_file(tmp_path)
    topics = load_topics(path.read_text(), str(path))
    async with AsyncExitStack() as stack:
        servers = stack.enter_context(EmbeddedStack())
        servers.kafka.ensure_topics(topics.topics)
        url = await stack.enter_async_context(serving(zendesk.app))
        environment = {
            "KAFKA_BOOTSTRAP": servers.bootstrap,
            "REDIS_URL": servers.redis_url,
            "HANDOFF_TICKETS": str(zendesk.file(tmp_path, url, values={"groups": {}})),
            **EMBEDDED_SETTINGS,
        }
        workers = {}
        for name in ("escalation", "routing", "desk", "tickets"):
            arguments = ["--from", "earliest", "--topics-file", str(path)]
            worker = forked_worker(name, environment, tmp_path / f"{name}.log", arguments)
            workers[name] = stack.enter_context(worker)
        queues = [queue.topic for queue in topics.queues.values()]
        heard = await stack.enter_async_context(SimulatedSystems(servers.bootstrap, queues))
        yield Fallback(zendesk, heard, workers)


async def test_whom_no_queue_takes_is_told_a_tickets_number_or_how_to_reach_a_person(
    fallback: Fallback,
) -> None:
    zendesk = fallback.zendesk
    await fallback.report("presence", queue="tier_2_support", agents_online=1, agents=["kim"])
    await fallback.asks("c-first")
    await fallback.told("c-first", owner="pending")

    await fallback.asks("c-ticket")
    told = await fallback.told("c-ticket", ticket_id="1")
    assert told.text is not None
    assert "1" in told.text
    assert told.ticket_url is not None
    assert told.ai_may_reply, "only a ticket waits: the AI agent goes on"
    ticket = zendesk.only
    assert (ticket["priority"], ticket["requester"]["email"]) == ("urgent", "ada@example.com")

    await fallback.asks("c-ticket", "My order number is 4711-A.")
    async with asyncio.timeout(_WITHIN_S):
        while not any("4711-A" in note for note in zendesk.notes[1]):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)
    zendesk.solve(1)
    await fallback.told("c-ticket", owner="ai")

    async def down(_request: Received) -> Response | None:
        return Response(status_code=503)

    zendesk.fault = down
    await fallback.asks("c-contact")
    await fallback.told("c-contact", owner="pending")
    await fallback.told("c-contact", owner="ai")
    given = [one.contact for one in fallback.heard.controls["c-contact"] if one.contact]
    assert given[0].email == "support@example.com"
    decisions = [d for d in fallback.heard.decisions.values() if d.conversation_id == "c-contact"]
    assert "ticket_refused" in [d.cause for d in decisions], "it says so before the deadline"
    assert len(zendesk.tickets) == 1
