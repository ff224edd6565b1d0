"""The policy file as it is written: its fields, their types and their limits."""

from functools import cache
from typing import Annotated, Any, Literal

import msgspec

from workers.contracts.decisions import Reason
from workers.contracts.events import Count, OnIdle, Unit, Word
from workers.contracts.time import Minutes
from workers.contracts.topics import QueueName
from workers.detection import FoundIntent

Words = Word | tuple[Word, ...]
Threshold = Annotated[float, msgspec.Meta(gt=0, le=1)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Duration = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[1-9][0-9]{0,4}(s|m|h|d)$",
        description="write a number and s, m, h or d, as in 30s, 20m, 2h or 1d",
    ),
]
Weighted = Literal[
    "requested_human",
    "frustrated",
    "low_confidence",
    "repetition",
    "tool_failures",
    "context_used",
    "turns",
    "stalled",
    "solved",
]


class Repetition(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Limits of repetition without progress; reaching any one of them is enough."""

    ai: Limit | None = None
    customer: Limit | None = None
    tool: Limit | None = None


class Scope(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Conditions on who and where, each one value or a list of them."""

    tier: Words | None = None
    channel: Words | None = None
    tenant: Words | None = None
    locale: Words | None = None


class RouteWhen(Scope, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Conditions of a route; all must hold, none given: it always holds."""

    reason: Reason | tuple[Reason, ...] | None = None
    rule: Words | None = None
    intents: tuple[Word, ...] | None = None
    found_intents: tuple[FoundIntent, ...] | None = None
    policy_exception: bool | None = None


class When(Scope, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Conditions of a rule; all must hold."""

    requested_human: Threshold | None = None
    substrings: tuple[Annotated[str, msgspec.Meta(min_length=1)], ...] | None = None
    frustrated: Threshold | None = None
    promised_person: Threshold | None = None
    requested_escalation: bool | tuple[Word, ...] | None = None
    policy_exception: bool | None = None
    tool_calls: tuple[Word, ...] | None = None
    intents: tuple[Word, ...] | None = None
    found_intents: tuple[FoundIntent, ...] | None = None
    low_confidence_turns: Annotated[int, msgspec.Meta(ge=1, le=8)] | None = None
    confidence_trend: Annotated[float, msgspec.Meta(ge=-1, le=0)] | None = None
    turns: Limit | None = None
    repetition: Repetition | None = None
    tool_failures: Limit | None = None
    context_used: Threshold | None = None
    stalled_minutes: Minutes | None = None
    solved_below: Threshold | None = None
    weights: dict[Weighted, Annotated[float, msgspec.Meta(ge=-10, le=10)]] | None = None
    at_least: Annotated[float, msgspec.Meta(gt=0, le=10)] | None = None


class RuleDocument(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One rule: when it holds, what then, and to whom."""

    rule: Word
    description: str | None = None
    enabled: bool = True
    reason: Reason
    class_: Literal["mandatory", "declinable"] = msgspec.field(name="class")
    auto_escalate: bool | Literal["offer"] = True
    when: When
    confidence_threshold: Unit | None = None
    cooldown: Duration | None = None
    target_queue: QueueName | None = None


class RulePatch(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Changes of an override to a rule; conditions in `when` replace those of the same name."""

    enabled: bool | None = None
    class_: Literal["mandatory", "declinable"] | None = msgspec.field(name="class", default=None)
    auto_escalate: bool | Literal["offer"] | None = None
    when: When | None = None
    confidence_threshold: Unit | None = None
    cooldown: Duration | None = None
    target_queue: QueueName | None = None


class RouteDocument(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A destination for escalations that takes precedence over the rule's target."""

    when: RouteWhen
    queue: QueueName
    claim_minutes: Minutes | None = None
    reply_minutes: Minutes | None = None


class Match(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The conversations for which an override holds; all fields that are given must match."""

    tenant: Words | None = None
    tier: Words | None = None
    channel: Words | None = None


class Override(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Changes of rules for some customers; of several that match, the later one wins."""

    match: Match
    rules: dict[str, RulePatch]


Band = tuple[Unit, Unit]


class Bands(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Shares of conversations that are escalated, within which the AI agent is healthy."""

    overall: Band = (0.10, 0.20)
    intents: dict[Word, Band] = {}
    not_ready: Unit = 0.80
    silence_not_ready: bool = False
    """True where a version that is not ready is switched off."""
    resolution: Unit = 0.90
    """Least share of the ended escalations that people resolved; 0: it is never told."""
    satisfaction: Unit = 0.0
    """Least share of the ratings with 4 or 5 points."""
    justified: Unit = 0.0
    """Least share of the ends that people found rightly handed over, of those they judged."""
    window: Duration = "24h"
    min_conversations: Limit = 50


class PolicyFile(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    version: Word | Count
    description: str | None = None
    default_queue: QueueName = "tier_2_support"
    levels: Annotated[tuple[QueueName, ...], msgspec.Meta(min_length=1, max_length=10)] = (
        "tier_2_support",
        "manager_approval",
        "legal",
    )
    max_hops: Annotated[int, msgspec.Meta(ge=1, le=20)] = 3
    offer_minutes: Minutes = 10
    messages_per_minute: Limit = 120
    idle_minutes: Minutes = 240.0
    on_idle: OnIdle = "queue"
    keep_promises: bool = True
    words: Annotated[str, msgspec.Meta(max_length=200_000)] = ""
    """Word lists of the deployment's own, each begun by a line `#list NAME`."""
    silenced: Annotated[tuple[Word, ...], msgspec.Meta(max_length=100)] = ()
    bands: Bands = Bands()
    rules: Annotated[tuple[RuleDocument, ...], msgspec.Meta(min_length=1, max_length=64)]
    routes: Annotated[tuple[RouteDocument, ...], msgspec.Meta(max_length=64)] = ()
    overrides: Annotated[tuple[Override, ...], msgspec.Meta(max_length=1000)] = ()


_UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


@cache
def duration_ms(duration: str) -> int:
    """Milliseconds of a duration such as 30s, 10m, 2h or 1d."""
    return int(duration[:-1]) * _UNITS[duration[-1]]


def given(struct: msgspec.Struct) -> dict[str, Any]:
    """Return the fields that are not None, which a file gives, by their Python names."""
    return {k: v for k, v in msgspec.structs.asdict(struct).items() if v is not None}
