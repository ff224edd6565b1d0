"""The events for our topics that a vendor's webhook becomes."""

from typing import Any, NamedTuple

from workers.outbound.trees import Data, TreeError, evaluate, fill, holds
from workers.outbound.vendor_file import Inbound, Vendor


class VendorEvent(NamedTuple):
    """One event that a rule makes of a payload; `problem` says why it could not."""

    rule: str
    topic: str
    event: dict[str, Any] | None
    problem: str | None = None


def conversation_of(vendor: Vendor, payload: Any) -> str | None:
    """Return the conversation that a payload is about, by our name; None: none or another kind."""
    inbound = vendor.file.inbound
    if inbound is None:
        return None
    try:
        found = evaluate(inbound.conversation, {**vendor.base, "payload": payload})
    except TreeError:
        return None
    return found if isinstance(found, str) and found else None


def events_of(vendor: Vendor, payload: Any, known: Data) -> list[VendorEvent]:
    """Return the events of the rules that hold, in their order; a payload of no rule has none."""
    inbound = vendor.file.inbound
    if inbound is None:
        return []
    data = {
        **vendor.base,
        "payload": payload,
        "known": known,
        "conversation": conversation_of(vendor, payload),
    }
    return list(filter(None, (_event(inbound, index, data) for index in range(len(inbound.rules)))))


def _event(inbound: Inbound, index: int, data: Data) -> VendorEvent | None:
    rule = inbound.rules[index]
    try:
        if not holds(rule.when, data):
            return None
        return VendorEvent(rule.rule, rule.write, fill(rule.event, data))
    except TreeError as error:
        return VendorEvent(rule.rule, rule.write, None, str(error))


class ConversationNotes(NamedTuple):
    """Notes to keep of a conversation, and the seconds at which they were so, if known."""

    known: dict[str, str]
    at_s: float | None = None


def noted_of(vendor: Vendor, payload: Any) -> ConversationNotes:
    """Return the facts to note about the conversation of a payload."""
    inbound = vendor.file.inbound
    if inbound is None:
        return ConversationNotes({})
    data = {**vendor.base, "payload": payload}
    try:
        noted = fill(inbound.note, data)
        at = None if inbound.note_at is None else evaluate(inbound.note_at, data)
    except TreeError:
        return ConversationNotes({})
    known = {name: str(value) for name, value in noted.items()}
    return ConversationNotes(known, at if isinstance(at, int | float) else None)
