"""Rules that turn signals into decisions: load, check, evaluate. Pure."""

from workers.policy.model import Policy, PolicyError, load_policy

__all__ = ["Policy", "PolicyError", "load_policy"]
