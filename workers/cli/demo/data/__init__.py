"""The conversations that `handoff demo` plays, as data, and the stage they are played on.

Each `*.yaml` beside this file but `stage.yaml` is a list of conversations:

    - id: wedding-flight            # also the conversation_id
      title: Rebooked before the wedding
      industry: airline
      channel: chat
      customer: {id: C-1042, name: Mia Lindqvist, tier: gold, locale: en-GB}
      starts: 2                     # seconds after the demo's start
      expect:                       # what it must come to; `needs: nobody` when no person is needed
        needs: person
        reason: explicit_request
        queue: tier_2_support       # where a person took it; absent when nobody did
        outcome: resolved
        shows: [refused]            # see SHOWN
      steps: [...]

The steps are played in their order:

    customer | ai | person: TEXT    a message; `twice: true` sends it again under the same event_id
      on ai:     confidence, intents, calls: [NAME | {NAME: ARGUMENTS}], resolved,
                 asks: REASON with note, context: [TOKENS, LIMIT], late: true (by an old epoch)
      on person: by, one of the stage's people
      on any:    silence: SECONDS that are said to have passed after it
    tool: NAME                      its result: text, status (ok), error
    reply: true | false             the button under an offer
    closed: WHO
    broken: TEXT                    a line on the log that is no event
    wait: WHAT                      until one of WAITS is seen; `of: ID` in another conversation
    desk: ACTION                    an event of a desk or ticket system, about the last packet or
                                    ticket request; by, to_queue, reason, note, resolution,
                                    justified, csat, ticket_id
    presence: QUEUE                 what its desk now reports, with online: [PERSON…]

Messages before the first step that is none of them are told as if they had taken their natural
time and ended now: `Say.ahead_s` is how long before the last of them each was said.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from io import StringIO
from typing import Any, Final, Literal, get_args

import msgspec
from ruamel.yaml import YAML

from workers.contracts.codec import encode
from workers.contracts.decisions import Outcome, Reason
from workers.contracts.events import (
    AgentTurn,
    Closed,
    ClosedBy,
    Customer,
    DeskAction,
    Message,
    OfferReply,
    ToolResult,
    ToolStatus,
)
from workers.contracts.time import from_ms
from workers.contracts.yaml import load_yaml

Seen = Literal["packet", "ticket", "offer", "joined", "refused", "ai", "contact", "withdrawn"]
"""A packet on a queue, a ticket request, an offer to the customer, a person who owns it, a refusal
to a desk, the AI owning it again, contact details given, a packet withdrawn; each one newer than
what the same conversation waited for before."""

Shown = Literal[
    "overflow_full",
    "overflow_nobody",
    "overflow_closed",
    "ticket",
    "contact",
    "refused",
    "returned",
    "level_raised",
    "transferred",
    "claim_missed",
    "withdrawn",
    "offer_accepted",
    "offer_declined",
    "duplicates",
    "malformed",
    "stale_ai_turn",
    "redacted",
]

WAITS: Final = get_args(Seen)
SHOWN: Final = get_args(Shown)
_GAPS_S: Final = {"customer": 26.0, "ai_agent": 7.0, "tool": 3.0, "human_agent": 20.0}
_ROLES: Final = {"customer": "customer", "ai": "ai_agent", "person": "human_agent"}


@dataclass(frozen=True, slots=True)
class Say:
    """A message of the conversation, said `ahead_s` before the last of the messages around it."""

    role: Literal["customer", "ai_agent", "human_agent", "tool"]
    content: str
    agent: AgentTurn | None = None
    tool: ToolResult | None = None
    twice: bool = False
    late: bool = False
    """An AI turn from before the last change of hands: its epoch is an old one."""
    ahead_s: float = 0.0


@dataclass(frozen=True, slots=True)
class OfferReplyStep:
    """The customer presses a button under the offer."""

    accepted: bool


@dataclass(frozen=True, slots=True)
class Close:
    """The chat system closes the conversation."""

    by: ClosedBy


@dataclass(frozen=True, slots=True)
class Broken:
    """A record on the log that is no event."""

    value: bytes


@dataclass(frozen=True, slots=True)
class WaitStep:
    """A wait until something new is seen, here or in the conversation `of`."""

    seen: Seen
    of: str | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """An event of a desk or of the ticket system about the last packet or ticket request."""

    action: DeskAction
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `DeskEvent` besides the ids: agent_id, agent_name, to_queue, note, …"""


@dataclass(frozen=True, slots=True)
class PresenceStep:
    """The desk of a queue reports who is online."""

    queue: str
    online: tuple[str, ...]


Step = Say | OfferReplyStep | Close | Broken | WaitStep | Desk | PresenceStep


class Expect(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The result that a conversation must have."""

    needs: Literal["nobody", "person"]
    reason: Reason | None = None
    queue: str | None = None
    outcome: Outcome | None = None
    shows: tuple[Shown, ...] = ()


class DeskPerson(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A person at a desk."""

    name: str
    queues: tuple[str, ...]


class _Ai(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    id: str
    version: str


class Stage(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The people of the demo, and its changes to the shipped topics.yaml."""

    ai: _Ai
    people: dict[str, DeskPerson]
    calendars: list[dict[str, Any]]
    queues: dict[str, dict[str, Any]]

    def online(self, queue: str) -> tuple[str, ...]:
        """Return the people who are online on a queue at the start."""
        return tuple(key for key, person in self.people.items() if queue in person.queues)

    def topics(self, shipped: str) -> str:
        """Return the text of the shipped topics.yaml with the stage's queues and calendars."""
        yaml = YAML()
        document = yaml.load(shipped)
        document["calendars"] += self.calendars
        for queue in document["queues"]:
            queue.update(self.queues.get(queue["queue"], {}))
        out = StringIO()
        yaml.dump(document, out)
        return out.getvalue()


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation of the demo."""

    id: str
    title: str
    industry: str
    customer: Customer
    channel: str
    starts_s: float
    expect: Expect
    steps: tuple[Step, ...]

    def event(self, index: int, at_ms: int, prefix: str = "") -> Message | OfferReply | Closed:
        """Return the event of a step that is said at `at_ms`; ids begin with `prefix`."""
        step = self.steps[index]
        head: dict[str, Any] = {
            "event_id": f"{prefix}{self.id}-{index}",
            "conversation_id": f"{prefix}{self.id}",
            "occurred_at": from_ms(at_ms),
        }
        if isinstance(step, OfferReplyStep):
            return OfferReply(type="offer_reply", accepted=step.accepted, **head)
        if isinstance(step, Close):
            return Closed(type="closed", by=step.by, **head)
        if not isinstance(step, Say):
            raise TypeError(f"{self.id}, step {index}: {type(step).__name__} is no event")
        first = all(not isinstance(s, Say) or s.role != "customer" for s in self.steps[:index])
        if step.role == "customer" and first:
            head |= {"customer": self.customer, "channel": self.channel}
        agent = step.agent
        if agent is not None and step.late:
            agent = msgspec.structs.replace(agent, epoch=1)
        return Message(role=step.role, content=step.content, agent=agent, tool=step.tool, **head)

    def records(self, index: int, at_ms: int, prefix: str = "") -> Iterator[bytes]:
        """Yield the values to publish on the log for a step that is no wait and no desk's."""
        step = self.steps[index]
        if isinstance(step, Broken):
            yield step.value
            return
        value = encode(self.event(index, at_ms, prefix))
        yield value
        if isinstance(step, Say) and step.twice:
            yield value


@cache
def load_stage() -> Stage:
    """Return the stage."""
    return msgspec.convert(_data("stage.yaml"), Stage)


@cache
def load_conversations() -> tuple[Conversation, ...]:
    """Return every conversation, those that start first before the others."""
    stage = load_stage()
    names = sorted(
        file.name
        for file in files(__name__).iterdir()
        if file.name.endswith(".yaml") and file.name != "stage.yaml"
    )
    found = [_conversation(one, stage) for name in names for one in _data(name)]
    return tuple(sorted(found, key=lambda one: (one.starts_s, one.id)))


def _data(name: str) -> Any:
    return load_yaml(files(__name__).joinpath(name).read_text(encoding="utf-8"), name).data


def _conversation(raw: dict[str, Any], stage: Stage) -> Conversation:
    steps = [_step(step, stage) for step in raw["steps"]]
    return Conversation(
        id=raw["id"],
        title=raw["title"],
        industry=raw["industry"],
        customer=msgspec.convert(raw["customer"], Customer),
        channel=raw["channel"],
        starts_s=raw["starts"],
        expect=msgspec.convert(raw["expect"], Expect),
        steps=tuple(_dated_back(steps, [step.get("silence") for step in raw["steps"]])),
    )


def _dated_back(steps: list[Step], silences: list[float | None]) -> list[Step]:
    """Date the messages up to the first step that is none back from the last of them."""
    ends = next((i for i, step in enumerate(steps) if not isinstance(step, Say)), len(steps))
    dated: list[Step] = []
    ahead_s = 0.0
    for index in range(ends - 1, -1, -1):
        step = steps[index]
        if not isinstance(step, Say):
            raise TypeError("only messages are dated")
        ahead_s += silences[index] or 0.0
        dated.append(
            Say(step.role, step.content, step.agent, step.tool, step.twice, step.late, ahead_s)
        )
        ahead_s += _GAPS_S[step.role]
    return dated[::-1] + steps[ends:]


def _step(raw: dict[str, Any], stage: Stage) -> Step:
    raw = {key: value for key, value in raw.items() if key != "silence"}
    kind, value = next(iter(raw.items()))
    rest = {key: raw[key] for key in raw if key != kind}
    if kind in _ROLES or kind == "tool":
        return _say(kind, value, rest, stage)
    if kind == "desk":
        return Desk(value, _desk_fields(rest, stage))
    steps: dict[str, Any] = {
        "reply": lambda: OfferReplyStep(value),
        "closed": lambda: Close(value),
        "broken": lambda: Broken(value.encode()),
        "wait": lambda: WaitStep(value, **rest),
        "presence": lambda: PresenceStep(value, tuple(rest["online"])),
    }
    step: Step = steps[kind]()
    return step


def _say(kind: str, value: str, rest: dict[str, Any], stage: Stage) -> Say:
    twice, late = rest.pop("twice", False), rest.pop("late", False)
    if kind == "tool":
        status: ToolStatus = rest.get("status", "error" if "error" in rest else "ok")
        tool = ToolResult(name=value, status=status, error=rest.get("error"))
        return Say("tool", rest.get("text", ""), tool=tool, twice=twice)
    if kind == "ai":
        return Say("ai_agent", value, _ai_turn(rest, stage), twice=twice, late=late)
    if kind == "person":
        by = rest["by"]
        agent = AgentTurn(id=by, name=stage.people[by].name)
        return Say("human_agent", value, agent, twice=twice)
    return Say("customer", value, twice=twice)


def _ai_turn(rest: dict[str, Any], stage: Stage) -> AgentTurn:
    fields: dict[str, Any] = {"id": stage.ai.id, "version": stage.ai.version}
    for key in ("confidence", "intents", "resolved"):
        if key in rest:
            fields[key] = rest[key]
    if "asks" in rest:
        asked = {"reason": rest["asks"], "note": rest.get("note")}
        fields["requested_escalation"] = asked
    if "context" in rest:
        fields["context_tokens"], fields["context_limit"] = rest["context"]
    calls = [call if isinstance(call, dict) else {call: None} for call in rest.get("calls", ())]
    fields["tool_calls"] = [
        {"name": name, "arguments": arguments} for call in calls for name, arguments in call.items()
    ]
    return msgspec.convert(fields, AgentTurn)


def _desk_fields(rest: dict[str, Any], stage: Stage) -> dict[str, Any]:
    by = rest.pop("by", None)
    if by is None:
        return rest
    return {"agent_id": by, "agent_name": stage.people[by].name, **rest}
