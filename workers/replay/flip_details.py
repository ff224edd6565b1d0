"""One changed conversation for the reader of a backtest: its turns, and what a desk gets."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from workers.contracts.codec import decode_message
from workers.contracts.decisions import Decision, Home, Turn
from workers.contracts.events import Ownership, PolicyInForce, Routed
from workers.contracts.handoffs import Packet
from workers.contracts.topics import DECISIONS, Redaction, load_topics
from workers.conversation.fold import Incoming, fold_chunk
from workers.conversation.partition_meta import PartitionMeta, adopt_switches
from workers.handoff.packet import build_packet
from workers.replay.backtest import BacktestPlan, CandidatePolicy, meta_of
from workers.replay.event_sources import collect_from_files, collect_from_topic
from workers.replay.explain_events import ExplainedEvent, explain_events
from workers.replay.first_decisions import KINDS, First, Flip
from workers.settings import load_settings

DETAILED: Final = 400
"""Changed conversations that are read again; the page holds as many of them as fit."""
_TURNS: Final = 40
_AFTER: Final = 2
"""Turns that are shown after the later one of the two decisions."""
_TURN: Final = msgspec.msgpack.Decoder(Turn)


class DetailTurn(msgspec.Struct, frozen=True, kw_only=True):
    """One event, what was seen in it, and what each policy decided at it."""

    at: str
    kind: str
    text: str
    signals: str
    tried: str
    other: str


class FlipDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One changed conversation."""

    flip: Flip
    turns: tuple[DetailTurn, ...]
    left_out: int
    """Turns after those that are shown."""
    packet: Packet | None
    """The packet under the policy that calls for a person, the tried one first."""
    packet_of: str


def details_of(
    plan: BacktestPlan, chosen: Sequence[Flip], advance: Callable[[int], None]
) -> list[FlipDetail]:
    """Read changed conversations again and tell them turn by turn; `advance` is told of each."""
    wanted = {flip.conversation_id for flip in chosen}
    if not wanted:
        return []
    if plan.paths:
        found = collect_from_files([Path(path) for path in plan.paths], wanted, len(plan.homes))
    else:
        settings = load_settings(kafka_bootstrap=plan.kafka)
        ranges = {} if plan.log is None else plan.log.ranges
        found = asyncio.run(collect_from_topic(settings, plan.topic, wanted, ranges))
    rules = {} if plan.topics is None else _redactions(plan.topics)
    details = []
    for flip in chosen:
        advance(1)
        conversation = found.get(flip.conversation_id)
        if conversation is not None:
            details.append(
                _detail(plan, flip, conversation.partition, conversation.incoming, rules)
            )
    return details


def chosen_of(flips: Sequence[Flip]) -> list[Flip]:
    """Return the changed conversations to be told in detail: of each kind in turn, in order."""
    by_kind = [[flip for flip in flips if flip.kind == kind] for kind in KINDS]
    chosen: list[Flip] = []
    for rank in range(max(map(len, by_kind), default=0)):
        for some in by_kind:
            if rank < len(some) and len(chosen) < DETAILED:
                chosen.append(some[rank])
        if len(chosen) >= DETAILED:
            break
    return chosen


def _redactions(topics: str) -> dict[str, Redaction]:
    queues = load_topics(topics, "topics.yaml").queues
    return {name: queue.redaction for name, queue in queues.items()}


def _detail(
    plan: BacktestPlan,
    flip: Flip,
    partition: int,
    incoming: Sequence[Incoming],
    rules: dict[str, Redaction],
) -> FlipDetail:
    tried, other = [
        _explained(plan, candidate, partition, incoming) for candidate in plan.candidates[:2]
    ]
    last = max([first.turn for first in (flip.tried, flip.other) if first is not None], default=0)
    for offer in (flip.tried_offer, flip.other_offer):
        last = max(last, offer.turn if offer is not None else 0)
    turns = _turns(tried, other)
    shown = turns[max(0, last + _AFTER - _TURNS) : last + _AFTER]
    number = 1 if flip.tried is None else 0
    first = flip.other if flip.tried is None else flip.tried
    packet = None
    if first is not None:
        candidate = plan.candidates[number]
        packet = _packet(plan, candidate, partition, incoming, first, rules)
    return FlipDetail(
        flip=flip,
        turns=tuple(shown),
        left_out=len(turns) - len(shown),
        packet=packet,
        packet_of="" if first is None else plan.candidates[number].name,
    )


def _records(
    plan: BacktestPlan, candidate: CandidatePolicy, incoming: Iterable[Incoming]
) -> list[Incoming]:
    """Return the records that a candidate is told of up to its first decision."""
    if candidate.text is None and not plan.foreign:
        return [one for one in incoming if one.event is not None]
    told = [one for one in incoming if one.event is not None]
    return [one for one in told if not isinstance(one.event, Routed | Ownership)]


def _explained(
    plan: BacktestPlan, candidate: CandidatePolicy, partition: int, incoming: Sequence[Incoming]
) -> list[ExplainedEvent]:
    return explain_events(
        _records(plan, candidate, incoming),
        meta_of(plan, candidate, partition),
        Home(topic=plan.topic, partition=partition),
        fixed=candidate.text is not None,
        keeps_time=plan.foreign or candidate.text is not None,
    )


def _turns(tried: Sequence[ExplainedEvent], other: Sequence[ExplainedEvent]) -> list[DetailTurn]:
    decided = {line.event_id: line.decisions for line in other}
    return [
        DetailTurn(
            at=f"{line.at:%H:%M:%S}",
            kind=line.kind,
            text=line.text,
            signals=", ".join(f"{name} {value:g}" for name, value in line.signals.items()),
            tried=_told(line.decisions),
            other=_told(decided.get(line.event_id, ())),
        )
        for line in tried
    ]


def _told(decisions: Iterable[Decision]) -> str:
    told = []
    for one in decisions:
        to = f" → {one.target_queue}" if one.target_queue else ""
        told.append(f"{one.action} by {one.rule or one.reason or 'none'}{to}")
    return "; ".join(told)


def _packet(
    plan: BacktestPlan,
    candidate: CandidatePolicy,
    partition: int,
    incoming: Sequence[Incoming],
    first: First,
    rules: dict[str, Redaction],
) -> Packet | None:
    """Return what a person reads at a first escalation; None where it does not come again."""
    home = Home(topic=plan.topic, partition=partition)
    meta: PartitionMeta = meta_of(plan, candidate, partition)
    keeps_time = plan.foreign or candidate.text is not None
    states: dict[str, bytes | None] = {}
    known: dict[str, set[str]] = {}
    transcript: list[Turn] = []
    for record in _records(plan, candidate, incoming):
        if candidate.text is not None and isinstance(record.event, PolicyInForce):
            meta = adopt_switches(meta, record.event)
            continue
        folded = fold_chunk([record], states, known, meta, home, keeps_time=keeps_time)
        meta = folded.meta
        for id_, change in folded.changes.items():
            if change.fresh:
                transcript.clear()
                known[id_] = set()
            states[id_] = change.blob
            known.setdefault(id_, set()).update(change.ids)
            transcript += [_TURN.decode(turn) for turn in change.turns]
        made = [out for out in folded.outputs if out.topic == DECISIONS]
        for decision in (decode_message(Decision, out.value) for out in made):
            if decision.action == "escalate" and decision.trigger_event_id == first.event_id:
                before = transcript[: decision.facts.entries]
                rule = rules.get(decision.target_queue or "", "standard")
                return build_packet(decision.facts, before, decision, rule)
    return None
