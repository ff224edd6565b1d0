"""Checks of one conversation after every topic was read."""

from typing import Final

from workers.audit.audit_report import Findings, OpenEscalation
from workers.audit.conversation_track import Effect, Open, Track
from workers.contracts.time import MINUTE

GRACE_MS: Final = MINUTE
"""Lateness up to which a missed deadline does not count as overdue."""

_NAMES: Final = {
    Effect.CONTROL: "a message to the chat system",
    Effect.ROUTED: "a `routed` event",
    Effect.PLACED: "a packet or a ticket",
    Effect.ANSWER: "an answer to the desk",
}


def judge(
    conversation_id: str,
    track: Track,
    *,
    handled: bool,
    since_ms: int,
    placed_by_ms: int,
    findings: Findings,
) -> None:
    """Check what should be there and is not.

    `handled`: the routing agent is past the last decision; `since_ms`: decisions before this
    Kafka timestamp have been trimmed; `placed_by_ms`: those before this one must have been placed.
    """
    _effects(conversation_id, track, since_ms, findings)
    _unplaced(conversation_id, track, placed_by_ms, findings)
    if track.recorded < 0 or not handled:
        return
    if not track.is_recorded:
        known = "has nothing" if track.place is None else f"is at seq {track.place.seq}"
        detail = f"the ledger {known}, seq {track.recorded} was decided and handled"
        findings.add("not_in_ledger", detail, conversation_id)
        return
    _waiting(conversation_id, track, findings)


def _effects(conversation_id: str, track: Track, since_ms: int, findings: Findings) -> None:
    oldest = min(track.cases, default=0)
    for seq, case in track.cases.items():
        trimmed = case.timestamp_ms < since_ms
        if case.expected is None and (seq > oldest or track.seq < 0) and not trimmed:
            detail = f"published for seq {seq}, which was never decided"
            findings.add("undecided", detail, conversation_id)
        for effect in case.missing if case.handled else ():
            detail = f"{case.action} with seq {seq} was handled without {_NAMES[effect]}"
            findings.add("missing_effect", detail, conversation_id)


def _unplaced(conversation_id: str, track: Track, placed_by_ms: int, findings: Findings) -> None:
    for seq, case in track.cases.items():
        late = placed_by_ms - case.timestamp_ms
        if case.missing and not case.handled and late > 0:
            detail = (
                f"{case.action} with seq {seq} should have been carried out {late // 1000} s ago: "
                "the routing worker has not come to it"
            )
            findings.add("not_placed", detail, conversation_id)


def _waiting(conversation_id: str, track: Track, findings: Findings) -> None:
    """Compare the queues on which the conversation waits with the one place it should wait on."""
    waits = {name for name, queue in track.queues.items() if queue.waits}
    due = _expected_place(track)
    for queue in sorted(waits - {due, _worked_on(track)}):
        escalation = track.queues[queue].escalation_id
        detail = f"still waits on {queue} but belongs {f'on {due}' if due else 'on no queue'}"
        findings.add("left_waiting", detail, conversation_id, escalation)
    if due is not None and due not in waits and track.open is not None:
        detail = f"should wait on {due}, where it is not"
        findings.add("not_waiting", detail, conversation_id, track.open.escalation_id)


def _worked_on(track: Track) -> str | None:
    """Return `ticket` when a person has claimed a ticket, which then stays until the end."""
    place = track.place_now
    return "ticket" if place is not None and place.claimed and place.place == "ticket" else None


def _expected_place(track: Track) -> str | None:
    place = track.place_now
    if track.open is None or track.open.owner != "pending" or place is None or place.claimed:
        return None
    if place.place == "ticket":
        return "ticket"
    return place.queue if place.place == "queue" else None


def overdue(conversation_id: str, track: Track, now_ms: int, findings: Findings) -> None:
    """Report deadlines that have passed without anything having followed."""
    place, current = track.place_now, track.open
    if place is None or current is None or current.owner != "pending":
        return
    for name, due in (("claim", place.claim_due_ms), ("last", place.expires_ms)):
        if due is None or (name == "claim" and place.ticketed):
            continue
        # Of a conversation from long ago everything is due as soon as it is decided.
        late = now_ms - max(due, track.at.timestamp_ms)
        if late > GRACE_MS:
            detail = f"the {name} deadline passed {late // 1000} s ago and nothing followed"
            findings.add("overdue", detail, conversation_id, current.escalation_id)


def listed(conversation_id: str, track: Track, current: Open, now_ms: int) -> OpenEscalation:
    """Describe what is open in a conversation for the report."""
    place = track.place_now
    due = None
    if place is not None and current.owner == "pending" and place.claim_due_ms is not None:
        due = (place.claim_due_ms - now_ms) // 1000
    return OpenEscalation(
        escalation_id=current.escalation_id,
        conversation_id=conversation_id,
        reason=current.reason,
        level=current.level,
        age_s=max(0, (now_ms - current.opened_ms) // 1000),
        owner=current.owner,
        place=place.place if place else None,
        # The ledger names with a ticket the queue whose team owns it: nothing waits there.
        queue=place.queue if place and place.place == "queue" else None,
        rung=place.rung if place else None,
        person=current.person,
        due_in_s=due,
    )
