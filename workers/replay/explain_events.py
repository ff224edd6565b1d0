"""Turn by turn: which signals an event carried, which rules nearly held, what was decided."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from workers.contracts.codec import decode_message
from workers.contracts.decisions import Decision, Home, NearMiss, Owner
from workers.contracts.events import (
    Deadline,
    Event,
    Lead,
    Message,
    Ownership,
    Place,
    PolicyInForce,
    Routed,
    Signal,
)
from workers.contracts.time import Instant, from_ms, to_ms
from workers.contracts.topics import DECISIONS
from workers.conversation.fold import Incoming, fold_chunk
from workers.conversation.partition_meta import PartitionMeta, adopt_switches, policy_in
from workers.conversation.rules import add_agent, signals_of
from workers.conversation.state import State
from workers.detection import Vocabulary, read_agent, read_customer
from workers.policy import Signals, near_misses
from workers.redaction.redact import redact

TEXT_LIMIT: Final = 160
_READ: Final = 8 * 1024
_WEIGHED: Final = (Message, Signal, Deadline)
"""Events at which the rules are asked."""
_SPOKEN: Final = ("requested_human", "frustrated", "refuses", "accepts", "withdraws", "solved")


class ExplainedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a conversation and what it changed."""

    event_id: str
    at: Instant
    kind: str
    """The role of a message, else the type of the event."""
    text: str
    """The words, redacted and cut, or what a desk or the router reported."""
    signals: dict[str, float]
    """The signals after this event, without those that are zero."""
    near_misses: tuple[NearMiss, ...]
    decisions: tuple[Decision, ...]
    owner: Owner
    """The owner of the conversation after it."""
    place: Place | None = None
    """The place of the open escalation after it: a queue, a ticket, or contact details."""
    note: str | None = None
    """A remark on how this line was obtained."""


def explain_events(
    incoming: Iterable[Incoming],
    meta: PartitionMeta,
    home: Home,
    *,
    fixed: bool,
    keeps_time: bool,
) -> list[ExplainedEvent]:
    """Fold one conversation's records and tell what each did; refused ones are left out.

    The policy events of its partition belong among the records; `fixed` takes only their switches.
    """
    lines: list[ExplainedEvent] = []
    blobs: Mapping[str, bytes | None] = {}
    known: set[str] = set()
    for record in incoming:
        event = record.event
        if event is None:
            continue
        if fixed and isinstance(event, PolicyInForce):
            meta = adopt_switches(meta, event)
            continue
        ids = {event.conversation_id: known}
        folded = fold_chunk([record], blobs, ids, meta, home, keeps_time=keeps_time)
        meta = folded.meta
        change = folded.changes.get(event.conversation_id)
        if change is None:
            continue
        blobs = {event.conversation_id: change.blob}
        if change.fresh:
            known.clear()
        known.update(change.ids)
        decisions = tuple(
            decode_message(Decision, output.value)
            for output in folded.outputs
            if output.topic == DECISIONS
        )
        note = "one too many in its minute: counted, not read" if folded.unread else None
        lines.append(line_of(event, change.state, meta, decisions, note))
    return lines


def line_of(
    event: Event,
    state: State,
    meta: PartitionMeta,
    decisions: tuple[Decision, ...],
    note: str | None = None,
) -> ExplainedEvent:
    """Tell one event, after which the conversation is in `state`."""
    policy = policy_in(meta.policy_text)
    signals = _signals(event, state, policy.vocabulary)
    view = policy.view_for(state.tenant, state.tier, state.channel)
    asked = state.owner == "ai" and type(event) in _WEIGHED
    return ExplainedEvent(
        event_id=event.event_id,
        at=from_ms(to_ms(event.occurred_at)),
        kind=event.role if type(event) is Message else event.type,
        text=_text(event),
        signals=_shown(event, signals, policy.vocabulary) if type(event) in _WEIGHED else {},
        near_misses=near_misses(view, signals) if asked else (),
        decisions=decisions,
        owner=state.owner,
        place=None if state.open is None else state.open.place,
        note=note,
    )


def _signals(event: Event, state: State, lists: Vocabulary) -> Signals:
    """Return what stands in the conversation, with what this event says."""
    signals = signals_of(state)
    if type(event) is not Message:
        return signals
    if event.role == "customer":
        found = read_customer(event.content, lists=lists)
        signals.requested_human = found.requested_human.score if found.requested_human else 0.0
        signals.frustrated = found.frustrated.score if found.frustrated else 0.0
        signals.text = event.content
    elif event.role == "ai_agent":
        promised = read_agent(event.content, lists).promises_person
        signals.promised_person = promised.score if promised else 0.0
        add_agent(signals, event.agent)
    return signals


def numbers_of(signals: Signals) -> dict[str, float]:
    """Return the signals that are numbers and not zero, with the last confidence."""
    shown: dict[str, float] = {}
    for name in Signals.__struct_fields__:
        value = getattr(signals, name)
        if isinstance(value, int | float) and not isinstance(value, bool) and value:
            shown[name] = round(value, 3)
    if signals.confidences:
        shown["confidence"] = signals.confidences[-1]
    return shown


def _shown(event: Event, signals: Signals, lists: Vocabulary) -> dict[str, float]:
    shown = numbers_of(signals)
    if type(event) is Message and event.role == "customer":
        found = read_customer(event.content, lists=lists)
        for name in _SPOKEN:
            finding = getattr(found, name)
            if finding is not None:
                shown[name] = round(finding.score, 3)
    return shown


def _text(event: Event) -> str:
    match event:
        case Message():
            text = redact(" ".join(event.content[:_READ].split()), "standard")
            if event.tool is not None:
                text = f"{event.tool.name}: {event.tool.status} {text}"
            elif event.agent is not None and event.agent.tool_calls:
                calls = ", ".join(call.name for call in event.agent.tool_calls)
                text = f"{text} [calls {calls}]"
            return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"
        case Ownership():
            by = f" by {event.agent_id}" if event.agent_id else ""
            return f"{event.action} on {event.queue}{by}"
        case Lead():
            where = f" to {event.to_queue}" if event.to_queue else ""
            return f"{event.action}{where} by lead {event.lead}"
        case Routed():
            skipped = ", ".join(f"{one.queue or one.place} {one.reason}" for one in event.skipped)
            return f"placed {_placed(event)}" + (f" ({skipped})" if skipped else "")
        case _:
            return ""


def _placed(event: Routed) -> str:
    match event.place:
        case "ticket":
            return f"as a ticket for {event.queue}"
        case "contact":
            return f"by contact details of {event.queue}"
        case _:
            return f"on {event.queue}"
