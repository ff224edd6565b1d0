"""The recorded load of a round: what is sent when, and the same for the same seed."""

from dataclasses import dataclass
from random import Random
from typing import Any, Final

from tests.faults.scenarios import conversation, hot_conversation

HOT: Final = 4
HOT_SHARE: Final = 0.08
DUPLICATES: Final = 0.03
LATE: Final = 0.03
MALFORMED: Final = 0.01
_MEAN_TURNS: Final = 8
FOREIGN: Final = "hostile-"
"""With this begin the conversations of hostile customers."""
_DAMAGES: Final = (
    "not_json", "no_id", "no_zone", "ahead", "unknown_type", "foreign_key", "no_key", "too_deep",
    "version", "no_content",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to send: `at_s` after the round's start, an event or a damaged one."""

    at_s: float
    conversation_id: str
    event: dict[str, Any]
    shift_s: float = 0.0
    """Seconds by which its time of occurrence lies in the past."""
    if_allowed: bool = False
    """Only sent while the chat system lets its bot speak."""
    damage: str | None = None
    repeat_after_s: float | None = None
    """The very same bytes once more, so much later."""


def record(seed: int, round_: int, seconds: float, rate: float) -> list[Step]:
    """The steps of one round in their order of time, about `rate` of them a second."""
    random = Random(f"load {seed} {round_}")
    total = int(seconds * rate)
    name = f"{seed}-{round_}"
    steps: list[Step] = []
    hot = int(total * HOT_SHARE / HOT)
    for number in range(HOT):
        turns = hot_conversation(random, hot)
        steps += _timed(random, f"hot-{name}-{number}", turns, 0.0, seconds / max(1, hot))
    number = 0
    while len(steps) < total:
        number += 1
        turns = conversation(random)
        start = random.uniform(0.0, max(1.0, seconds - 4.0))
        steps += _timed(random, f"c-{name}-{number}", turns, start, random.uniform(0.2, 1.2))
    return sorted((s for s in steps if s.at_s < seconds), key=lambda step: step.at_s)


def _timed(
    random: Random, conversation_id: str, turns: list[dict[str, Any]], start: float, gap: float
) -> list[Step]:
    steps = []
    at = start
    for index, turn in enumerate(turns):
        event = dict(turn)
        agent = dict(event.get("agent", {}))
        if_allowed = agent.pop("speaks", None) is not None
        if agent:
            event["agent"] = agent
        event["event_id"] = f"e-{conversation_id}-{index}"
        late = random.random() < LATE
        damaged = random.random() < MALFORMED
        again = random.random() < DUPLICATES
        steps.append(
            Step(
                # Some come before what was said earlier, some tell of long ago.
                at_s=max(0.0, at - (gap * 1.5 if late else 0.0)),
                conversation_id=conversation_id,
                event=event,
                shift_s=random.choice((0.5, 5.0, 120.0)) if late else 0.0,
                if_allowed=if_allowed,
                damage=random.choice(_DAMAGES) if damaged else None,
                repeat_after_s=random.choice((0.0, 0.3, 5.0)) if again else None,
            )
        )
        at += gap * random.uniform(0.5, 1.5)
    return steps
