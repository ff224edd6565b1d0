"""The routing agent: carries decisions out at desks, ticket systems and chat systems."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
from aiokafka import ConsumerRecord
from faust.types import TP
from redis.exceptions import RedisError

from workers.agents.routing.chunk_read import needs_transcript, read_for
from workers.agents.routing.desk_producer import Outlet
from workers.agents.routing.message_publisher import Telling
from workers.agents.routing.packet_builder import PacketBuilder
from workers.agents.routing.playbook_source import PlaybookSource
from workers.agents.routing.router import Router, Work
from workers.agents.routing.router_stores import Stores
from workers.agents.shared.dead_letters import refuse
from workers.agents.shared.ledger_topic import LedgerTopic
from workers.agents.shared.poison_isolation import Suspicion, poison
from workers.contracts.codec import decode_message, encode
from workers.contracts.decisions import Decision, Facts
from workers.contracts.events import Customer
from workers.contracts.ids import derive
from workers.contracts.ledger import LedgerRecord
from workers.contracts.rejections import Rejected
from workers.contracts.signing import Secrets
from workers.contracts.tickets import Notification
from workers.contracts.time import from_ms
from workers.contracts.topics import (
    CONTROL,
    DEAD_LETTERS,
    DECISIONS,
    EVENTS,
    LEDGER,
    NOTIFICATIONS,
    TICKETS,
    Topics,
)
from workers.handoff.notice_file import FILE_NAME, NoticeRule, load_notice_rules
from workers.handoff.notices import Notices, languages
from workers.routing.plan import is_placing
from workers.runtime.app import Agent, Options
from workers.runtime.clock import now_ms
from workers.runtime.dead_letter_limit import DeadLetterLimit
from workers.runtime.failstop import fail_stop
from workers.runtime.producer import Record
from workers.runtime.topics_file import read_topics
from workers.settings import Settings, kafka_client_kwargs, redis_address
from workers.stores.connection import connect, wait_for_redis

OWED_S: Final = 5.0
"""Seconds between two tries of messages that a topic has refused."""
AT_ONCE: Final = 256
"""Decisions of one chunk that are carried out at the same time."""
PACKETS_AT_ONCE: Final = 16
"""Decisions among these that may need a transcript, which may be long."""
BARE_DEATHS: Final = 1
"""Processes that may die at a decision alone, before it is handed over with ids and counts only."""
KEY_SHOWN: Final = 256
UNCOVERED: Final = 1_000
"""Records of its own beyond a gap in the ledger's topic that a router keeps before it reads it."""
SETTLE_S: Final = 5.0
"""Seconds after which finished decisions are settled without waiting for the others."""

logger = logging.getLogger(__name__)


def make_agent(settings: Settings, options: Options) -> "RoutingAgent":
    """Return the routing agent; errors of topics.yaml say where."""
    return RoutingAgent(settings, read_topics(options.topics), options)


class RoutingAgent(Agent):
    """Finds each escalation's place and informs all sides, in the order of each conversation."""

    group = "handoff-routing"
    topic = DECISIONS
    publishes = (EVENTS, CONTROL, TICKETS, NOTIFICATIONS, LEDGER, DEAD_LETTERS)

    def __init__(
        self,
        settings: Settings,
        topics: Topics,
        options: Options,
        now_ms: Callable[[], int] = now_ms,
    ) -> None:
        super().__init__(settings)
        self._topics = topics
        self._notices = Notices(_notice_rules(options.policy, topics))
        self._now_ms = now_ms
        self._playbook = PlaybookSource(options.playbook)
        self._limit = DeadLetterLimit(enforced=options.dead_letter_limit)
        self._since_ms = 0
        self._seen: dict[int, int] = {}
        """Per partition of the ledger topic the position that Redis is known to have had."""

    async def start(self) -> None:
        """Connect, restore the ledger that Redis has lost, free places without an owner."""
        kafka, settings = kafka_client_kwargs(self.settings), self.settings
        redis = connect(settings)
        await wait_for_redis(redis, settings)
        address = redis_address(settings.redis_url or "")
        self._stores = Stores(redis, settings.redis_prefix, address, self._topics)
        queues = [queue.topic for queue in self._topics.queues.values()]
        limits = {name: self._topics.topics[name].max_message_bytes for name in (*queues, TICKETS)}
        self._outlet = Outlet(kafka, f"{self.group}-outlet", limits)
        await self._outlet.start()
        topic = LedgerTopic(kafka, self.group, redis, self._stores.ledger, self._stores.load)
        self._ledger_topic = topic
        # Read again from Redis they would not show that it went back in between.
        self._seen = dict((await topic.catch_up()).positions)
        self._since_ms = self._now_ms()
        await topic.reconcile(self._since_ms)
        secrets = Secrets(settings.signing_keys)
        self._packets = PacketBuilder(lambda: self._playbook.current)
        self._router = Router(
            self._topics,
            self._stores,
            topic,
            Telling(self._stores, self._outlet, self.producer.publish, secrets, self._now_ms),
            self._now_ms,
            self._notices,
            self._packets,
        )
        self._suspicion = Suspicion(redis, settings, self.group)
        self._owing = asyncio.create_task(self._keep_telling())

    async def _keep_telling(self) -> None:
        """Try messages again that a topic has refused, in the background."""
        while True:
            await asyncio.sleep(OWED_S)
            self._playbook.poll()
            try:
                if told := await self._router.telling.owed():
                    logger.warning("%d messages that were refused before are delivered", told)
            except RedisError as error:
                logger.warning("undelivered messages cannot be read: %s", type(error).__name__)
            except Exception as error:  # noqa: BLE001 - its absence would go unnoticed
                fail_stop("sending undelivered messages", error)

    async def finish_beside(self) -> None:
        """Leave messages that were refused to the next router."""
        self._owing.cancel()
        await asyncio.wait({self._owing})

    async def stop(self) -> None:
        """Disconnect."""
        await self.finish_beside()
        self._packets.close()
        await self._outlet.stop()
        await self._stores.redis.aclose()

    async def handle(self, tp: TP, records: Sequence[ConsumerRecord]) -> None:
        """Carry out the decisions of a chunk: each conversation's in order, several at a time."""
        async for some, deaths in self._suspicion.portions(tp, records):
            await self._handle(tp, some, deaths)

    async def _handle(self, tp: TP, records: Sequence[ConsumerRecord], deaths: int) -> None:
        """Carry out a portion; `deaths` are those at its only record, when it was alone.

        After one death it is handed over without a word of the conversation, after two it is left
        to people.
        """
        if deaths > BARE_DEATHS:
            await self._give_up(tp, records)
            return
        decisions, refused = _decode(records)
        await refuse("routing", tp, records, refused, self._limit, self.producer)
        if deaths:
            logger.error(
                "%s[%d]@%d: handed over with ids and counts alone, because workers died at it",
                tp.topic,
                tp.partition,
                records[0].offset,
            )
            decisions = [bare(decision) for decision in decisions]
        for some in _at_once(decisions):
            await self._carry_out(some, transcripts=not deaths)

    async def _give_up(self, tp: TP, records: Sequence[ConsumerRecord]) -> None:
        """Dead-letter a decision at which workers die, and notify the customer's team."""
        refused = {record.offset: poison() for record in records}
        told = [_not_handed_over(tp, record, self._now_ms()) for record in records]
        await self.producer.publish(told)
        await refuse("routing", tp, records, refused, self._limit, self.producer)

    async def failing(self, tp: TP, error: Exception) -> None:
        """Take back that the records in hand are suspected, when a server was away."""
        await self._suspicion.failing(tp, error)

    async def revoked(self, tps: Collection[TP]) -> None:
        """Take it back at an orderly end, too."""
        await self._suspicion.released(tps)

    async def _carry_out(self, decisions: Sequence[Decision], *, transcripts: bool = True) -> None:
        """Carry out decisions and settle them soon, so that a restart need not redo them."""
        reading = await self._stores.persist(
            lambda: read_for(
                decisions,
                self._stores,
                self._seen,
                since_ms=self._since_ms,
                now_ms=self._now_ms(),
                transcripts=transcripts,
            )
        )
        works: dict[str, list[Work]] = {}
        for decision in decisions:
            transcript = reading.transcripts.get(decision.decision_id, [])
            others = reading.others.get(decision.decision_id, ())
            work = Work(decision, transcript, others)
            works.setdefault(decision.conversation_id, []).append(work)
        running = {
            asyncio.create_task(self._router.run(all_, reading.entries[name], reading.load))
            for name, all_ in works.items()
        }
        try:
            while running:
                ended, running = await asyncio.wait(running, timeout=SETTLE_S)
                results = [task.result() for task in ended]
                if done := [record for record in results if record is not None]:
                    await self._settle(done)
        finally:
            await _cancel(running)

    async def _settle(self, done: Sequence[LedgerRecord]) -> None:
        """Remember that every effect is published, and how far the ledger topic is in Redis."""
        stores, told = self._stores, self._router.telling.progress
        published = True
        while True:
            told.settle({record.conversation_id for record in done})
            spans, seen = told.spans(), told.records()
            witness, replaced = await stores.persist(
                partial(stores.ledger.settle, done, seen, published=published)
            )
            if not replaced:
                break
            # Another router has published what follows from these, or is about to. While they are
            # told again it may write and tell others, which must then be the last on the topic.
            done, published = replaced, False
            for record in replaced:
                await self._router.telling.ledger(record)
        if not spans:
            return
        # Desks read the topic from the positions on: they must not be raised, for no moment, in a
        # store that has taken the other's place since its records were seen.
        positions = await stores.persist(lambda: stores.ledger.advance(spans, witness))
        told.covered(positions)
        if len(told.records()) > UNCOVERED:
            positions |= await self._close_gaps()
        for partition, end in positions.items():
            self._seen[partition] = max(end, self._seen.get(partition, 0))

    async def _close_gaps(self) -> Mapping[int, int]:
        """Read the ledger's topic over what a router left there that died before it settled.

        The positions stay below such a gap, so that everything behind it would be kept here and
        looked up again at every settle.
        """
        stores = self._stores
        try:
            await self._ledger_topic.catch_up()
        except RedisError as error:
            logger.warning("reading the ledger's topic again later: %s", type(error).__name__)
            return {}
        positions = await stores.persist(stores.ledger.positions)
        self._router.telling.progress.covered(positions)
        return positions


def _notice_rules(policy: Path | None, topics: Topics) -> tuple[NoticeRule, ...]:
    """Return what the notices.yaml beside the policy says; nothing where there is none."""
    if policy is None:
        return ()
    path = (policy if policy.is_dir() else policy.parent) / FILE_NAME
    if not path.is_file():
        return ()
    text = path.read_text(encoding="utf-8")
    return load_notice_rules(text, str(path), languages(), topics.queues)


def _decode(records: Sequence[ConsumerRecord]) -> tuple[list[Decision], dict[int, Rejected]]:
    """Return the decisions of a chunk, and by offset why each other record is none."""
    decisions, refused = [], {}
    for record in records:
        try:
            decision = decode_message(Decision, record.value)
            _require_whole(decision)
            decisions.append(decision)
        except Rejected as rejected:
            refused[record.offset] = rejected
    return decisions, refused


def bare(decision: Decision) -> Decision:
    """Return a decision with ids and counts alone: not a word of the conversation."""
    facts, customer = decision.facts, decision.facts.customer
    return msgspec.structs.replace(
        decision,
        evidence=tuple(msgspec.structs.replace(one, quote=None) for one in decision.evidence),
        facts=Facts(
            turns=facts.turns,
            history=facts.history,
            unread=facts.unread,
            started_at=facts.started_at,
            episode_started_at=facts.episode_started_at,
            customer=None if customer is None else Customer(id=customer.id, tier=customer.tier),
            tenant=facts.tenant,
            customer_turns=facts.customer_turns,
            ai_turns=facts.ai_turns,
        ),
    )


def _not_handed_over(tp: TP, record: ConsumerRecord, now_ms: int) -> Record:
    """Return the notification about a decision that could not be carried out."""
    key = (record.key or b"")[:KEY_SHOWN].decode(errors="replace")
    place = f"{tp.topic}[{tp.partition}]@{record.offset}"
    message = Notification(
        notification_id=derive("not_handed_over", place),
        kind="not_handed_over",
        occurred_at=from_ms(now_ms),
        text=f"{place}: workers died while they handed it over; it is in {DEAD_LETTERS}",
        conversation_id=key or None,
    )
    return Record(NOTIFICATIONS, record.key, encode(message))


def _require_whole(decision: Decision) -> None:
    """Refuse a decision that names no reason for a person who would be asked why."""
    if decision.home.topic != EVENTS:
        raise Rejected("schema", f"home.topic: use {EVENTS}")
    if is_placing(decision) and decision.reason is None:
        raise Rejected("schema", f"reason: missing: {decision.action} requires it")


def _at_once(decisions: Iterable[Decision]) -> Iterator[list[Decision]]:
    """Split decisions, in their order, into what is carried out at the same time."""
    some: list[Decision] = []
    packets = 0
    for decision in decisions:
        packets += needs_transcript(decision)
        if len(some) == AT_ONCE or packets > PACKETS_AT_ONCE:
            yield some
            some, packets = [], int(needs_transcript(decision))
        some.append(decision)
    if some:
        yield some


async def _cancel(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Return when none of these runs any more."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
