"""Carries out one conversation's decisions: place, ledger, packet, withdrawals, log, control.

The order of these steps is the protocol; a step begins when the one before it is durable.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec

from workers.agents.routing.desk_producer import TooLargeError, TopicRefusesError
from workers.agents.routing.message_publisher import Telling
from workers.agents.routing.packet_builder import PacketBuilder
from workers.agents.routing.planner import Planner
from workers.agents.routing.router_stores import Stores
from workers.agents.shared.ledger_topic import LedgerTopic
from workers.contracts.decisions import Decision, OtherEscalation, Turn
from workers.contracts.events import Wait
from workers.contracts.ledger import LedgerRecord, Plan
from workers.contracts.time import to_ms
from workers.contracts.topics import Topics
from workers.handoff.brief import brief
from workers.handoff.contact import ways_to_ask
from workers.handoff.notices import Circumstances, Notices
from workers.routing import envelopes
from workers.routing.availability import Load
from workers.routing.envelopes import Envelope
from workers.routing.ledger_record import (
    is_contact,
    is_passing,
    leaves_record,
    next_record,
    outranks_packet,
    waits_on,
)
from workers.routing.notifications import notification
from workers.routing.opening_hours import opening_after
from workers.routing.plan import amend, is_placing, plan
from workers.routing.wait import past_claim
from workers.stores.ledger_store import LedgerEntry, version_of
from workers.stores.partition_store import read_transcript

logger = logging.getLogger(__name__)


class Work(NamedTuple):
    """One decision, with the transcript when it needs a packet."""

    decision: Decision
    transcript: Sequence[Turn] = ()
    others: tuple[OtherEscalation, ...] = ()
    """The customer's other open escalations, when the recipient should know them."""


class Router:
    """Carries out decisions; `run` is called for several conversations at once."""

    def __init__(
        self,
        topics: Topics,
        stores: Stores,
        ledger_topic: LedgerTopic,
        telling: Telling,
        now_ms: Callable[[], int],
        notices: Notices,
        packets: PacketBuilder,
    ) -> None:
        self._notices = notices
        self._topics = topics
        self._stores = stores
        self._ledger_topic = ledger_topic
        self.telling = telling
        self._planner = Planner(topics, stores, now_ms)
        self._now_ms = now_ms
        self._packets = packets

    async def run(
        self, works: Sequence[Work], entry: LedgerEntry, load: Load
    ) -> LedgerRecord | None:
        """Carry out decisions of one conversation in their order, each once.

        `entry` is what the ledger says of it. Returns the last record whose effects were published
        here, which is not always the ledger's: another router finishes the records it wrote.
        """
        done = None
        for work in works:
            entry, carried_out = await self._carry_out(work, entry, load)
            if carried_out:
                done = entry.record
        return done

    async def _carry_out(
        self, work: Work, entry: LedgerEntry, load: Load
    ) -> tuple[LedgerEntry, bool]:
        """Return what the ledger says now, and whether the effects of that were published here."""
        decision = work.decision
        while True:
            known = entry.record
            if known is not None and decision.seq < known.seq:
                return entry, False
            if known is not None and decision.seq == known.seq:
                if entry.done:
                    return entry, False
                planned = self._recorded(decision, known)
                record = await self._effects(work, planned, known, None, load)
                return LedgerEntry(record, version_of(record), done=True), True
            planned = await self._planner.plan(decision, known, load)
            if work.others:
                planned = msgspec.structs.replace(planned, others=work.others)
            if not leaves_record(decision, known):
                return entry, False
            record = next_record(known, decision, planned)
            if await self._write(record, entry.version):
                record = await self._effects(work, planned, record, known, load)
                return LedgerEntry(record, version_of(record), done=True), True
            # Another router was here: it owned the partition before us, or owns it now.
            entry = await self._again(decision.conversation_id)

    def _recorded(self, decision: Decision, known: LedgerRecord) -> Plan:
        if not is_passing(decision):
            return known.plan
        planned = plan(decision, self._topics, Load(since_ms=0), self._now_ms(), known)
        told = known.told
        if told is not None and told.seq == decision.seq:
            wait = Wait(low_s=told.low_s, high_s=told.high_s)
            planned = msgspec.structs.replace(planned, wait=wait)
        return planned

    async def _again(self, conversation_id: str) -> LedgerEntry:
        entry = await self._stores.persist(lambda: self._stores.ledger.find(conversation_id))
        if entry.record is not None:
            # The place just reserved may not be where the escalation is.
            await self._ledger_topic.align(entry.record)
        return entry

    async def _write(self, record: LedgerRecord, expected: str) -> bool:
        return await self._stores.persist(lambda: self._stores.ledger.write(record, expected))

    # ---- the effects -------------------------------------------------------------------------

    async def _effects(
        self,
        work: Work,
        planned: Plan,
        record: LedgerRecord,
        before: LedgerRecord | None,
        load: Load,
    ) -> LedgerRecord:
        """Publish what follows from a plan that is written; return the record as it is then."""
        decision = work.decision
        if decision.observe:
            return record
        if is_placing(decision):
            planned, record = await self._place(work, planned, record, load)
        elif is_passing(decision):
            # A late decision may be of an escalation that has ended; its successor waits here.
            same = record.escalation_id == decision.escalation_id
            if same and waits_on(record) in planned.withdraw_from:
                await self._stores.release(record, None)
            if decision.action == "update" and planned.wait is not None:
                # The text that was told must outlive Redis, or a repeat would tell something else.
                await self.telling.ledger(record)
            if is_contact(decision) and same and record.place == "ticket":
                await self._update_ticket(work, record)
        else:
            await _together(
                self.telling.ledger(record),
                self._stores.release(record, past_claim(decision, before)),
            )
        await self.telling.desks(envelopes.answers(decision, record, self._topics))
        if outranks_packet(decision, record):
            await self._hand_over_again(decision, record)
        elsewhere = envelopes.withdrawals(decision, planned, self._topics)
        beside = [notification(decision, planned, record, self._topics)]
        if planned.place is not None:
            beside.append(envelopes.routed(decision, planned))
        await _together(self.telling.desks(elsewhere), self.telling.everybody(beside))
        await self.telling.everybody([self._control(work, planned, record)])
        return record

    async def _place(
        self, work: Work, planned: Plan, record: LedgerRecord, load: Load
    ) -> tuple[Plan, LedgerRecord]:
        """Hand the packet over; go on to the next rung when its topic refuses it."""
        decision = work.decision
        while True:
            told = [self.telling.ledger(record)]
            if planned.place != "queue":
                told.append(self._stores.release(record, None))
            await _together(*told)
            try:
                await self._hand_over(work, planned)
            except TopicRefusesError as error:
                logger.error("%s: %s", decision.decision_id, error)
                refused = planned
            else:
                return planned, record
            planned = await self._planner.reserve(
                decision,
                load,
                lambda load, refused=refused: amend(  # type: ignore[misc]
                    refused, decision, self._topics, load, self._now_ms()
                ),
            )
            expected = version_of(record)
            record = next_record(record, decision, planned)
            if not await self._write(record, expected):
                raise RuntimeError(f"{decision.conversation_id}: another router amended its plan")

    async def _hand_over(self, work: Work, planned: Plan, again: Decision | None = None) -> None:
        """Send the packet to the place of the plan; `again` as `envelopes.handoff` takes it."""
        decision = work.decision
        if planned.place == "contact":
            return
        queue = self._topics.queues.get(planned.queue or "")
        if planned.place == "queue" and queue is None:
            raise TopicRefusesError(
                f"{planned.queue}: the plan names this queue, but topics.yaml no longer has it"
            )
        packet = await self._packets.build(decision, work.transcript, planned, queue)
        make = (
            envelopes.ticket
            if planned.place == "ticket"
            else partial(envelopes.handoff, again=again)
        )
        while True:
            try:
                await self.telling.place(make(decision, planned, self._topics, packet))
            except TooLargeError:
                if not packet.transcript:
                    raise
                # The later half is worth more; `handoff transcript` has the rest.
                later = packet.transcript[(len(packet.transcript) + 1) // 2 :]
                packet = msgspec.structs.replace(packet, transcript=later)
            else:
                return

    async def _update_ticket(self, work: Work, record: LedgerRecord) -> None:
        """Ask for the same ticket with what is known now: its id is that of the first request."""
        planned = Plan(
            place="ticket",
            queue=record.queue,
            claim_due_at=record.plan.claim_due_at,
            planned_at=work.decision.decided_at,
        )
        try:
            await self._hand_over(work, planned)
        except TopicRefusesError as error:
            logger.error("%s: %s", work.decision.decision_id, error)

    async def _hand_over_again(self, after: Decision, record: LedgerRecord) -> None:
        """Repeat a packet after a `refused` that would outrank it, or with another priority."""
        decision, redis, prefix = record.decision, self._stores.redis, self._stores.prefix
        if after.escalation_id != record.escalation_id or not is_placing(decision):
            return
        transcript = await self._stores.persist(
            lambda: read_transcript(
                redis, prefix, decision.home, decision.conversation_id, decision.facts.entries
            )
        )
        try:
            await self._hand_over(Work(decision, transcript), record.plan, again=after)
        except TopicRefusesError as error:
            logger.error("%s: %s", decision.decision_id, error)

    def _control(self, work: Work, planned: Plan, record: LedgerRecord) -> Envelope | None:
        decision = work.decision
        topics = self._topics
        queue = topics.queues.get(planned.queue or record.queue or "")
        opens = None
        if queue is not None:
            opens = opening_after(topics.calendar(queue.queue), to_ms(planned.planned_at))
        ask = ways_to_ask(decision, planned, work.transcript)
        about = Circumstances(
            contact=envelopes.contact_of(decision, planned, record, topics),
            team=None if queue is None else queue.team,
            opens=opens,
            asks=bool(ask),
        )
        text = self._notices.notice(decision, planned, about)
        back = brief(decision, work.transcript)
        return envelopes.control(decision, planned, record, topics, text, back, ask)


async def _together(*steps: Coroutine[Any, Any, None]) -> None:
    """Return when all of these are done; when one fails, none runs on."""
    async with asyncio.TaskGroup() as group:
        for step in steps:
            group.create_task(step)
