"""Finds in the fold of a log what a report over its conversations counts."""

from typing import BinaryIO, Final

from workers.contracts.codec import encode
from workers.contracts.events import Closed, Event, Message
from workers.conversation.episodes import mood_of
from workers.conversation.state import State
from workers.detection import FRUSTRATION_THRESHOLD
from workers.outcomes import PAUSE_MS, Milestone, MilestoneKind

_SOLVED: Final = 0.5
"""Score from which the customer's own words say that it is solved, or only thank."""


class MilestoneFile:
    """Writes the milestones of one partition's conversations as lines of JSON."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def note(self, event: Event, before: State, after: State) -> None:
        """Take an event that was applied, and the states that it led from and to."""
        afresh = after.started_at != before.started_at
        if type(event) is Message:
            if after.turns == 1 and (afresh or not before.turns):
                self._write("began", event, after, at=after.started_at)
            self._spoken(event, before, after, afresh=afresh)
        elif type(event) is Closed and before.owner == "ai" and not after.escalated:
            waits, mood = before.episode.waiting_since, mood_of(before.episode)
            angry = mood >= FRUSTRATION_THRESHOLD
            self._write("closed", event, after, unanswered=waits is not None, angry=angry)
        if after.escalated and (afresh or not before.escalated):
            # It counts where its conversation does, so that the share is one of conversations.
            self._write("escalated", event, after, at=after.started_at)

    def _spoken(self, event: Message, before: State, after: State, *, afresh: bool) -> None:
        thanks = False
        if event.role == "customer":
            thanks = after.owner == "ai" and after.episode.solved >= _SOLVED
            paused = before.owner == "closed" or after.clock - before.clock >= PAUSE_MS
            if not thanks and (afresh or paused or not before.turns):
                self._write("came", event, after)
        by_ai = event.role == "ai_agent" and event.agent is not None and event.agent.resolved
        alone = after.owner == "ai" and not after.escalated and not after.stale
        if alone and (thanks or by_ai):
            self._write("solved", event, after)

    def _write(
        self,
        kind: MilestoneKind,
        event: Event,
        after: State,
        *,
        at: int | None = None,
        unanswered: bool = False,
        angry: bool = False,
    ) -> None:
        milestone = Milestone(
            at=after.clock if at is None else at,
            conversation_id=event.conversation_id,
            kind=kind,
            customer=after.customer_id or "",
            unanswered=unanswered,
            angry=angry,
        )
        self._file.write(encode(milestone) + b"\n")
