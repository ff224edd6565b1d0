"""Evaluation of a policy: the rules that hold for a set of signals, and where they lead."""

from typing import Final, NamedTuple

from workers.contracts.decisions import NearMiss, Reason
from workers.policy.conditions import Condition, weight_terms
from workers.policy.model import PolicyView, Route, Rule
from workers.policy.signals import Signals

NEARLY: Final = 0.7
"""Share of the needed value from which on a rule that did not hold is reported as a near miss."""
NEAR_MISSES: Final = 5


class RuleSignal(NamedTuple):
    """A signal that made a rule hold, and how strongly, 0 to 1."""

    signal: str
    score: float


class Verdict(NamedTuple):
    """The grounds of a rule's decision: conditions that held, their strength, and near misses."""

    score: float
    found: tuple[RuleSignal, ...]
    near_misses: tuple[NearMiss, ...]


def holding(view: PolicyView, signals: Signals) -> list[Rule]:
    """Every rule that holds, in the policy's order; called at every message."""
    rules = []
    for rule in view.rules:
        for test in rule.tests:
            if not test(signals):
                break
        else:
            rules.append(rule)
    return rules


def explain(view: PolicyView, rule: Rule, signals: Signals) -> Verdict:
    """Return the verdict on a rule that holds; called only when a decision is made."""
    found = [_found(condition, signals) for condition in rule.conditions]
    score = min([one.score for one in found])
    for name, share in weight_terms(rule.weights, signals).items():
        if share > 0:
            found.append(RuleSignal(name, _unit(share)))
    return Verdict(score, tuple(found), near_misses(view, signals))


def _found(condition: Condition, signals: Signals) -> RuleSignal:
    score = 1.0 if condition.score is None else condition.score(signals)
    return RuleSignal(condition.name, _unit(score))


def _unit(score: float) -> float:
    return round(min(1.0, max(0.0, score)), 3)


def near_misses(view: PolicyView, signals: Signals) -> tuple[NearMiss, ...]:
    """Rules of which one condition alone failed, and that only nearly; at most five."""
    misses = []
    for rule in view.rules:
        failed = [condition for condition in rule.conditions if not condition.holds(signals)]
        if len(failed) != 1 or (measure := failed[0].value) is None:
            continue
        value, needed = measure(signals), failed[0].needed
        if value >= NEARLY * needed:
            misses.append(
                NearMiss(
                    rule=rule.name,
                    condition=failed[0].name,
                    value=round(value, 3),
                    needed=round(needed, 3),
                )
            )
    return tuple(misses[:NEAR_MISSES])


def route(view: PolicyView, rule: Rule, signals: Signals) -> Route:
    """Return the route of an escalation by `rule`: the first that holds, or the rule's target."""
    return route_for(view, rule.reason, rule.name, rule.target, signals)


def route_for(
    view: PolicyView, reason: Reason, rule: str | None, target: str, signals: Signals
) -> Route:
    """Return the place for this reason, which no rule may have decided; else `target`."""
    for candidate in view.routes:
        if candidate.reasons is not None and reason not in candidate.reasons:
            continue
        if candidate.rules is not None and rule not in candidate.rules:
            continue
        if all(condition.holds(signals) for condition in candidate.conditions):
            return candidate.route
    return Route(target)
