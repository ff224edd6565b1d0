"""Rules that turn signals into decisions: load, check, evaluate, route. Pure."""

from workers.policy.document import Bands, duration_ms
from workers.policy.evaluate import (
    RuleSignal,
    Verdict,
    explain,
    holding,
    near_misses,
    route,
    route_for,
)
from workers.policy.loader import (
    PolicyError,
    doubts,
    load_policy,
    load_policy_json,
    with_words,
)
from workers.policy.model import Policy, PolicyView, Route, Rule
from workers.policy.signals import FOUND_INTENTS, POLICY_EXCEPTION, Signals

__all__ = [
    "FOUND_INTENTS",
    "POLICY_EXCEPTION",
    "Bands",
    "Policy",
    "PolicyError",
    "PolicyView",
    "Route",
    "Rule",
    "RuleSignal",
    "Signals",
    "Verdict",
    "doubts",
    "duration_ms",
    "explain",
    "holding",
    "load_policy",
    "load_policy_json",
    "near_misses",
    "route",
    "route_for",
    "with_words",
]
