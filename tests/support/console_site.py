"""A console without servers: a view that tests fill, and an application that they ask."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from tests.support.audit_builder import Record, World
from workers.console import view_reads
from workers.console.access import Admission, admission
from workers.console.ai_agents import ScriptedAgent
from workers.console.chat_system import ChatSystem
from workers.console.desk_room import DeskRoom
from workers.console.event_sender import EventSender
from workers.console.live_parts import Hub
from workers.console.request_guard import Sessions
from workers.console.site import Site
from workers.console.system_samples import Samplers
from workers.console.topic_follower import TopicFollower
from workers.console.view_file import ViewFile
from workers.console.view_rows import Fetched, apply_records
from workers.console.web_app import web_app
from workers.contracts.codec import Raw, encode
from workers.contracts.tickets import Notification
from workers.contracts.topics import (
    CONTROL,
    DECISIONS,
    LEDGER,
    QUEUE_PREFIX,
    TICKETS,
    Topics,
    load_topics,
)
from workers.data import data_path
from workers.settings import load_settings

_TOPICS = {"decisions": DECISIONS, "ledger": LEDGER, "control": CONTROL, "tickets": TICKETS}


class CapturingSender(EventSender):
    """Keeps what the desk and the chat would send."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, dict[str, Any]]] = []

    async def send(self, topic: str, key: str, event: dict[str, Any]) -> None:
        """Keep an event."""
        self.sent.append((topic, key, event))


def shipped_topics() -> Topics:
    """Return the shipped topics.yaml."""
    return load_topics(data_path("topics.yaml").read_text(encoding="utf-8"), "topics.yaml")


def fetched(topic: str, record: Record | Notification, at_ms: int, offset: int = 0) -> Fetched:
    """Return a record as the view reads it."""
    if topic == "queues":
        topic = QUEUE_PREFIX + getattr(record, "queue", "")
    key = (record.conversation_id or "").encode()
    raw = Raw(key, encode(record), (), at_ms)
    return Fetched(_TOPICS.get(topic, topic), 0, offset, raw)


def records_of(world: World) -> list[Fetched]:
    """Return everything that a world's agents have published, topic by topic."""
    return [
        fetched(topic, record, world.seq, offset)
        for topic, records in world.topics.items()
        if topic != "log"
        for offset, record in enumerate(records)
    ]


def apply(view: ViewFile, records: Sequence[Fetched]) -> None:
    """Apply records to a view."""
    asyncio.run(view.write(lambda connection: apply_records(connection, records, ())))


@contextmanager
def console_site(folder: Path, given: Admission | None = None) -> Iterator[Site]:
    """Make a console that follows nothing."""
    topics, settings = shipped_topics(), load_settings(kafka_bootstrap="127.0.0.1:1")
    view, hub, sender = ViewFile(folder / "view.sqlite3"), Hub(), CapturingSender()
    follower = TopicFollower(settings, topics, view, hub.wake)
    follower.away_since, follower.behind = None, 0
    site = Site(
        settings=settings,
        topics=topics,
        view=view,
        follower=follower,
        samplers=Samplers(settings, None, 12, (), view, hub.wake),
        redis=None,
        hub=hub,
        sessions=Sessions("a secret of the tests"),
        admission=given or admission("127.0.0.1", None, None, "", topics),
        sender=sender,
        room=DeskRoom(topics, sender, lambda: view.read(view_reads.held_by)),
        chat=ChatSystem(sender, view, ScriptedAgent()),
    )
    try:
        yield site
    finally:
        view.close()


def browser_of(
    site: Site, address: str = "127.0.0.1", base: str = "http://127.0.0.1"
) -> TestClient:
    """Return a client that calls from an address, and follows no redirect."""
    return TestClient(web_app(site), base, client=(address, 50_000), follow_redirects=False)


def csrf_in(html: str) -> str:
    """Return the token of the first form of a page."""
    return html.split('name="csrf" value="', 1)[1].split('"', 1)[0]
