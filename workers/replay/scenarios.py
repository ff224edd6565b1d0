"""Scenarios: short dialogues with what a policy must decide, as a support lead writes them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import msgspec

from workers.contracts.codec import Raw
from workers.contracts.decisions import Decision, Home, Reason
from workers.contracts.events import (
    AgentTurn,
    Closed,
    ClosedBy,
    Customer,
    Deadline,
    Event,
    Message,
    OfferReply,
    RequestedEscalation,
    ToolCall,
    ToolResult,
    ToolStatus,
    Unit,
    Word,
)
from workers.contracts.time import from_ms, to_ms
from workers.contracts.topics import EVENTS
from workers.contracts.yaml import Document, convert, load_yaml
from workers.conversation.fold import Incoming
from workers.conversation.partition_meta import starting_meta
from workers.replay.explain_events import ExplainedEvent, explain_events

_START: Final = to_ms(datetime(2026, 1, 5, 10, tzinfo=UTC))
_GAPS_MS: Final = {"customer": 7_000, "ai": 26_000, "tool": 3_000, "person": 20_000}
"""The time until something follows."""
_HOME: Final = Home(topic=EVENTS, partition=0)
_ROLES: Final[dict[str, Any]] = {
    "customer": "customer", "ai": "ai_agent", "person": "human_agent",
}  # fmt: skip
_KINDS: Final = ("customer", "ai", "person", "tool", "reply", "closed")
_BELONGS: Final = {
    **dict.fromkeys(("confidence", "intents", "calls", "asks", "note", "context"), "ai"),
    "resolved": "ai",
    "text": "tool",
    "status": "tool",
    "error": "tool",
}
"""Fields that only one kind of step has."""


class ScenarioStep(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One step: a message with its speaker, or another event."""

    customer: str | None = None
    ai: str | None = None
    person: str | None = None
    tool: Word | None = None
    reply: bool | None = None
    closed: ClosedBy | None = None
    confidence: Unit | None = None
    intents: tuple[Word, ...] = ()
    calls: tuple[Word | dict[str, Any], ...] = ()
    resolved: bool | None = None
    asks: Word | None = None
    note: str | None = None
    context: tuple[int, int] | None = None
    text: str | None = None
    status: ToolStatus | None = None
    error: str | None = None
    silence: Annotated[float, msgspec.Meta(gt=0, le=2_592_000)] | None = None
    """Seconds that pass after it, in place of the usual ones."""

    @property
    def kind(self) -> str:
        """Return who speaks, or what happens."""
        return next((kind for kind in _KINDS if getattr(self, kind) is not None), "")


class Expected(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The decision that must come; a field that is absent may be anything."""

    needs: Literal["nobody", "offer", "person"]
    """nobody: no call and no offer; offer: a person is offered and not called."""
    at: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """The step at which it is decided, from 1."""
    by: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """The last step at which it may be decided."""
    rule: Word | None = None
    reason: Reason | None = None
    queue: Word | None = None


class Scenario(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One dialogue and what a policy must make of it."""

    id: Word
    title: str | None = None
    industry: str | None = None
    channel: Word | None = None
    tenant: Word | None = None
    customer: Customer | None = None
    expect: Expected
    steps: Annotated[tuple[ScenarioStep, ...], msgspec.Meta(min_length=1, max_length=200)]


class ScenarioVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """A policy's result in a scenario; no `problem`: it is as it must be."""

    id: str
    title: str | None
    decided: str
    problem: str | None
    turns: tuple[ExplainedEvent, ...] = ()
    """Turn by turn what was seen and decided, where there is a problem."""


def load_scenarios(text: str, name: str) -> list[Scenario]:
    """Return the scenarios of a YAML text; `name` is the file's, for errors.

    Raise YamlFileError, `file:line: field: value: what to do`.
    """
    document = load_yaml(text, name)
    scenarios = convert(document, list[Scenario])
    for index, scenario in enumerate(scenarios):
        if scenario.id in [other.id for other in scenarios[:index]]:
            raise document.error((index, "id"), "stands twice: give each scenario its own")
        for field in ("at", "by"):
            step = getattr(scenario.expect, field)
            if step is not None and step > len(scenario.steps):
                raise document.error(
                    (index, "expect", field), f"there are {len(scenario.steps)} steps"
                )
        for number, step in enumerate(scenario.steps):
            _check_step(document, (index, "steps", number), step)
    return scenarios


def _check_step(document: Document, path: tuple[int, str, int], step: ScenarioStep) -> None:
    kinds = [kind for kind in _KINDS if getattr(step, kind) is not None]
    if len(kinds) != 1:
        raise document.error(path, f"a step is one of {', '.join(_KINDS)}")
    for field, kind in _BELONGS.items():
        if getattr(step, field) not in (None, ()) and kinds[0] != kind:
            raise document.error((*path, field), f"only a step of `{kind}` has it")


def events_of(scenario: Scenario) -> Iterator[Event]:
    """Yield the events of a scenario's steps, and at the end the time that has passed."""
    at = _START
    for index, step in enumerate(scenario.steps):
        yield _event(scenario, index, step, at)
        at += _GAPS_MS.get(step.kind, 0) if step.silence is None else round(1000 * step.silence)
    if scenario.steps[-1].silence is not None:
        yield Deadline(
            type="deadline",
            event_id=f"{scenario.id}-end",
            conversation_id=scenario.id,
            occurred_at=from_ms(at),
            due_at=from_ms(at),
        )


def _event(scenario: Scenario, index: int, step: ScenarioStep, at: int) -> Event:
    head: dict[str, Any] = {
        "event_id": f"{scenario.id}-{index + 1}",
        "conversation_id": scenario.id,
        "occurred_at": from_ms(at),
    }
    if step.reply is not None:
        return OfferReply(type="offer_reply", accepted=step.reply, **head)
    if step.closed is not None:
        return Closed(type="closed", by=step.closed, **head)
    if index == 0:
        head |= {
            "customer": scenario.customer, "channel": scenario.channel, "tenant": scenario.tenant,
        }  # fmt: skip
    if step.tool is not None:
        status = step.status or ("error" if step.error else "ok")
        tool = ToolResult(name=step.tool, status=status, error=step.error)
        return Message(role="tool", content=step.text or "", tool=tool, **head)
    agent = _agent(step) if step.ai is not None else None
    if step.person is not None:
        agent = AgentTurn(id="person")
    content: str = getattr(step, step.kind)
    return Message(role=_ROLES[step.kind], content=content, agent=agent, **head)


def _agent(step: ScenarioStep) -> AgentTurn:
    calls = [call if isinstance(call, dict) else {call: None} for call in step.calls]
    asked = None if step.asks is None else RequestedEscalation(reason=step.asks, note=step.note)
    tokens, limit = step.context or (None, None)
    return AgentTurn(
        id="ai",
        confidence=step.confidence,
        intents=step.intents,
        requested_escalation=asked,
        resolved=step.resolved,
        context_tokens=tokens,
        context_limit=limit,
        tool_calls=tuple(
            ToolCall(name=name, arguments=arguments)
            for call in calls
            for name, arguments in call.items()
        ),
    )


_FUTURE: Final = 2**53


def play(scenario: Scenario, policy: str) -> ScenarioVerdict:
    """Decide over one scenario by the text of a checked policy."""
    events = list(events_of(scenario))
    raw = Raw(scenario.id.encode(), b"", (), _FUTURE)
    incoming = [Incoming(n, _FUTURE, event, raw) for n, event in enumerate(events)]
    turns = explain_events(incoming, starting_meta(policy), _HOME, fixed=True, keeps_time=True)
    step, decision = _decided(turns, events)
    problem = _problem(scenario.expect, step, decision)
    return ScenarioVerdict(
        id=scenario.id,
        title=scenario.title,
        decided=_told(step, decision),
        problem=problem,
        turns=tuple(turns) if problem else (),
    )


def _decided(turns: list[ExplainedEvent], events: list[Event]) -> tuple[int, Decision | None]:
    """Return the first call for a person with its step, else the first offer."""
    steps = {event.event_id: number for number, event in enumerate(events, start=1)}
    made = [(turn, decision) for turn in turns for decision in turn.decisions]
    for action in ("escalate", "offer"):
        for turn, decision in made:
            if decision.action == action:
                # A decision that only time brought after the last step belongs to that step.
                return min(steps[turn.event_id], len(events)), decision
    return 0, None


def _problem(expect: Expected, step: int, decision: Decision | None) -> str | None:
    action = "" if decision is None else decision.action
    wanted = {"nobody": "", "offer": "offer", "person": "escalate"}[expect.needs]
    if action != wanted:
        return f"expected {_NEEDS[expect.needs]}, but {_told(step, decision)}"
    if decision is None:
        return None
    for name, want, got in (
        ("rule", expect.rule, decision.rule),
        ("reason", expect.reason, decision.reason),
        ("queue", expect.queue, decision.target_queue),
        ("step", expect.at, step),
    ):
        if want is not None and want != got:
            return f"expected {name} {want}, but {_told(step, decision)}"
    if expect.by is not None and step > expect.by:
        return f"expected it by step {expect.by}, but {_told(step, decision)}"
    return None


_NEEDS: Final = {
    "nobody": "nobody to be called or offered",
    "offer": "a person to be offered",
    "person": "a person to be called",
}


def _told(step: int, decision: Decision | None) -> str:
    if decision is None:
        return "nobody was called or offered"
    done = "called" if decision.action == "escalate" else "offered"
    return (
        f"a person was {done} at step {step} by {decision.rule} "
        f"({decision.reason} → {decision.target_queue})"
    )
