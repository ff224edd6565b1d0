"""The conditions of rules and routes, compiled: each says whether it holds, and how nearly."""

from collections.abc import Callable, Collection, Mapping
from operator import attrgetter
from typing import Final, NamedTuple

from workers.policy.document import Repetition, RouteWhen, Scope, When
from workers.policy.signals import FOUND_INTENTS, POLICY_EXCEPTION, Signals, slope

Test = Callable[[Signals], bool]
Measure = Callable[[Signals], float]


class Condition(NamedTuple):
    """One condition of one rule."""

    name: str
    holds: Test
    value: Measure | None = None
    """The value to compare with `needed`; None if the condition cannot nearly hold."""
    needed: float = 1.0
    score: Measure | None = None
    """Strength of the evidence for the rule, 0 to 1; None: it is a plain fact."""
    fresh: bool = False
    """It holds by what this event says, not by what has gathered before."""


def conditions_of(when: When, threshold: float | None) -> tuple[Condition, ...]:
    """Return the conditions of a rule, those that are dear to try last; there may be none."""
    found = [
        *[_measured(name, getattr(when, name)) for name in _MEASURED],
        _substrings(when),
        _requested_escalation(when),
        _policy_exception(when),
        _tool_calls(when),
        _turns(when),
        _intents(when),
        _found_intents(when),
        _low_confidence(when, threshold),
        _repetition(when),
        *_scope(when),
        _solved_below(when),
        _trend(when),
        _weighted(when),
    ]
    return tuple([condition for condition in found if condition is not None])


def route_conditions(when: RouteWhen) -> tuple[Condition, ...]:
    """Return the conditions of a route that look at signals; the route itself checks the others."""
    found = [_intents(when), _found_intents(when), _policy_exception(when), *_scope(when)]
    return tuple([condition for condition in found if condition is not None])


_MEASURED: Final = (
    "requested_human",
    "frustrated",
    "promised_person",
    "stalled_minutes",
    "tool_failures",
    "context_used",
)
"""Conditions that a signal of the same name reaches a least value."""
_FRESH: Final = frozenset({"requested_human", "frustrated", "promised_person"})
_SCORED: Final = _FRESH | {"context_used"}


def _measured(name: str, least: float | None) -> Condition | None:
    if least is None:
        return None
    measure: Measure = attrgetter(name)
    score = measure if name in _SCORED else None
    return Condition(name, lambda s: measure(s) >= least, measure, least, score, name in _FRESH)


def _substrings(when: When) -> Condition | None:
    if when.substrings is None:
        return None
    words = tuple([word.lower() for word in when.substrings])

    def holds(signals: Signals) -> bool:
        if not signals.text:
            return False
        text = signals.text.lower()
        return any(word in text for word in words)

    return Condition("substrings", holds, fresh=True)


def _requested_escalation(when: When) -> Condition | None:
    wanted = when.requested_escalation
    if wanted is None:
        return None
    if isinstance(wanted, bool):
        holds: Test = lambda s: s.requested_escalation is not None  # noqa: E731
    else:
        reasons = frozenset(wanted)
        holds = lambda s: s.requested_escalation in reasons  # noqa: E731
    return Condition("requested_escalation", holds, fresh=True)


def _policy_exception(when: When | RouteWhen) -> Condition | None:
    if when.policy_exception is None:
        return None
    return Condition(
        POLICY_EXCEPTION, lambda s: s.requested_escalation == POLICY_EXCEPTION, fresh=True
    )


def _tool_calls(when: When) -> Condition | None:
    if when.tool_calls is None:
        return None
    wanted = frozenset(when.tool_calls)
    return Condition("tool_calls", lambda s: not wanted.isdisjoint(s.tool_calls), fresh=True)


def _intents(when: When | RouteWhen) -> Condition | None:
    if when.intents is None:
        return None
    wanted = frozenset(when.intents)
    return Condition("intents", lambda s: not wanted.isdisjoint(s.intents))


def _found_intents(when: When | RouteWhen) -> Condition | None:
    if when.found_intents is None:
        return None
    wanted = frozenset(when.found_intents)
    if isinstance(when, RouteWhen):
        return Condition(FOUND_INTENTS, lambda s: not wanted.isdisjoint(s.found_intents))
    # The AI agent may name an intent itself, with its answer: that would win.
    return Condition(
        FOUND_INTENTS, lambda s: s.ai_answered and not wanted.isdisjoint(s.found_intents)
    )


def _turns(when: When) -> Condition | None:
    if (most := when.turns) is None:
        return None
    return Condition("turns", lambda s: s.turns > most, lambda s: s.turns, most + 1)


def _repetition(when: When) -> Condition | None:
    if when.repetition is None:
        return None
    never = 1 << 30
    limits: Repetition = when.repetition
    ai, customer, tool = limits.ai or never, limits.customer or never, limits.tool or never

    def nearest(s: Signals) -> float:
        return max(
            s.repeated_by_ai / ai, s.repeated_by_customer / customer, s.repeated_by_tool / tool
        )

    def holds(s: Signals) -> bool:
        return (
            s.repeated_by_ai >= ai
            or s.repeated_by_customer >= customer
            or s.repeated_by_tool >= tool
        )

    return Condition("repetition", holds, nearest)


def _solved_below(when: When) -> Condition | None:
    if (most := when.solved_below) is None:
        return None
    return Condition("solved_below", lambda s: s.solved < most)


def _scope(scope: Scope) -> list[Condition]:
    conditions = []
    for name in ("tier", "channel", "tenant", "locale"):
        wanted = getattr(scope, name)
        if wanted is not None:
            words = frozenset([wanted] if isinstance(wanted, str) else wanted)
            conditions.append(Condition(name, _one_of(name, words)))
    return conditions


def _one_of(name: str, words: Collection[str | None]) -> Test:
    if name != "locale":
        value = attrgetter(name)
        return lambda s: value(s) in words
    # A language stands for all of its regions.
    return lambda s: s.locale in words or (s.locale or "").partition("-")[0] in words


def _low_confidence(when: When, threshold: float | None) -> Condition | None:
    turns = when.low_confidence_turns
    if turns is None or threshold is None:
        return None

    def holds(s: Signals) -> bool:
        last = s.confidences[-turns:]
        # Most turns are sure enough, which the last one tells by itself.
        return len(last) == turns and last[-1] < threshold and max(last) < threshold

    def low_turns(s: Signals) -> float:
        count = 0
        for confidence in reversed(s.confidences):
            if confidence >= threshold:
                break
            count += 1
        return count

    return Condition("low_confidence_turns", holds, low_turns, turns, _doubt)


def _doubt(s: Signals) -> float:
    return 1.0 - s.confidences[-1] if s.confidences else 0.0


TREND_TURNS: Final = 4
"""Confidences that a trend needs."""


def _trend(when: When) -> Condition | None:
    if when.confidence_trend is None:
        return None
    needed = -when.confidence_trend

    def drop(s: Signals) -> float:
        return -slope(s.confidences) if len(s.confidences) >= TREND_TURNS else 0.0

    return Condition("confidence_trend", lambda s: drop(s) >= needed, drop, needed)


def _repeated(s: Signals) -> float:
    if not (s.repeated_by_ai or s.repeated_by_customer or s.repeated_by_tool):
        return 0.0
    return min(1.0, max(s.repeated_by_ai, s.repeated_by_customer, s.repeated_by_tool) / 3)


_WEIGHTED: Final[dict[str, Measure]] = {
    "requested_human": attrgetter("requested_human"),
    "frustrated": attrgetter("mood"),
    "low_confidence": _doubt,
    "repetition": _repeated,
    "tool_failures": lambda s: s.tool_failures / 3 if s.tool_failures < 3 else 1.0,
    "context_used": attrgetter("context_used"),
    "turns": lambda s: s.turns / 20 if s.turns < 20 else 1.0,
    "stalled": lambda s: min(1.0, s.stalled_minutes / 10),
    "solved": attrgetter("solved"),
}
"""Signals that weights apply to, each from 0 to 1."""


def _weighted(when: When) -> Condition | None:
    weights, least = when.weights, when.at_least
    if weights is None or least is None:
        return None
    terms = tuple([(_WEIGHTED[name], weight) for name, weight in weights.items()])

    def total(s: Signals) -> float:
        value = 0.0
        for measure, weight in terms:
            value += weight * measure(s)
        return value

    return Condition(
        "weights", lambda s: total(s) >= least, total, least, lambda s: min(1.0, total(s))
    )


def weight_terms(weights: Mapping[str, float], s: Signals) -> dict[str, float]:
    """Return what each weighted signal adds, for the explanation of a decision."""
    return {name: weight * _WEIGHTED[name](s) for name, weight in weights.items()}
