"""Read a policy file: check it with file and line, and compile it."""

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from hashlib import sha256
from typing import Any, Final
from zlib import crc32

import msgspec
import orjson

from workers.contracts.time import MINUTE
from workers.contracts.yaml import Document, Path, YamlFileError, convert, load_yaml, suggestion
from workers.detection import vocabulary
from workers.policy import document as written
from workers.policy.conditions import conditions_of, route_conditions
from workers.policy.model import Matches, Mode, Policy, PolicyView, Route, RouteRule, Rule

PolicyError = YamlFileError
"""A policy that cannot be used: `file:line: field: value: what to do`."""

PROMISE: Final = written.RuleDocument(
    rule="promised-a-person",
    description="The AI agent promised a person and nothing was decided: make it true.",
    reason="unkept_promise",
    class_="mandatory",
    when=written.When(promised_person=0.7),
)
"""Added at the end unless a rule looks at promises, or `keep_promises` is false."""


def load_policy(text: str, name: str, queues: Collection[str] | None = None) -> Policy:
    """Return the policy of a YAML text; `name` is the file's, for errors. Raises PolicyError.

    With `queues`, the names that exist, every queue that the policy names must be among them.
    """
    return _checked(load_yaml(text, name), queues)


def load_policy_json(text: str, name: str) -> Policy:
    """Return the policy of a JSON text, which a program wrote: fast, and errors name no lines.

    Raises PolicyError, or ValueError for a text that is no JSON.
    """
    return _checked(Document(name, orjson.loads(text), {(): 1}), None)


def _checked(document: Document, queues: Collection[str] | None) -> Policy:
    file = convert(document, written.PolicyFile)
    for problem in _problems(document, file):
        raise problem
    if queues is not None:
        for problem in _queue_problems(document, file, queues):
            raise problem
    try:
        vocabulary(file.words)
    except ValueError as error:
        raise document.error(("words",), str(error)) from None
    content = orjson.dumps(document.data, option=orjson.OPT_SORT_KEYS)
    return compile_policy(file, sha256(content).hexdigest()[:12])


def doubts(text: str, name: str) -> list[str]:
    """Return what is wrong with a policy that can be used all the same: rules that never hold.

    Each is said as `file:line: field: value: what to do`. They are no errors, as logs may carry
    policies that have them.
    """
    document = load_yaml(text, name)
    file = convert(document, written.PolicyFile)
    return [
        str(one) for index, rule in enumerate(file.rules) for one in _idle(document, index, rule)
    ]


def _idle(document: Document, index: int, rule: written.RuleDocument) -> Iterator[YamlFileError]:
    weights, least = rule.when.weights, rule.when.at_least
    if weights is None or least is None:
        return
    # Weighted values are 0 to 1.
    most = sum(weight for weight in weights.values() if weight > 0)
    if least > most:
        advice = f"can never hold: the weights add up to {most:g} at most"
        yield document.error(("rules", index, "when", "at_least"), advice)


def with_words(text: str, words: str) -> str:
    """Return a policy's text with a deployment's own word lists, as `words` of it."""
    if not words:
        return text
    lines = "".join(f"  {line.strip()}\n" for line in words.splitlines())
    return f"{text.rstrip()}\nwords: |\n{lines}"


def compile_policy(file: written.PolicyFile, content_hash: str) -> Policy:
    """Return the policy of a file that was checked."""
    rules = file.rules
    if file.keep_promises and not any(rule.when.promised_person for rule in rules):
        rules = (*rules, PROMISE)
    file = msgspec.structs.replace(file, rules=rules)
    return Policy(
        version=str(file.version),
        hash=content_hash,
        default_queue=file.default_queue,
        levels=file.levels,
        max_hops=file.max_hops,
        offer_ms=round(file.offer_minutes * MINUTE),
        messages_per_minute=file.messages_per_minute,
        idle_minutes=file.idle_minutes,
        on_idle=file.on_idle,
        bands=file.bands,
        vocabulary=vocabulary(file.words),
        silenced=frozenset(file.silenced),
        base=_view(file, ()),
        overrides=tuple([_matcher(override.match) for override in file.overrides]),
        build=partial(_view, file),
        intents=tuple(dict.fromkeys(_intents_named(file))),
    )


def _intents_named(file: written.PolicyFile) -> Iterator[str]:
    yield from file.bands.intents
    for rule in file.rules:
        yield from rule.when.intents or ()
    for route in file.routes:
        yield from route.when.intents or ()
    for override in file.overrides:
        for patch in override.rules.values():
            if patch.when is not None:
                yield from patch.when.intents or ()


def _matcher(match: written.Match) -> Matches:
    wanted = [
        None if words is None else frozenset([words] if isinstance(words, str) else words)
        for words in (match.tenant, match.tier, match.channel)
    ]

    def matches(*who: str | None) -> bool:
        return all(want is None or one in want for want, one in zip(wanted, who, strict=True))

    return matches


def _view(file: written.PolicyFile, overrides: Sequence[int]) -> PolicyView:
    rules = [_patched(rule, file, overrides) for rule in file.rules]
    compiled = tuple([_rule(rule, file.default_queue) for rule in rules if rule.enabled])
    waits = {rule.when.stalled_minutes for rule in rules if rule.enabled}
    return PolicyView(
        rules=compiled,
        routes=tuple([_route(route) for route in file.routes]),
        stalled_ms=tuple(sorted([round(wait * MINUTE) for wait in waits if wait is not None])),
        compares=any(_compares(rule.when) for rule in rules if rule.enabled),
        feels=any(_feels(rule.when) for rule in rules if rule.enabled),
    )


def _compares(when: written.When) -> bool:
    return when.repetition is not None or "repetition" in (when.weights or {})


def _feels(when: written.When) -> bool:
    return when.frustrated is not None or "frustrated" in (when.weights or {})


def _patched(
    rule: written.RuleDocument, file: written.PolicyFile, overrides: Sequence[int]
) -> written.RuleDocument:
    for index in overrides:
        patch = file.overrides[index].rules.get(rule.rule)
        if patch is not None:
            changes = written.given(patch)
            if patch.when is not None:
                changes["when"] = msgspec.structs.replace(rule.when, **written.given(patch.when))
            rule = msgspec.structs.replace(rule, **changes)
    return rule


def _rule(rule: written.RuleDocument, default_queue: str) -> Rule:
    conditions = conditions_of(rule.when, rule.confidence_threshold)
    modes: dict[Any, Mode] = {True: "escalate", False: "recommend", "offer": "offer"}
    return Rule(
        name=rule.rule,
        key=crc32(rule.rule.encode()),
        reason=rule.reason,
        mandatory=rule.class_ == "mandatory",
        mode=modes[rule.auto_escalate],
        cooldown_ms=0 if rule.cooldown is None else written.duration_ms(rule.cooldown),
        target=rule.target_queue or default_queue,
        conditions=conditions,
        weights={str(name): weight for name, weight in (rule.when.weights or {}).items()},
        tests=tuple([condition.holds for condition in conditions]),
        fresh=any(condition.fresh for condition in conditions),
    )


def _route(route: written.RouteDocument) -> RouteRule:
    when = route.when
    return RouteRule(
        reasons=_names(when.reason),
        rules=_names(when.rule),
        conditions=route_conditions(when),
        route=Route(
            route.queue,
            route.claim_minutes,
            route.reply_minutes,
            by_found_intent=when.found_intents is not None,
        ),
    )


def _names(names: str | tuple[str, ...] | None) -> frozenset[str] | None:
    if names is None:
        return None
    return frozenset([names] if isinstance(names, str) else names)


def _problems(document: Document, file: written.PolicyFile) -> Iterator[YamlFileError]:
    names = [rule.rule for rule in file.rules]
    yield from _name_problems(document, str(file.version), names)
    for index, rule in enumerate(file.rules):
        path: Path = ("rules", index)
        yield from _rule_problems(document, path, rule)
    for index, route in enumerate(file.routes):
        yield from _route_problems(document, ("routes", index), route, names)
    for index, override in enumerate(file.overrides):
        yield from _override_problems(document, ("overrides", index), override, file)
    for index, level in enumerate(file.levels):
        if level in file.levels[:index]:
            yield document.error(("levels", index), "named twice: keep one")
    bands: list[tuple[Path, written.Band]] = [(("overall",), file.bands.overall)]
    bands += [(("intents", intent), band) for intent, band in file.bands.intents.items()]
    for where, (low, high) in bands:
        if low > high:
            yield document.error(("bands", *where), "the lower bound comes first")


def _name_problems(
    document: Document, version: str, rules: Sequence[str]
) -> Iterator[YamlFileError]:
    # These names stand on terminals and pages.
    unseen = "has a character that is not seen: leave it out"
    if not version.isprintable():
        yield document.error(("version",), unseen)
    for index, rule in enumerate(rules):
        if not rule.isprintable():
            yield document.error(("rules", index, "rule"), unseen)
        if rule in rules[:index]:
            yield document.error(("rules", index, "rule"), "named twice: keep one")


def _rule_problems(
    document: Document, path: Path, rule: written.RuleDocument
) -> Iterator[YamlFileError]:
    when, conditions = rule.when, (*path, "when")
    if not written.given(when):
        yield document.error(conditions, "no condition: the rule would always hold; name one")
    if when.low_confidence_turns is not None and rule.confidence_threshold is None:
        advice = "missing: low_confidence_turns compares with it"
        yield document.error((*path, "confidence_threshold"), advice)
    if when.low_confidence_turns is None and rule.confidence_threshold is not None:
        advice = "nothing uses it: add low_confidence_turns to when"
        yield document.error((*path, "confidence_threshold"), advice)
    if (when.weights is None) != (when.at_least is None):
        missing = "at_least" if when.at_least is None else "weights"
        yield document.error((*conditions, missing), "missing: weights and at_least go together")
    for name in ("requested_escalation", "policy_exception"):
        if getattr(when, name) is False:
            yield document.error((*conditions, name), "only true is a condition: remove it")
    for name in (
        *("substrings", "intents", "found_intents", "requested_escalation", "tool_calls"),
        "weights",
    ):
        if getattr(when, name) in ((), {}):
            yield document.error((*conditions, name), "empty: name at least one")
    if when.repetition is not None and not written.given(when.repetition):
        yield document.error((*conditions, "repetition"), "empty: give ai, customer or tool")
    yield from _scope_problems(document, conditions, when)


def _scope_problems(
    document: Document, path: Path, scope: written.Scope | written.Match
) -> Iterator[YamlFileError]:
    for name in ("tier", "channel", "tenant", "locale"):
        if getattr(scope, name, None) == ():
            yield document.error((*path, name), "empty: name at least one")


def _route_problems(
    document: Document, path: Path, route: written.RouteDocument, names: Sequence[str]
) -> Iterator[YamlFileError]:
    when, conditions = route.when, (*path, "when")
    if when.policy_exception is False:
        yield document.error((*conditions, "policy_exception"), "only true is a condition")
    for name in ("reason", "rule", "intents", "found_intents"):
        if getattr(when, name) == ():
            yield document.error((*conditions, name), "empty: name at least one")
    listed = (when.rule,) if isinstance(when.rule, str) else when.rule or ()
    for index, rule in enumerate(listed):
        if rule not in names and rule != PROMISE.rule:
            where: Path = ("rule",) if isinstance(when.rule, str) else ("rule", index)
            yield document.error((*conditions, *where), f"no such rule: {suggestion(rule, names)}")
    yield from _scope_problems(document, conditions, when)


def _override_problems(
    document: Document, path: Path, override: written.Override, file: written.PolicyFile
) -> Iterator[YamlFileError]:
    if not written.given(override.match):
        yield document.error((*path, "match"), "empty: name a tenant, tier or channel")
    yield from _scope_problems(document, (*path, "match"), override.match)
    rules = {rule.rule: rule for rule in file.rules}
    alone = msgspec.structs.replace(file, overrides=(override,))
    for name in override.rules:
        where = (*path, "rules", name)
        if name not in rules:
            yield document.error(where, f"no such rule: {suggestion(name, list(rules))}")
        else:
            patched = _patched(rules[name], alone, (0,))
            yield from _rule_problems(document, where, patched)


def _queue_problems(
    document: Document, file: written.PolicyFile, queues: Collection[str]
) -> Iterator[YamlFileError]:
    for path, queue in _queues_named(file):
        if queue not in queues:
            advice = suggestion(queue, sorted(queues))
            yield document.error(path, f"no such queue in topics.yaml: {advice}")


def _queues_named(file: written.PolicyFile) -> Iterator[tuple[Path, str]]:
    yield ("default_queue",), file.default_queue
    for index, level in enumerate(file.levels):
        yield ("levels", index), level
    for index, rule in enumerate(file.rules):
        if rule.target_queue is not None:
            yield ("rules", index, "target_queue"), rule.target_queue
    for index, route in enumerate(file.routes):
        yield ("routes", index, "queue"), route.queue
    for index, override in enumerate(file.overrides):
        for name, patch in override.rules.items():
            if patch.target_queue is not None:
                yield ("overrides", index, "rules", name, "target_queue"), patch.target_queue
