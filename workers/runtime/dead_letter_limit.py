"""The dead-letter limit: a bad deployment must not pour a whole topic into `dead-letters`."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

import msgspec

from workers.contracts.codec import Raw
from workers.contracts.deadletters import Origin
from workers.contracts.rejections import Rejected, RejectionReason, named
from workers.errors import EXIT_DEAD_LETTERS, WorkerStop

RUN: Final = 100
WINDOW: Final = 1000
SHARE: Final = WINDOW // 5
NAMED: Final = 3
"""Keys, queues and tenants that the message names, at most so many of each."""
READ_BYTES: Final = 64 * 1024
"""Larger records are not searched for queue and tenant."""
UNCOUNTED: Final[frozenset[RejectionReason]] = frozenset(
    (
        *("unknown_queue", "unknown_escalation", "unknown_conversation"),
        *("ahead_of_time", "unknown_version"),
    )
)
"""Reasons that a healthy sender may give for ever: it has other files, another clock or release."""


class TooManyDeadLetters(WorkerStop):
    """More events are refused than can be an accident; the message says which, and what to do."""

    exit_code = EXIT_DEAD_LETTERS


class Refusal(NamedTuple):
    """One refused record: where it was and in whose name; the texts may be logged."""

    origin: Origin
    reason: RejectionReason
    key: str
    queue: str | None
    tenant: str | None


class _Refused(msgspec.Struct):
    queue: str | None = None
    tenant: str | None = None


_DECODER: Final = msgspec.json.Decoder(_Refused)


def refusal(origin: Origin, raw: Raw, rejected: Rejected) -> Refusal:
    """Return what the limit remembers of a refused record."""
    said = _Refused()
    if raw.value is not None and len(raw.value) <= READ_BYTES:
        # A refused record need not be JSON.
        with suppress(ValueError, RecursionError):
            said = _DECODER.decode(raw.value)
    key = "none" if raw.key is None else named(raw.key[:READ_BYTES].decode(errors="replace"))
    queue, tenant = (None if text is None else named(text) for text in (said.queue, said.tenant))
    return Refusal(origin, rejected.reason, key, queue, tenant)


class DeadLetterLimit:
    """Counts refusals over everything that one worker reads, in the order in which it reads."""

    def __init__(self, *, enforced: bool = True) -> None:
        self._enforced = enforced
        self._run = 0
        self._last: deque[Refusal | None] = deque(maxlen=WINDOW)
        self._refused = 0

    def add(self, records: Iterable[Refusal | None]) -> None:
        """Count records, None for each that was read; publish their dead letters before.

        Raises TooManyDeadLetters at a run of 100, or 200 of the last thousand. Records refused
        for a reason in UNCOUNTED are not counted.
        """
        if not self._enforced:
            return
        several = [one for one in records if one is None or one.reason not in UNCOUNTED]
        if not self._refused and not any(several):
            # Nearly always so: there is nothing to count, before or after this.
            self._last.extend(several)
            return
        for one in several:
            if len(self._last) == WINDOW:
                self._refused -= self._last[0] is not None
            self._last.append(one)
            self._refused += one is not None
            self._run = 0 if one is None else self._run + 1
            if self._run >= RUN:
                raise TooManyDeadLetters(
                    f"{RUN} events in a row could not be read: {_described([*self._last][-RUN:])}"
                )
            if self._refused >= SHARE:
                raise TooManyDeadLetters(
                    f"{self._refused} of the last {len(self._last)} events could not be read: "
                    f"{_described(self._last)}"
                )


def _described(last: Iterable[Refusal | None]) -> str:
    """Return a text that describes the refused records and says how to go on."""
    refusals = [one for one in last if one is not None]
    reasons = Counter(one.reason for one in refusals)
    parts = [", ".join(f"{count} {reason}" for reason, count in reasons.most_common())]
    names: tuple[tuple[str, Callable[[Refusal], str | None]], ...] = (
        ("key", lambda one: one.key),
        ("queue", lambda one: one.queue),
        ("tenant", lambda one: one.tenant),
    )
    for what, of in names:
        if found := Counter(name for one in refusals if (name := of(one)) is not None):
            parts.append(f"{what} {_most(found)}")
    parts.append(_places(refusals))
    topic = refusals[-1].origin.topic
    return (
        f"{'; '.join(parts)}. `handoff deadletters list --topic {topic} "
        f"--reason {reasons.most_common(1)[0][0]}` names each; mend who sends them, or start "
        "with --no-dead-letter-limit to go on past them"
    )


def _most(found: Counter[str]) -> str:
    named = ", ".join(name for name, _ in found.most_common(NAMED))
    return f"{named} and {len(found) - NAMED} more" if len(found) > NAMED else named


def _places(refusals: Sequence[Refusal]) -> str:
    """Topics, partitions and offsets, from the first to the last of each."""
    offsets: dict[tuple[str, int], list[int]] = {}
    for topic, partition, offset in (one.origin for one in refusals):
        offsets.setdefault((topic, partition), []).append(offset)
    return ", ".join(
        f"{topic}[{partition}] offsets {min(found)} to {max(found)}"
        for (topic, partition), found in offsets.items()
    )
