"""The compiled policy, which the fold asks at every message."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from workers.contracts.decisions import Reason
from workers.contracts.events import OnIdle
from workers.detection import Vocabulary
from workers.policy.conditions import Condition, Test
from workers.policy.document import Bands

Mode = Literal["escalate", "offer", "recommend"]


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One rule as it stands for some customer."""

    name: str
    key: int
    """A number for the name, by which a conversation remembers the rule."""
    reason: Reason
    mandatory: bool
    mode: Mode
    cooldown_ms: int
    target: str
    conditions: tuple[Condition, ...]
    weights: Mapping[str, float]
    tests: tuple[Test, ...]
    fresh: bool
    """One of its conditions is about this event alone."""


class Route(NamedTuple):
    """The destination of an escalation and its time limits; None: the queue's own limit."""

    queue: str
    claim_minutes: float | None = None
    reply_minutes: float | None = None
    by_found_intent: bool = False
    """An intent that detection found led here."""


@dataclass(frozen=True, slots=True, eq=False)
class RouteRule:
    """One route; None for `reasons` or `rules` means any."""

    reasons: frozenset[str] | None
    rules: frozenset[str] | None
    conditions: tuple[Condition, ...]
    route: Route


@dataclass(frozen=True, slots=True, eq=False)
class PolicyView:
    """The policy as it stands for one tenant, tier and channel."""

    rules: tuple[Rule, ...]
    routes: tuple[RouteRule, ...]
    stalled_ms: tuple[int, ...]
    """Ages of an unanswered message at which rules want to be asked, ascending."""
    compares: bool
    """True if a rule looks at repetition, so that turns need comparing."""
    feels: bool
    """True if a rule looks at frustration, so that measuring it can change something."""


Matches = Callable[[str | None, str | None, str | None], bool]
"""Test of an override against a tenant, a tier and a channel."""

_VIEWS_KEPT: Final = 4096


@dataclass(slots=True, eq=False)
class Policy:
    """A checked policy; `hash` is 12 hexadecimal digits of its content."""

    version: str
    hash: str
    default_queue: str
    levels: tuple[str, ...]
    max_hops: int
    offer_ms: int
    messages_per_minute: int
    """Messages of one conversation that are read in a minute: so many of the customer, and as many
    of all machines together."""
    idle_minutes: float
    """Minutes for which a person may be silent on a queue that sets no limit of its own."""
    on_idle: OnIdle
    bands: Bands
    vocabulary: Vocabulary
    """Meanings of words: the shipped lists, after those that the policy brings."""
    silenced: frozenset[str]
    """Versions of the AI agent that must not go on: a person takes over at their next word."""
    base: PolicyView
    overrides: tuple[Matches, ...] = ()
    build: Callable[[Sequence[int]], PolicyView] | None = None
    """Builds the view in which the overrides with these indices hold."""
    intents: tuple[str, ...] = ()
    """Every intent that the file names, each once, in its order."""
    _views: dict[tuple[str | None, str | None, str | None], PolicyView] = field(
        default_factory=dict
    )

    def view_for(self, tenant: str | None, tier: str | None, channel: str | None) -> PolicyView:
        """Return the rules and routes for one customer, built once and remembered."""
        if not self.overrides or self.build is None:
            return self.base
        who = (tenant, tier, channel)
        view = self._views.get(who)
        if view is None:
            matching = [i for i, matches in enumerate(self.overrides) if matches(*who)]
            view = self.build(matching) if matching else self.base
            if len(self._views) >= _VIEWS_KEPT:
                self._views.clear()
            self._views[who] = view
        return view

    def above(self, target: str | None) -> str | None:
        """Return the queue of the next level above `target`; None at the top.

        A queue that is no level counts as the first of them.
        """
        levels = self.levels
        at = levels.index(target) if target in levels else 0
        return levels[at + 1] if at + 1 < len(levels) else None

    def is_above(self, queue: str, target: str | None) -> bool:
        """Return True if `queue` is a higher level than `target`."""
        levels = self.levels
        return queue in levels and levels.index(queue) > (
            levels.index(target) if target in levels else 0
        )
