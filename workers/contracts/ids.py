"""Derived ids: the same cause gives the same id, in every run and in every replay."""

from hashlib import sha1
from uuid import UUID

NAMESPACE = UUID("6d9f3b52-8f0e-5c7a-9f4e-2f2b7c1d4a10")
_NAMESPACE = sha1(NAMESPACE.bytes, usedforsecurity=False)
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def derive(kind: str, *parts: str | int) -> str:
    """Return the UUIDv5 of `kind` and `parts`; equal arguments give equal ids, everywhere."""
    # Equal to `uuid.uuid5`, in half its time: several ids are derived for each decision.
    hashed = _NAMESPACE.copy()
    hashed.update("\x1f".join((kind, *map(str, parts))).encode())
    digits = hashed.hexdigest()
    return (
        f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-"
        f"{_VARIANT[digits[16]]}{digits[17:20]}-{digits[20:32]}"
    )


def escalation_id(conversation_id: str, trigger_event_id: str) -> str:
    """Return the one id of the escalation that `trigger_event_id` opened in its conversation."""
    return derive("escalation", conversation_id, trigger_event_id)


def decision_id(subject_id: str, action: str, seq: int) -> str:
    """Return the id of a decision; `subject_id` is its escalation, else its conversation."""
    return derive("decision", subject_id, action, seq)


def deadline_event_id(conversation_id: str, due_at_ms: int) -> str:
    """Return the id of the `deadline` event for what is due in a conversation at `due_at_ms`."""
    return derive("deadline", conversation_id, due_at_ms)


def routed_event_id(decision: str, place: str, queue: str) -> str:
    """Return the id of the `routed` event that says where the decision with this id was placed.

    Another place gives another id, or a second placement would be taken for a repeat of the first.
    """
    return derive("routed", decision, place, queue)


def ownership_event_id(desk_event_id: str) -> str:
    """Return the id of the `ownership` event made from the desk event with this id."""
    return derive("ownership", desk_event_id)


def signal_event_id(request_id: str) -> str:
    """Return the id of the `signal` event that answers the classification request with this id."""
    return derive("signal", request_id)


def person_rung(queue: str, person: str) -> str:
    """Return the rung of a person who is asked first on `queue`, as a decision's `tried` has it."""
    return f"{queue}@{person}"[:128]


def is_person_rung(rung: str) -> bool:
    """Return whether a rung of `tried` is a person's and not a whole queue's."""
    return "@" in rung
