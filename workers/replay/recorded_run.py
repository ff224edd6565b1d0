"""The recorded course at each record of a log: a candidate's own run is held against it."""

from collections.abc import Iterable
from typing import NamedTuple

from workers.contracts.decisions import Decision
from workers.contracts.events import Event, Ownership, PartitionEvent, PolicyInForce
from workers.detection import DETECTION_VERSION
from workers.replay.counts import is_opening


class RecordedStep(NamedTuple):
    """The acts of the policy in force and of the people at one record."""

    opens: bool = False
    outcome: str | None = None
    joins: int | None = None
    """A person took the conversation: the turn at which that person had been called, or spoke."""
    unjustified: bool = False
    """The person who ended it said that no person was needed."""


NOTHING = RecordedStep()


class RecordedChunk:
    """The recorded run of one chunk of a partition."""

    def __init__(self) -> None:
        self._hashes: list[str] = []
        self._steps: dict[int, RecordedStep] = {}

    def note(self, policy_hash: str) -> None:
        """Note the policy in force at the next record."""
        self._hashes.append(policy_hash)

    def did(self, index: int, step: RecordedStep) -> None:
        """Note what was done at the record with this index."""
        self._steps[index] = step

    def hash_at(self, index: int) -> str:
        """Return the hash of the policy in force at a record."""
        return self._hashes[index]

    def step_at(self, index: int) -> RecordedStep:
        """Return what was done at a record."""
        return self._steps.get(index, NOTHING)


def step_of(event: Event, decisions: Iterable[Decision], called_at: int) -> RecordedStep:
    """Return what decisions of the recorded run say; `called_at` is the turn of the last call."""
    opening, outcome, joins = False, None, None
    for decision in decisions:
        opening = opening or is_opening(decision)
        outcome = decision.outcome or outcome
        if decision.action == "claim":
            joins = decision.facts.turns if is_opening(decision) else called_at
    unjustified = type(event) is Ownership and outcome is not None and event.justified is False
    return RecordedStep(opening, outcome, joins, unjustified)


def parts(step: RecordedStep, decisions: Iterable[Decision]) -> bool:
    """Return whether a run that did this at a record can no longer follow the recorded one.

    That is where only one of the two opens an escalation, or where they end it differently.
    """
    own = list(decisions)
    opening = any(map(is_opening, own))
    outcome = next((one.outcome for one in own if one.outcome is not None), None)
    return opening != step.opens or outcome != step.outcome


def detection_of(event: Event | PartitionEvent | None) -> str | None:
    """Return the version of the detection that a record of the log tells, if it does."""
    return event.detection_version if isinstance(event, PolicyInForce) else None


def other_detection(recorded: Iterable[str]) -> str | None:
    """Return a sentence about versions of the detection that a log tells and this run is not."""
    others = sorted({*recorded} - {DETECTION_VERSION})
    if not others:
        return None
    return (
        f"The log has decisions of another detection ({', '.join(others)}); here the texts are "
        f"read with {DETECTION_VERSION}: scores may differ."
    )
