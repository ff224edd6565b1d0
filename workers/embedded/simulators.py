"""The systems around ours, simulated over ordinary clients: a chat system, desks, tickets.

They do what such systems must: produce keyed and acknowledged, obey the greatest (epoch, seq),
ignore what comes again. For the demo and for tests.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Self, TypeVar

import msgspec
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from workers.contracts.codec import decode_message, decode_queue_message
from workers.contracts.control import Control
from workers.contracts.decisions import Decision
from workers.contracts.handoffs import Handoff, QueueMessage, Refused
from workers.contracts.tickets import Ticket
from workers.contracts.topics import CONTROL, DECISIONS, DESKS, EVENTS, TICKETS
from workers.embedded.kafka import FETCH_MAX_WAIT_MS
from workers.kafka.aiokafka_internals import all_metadata, stop

T = TypeVar("T")
Heard = Control | QueueMessage | Ticket
_POLL_MS: Final = 50


class SimulatedSystems:
    """The outside systems, simulated; fields hold what each received, `until` waits for more."""

    def __init__(self, bootstrap: str, queue_topics: Iterable[str]) -> None:
        self._bootstrap = bootstrap
        self._queue_topics = list(queue_topics)
        self.controls: dict[str, list[Control]] = {}
        """Per conversation what the chat system was told, each change once, in order."""
        self.queues: dict[tuple[str, str], QueueMessage] = {}
        """Per queue and escalation the greatest message; refusals are in `refusals`."""
        self.heard: dict[str, list[Heard]] = {}
        """Per conversation everything that was not ignored, as it came."""
        self.packets: dict[str, Handoff] = {}
        """Every packet by its id."""
        self.refusals: list[Refused] = []
        self.tickets: dict[str, Ticket] = {}
        """Per escalation the greatest message to the ticket system."""
        self.decisions: dict[str, Decision] = {}
        """Every decision by its id, in the order in which they were read first."""
        self.repeats = 0
        """Messages that came again and were ignored."""
        self._changed = asyncio.Condition()
        self._reading: asyncio.Task[None] | None = None

    def forget(self) -> None:
        """Forget everything that was heard, which would grow for ever where it plays on."""
        for kept in (
            *(self.controls, self.queues, self.heard, self.packets),
            *(self.refusals, self.tickets, self.decisions),
        ):
            kept.clear()

    async def __aenter__(self) -> Self:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap, acks="all", enable_idempotence=True, linger_ms=2
        )
        await self._producer.start()
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            enable_auto_commit=False,
            isolation_level="read_committed",
            fetch_max_wait_ms=FETCH_MAX_WAIT_MS,
        )
        await self._consumer.start()
        topics = [CONTROL, TICKETS, DECISIONS, *self._queue_topics]
        cluster = await all_metadata(self._consumer)
        partitions = [
            TopicPartition(topic, number)
            for topic in topics
            for number in cluster.partitions_for_topic(topic) or ()
        ]
        self._consumer.assign(partitions)
        await self._consumer.seek_to_beginning(*partitions)
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})
        await stop(self._consumer)
        await self._producer.stop()

    async def say(self, event: Mapping[str, Any] | bytes, key: str | None = None) -> None:
        """Publish an event of a chat system, acknowledged; bytes are sent as they are."""
        await self._publish(EVENTS, event, key, "conversation_id")

    async def report(self, event: Mapping[str, Any]) -> None:
        """Publish an event of a desk or of the ticket system, acknowledged."""
        field = "queue" if event["type"] == "presence" else "conversation_id"
        await self._publish(DESKS, event, None, field)

    async def _publish(
        self, topic: str, event: Mapping[str, Any] | bytes, key: str | None, field: str
    ) -> None:
        if isinstance(event, bytes):
            value = event
        else:
            value = orjson.dumps(event)
            key = key or event[field]
        raw = None if key is None else key.encode()
        await self._producer.send_and_wait(topic, value, key=raw)

    async def until(self, found: Callable[[], T | None], within_s: float, what: str) -> T:
        """Return what `found` finds once it finds something; TimeoutError names what is missing."""
        try:
            async with asyncio.timeout(within_s), self._changed:
                while (result := found()) is None or result is False:
                    await self._changed.wait()
                    self._raise_reader()
                return result
        except TimeoutError:
            self._raise_reader()
            raise TimeoutError(f"{what}: not within {within_s:g} s") from None

    def _raise_reader(self) -> None:
        if self._reading is not None and self._reading.done():
            self._reading.result()

    async def _read(self) -> None:
        while True:
            runs = await self._consumer.getmany(timeout_ms=_POLL_MS)
            for tp, records in runs.items():
                for record in records:
                    if record.value is not None:
                        self._take(tp.topic, record.value)
            if runs:
                async with self._changed:
                    self._changed.notify_all()

    def _take(self, topic: str, value: bytes) -> None:
        if topic == CONTROL:
            self._control(decode_message(Control, value))
        elif topic == DECISIONS:
            decision = decode_message(Decision, value)
            self._keep(self.decisions, decision.decision_id, decision)
        elif topic == TICKETS:
            ticket = decode_message(Ticket, value)
            self._greatest(self.tickets, ticket.escalation_id, ticket)
        else:
            self._queue_message(decode_queue_message(value))

    def _control(self, control: Control) -> None:
        told = self.controls.setdefault(control.conversation_id, [])
        if told and (control.epoch, control.seq) <= (told[-1].epoch, told[-1].seq):
            self.repeats += 1
            return
        told.append(control)
        self._hear(control)

    def _queue_message(self, message: QueueMessage) -> None:
        if isinstance(message, Refused):
            if message not in self.refusals:
                self.refusals.append(message)
                self._hear(message)
            return
        if isinstance(message, Handoff):
            self._keep(self.packets, message.packet_id, message)
        self._greatest(self.queues, (message.queue, message.escalation_id), message)

    def _keep(self, kept: dict[str, Any], key: str, message: msgspec.Struct) -> None:
        if key in kept:
            self.repeats += 1
        else:
            kept[key] = message

    def _greatest(self, kept: dict[Any, Any], key: Any, message: Any) -> None:
        known = kept.get(key)
        if known is None or _rank(message) > _rank(known):
            kept[key] = message
            self._hear(message)
        else:
            self.repeats += 1

    def _hear(self, message: Heard) -> None:
        self.heard.setdefault(message.conversation_id, []).append(message)

    def control(self, conversation_id: str) -> Control | None:
        """Return what the chat system obeys in a conversation now; None: nothing was said yet."""
        told = self.controls.get(conversation_id)
        return told[-1] if told else None

    def waiting(self, conversation_id: str) -> Handoff | None:
        """Return the packet of a conversation that waits on some queue now."""
        for message in self.queues.values():
            if isinstance(message, Handoff) and message.conversation_id == conversation_id:
                return message
        return None


def _rank(message: Any) -> tuple[int, int, int]:
    return (message.epoch, message.seq, getattr(message, "revision", 0))
