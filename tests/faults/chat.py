"""The chat system: sends the recorded load, obeys conversation-control, keeps what it showed."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from tests.faults.following import Follower
from tests.faults.load import Step
from workers.contracts.codec import decode_message
from workers.contracts.control import Control
from workers.contracts.topics import CONTROL, EVENTS


class Record(NamedTuple):
    """One record to send, by key as chat systems do."""

    key: bytes | None
    value: bytes


@dataclass
class Seen:
    """The chat system's knowledge of one conversation."""

    rank: tuple[int, int] = (-1, -1)
    owner: str = "ai"
    ai_may_reply: bool = True


@dataclass
class Chat:
    """Sends at a steady rate whatever happens, and follows the control topic."""

    bootstrap: str
    conversations: dict[str, Seen] = field(default_factory=dict)
    shown: list[tuple[str, int, str]] = field(default_factory=list)
    """Conversation, seq and text of each line that customers saw."""
    acknowledged: list[Record] = field(default_factory=list)
    foreign: set[tuple[str, int, int]] = field(default_factory=set)
    """Topic, partition and offset of records that none of us would write."""
    late_s: float = 0.0
    """Worst delay of the load behind its schedule, in seconds."""

    async def start(self) -> None:
        """Connect and follow."""
        self.producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap, acks="all", linger_ms=5, request_timeout_ms=10_000
        )
        await self.producer.start()
        self._following = Follower(self.bootstrap, [CONTROL], self._heard)
        await self._following.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self._following.stop()
        await self.producer.stop()

    @property
    def idle_s(self) -> float:
        """Seconds since the control topic said something."""
        return self._following.idle_s

    def _heard(self, _: str, value: bytes) -> None:
        control = decode_message(Control, value)
        seen = self.conversations.setdefault(control.conversation_id, Seen())
        rank = (control.epoch, control.seq)
        if rank <= seen.rank:
            return
        seen.rank, seen.owner = rank, control.owner
        seen.ai_may_reply = control.ai_may_reply
        if control.text:
            self.shown.append((control.conversation_id, control.seq, control.text))

    async def play(self, steps: Iterable[Step]) -> None:
        """Send the steps at their times; returns when all are acknowledged."""
        started = time.monotonic()
        sending: set[asyncio.Task[None]] = set()
        for step in steps:
            wait = started + step.at_s - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            else:
                self.late_s = max(self.late_s, -wait)
            if step.if_allowed and not self._may_speak(step.conversation_id):
                continue
            record = make_record(step)
            for after in (0.0, *(() if step.repeat_after_s is None else (step.repeat_after_s,))):
                task = asyncio.create_task(self.send(record, after))
                sending.add(task)
                task.add_done_callback(sending.discard)
        while sending:
            await asyncio.gather(*sending)

    def _may_speak(self, conversation_id: str) -> bool:
        seen = self.conversations.get(conversation_id)
        return seen is None or seen.ai_may_reply

    async def send(self, record: Record, after_s: float = 0.0, topic: str = EVENTS) -> None:
        """Send until it is acknowledged; what was lost on the way may come twice."""
        await asyncio.sleep(after_s)
        await insist(self.producer, topic, record)
        if topic == EVENTS:
            self.acknowledged.append(record)

    async def say(self, conversation_id: str, event_id: str, **event: Any) -> None:
        """Send one message that is not in the recorded load, such as a person's."""
        step = Step(0.0, conversation_id, {"event_id": event_id, **event})
        await self.send(make_record(step))


async def insist(producer: AIOKafkaProducer, topic: str, record: Record) -> None:
    """Send a record again until Kafka acknowledges it."""
    while True:
        try:
            await (await producer.send(topic, record.value, key=record.key))
        except MessageSizeTooLargeError:
            # It would never be taken.
            raise
        except KafkaError:
            await asyncio.sleep(0.2)
        else:
            return


def make_record(step: Step) -> Record:
    """The bytes of a step at this moment."""
    at = datetime.now(UTC) - timedelta(seconds=step.shift_s)
    event = {"conversation_id": step.conversation_id, "occurred_at": _text(at), **step.event}
    key = step.conversation_id.encode()
    damage = step.damage
    if damage == "not_json":
        return Record(key, b'{"event_id": "' + step.event["event_id"].encode())
    if damage == "no_key":
        return Record(None, orjson.dumps(event))
    if damage == "foreign_key":
        return Record(b"somebody-else", orjson.dumps(event))
    if damage is not None:
        event |= _DAMAGED[damage](at)
    return Record(key, orjson.dumps({k: v for k, v in event.items() if v is not None}))


_DAMAGED: Final[dict[str, Callable[[datetime], dict[str, Any]]]] = {
    "no_id": lambda _: {"event_id": None},
    "no_zone": lambda at: {"occurred_at": at.strftime("%Y-%m-%dT%H:%M:%S")},
    "ahead": lambda at: {"occurred_at": _text(at + timedelta(minutes=30))},
    "unknown_type": lambda _: {"type": "gesture"},
    "too_deep": lambda _: {"extra": orjson.loads("[" * 40 + "]" * 40)},
    "version": lambda _: {"version": 9},
    "no_content": lambda _: {"type": "message", "role": "customer", "content": ""},
}


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
