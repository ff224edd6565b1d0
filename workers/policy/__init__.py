"""Rules that turn signals into decisions: load, check, evaluate, route. Pure."""

from workers.policy.document import Bands, duration_ms
from workers.policy.evaluate import Found, Verdict, explain, holding, near_misses, route
from workers.policy.loader import PolicyError, load_policy
from workers.policy.model import Policy, Route, Rule, View
from workers.policy.signals import POLICY_EXCEPTION, Signals

__all__ = [
    "POLICY_EXCEPTION",
    "Bands",
    "Found",
    "Policy",
    "PolicyError",
    "Route",
    "Rule",
    "Signals",
    "Verdict",
    "View",
    "duration_ms",
    "explain",
    "holding",
    "load_policy",
    "near_misses",
    "route",
]
