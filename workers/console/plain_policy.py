"""A policy as sentences for readers who have never seen the file."""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from workers.contracts.yaml import convert, load_yaml
from workers.policy.document import (
    Match,
    PolicyFile,
    RouteDocument,
    RouteWhen,
    RuleDocument,
    RulePatch,
    When,
    given,
)


class PlainRule(NamedTuple):
    """One rule in words."""

    name: str
    description: str
    when: str
    then: str
    reason: str
    declinable: bool
    enabled: bool


class PlainPolicy(NamedTuple):
    """A policy in words; rules and routes in the order in which they are tried."""

    description: str
    rules: list[PlainRule]
    routes: list[str]
    overrides: list[str]
    rest: list[str]


def plain_policy(text: str) -> PlainPolicy:
    """Return the text of a policy file in words, or raise YamlFileError."""
    file = convert(load_yaml(text, "policy"), PolicyFile)
    return PlainPolicy(
        file.description or "",
        [_rule(rule, file) for rule in file.rules],
        [_route(route) for route in file.routes],
        [
            f"For {_match(one.match)}: rule {name} {_patch(patch)}."
            for one in file.overrides
            for name, patch in one.rules.items()
        ],
        list(_rest(file)),
    )


def _rule(rule: RuleDocument, file: PolicyFile) -> PlainRule:
    conditions = _when(rule.when, rule.confidence_threshold)
    when = " and ".join(conditions) if conditions else "always"
    if rule.auto_escalate == "offer":
        then = "offer a person"
    elif rule.auto_escalate:
        then = f"hand over to {rule.target_queue or file.default_queue}"
    else:
        then = "tell the AI agent, which decides"
    if rule.cooldown:
        then += f", at most once in {_duration(rule.cooldown)}"
    return PlainRule(
        rule.rule,
        rule.description or "",
        _sentence(f"When {when}"),
        _sentence(then),
        rule.reason,
        rule.class_ == "declinable",
        rule.enabled,
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _listed(words: Any, last: str = "or") -> str:
    names = [words] if isinstance(words, str) else [str(word) for word in words]
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def _times(count: float, what: str) -> str:
    return f"{count:g} {what}" + ("" if count == 1 else "s")


_SAID: Final[dict[str, Callable[[Any], str]]] = {
    "requested_human": lambda v: f"the customer asks for a person (at least {v:.0%} sure)",
    "frustrated": lambda v: f"the customer is frustrated (at least {v:.0%} sure)",
    "promised_person": lambda v: f"the AI agent promises a person (at least {v:.0%} sure)",
    "substrings": lambda v: f"the customer writes one of {len(v)} listed phrases",
    "requested_escalation": lambda v: (
        "the AI agent asks for a person" + ("" if v is True else f" because of {_listed(v)}")
    ),
    "policy_exception": lambda _: "the AI agent asks for an exception from its rules",
    "tool_calls": lambda v: f"the AI agent calls {_listed(v)}",
    "intents": lambda v: f"the topic is {_listed(v)}",
    "found_intents": lambda v: f"the customer's words tell of {_listed(v)}",
    "turns": lambda v: f"more than {v} messages were exchanged",
    "tool_failures": lambda v: f"tools failed {v} times in a row",
    "context_used": lambda v: f"{v:.0%} of the AI agent's memory is used up",
    "stalled_minutes": lambda v: f"nobody has answered the customer for {_times(v, 'minute')}",
    "solved_below": lambda _: "the customer has not said that it is solved",
    "confidence_trend": lambda _: "the AI agent is less sure with every turn",
}
_ROUTED: Final = ("intents", "found_intents", "policy_exception")
_SCOPES: Final = ("tier", "channel", "tenant", "locale")


def _when(when: When, threshold: float | None) -> list[str]:
    found = given(when)
    parts = [say(found[name]) for name, say in _SAID.items() if name in found]
    if when.low_confidence_turns is not None:
        least = "its limit" if threshold is None else f"{threshold:.0%}"
        turns = when.low_confidence_turns
        last = "its last turn" if turns == 1 else f"each of its last {turns} turns"
        parts.append(f"the AI agent was less than {least} sure in {last}")
    if when.repetition is not None:
        who = {"ai": "the AI agent", "customer": "the customer", "tool": "a tool"}
        said = [f"{who[name]} {count} times" for name, count in given(when.repetition).items()]
        parts.append(f"somebody repeats themselves: {_listed(said)}")
    if when.weights:
        names = [name.replace("_", " ") for name, weight in when.weights.items() if weight > 0]
        parts.append(f"together {_listed(names, 'and')} weigh at least {when.at_least or 0:g}")
    parts += [
        f"the customer's {name} is {_listed(found[name])}" for name in _SCOPES if found.get(name)
    ]
    return parts


def _route(route: RouteDocument) -> str:
    when = _route_when(route.when) or ["nothing above held"]
    times = []
    if route.claim_minutes:
        times.append(f"to be claimed within {_times(route.claim_minutes, 'minute')}")
    if route.reply_minutes:
        times.append(f"first reply within {_times(route.reply_minutes, 'minute')}")
    after = f", {', '.join(times)}" if times else ""
    return f"When {' and '.join(when)}: {route.queue}{after}."


def _route_when(when: RouteWhen) -> list[str]:
    found = given(when)
    parts = []
    if when.reason is not None:
        reasons = [when.reason] if isinstance(when.reason, str) else when.reason
        parts.append(f"the reason is {_listed([reason.replace('_', ' ') for reason in reasons])}")
    if when.rule is not None:
        parts.append(f"rule {_listed(when.rule)} decided")
    parts += [_SAID[name](found[name]) for name in _ROUTED if name in found]
    parts += [
        f"the customer's {name} is {_listed(found[name])}" for name in _SCOPES if name in found
    ]
    return parts


def _match(match: Match) -> str:
    return " and ".join(f"{name} {_listed(value)}" for name, value in given(match).items())


def _patch(patch: RulePatch) -> str:
    said = []
    if patch.enabled is not None:
        said.append("is switched on" if patch.enabled else "is switched off")
    if patch.class_ is not None:
        said.append(f"is {patch.class_}")
    if patch.auto_escalate is not None:
        offers = {True: "hands over at once", False: "only tells the AI agent"}
        said.append(
            "offers a person" if patch.auto_escalate == "offer" else offers[patch.auto_escalate]
        )
    if patch.when is not None:
        said.append(f"holds when {' and '.join(_when(patch.when, patch.confidence_threshold))}")
    elif patch.confidence_threshold is not None:
        said.append(f"counts as unsure what is below {patch.confidence_threshold:.0%}")
    if patch.cooldown is not None:
        said.append(f"speaks at most once in {_duration(patch.cooldown)}")
    if patch.target_queue is not None:
        said.append(f"hands over to {patch.target_queue}")
    return _listed(said, "and")


def _rest(file: PolicyFile) -> Iterator[str]:
    low, high = file.bands.overall
    yield f"Healthy is that {low:.0%} to {high:.0%} of conversations are handed over."
    for intent, (least, most) in file.bands.intents.items():
        yield f"Of those about {intent}, {least:.0%} to {most:.0%}."
    yield (
        f"A version of the AI agent at {file.bands.not_ready:.0%} is reported as not ready; fewer "
        f"than {file.bands.min_conversations} conversations in {_duration(file.bands.window)} say "
        "nothing."
    )
    yield f"When time runs out, upwards: {_listed(file.levels, 'then')}."
    yield f"An offer that nobody answers lapses after {_times(file.offer_minutes, 'minute')}."


def _duration(text: str) -> str:
    names = {"s": "second", "m": "minute", "h": "hour", "d": "day"}
    return _times(int(text[:-1]), names[text[-1]])
