"""The desk agent: a translator without state of its own.

Presence goes to the load of the queues, everything else onto the log, where the fold decides.
"""

from collections.abc import Collection, Sequence
from functools import partial
from typing import NamedTuple

from aiokafka import ConsumerRecord
from faust.types import TP

from workers.agents.shared.dead_letters import refuse
from workers.agents.shared.ledger_topic import LedgerTopic
from workers.agents.shared.poison_isolation import Suspicion, poison
from workers.contracts.codec import Raw, decode_desk_event
from workers.contracts.desks import DeskEvent, LeadEvent, Presence
from workers.contracts.events import Lead, Ownership
from workers.contracts.ids import ownership_event_id
from workers.contracts.rejections import Rejected, shown
from workers.contracts.signing import Secrets
from workers.contracts.time import to_ms
from workers.contracts.topics import DEAD_LETTERS, DESKS, EVENTS, LEDGER, Topics
from workers.routing.availability import LastPresence
from workers.runtime.app import Agent, Options
from workers.runtime.clock import now_ms
from workers.runtime.dead_letter_limit import DeadLetterLimit
from workers.runtime.producer import Record, signed_record
from workers.runtime.topics_file import read_topics
from workers.settings import Settings, kafka_client_kwargs, redis_address
from workers.stores.connection import connect, persist, wait_for_redis
from workers.stores.conversation_reads import home_of
from workers.stores.ledger_store import LedgerStore, Whereabouts
from workers.stores.queue_load import LoadStore


class _Reported(NamedTuple):
    """A report of a desk or a lead, and the record that it came in."""

    record: ConsumerRecord
    event: DeskEvent | LeadEvent


def make_agent(settings: Settings, options: Options) -> "DeskAgent":
    """Return the desk agent; errors of topics.yaml say where."""
    return DeskAgent(settings, read_topics(options.topics), options)


class DeskAgent(Agent):
    """Checks what desks report and hands it on; a second delivery changes nothing."""

    group = "handoff-desk"
    topic = DESKS
    publishes = (EVENTS, LEDGER, DEAD_LETTERS)

    def __init__(self, settings: Settings, topics: Topics, options: Options) -> None:
        super().__init__(settings)
        self._topics = topics
        self._limit = DeadLetterLimit(enforced=options.dead_letter_limit)
        self._secrets = Secrets(settings.signing_keys)
        self._address = redis_address(settings.redis_url or "")

    async def start(self) -> None:
        """Connect."""
        self._redis = connect(self.settings)
        await wait_for_redis(self._redis, self.settings)
        prefix = self.settings.redis_prefix
        self._suspicion = Suspicion(self._redis, self.settings, self.group)
        self._ledger = LedgerStore(self._redis, prefix)
        self._load = LoadStore(self._redis, prefix, self._topics.queues)
        kafka = kafka_client_kwargs(self.settings)
        self._ledger_topic = LedgerTopic(kafka, self.group, self._redis, self._ledger, self._load)

    async def stop(self) -> None:
        """Disconnect."""
        await self._redis.aclose()

    async def handle(self, tp: TP, records: Sequence[ConsumerRecord]) -> None:
        """Translate a chunk: every event ends in the load, on the log or in the dead letters."""
        async for some, deaths in self._suspicion.portions(tp, records):
            if deaths:
                refused = {record.offset: poison() for record in some}
                await refuse("desk", tp, some, refused, self._limit, self.producer)
            else:
                await self._translate(tp, some)

    async def failing(self, tp: TP, error: Exception) -> None:
        """Take back that the records in hand are suspected, when a server was away."""
        await self._suspicion.failing(tp, error)

    async def revoked(self, tps: Collection[TP]) -> None:
        """Take it back at an orderly end, too."""
        await self._suspicion.released(tps)

    async def _translate(self, tp: TP, records: Sequence[ConsumerRecord]) -> None:
        reported: list[_Reported] = []
        present: list[tuple[Presence, LastPresence]] = []
        outputs: list[Record] = []
        refused: dict[int, Rejected] = {}
        secrets = self._secrets.at(tp.topic, tp.partition)
        for record in records:
            try:
                event = decode_desk_event(_raw(record), secrets)
                self._require_queue(event)
            except Rejected as rejected:
                refused[record.offset] = rejected
                continue
            if isinstance(event, Presence):
                present.append((event, _presence(event, record.timestamp)))
            else:
                reported.append(_Reported(record, event))
        if present:
            await persist(lambda: self._report(present), self._address)
        desks = [event for _, event in reported if isinstance(event, DeskEvent)]
        where = await self._whereabouts([event.escalation_id for event in desks])
        for record, event in reported:
            try:
                if isinstance(event, LeadEvent):
                    outputs.append(await self._lead(event))
                else:
                    outputs.append(self._ownership(event, where.get(event.escalation_id)))
            except Rejected as rejected:
                refused[record.offset] = rejected
        await refuse("desk", tp, records, refused, self._limit, self.producer)
        if outputs:
            await self.producer.publish(outputs)

    def _require_queue(self, event: DeskEvent | LeadEvent | Presence) -> None:
        # A ticket may have been asked for in the name of a queue that is no more.
        if event.type in ("ticketed", "ticket_refused"):
            return
        field = "to_queue" if isinstance(event, LeadEvent) else "queue"
        queue = event.to_queue if isinstance(event, LeadEvent) else event.queue
        if queue is not None and queue not in self._topics.queues:
            known = ", ".join(self._topics.queues)
            raise Rejected("unknown_queue", f"{field}: {shown(queue)}: use one of {known}")

    async def _report(self, present: Sequence[tuple[Presence, LastPresence]]) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        for event, presence in present:
            self._load.report(pipeline, event.queue, presence, event.desk_id)
        await pipeline.execute()

    async def _whereabouts(self, escalation_ids: Sequence[str]) -> dict[str, Whereabouts]:
        """Return each escalation's home; the ledger's topic decides on those the store lacks."""
        if not escalation_ids:
            return {}
        where = await persist(lambda: self._ledger.whereabouts(escalation_ids), self._address)
        while not set(escalation_ids) <= where.keys():
            caught_up = await persist(self._ledger_topic.catch_up, self._address)
            where = await persist(lambda: self._ledger.whereabouts(escalation_ids), self._address)
            if await persist(partial(self._ledger.has, caught_up.witness), self._address):
                break
            # An older store has taken the place of the one that was caught up.
        return where

    async def _lead(self, event: LeadEvent) -> Record:
        """Return the event for the log, in the partition where the conversation lives.

        That is where the ledger has it, else where its state is stored. Rejected if neither.
        """
        name, redis, prefix = event.conversation_id, self._redis, self.settings.redis_prefix
        entry = await persist(lambda: self._ledger.find(name), self._address)
        home = None if entry.record is None else entry.record.home
        if home is None:
            home = await persist(lambda: home_of(redis, prefix, EVENTS, name), self._address)
        if home is None:
            detail = f"conversation_id: {shown(name)}: nothing was said in it: check the id"
            raise Rejected("unknown_conversation", detail)
        message = Lead(
            type="lead",
            event_id=ownership_event_id(event.event_id),
            conversation_id=name,
            occurred_at=event.occurred_at,
            action=event.type,
            desk_event_id=event.event_id,
            lead=event.lead,
            reason=event.reason,
            escalation_id=event.escalation_id,
            to_queue=event.to_queue,
            priority=event.priority,
        )
        return signed_record(home.topic, home.partition, name, message, self._secrets)

    def _ownership(self, event: DeskEvent, where: Whereabouts | None) -> Record:
        """Return the event for the log, in the partition where the conversation lives.

        Raise Rejected where it cannot be.
        """
        if where is None:
            detail = f"escalation_id: {shown(event.escalation_id)}: no such escalation"
            raise Rejected("unknown_escalation", detail)
        if where.conversation_id != event.conversation_id:
            detail = f"conversation_id: {shown(event.conversation_id)}: not this escalation's"
            raise Rejected("unknown_escalation", detail)
        message = Ownership(
            type="ownership",
            event_id=ownership_event_id(event.event_id),
            conversation_id=event.conversation_id,
            occurred_at=event.occurred_at,
            action=event.type,
            escalation_id=event.escalation_id,
            desk_event_id=event.event_id,
            epoch=event.epoch,
            queue=event.queue,
            agent_id=event.agent_id,
            agent_name=event.agent_name,
            to_queue=event.to_queue,
            reason=event.reason,
            note=event.note,
            resolution=event.resolution,
            justified=event.justified,
            csat=event.csat,
            ticket_id=event.ticket_id,
            ticket_url=event.ticket_url,
            force=event.force,
            lead=event.lead,
        )
        home, name = where.home, event.conversation_id
        return signed_record(home.topic, home.partition, name, message, self._secrets)


def _raw(record: ConsumerRecord) -> Raw:
    return Raw(record.key, record.value, record.headers, record.timestamp)


def _presence(event: Presence, timestamp_ms: int) -> LastPresence:
    """Return what was said, as old as the older of its own time and its record's.

    A backlog must not look fresh, nor must a report of yesterday that is sent again.
    """
    return LastPresence(
        at_ms=min(to_ms(event.occurred_at), timestamp_ms, now_ms()),
        agents_online=event.agents_online,
        free_slots=event.free_slots,
        agents=frozenset(event.names),
        open_cases=event.open_cases,
    )
