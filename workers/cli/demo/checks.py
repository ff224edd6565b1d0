"""Results of the demo's conversations, compared with what its data expects."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from workers.cli.demo.data import Conversation, Expect, Say, Shown, Stage
from workers.contracts.control import Control
from workers.contracts.decisions import Decision, Turn
from workers.contracts.handoffs import Handoff, Refused
from workers.contracts.tickets import Ticket
from workers.contracts.time import to_ms
from workers.embedded.simulators import Heard
from workers.redaction.patterns import PLACEHOLDERS

_OPENING: Final = frozenset({"escalate", "claim"})


@dataclass(slots=True)
class ConversationSummary:
    """The records published about one conversation by the end of the demo."""

    conversation: Conversation
    decisions: Sequence[Decision]
    heard: Sequence[Heard] = ()
    transcript: Sequence[Turn] = ()
    dead_letters: Sequence[str] = ()
    """Reasons of the dead letters with its key."""
    opening: Decision | None = field(init=False)
    """The decision that opened its escalation; None: no person was needed."""

    def __post_init__(self) -> None:
        self.opening = next((one for one in self.decisions if one.action in _OPENING), None)

    @property
    def claim(self) -> Decision | None:
        """Return the last claim."""
        claims = [one for one in self.decisions if one.action == "claim"]
        return claims[-1] if claims else None

    @property
    def outcome(self) -> str | None:
        """Return how the escalation ended; None while it is open, or without one."""
        return next((one.outcome for one in self.decisions if one.outcome), None)

    @property
    def queue(self) -> str | None:
        """Return the queue on which a person took it, else the one it was meant for."""
        if self.claim is not None:
            return self.claim.queue
        return None if self.opening is None else self.opening.target_queue

    @property
    def wait_s(self) -> float | None:
        """Return the seconds from the escalation to its first claim."""
        first = next((one for one in self.decisions if one.action == "claim"), None)
        if first is None or self.opening is None:
            return None
        return (to_ms(first.decided_at) - to_ms(self.opening.decided_at)) / 1000

    def skipped(self) -> Iterator[tuple[int, str, str]]:
        """Yield the `seq`, queue and reason of every queue that could not take it."""
        for message in self.heard:
            if isinstance(message, Handoff | Ticket):
                for skip in getattr(message, "skipped", ()):
                    yield message.seq, skip.queue or skip.place, skip.reason

    def asked_ticket_systems(self) -> set[int]:
        """Return the `seq` of the decisions for which a ticket was requested."""
        return {one.seq for one in self.heard if isinstance(one, Ticket) and one.type == "ticket"}


def story(told: ConversationSummary, stage: Stage) -> str:
    """Tell in a line what happened, without reason, queue and outcome."""
    if not told.decisions:
        return "the AI agent settled it"
    tickets = told.asked_ticket_systems()
    parts: list[str] = []
    for decision in told.decisions:
        parts.append(_part(decision, stage))
        for seq, queue, reason in told.skipped():
            if seq == decision.seq:
                parts.append(f"{queue} {reason.replace('_', ' ')}")
        if decision.seq in tickets:
            parts.append("ticket requested")
    return ", ".join(part for part in dict.fromkeys(parts) if part)


def _part(decision: Decision, stage: Stage) -> str:
    person = stage.people.get(decision.person or "")
    name = person.name.split()[0] if person else decision.person or "a person"
    cause = (decision.cause or "").replace("_", " ")
    match decision.action:
        case "escalate":
            accepted = decision.cause == "offer_accepted"
            return "accepted the offer" if accepted else "escalated"
        case "offer":
            return "a person offered"
        case "recommend":
            return "the AI told to consider a person"
        case "suppress":
            return "the customer declined" if cause == "declined" else ""
        case "move":
            return cause
        case "claim":
            return f"{name} took it"
        case "refuse":
            return f"{name} came too late"
        case "transfer":
            return f"transferred to {decision.target_queue}"
        case _:
            return ""


def problems(told: ConversationSummary) -> list[str]:
    """Return in what a conversation differs from what its data expects."""
    expect = told.conversation.expect
    if expect.needs == "nobody":
        found = ["escalated although nobody is needed"] if told.opening else []
    else:
        found = list(_differences(told, expect))
    return found + [f"{shown} did not happen" for shown in expect.shows if not _SHOWN[shown](told)]


def _differences(told: ConversationSummary, expect: Expect) -> Iterator[str]:
    if told.opening is None:
        yield "was not escalated"
        return
    taken_on = None if told.claim is None else told.claim.queue
    for name, found, wanted in (
        ("reason", told.opening.reason, expect.reason),
        ("taken on", taken_on, expect.queue),
        ("outcome", told.outcome, expect.outcome),
    ):
        if found != wanted:
            yield f"{name} is {found}, not {wanted}"


def _skipped_for(reason: str) -> Callable[[ConversationSummary], bool]:
    return lambda told: any(found == reason for _, _, found in told.skipped())


def _decided(**fields: str) -> Callable[[ConversationSummary], bool]:
    return lambda told: any(
        all(getattr(one, name) == value for name, value in fields.items()) for one in told.decisions
    )


def _contact(told: ConversationSummary) -> bool:
    return any(isinstance(one, Control) and one.contact for one in told.heard)


def _ticket(told: ConversationSummary) -> bool:
    return any(isinstance(one, Ticket) and one.type == "ticket" for one in told.heard)


def _once(told: ConversationSummary) -> bool:
    ids = [turn.event_id for turn in told.transcript]
    twice = sum(isinstance(step, Say) and step.twice for step in told.conversation.steps)
    return twice > 0 and len(ids) == len(set(ids))


def _redacted(told: ConversationSummary) -> bool:
    packets = [one.packet for one in told.heard if isinstance(one, Handoff)]
    texts = [turn.text for one in packets for turn in one.transcript]
    return any(placeholder in text for text in texts for placeholder in PLACEHOLDERS)


_SHOWN: Final[Mapping[Shown, Callable[[ConversationSummary], bool]]] = {
    "overflow_full": _skipped_for("full"),
    "overflow_nobody": _skipped_for("nobody_online"),
    "overflow_closed": _skipped_for("closed"),
    "ticket": _ticket,
    "contact": _contact,
    "refused": lambda told: any(isinstance(one, Refused) for one in told.heard),
    "returned": _decided(outcome="returned"),
    "level_raised": lambda told: any(one.level > 0 for one in told.decisions),
    "transferred": _decided(action="transfer"),
    "claim_missed": _decided(cause="claim_missed"),
    "withdrawn": _decided(outcome="withdrawn"),
    "offer_accepted": _decided(cause="offer_accepted"),
    "offer_declined": _decided(cause="declined"),
    "duplicates": _once,
    "malformed": lambda told: bool(told.dead_letters),
    "stale_ai_turn": lambda told: any(turn.status == "stale" for turn in told.transcript),
    "redacted": _redacted,
}
