"""One policy over one partition: folds runs of records and keeps count."""

from collections.abc import Callable, Mapping, Sequence
from typing import BinaryIO, Final, NamedTuple

from workers.contracts.codec import encode
from workers.contracts.decisions import Decision, Home
from workers.contracts.events import (
    Deadline,
    Event,
    Message,
    Ownership,
    PartitionEvent,
    Routed,
)
from workers.contracts.time import to_ms
from workers.conversation.fold import Folding, Incoming, wanted
from workers.conversation.partition_meta import PartitionMeta
from workers.conversation.state import State
from workers.redaction.redact import quote
from workers.replay.conversation_cache import CachedConversation, Memory
from workers.replay.counts import Missed, Tally, is_initiative, is_opening
from workers.replay.first_decisions import FirstDecisions
from workers.replay.labels import Label
from workers.replay.milestones import MilestoneFile
from workers.replay.recorded_run import NOTHING, RecordedChunk, RecordedStep, parts, step_of

_SAID: Final = 600
"""Characters of the customer's last message that are kept to be quoted."""
_OF_ANOTHER_POLICY: Final = (Routed, Ownership)
"""Events of the router and desks: they followed from decisions; another policy's never were."""
_HYPOTHETICAL: Final = b',"hypothetical":true}'

InHours = Callable[[str, int], str | None]
"""Tells the hour on a queue's clock and whether it is in the queue's hours: `09 in`."""


class LaneRole(NamedTuple):
    """The run that a lane is held against."""

    recorded: bool = False
    """It is the log's own run, in which everything happened as recorded."""
    foreign: bool = False
    """The log has no events of ours: a person's first word is its recorded handover."""
    brief: bool = False
    """A conversation is folded up to its first escalation only: for one who counts those."""


class LaneOutputs(NamedTuple):
    """The files that a lane writes beside its counts; None: none."""

    decisions: BinaryIO | None = None
    firsts: FirstDecisions | None = None
    milestones: MilestoneFile | None = None


NO_OUTPUTS: Final = LaneOutputs()


class PolicyReplay:
    """Folds what one policy, or the log's own policies, make of one partition."""

    def __init__(
        self,
        home: Home,
        meta: PartitionMeta,
        memory: Memory,
        role: LaneRole,
        *,
        number: int = 0,
        labels: Mapping[str, Label] | None = None,
        in_hours: InHours | None = None,
        outputs: LaneOutputs = NO_OUTPUTS,
    ) -> None:
        """Start without conversations; `number` is the lane's among those that are compared."""
        self._home = home
        self._meta = meta
        self._hash = meta.policy_hash
        self._memory = memory
        self._role = role
        self._number = number
        self._labels = labels
        self._in_hours = in_hours
        self._outputs = outputs
        self.tally = Tally()
        self.repeated = 0
        """Records that had been applied before."""
        self.late = 0
        """Records that are older than what their conversation had come to."""
        self._called: dict[str, int] = {}
        """Turns at which the recorded run called a person who has not come yet."""
        self._uncalled: dict[tuple[str, int], tuple[int, str]] = {}
        """Turn and words at which a labelled conversation misses a person, by its id and beginning.
        """

    def fold(self, incoming: Sequence[Incoming], recorded: RecordedChunk | None) -> None:
        """Fold a run of records, in the partition's order.

        The lane of the recorded run fills `recorded`, the others are held against it; None where
        the log has no events of ours.
        """
        tracks = {id_: self._memory.get(id_) for id_ in wanted(incoming)}
        folding = Folding(
            {id_: track.state for id_, track in tracks.items()},
            {id_: track.ids for id_, track in tracks.items()},
            self._meta,
            self._home,
            dry=True,
        )
        for index, record in enumerate(incoming):
            event = record.event
            if self._role.recorded and recorded is not None:
                recorded.note(folding.meta.policy_hash)
            if event is None:
                continue
            if isinstance(event, PartitionEvent):
                if self._role.recorded:
                    folding.fold(record)
                else:
                    folding.switch(event)
                continue
            track = tracks[event.conversation_id]
            step = self._one(folding, record, event, track, recorded, index)
            if self._role.recorded and recorded is not None and step is not NOTHING:
                recorded.did(index, step)
        self._keep(folding, tracks)

    def _keep(self, folding: Folding, tracks: Mapping[str, CachedConversation]) -> None:
        folded = folding.folded(-1)
        self._meta = folded.meta
        for id_, change in folded.changes.items():
            self._memory.put(id_, tracks[id_], change)
        self._memory.trim()

    def _one(
        self,
        folding: Folding,
        record: Incoming,
        event: Event,
        track: CachedConversation,
        recorded: RecordedChunk | None,
        index: int,
    ) -> RecordedStep:
        """Fold one record, count what it did and return that, if this is the recorded run."""
        step = NOTHING
        if recorded is not None and not self._role.recorded:
            step = recorded.step_at(index)
            in_force = recorded.hash_at(index) == self._hash
            track.loose = track.loose or track.parted or not in_force
        folding.keeps_time = self._role.foreign or track.loose
        if folding.keeps_time and type(event) in _OF_ANOTHER_POLICY:
            track.parted = track.parted or self._parts((), step)
            self._judge(event, track, step, 0)
            return NOTHING
        if self._role.brief and track.parted:
            if type(event) is Message:
                self._speak(event, track, None)
            # Which turn it is was not counted; it is after the escalation.
            self._judge(event, track, step, track.escalated + 1)
            return NOTHING
        before, former = len(folding.decisions), folding.state_of(event.conversation_id)
        self.late += to_ms(event.occurred_at) < former.clock
        applied = folding.fold(record)
        state = folding.state_of(event.conversation_id)
        if not applied:
            self.repeated += type(event) is not Deadline
        elif self._outputs.milestones is not None:
            self._outputs.milestones.note(event, former, state)
        made = [decision for _, decision in folding.decisions[before:]]
        return self._folded(event, track, state, made, step)

    def _folded(
        self,
        event: Event,
        track: CachedConversation,
        state: State,
        made: list[Decision],
        step: RecordedStep,
    ) -> RecordedStep:
        """Count what a record did that was folded."""
        if type(event) is Message:
            self._speak(event, track, state)
        if made:
            made = self._earlier(made, event, track)
            for decision in made:
                self._decided(decision, track)
        if self._role.recorded:
            step = self._step(event, made) if made else NOTHING
        elif not track.parted and (made or step is not NOTHING):
            track.parted = self._parts(made, step)
        self._judge(event, track, step, state.turns)
        return step

    def _earlier(
        self, made: list[Decision], event: Event, track: CachedConversation
    ) -> list[Decision]:
        """Count what became due before an event, and return what was decided at the event."""
        if self._role.recorded or type(event) is Deadline:
            return made
        due = [one for one in made if one.trigger_event_id != event.event_id]
        for decision in due:
            self._decided(decision, track)
        if due and not track.parted:
            track.parted = self._parts(due, NOTHING)
        return [one for one in made if one.trigger_event_id == event.event_id]

    def _parts(self, made: Sequence[Decision], step: RecordedStep) -> bool:
        if self._role.foreign:
            # Its end is unknown; a person who spoke uncalled is on the log.
            return any(one.action == "escalate" for one in made)
        return parts(step, made)

    def _step(self, event: Event, made: Sequence[Decision]) -> RecordedStep:
        id_ = event.conversation_id
        step = step_of(event, made, self._called.get(id_, 0))
        if step.joins is not None:
            self._called.pop(id_, None)
        elif step.opens:
            self._called[id_] = made[0].facts.turns
        return step

    def _speak(self, event: Message, track: CachedConversation, state: State | None) -> None:
        if state is not None and state.started_at != track.began and state.turns:
            self._begin(event.conversation_id, track, state.started_at)
        if event.role == "customer":
            track.said = event.content[:_SAID]
        self.tally.spoken(event, track.seen, escalated=track.escalated > 0)

    def _begin(self, conversation_id: str, track: CachedConversation, began: int) -> None:
        """Count a conversation that begins, or begins afresh after a long silence."""
        track.began, track.seen = began, set()
        track.escalated, track.offered, track.joined = 0, False, False
        track.loose = track.parted = False
        track.needed = track.awaited = None
        self.tally.begun(began, track.seen)
        agreement = self.tally.agreement
        if self._labels is None:
            agreement.judged += 1
        elif (label := self._labels.get(conversation_id)) is not None:
            agreement.judged += 1
            if label.escalate:
                agreement.needed += 1
                track.needed, track.awaited = 0, label.event_id
                if not self._role.brief:
                    self._uncalled[conversation_id, began] = 0, ""

    def _decided(self, decision: Decision, track: CachedConversation) -> None:
        hypothetical = track.parted
        out = self._outputs.decisions
        if out is not None:
            line = encode(decision)
            out.write((line[:-1] + _HYPOTHETICAL if hypothetical else line) + b"\n")
        if hypothetical:
            self.tally.hypothetical[decision.action] += 1
        else:
            self.tally.decided(decision)
        if is_initiative(decision):
            if not (hypothetical or track.joined or track.escalated):
                self.tally.stepped_in += 1
        elif is_opening(decision):
            self._escalated(decision, track, hypothetical)
        elif decision.action == "offer" and not hypothetical and not track.offered:
            track.offered = True
            self.tally.offered += 1
            if (firsts := self._outputs.firsts) is not None:
                firsts.note_offer(self._number, decision, track)

    def _escalated(self, decision: Decision, track: CachedConversation, hypothetical: bool) -> None:
        turn = max(1, decision.facts.turns)
        if not hypothetical:
            if self._in_hours is not None and decision.target_queue is not None:
                when = self._in_hours(decision.target_queue, to_ms(decision.decided_at))
                if when is not None:
                    self.tally.load[f"{decision.target_queue} {when}"] += 1
            if not track.escalated:
                track.escalated = turn
                self.tally.escalated(track.seen)
                self._agrees(track, decision)
        if (firsts := self._outputs.firsts) is not None:
            firsts.note(self._number, decision, track, hypothetical=hypothetical)

    def _agrees(self, track: CachedConversation, decision: Decision) -> None:
        """Count a first escalation against what is known by now."""
        agreement = self.tally.agreement
        if self._labels is None or decision.conversation_id in self._labels:
            agreement.escalated += 1
            self._uncalled.pop((decision.conversation_id, track.began), None)
        if track.needed is not None:
            agreement.caught += 1
            agreement.late += 0 < track.needed < track.escalated

    def _judge(
        self, event: Event, track: CachedConversation, step: RecordedStep, turns: int
    ) -> None:
        """Count what a record says of who needed a person."""
        joins = self._joins(event, track, step)
        if self._labels is not None:
            self._miss(event, track, turns)
            if track.awaited is not None and track.awaited == event.event_id:
                self._needs(track, turns)
        elif joins is not None and track.needed is None:
            agreement = self.tally.agreement
            agreement.needed += 1
            agreement.caught += track.escalated > 0
            self._needs(track, joins or turns)
        elif step.unjustified and track.needed is not None:
            self._needs_not(track)

    def _miss(self, event: Event, track: CachedConversation, turns: int) -> None:
        """Note at which words a person is missed: where the label says, else at the last ones."""
        key = event.conversation_id, track.began
        if type(event) is not Message or key not in self._uncalled:
            return
        named = track.needed and track.awaited is None
        if track.awaited == event.event_id or (event.role == "customer" and not named):
            self._uncalled[key] = turns, track.said

    def finished(self) -> Tally:
        """Return the counts, once all is folded."""
        self.tally.missed = [
            Missed(conversation_id=name, turn=turn, words=quote(said, 0, len(said)) or None)
            for (name, _), (turn, said) in self._uncalled.items()
        ]
        return self.tally

    def _joins(self, event: Event, track: CachedConversation, step: RecordedStep) -> int | None:
        """Return the turn at which a person was called who came, 0: at this one; else None."""
        if self._role.foreign:
            first = not track.joined and type(event) is Message and event.role == "human_agent"
            track.joined = track.joined or first
            return 0 if first else None
        track.joined = track.joined or step.joins is not None
        return step.joins

    def _needs(self, track: CachedConversation, turn: int) -> None:
        track.needed, track.awaited = max(1, turn), None
        agreement = self.tally.agreement
        agreement.early += 0 < track.escalated < track.needed
        agreement.late += track.escalated > track.needed

    def _needs_not(self, track: CachedConversation) -> None:
        agreement = self.tally.agreement
        needed = track.needed or 0
        agreement.needed -= 1
        agreement.caught -= track.escalated > 0
        agreement.early -= 0 < track.escalated < needed
        agreement.late -= 0 < needed < track.escalated
        track.needed = None

    def close(self) -> None:
        """Close the files; the tally stays."""
        self._memory.close()
