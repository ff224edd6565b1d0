"""The audit: proves from the topics that nothing was lost, done twice or left open.

Pure: the caller reads the topics in any interleaving (each partition in its order) and hands
over records; memory grows with the conversations in flight, not with the topics.
"""

from collections import Counter
from typing import Final

from workers.audit.audit_report import (
    LISTED,
    Findings,
    Kind,
    OpenEscalation,
    Report,
    place_name,
)
from workers.audit.conversation_track import (
    LASTING,
    NOTHING,
    OPENING,
    At,
    Case,
    Effect,
    Open,
    Track,
    Waiting,
    effects_of,
    place_of,
)
from workers.audit.distinct_count import Distinct
from workers.audit.horizon import Horizon, judge_marks, judge_progress
from workers.audit.promise_checks import judge, listed, overdue
from workers.contracts.control import Control
from workers.contracts.decisions import Decision
from workers.contracts.events import OWN_TYPES, Routed
from workers.contracts.handoffs import Handoff, QueueMessage, Refused, Withdrawn
from workers.contracts.ledger import LedgerRecord
from workers.contracts.tickets import Notification, Ticket
from workers.contracts.time import DAY, MINUTE, to_ms
from workers.routing.ledger_record import is_passing

__all__ = ["COUNTS", "FORGET_MS", "Audit", "Horizon"]

FORGET_MS: Final = 4 * DAY
"""A conversation that is proven is forgotten when nothing was decided in it for so long; longer
than the window from which an empty store is rebuilt, after which nothing is published again."""

COUNTS: Final = (
    "events",
    "messages",
    "duplicates",
    "not_yet_applied",
    "dead_letters",
    "conversations",
    "conversations_escalated",
    "decisions",
    "escalations",
    "open",
    "packets",
    "tickets",
    "control",
    "repeats",
    "floods",
    "flooding",
    "by_lead",
)
"""Counts of a report, in the order in which data flows; `repeats` counts repeated records,
`floods` reports, and `flooding` the conversations that they name."""

_SWEEP_EVERY: Final = 50_000
_BEHIND_MS: Final = 5 * MINUTE
_NOT_BY_BYTES: Final = frozenset({"poison", "unsigned"})
"""Reasons of dead letters that the bytes alone, without the secret, do not explain."""


class Audit:
    """Takes records in, one method per kind of topic; `report` judges at the end."""

    def __init__(self, horizon: Horizon) -> None:
        self._horizon = horizon
        self._tracks: dict[str, Track] = {}
        self._findings = Findings()
        self._counts: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._actions: Counter[str] = Counter()
        self._dead: Counter[str] = Counter()
        self._floods: dict[str, str] = {}
        """Per report of a flood its conversation."""
        self._unreadable: dict[tuple[int, int], str] = {}
        self._letters: dict[tuple[int, int], str] = {}
        self._published_from: dict[int, int] = {}
        self._event_ids = Distinct()
        self._conversations = Distinct()
        self._escalated = Distinct()

    def event(self, at: At, event_id: str, conversation_id: str, kind: str) -> None:
        """Take a readable event of the log."""
        self._counts["events"] += 1
        if kind == "policy":
            # The worker's first act in a partition: before it nothing may have been published.
            self._published_from.setdefault(at.partition, at.offset)
        elif kind not in OWN_TYPES:
            self._event_ids.add(event_id)
        if kind == "message":
            self._counts["messages"] += 1
            self._conversations.add(conversation_id)
        self._behind(at)

    def unreadable(self, at: At, reason: str) -> None:
        """Take a record of the log that is no event: it must be in the dead letters."""
        self._counts["events"] += 1
        self._behind(at)
        self._unreadable[at.partition, at.offset] = reason

    def _behind(self, at: At) -> None:
        if at.offset >= self._horizon.applied.get(at.partition, 0):
            self._counts["not_yet_applied"] += 1
            if at.timestamp_ms < self._horizon.now_ms - _BEHIND_MS:
                self._counts["not_applied_for_5_minutes"] += 1

    def dead_letter(self, reason: str, partition: int, offset: int, *, of_the_log: bool) -> None:
        """Take a dead letter with the place of the bad record, on the log or on another topic."""
        if of_the_log:
            if (partition, offset) in self._letters:
                self._counts["repeats"] += 1
                return
            self._letters[partition, offset] = reason
        self._dead[reason] += 1

    def notification(self, notification: Notification) -> None:
        """Take a notification; only floods are kept, which need a person's attention."""
        if notification.kind == "flooding":
            conversation_id = notification.conversation_id or ""
            self._floods[notification.notification_id] = conversation_id

    def unknown(self, detail: str) -> None:
        """Take a record of one of our own topics that is none of ours."""
        self._findings.add("unknown_record", detail)

    def decision(self, at: At, decision: Decision, fingerprint: int) -> None:
        """Take a decision; `fingerprint` is a hash of its bytes, equal for equal bytes."""
        track = self._track(decision.conversation_id)
        if decision.seq <= track.seq:
            self._repeated(track, decision, fingerprint)
            return
        case = track.case(decision.seq, at.timestamp_ms)
        case.fingerprint, case.action = fingerprint, decision.action
        case.handled, case.timestamp_ms = self._handled(at), at.timestamp_ms
        owed = at.timestamp_ms >= self._horizon.effects_since_ms
        case.expected = effects_of(decision) if owed else NOTHING
        if decision.epoch < track.epoch or decision.epoch > decision.seq:
            self._find("epoch_backwards", f"epoch {decision.epoch} after {track.epoch}", decision)
        track.seq, track.epoch, track.at = decision.seq, decision.epoch, at
        if not is_passing(decision):
            track.recorded = decision.seq
        self._counts["decisions"] += 1
        self._actions[decision.action] += 1
        self._counts["by_lead"] += decision.lead is not None
        if not decision.observe and decision.escalation_id is not None:
            self._follow(track, decision, decision.escalation_id)
        if self._counts["decisions"] % _SWEEP_EVERY == 0:
            self._forget(at.timestamp_ms)

    def _repeated(self, track: Track, decision: Decision, fingerprint: int) -> None:
        case = track.cases.get(decision.seq)
        if case is None and decision.seq > min(track.cases, default=decision.seq):
            self._find("seq_backwards", f"seq {decision.seq} after {track.seq}", decision)
        elif case is not None and case.fingerprint != fingerprint:
            self._find("changed_repeat", f"seq {decision.seq} has two different texts", decision)
        else:
            self._counts["repeats"] += 1

    def _follow(self, track: Track, decision: Decision, escalation: str) -> None:
        """Apply a decision to what is open in its conversation."""
        if decision.action not in OPENING | LASTING:
            return
        current = track.open
        if current is None or current.escalation_id != escalation:
            if not self._may_open(track, decision, escalation):
                what: Kind = "second_outcome" if escalation == track.ended else "not_open"
                self._find(what, f"{decision.action} of an escalation that is not open", decision)
                return
            current = self._opened(track, decision, escalation)
        elif decision.action == "escalate":
            self._find("opened_twice", "escalated while it was open already", decision)
        current.owner, current.level = decision.owner, decision.level
        # A decision of another owner names the person who gave it away.
        owned = decision.owner == "person"
        current.person = (decision.person or current.person) if owned else None
        if decision.outcome is not None:
            self._outcomes[decision.outcome] += 1
            track.open, track.ended = None, escalation

    def _may_open(self, track: Track, decision: Decision, escalation: str) -> bool:
        """Say whether a decision about an escalation that is not open here may stand."""
        if escalation == track.ended:
            return False
        if decision.action in OPENING:
            return True
        # The decision that opened it may lie in the part that was trimmed.
        opened = decision.opened_at
        trimmed = opened is not None and to_ms(opened) < self._horizon.decisions_since_ms
        return track.open is None and trimmed

    def _opened(self, track: Track, decision: Decision, escalation: str) -> Open:
        if track.open is not None:
            detail = f"{track.open.escalation_id} was open"
            if track.open.partition != decision.home.partition:
                detail += (
                    f" in partition {track.open.partition} of {decision.home.topic}, this one is "
                    f"in {decision.home.partition}: all producers must use the same partitioner"
                )
            self._find("two_open", detail, decision)
        opened = Open(
            escalation_id=escalation,
            reason=decision.reason,
            level=decision.level,
            opened_ms=to_ms(decision.opened_at or decision.decided_at),
            owner=decision.owner,
            partition=decision.home.partition,
        )
        track.open = opened
        self._counts["escalations"] += 1
        self._reasons[decision.reason or "unknown"] += 1
        if track.at.timestamp_ms >= self._horizon.log_since_ms:
            self._escalated.add(decision.conversation_id)
        return opened

    def routed(self, at: At, event: Routed) -> None:
        """Take a `routed` event, which answers a placing decision; also hand it to `event`."""
        effect = Effect.ROUTED | (Effect.PLACED if event.place == "contact" else NOTHING)
        self._effect(event.conversation_id, event.seq, at, effect)

    def control(self, at: At, control: Control) -> None:
        """Take a message to the chat system; there is one per change."""
        self._counts["control"] += 1
        case = self._effect(control.conversation_id, control.seq, at, Effect.CONTROL)
        told = hash((control.owner, control.ai_may_reply, control.kind, control.text))
        if case.told is not None and case.told != told:
            detail = f"the chat system was told two things for seq {control.seq}"
            id_ = control.conversation_id
            self._findings.add("told_differently", detail, id_, control.escalation_id)
        case.told = told

    def queue_message(self, at: At, message: QueueMessage) -> None:
        """Take a message to a desk."""
        waits = isinstance(message, Handoff)
        if waits:
            self._counts["packets"] += message.revision == 0
        if message.revision == 0 and not isinstance(message, Withdrawn):
            effect = Effect.PLACED if waits else Effect.ANSWER
            self._effect(message.conversation_id, message.seq, at, effect)
        # A refusal answers one person; the escalation itself stays where it is.
        if not isinstance(message, Refused):
            rank = (message.epoch, message.seq, message.revision)
            waiting = Waiting(rank, message.escalation_id, waits)
            self._wait(message.conversation_id, message.queue, waiting)

    def ticket(self, at: At, ticket: Ticket) -> None:
        """Take a message to the ticket system."""
        waits = ticket.type == "ticket"
        if waits:
            self._counts["tickets"] += 1
            self._effect(ticket.conversation_id, ticket.seq, at, Effect.PLACED)
        rank = (ticket.epoch, ticket.seq, 0)
        self._wait(ticket.conversation_id, "ticket", Waiting(rank, ticket.escalation_id, waits))

    def ledger(self, record: LedgerRecord) -> None:
        """Take a record of the ledger; the one with the greatest `seq` stands."""
        track = self._track(record.conversation_id)
        if track.place is None or record.seq >= track.place.seq:
            track.place = place_of(record)

    def _effect(self, conversation_id: str, seq: int, at: At, effect: Effect) -> Case:
        track = self._track(conversation_id)
        if seq <= track.seq and seq < min(track.cases, default=seq):
            # The decision was read, proven and forgotten.
            self._counts["repeats"] += 1
            return Case()
        case = track.case(seq, at.timestamp_ms)
        if effect in case.seen:
            self._counts["repeats"] += 1
        case.seen |= effect
        return case

    def _wait(self, conversation_id: str, queue: str, waiting: Waiting) -> None:
        queues = self._track(conversation_id).queues
        last = queues.get(queue)
        if last is None or waiting.rank > last.rank:
            queues[queue] = waiting

    def _track(self, conversation_id: str) -> Track:
        track = self._tracks.get(conversation_id)
        if track is None:
            track = self._tracks[conversation_id] = Track()
        return track

    def _handled(self, at: At) -> bool:
        return at.offset < self._horizon.handled.get(at.partition, 0)

    def _find(self, kind: Kind, detail: str, decision: Decision) -> None:
        self._findings.add(kind, detail, decision.conversation_id, decision.escalation_id)

    def _forget(self, now_ms: int) -> None:
        old = now_ms - FORGET_MS
        for id_, track in list(self._tracks.items()):
            if track.at.timestamp_ms < old and track.proven:
                del self._tracks[id_]

    def report(self) -> Report:
        """Judge the conversations that are left; call it once, after the last record."""
        open_: list[OpenEscalation] = []
        by_queue: Counter[str] = Counter()
        now, since = self._horizon.now_ms, self._horizon.decisions_since_ms
        placed_by = now - round(1000 * self._horizon.placed_within_s)
        for id_, track in self._tracks.items():
            handled = self._handled(track.at)
            judge(
                id_, track, handled=handled, since_ms=since, placed_by_ms=placed_by,
                findings=self._findings,
            )  # fmt: skip
            if track.open is not None:
                if handled:
                    overdue(id_, track, now, self._findings)
                open_.append(listed(id_, track, track.open, now))
                by_queue[place_name(open_[-1])] += 1
        self._judge_letters()
        judge_marks(self._horizon, self._findings)
        judge_progress(self._horizon, self._findings)
        if late := self._counts["not_applied_for_5_minutes"]:
            self._findings.add("behind", f"{late:,} events wait to be applied since 5 minutes")
        open_.sort(key=lambda one: -one.age_s)
        return self._report(open_, by_queue)

    def _judge_letters(self) -> None:
        horizon = self._horizon
        for (partition, offset), reason in self._unreadable.items():
            applied = offset < horizon.applied.get(partition, 0)
            published = offset >= self._published_from.get(partition, 0)
            if applied and published and (partition, offset) not in self._letters:
                detail = f"partition {partition} offset {offset}: {reason}, not in the dead letters"
                self._findings.add("lost", detail)
        for (partition, offset), reason in self._letters.items():
            if (partition, offset) in self._unreadable or reason in _NOT_BY_BYTES:
                continue
            self._findings.add("refused_though_readable", f"{partition}/{offset}: {reason}")

    def _report(self, open_: list[OpenEscalation], by_queue: Counter[str]) -> Report:
        conversations = self._conversations.count
        # Decisions are kept for longer than the log: of what it no longer tells there is no share.
        escalated = self._conversations.common(self._escalated)
        flooding = [*dict.fromkeys(self._floods.values())]
        counts = dict.fromkeys(COUNTS, 0) | self._counts
        counts |= {
            "conversations": conversations,
            "conversations_escalated": escalated,
            "duplicates": self._event_ids.repeats,
            "dead_letters": self._dead.total(),
            "floods": len(self._floods),
            "flooding": len(flooding),
            "open": len(open_),
        }
        return Report(
            clean=not self._findings.kinds,
            counts=counts,
            findings_by_kind=dict(self._findings.kinds.most_common()),
            findings=self._findings.listed,
            open=open_[:LISTED],
            open_by_queue=dict(by_queue.most_common()),
            outcomes=dict(self._outcomes.most_common()),
            reasons=dict(self._reasons.most_common()),
            actions=dict(self._actions.most_common()),
            dead_letters=dict(self._dead.most_common()),
            flooding=flooding[:LISTED],
            escalation_rate=escalated / conversations if conversations else None,
            rates=list(self._horizon.rates),
            exact=all(ids.exact for ids in (self._event_ids, self._conversations, self._escalated)),
        )
