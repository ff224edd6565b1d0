"""What the fold remembers of one conversation: small, bounded, and all that it decides by.

Values are replaced, never changed in place, except on the copies that `step` makes for itself.
"""

from typing import Literal

import msgspec

from workers.contracts.decisions import Outcome, Owner, Reason
from workers.contracts.events import Place

DeadlineKind = Literal["claim", "reply", "last", "offer", "answer"]
Deadline = tuple[DeadlineKind, int]
"""What is due, and when."""


class Tool(msgspec.Struct, array_like=True, frozen=True):
    """One tool in this episode; `failing` counts its failures since it last worked."""

    name: str
    calls: int
    failures: int
    failing: int
    status: str
    event_id: str
    error: str | None = None


class Offer(msgspec.Struct, array_like=True, frozen=True):
    """A person was offered to the customer, who has not answered yet."""

    rule: str
    reason: Reason
    target: str
    claim_minutes: float | None = None
    reply_minutes: float | None = None
    score: float = 1.0


class Escalation(msgspec.Struct, array_like=True, frozen=True):
    """The open escalation."""

    id: str
    reason: Reason
    rule: str | None
    opened_by: str
    opened_at: int
    score: float = 1.0
    level: int = 0
    target: str | None = None
    """Where the policy wants it."""
    placing: str | None = None
    """The decision whose placement is awaited, until its `routed` arrives."""
    place: Place | None = None
    queue: str | None = None
    """Where it is or was last."""
    tried: tuple[str, ...] = ()
    claim_minutes: float | None = None
    reply_minutes: float | None = None
    """As the policy's route says; the queue's own when None."""
    person: str | None = None
    reply_within: float | None = None
    """Minutes from the claim to the first reply, on the queue where it is."""
    ticket_id: str | None = None
    hops: int = 0
    held: tuple[int, ...] = ()
    """Rules that held when it was opened or raised: they raise it only on new words."""


class Ended(msgspec.Struct, array_like=True, frozen=True):
    """An escalation that has ended."""

    escalation_id: str
    reason: Reason
    outcome: Outcome
    ended_at: int
    note: str | None = None


class Episode(msgspec.Struct, array_like=True):
    """What was seen since the AI agent took over, last or at first."""

    started_at: int = 0
    customer_turns: int = 0
    ai_turns: int = 0
    first_request: str | None = None
    last_request: str | None = None
    last_answer: str | None = None
    """The last AI turn, whatever it said."""
    waiting_since: int | None = None
    """Time of the first customer message without an answer."""
    intents: tuple[str, ...] = ()
    confidences: tuple[float, ...] = ()
    context_used: float = 0.0
    tools: tuple[Tool, ...] = ()
    failing: int = 0
    """Tool results in a row that are failures, whatever the tool."""
    calls: tuple[tuple[int, int], ...] = ()
    """Sketches of the last tool calls and how often each was made."""
    mood: tuple[tuple[str, float], ...] = ()
    frustrated: float = 0.0
    """Of the last customer message."""
    solved: float = 0.0
    asks: tuple[tuple[int, ...], ...] = ()
    """Sketches of the customer's last messages."""
    answers: tuple[tuple[int, ...], ...] = ()
    """Sketches of the AI's last turns."""
    ask_repeats: int = 0
    answer_repeats: int = 0
    offer: Offer | None = None
    ai_offered: bool = False
    """The AI's last turn asked whether the customer wants a person."""
    declined: bool = False
    silenced: tuple[int, ...] = ()
    """Rules whose silence was already reported."""
    doubtful: tuple[str, ...] = ()
    """Messages about which the classifier was asked."""
    ai_note: str | None = None


class State(msgspec.Struct, array_like=True):
    """One conversation as its events have made it."""

    clock: int = 0
    """The latest time of any event; it never runs backwards."""
    started_at: int = 0
    turns: int = 0
    """Entries of the transcript."""
    stale: bool = False
    """The last message was an AI turn that came after the conversation had changed hands."""
    seq: int = 0
    epoch: int = 0
    owner: Owner = "ai"
    number: int = 1
    """Of the episode; it grows with every change of who cares for the customer."""
    episode: Episode = msgspec.field(default_factory=Episode)
    open: Escalation | None = None
    deadlines: tuple[Deadline, ...] = ()
    customer_id: str | None = None
    customer_name: str | None = None
    tier: str | None = None
    locale: str | None = None
    dedicated_agent: str | None = None
    channel: str | None = None
    subject: str | None = None
    ticket_id: str | None = None
    tenant: str | None = None
    ai_id: str | None = None
    ai_version: str | None = None
    fired: tuple[tuple[int, int], ...] = ()
    """Rules and when they last decided, for their cooldown; episodes do not reset it."""
    desk_note: str | None = None
    earlier: tuple[Ended, ...] = ()


class StateUnreadable(Exception):  # noqa: N818 - it names a condition that the shell handles
    """A stored state cannot be decoded: the shell folds that conversation's log again."""

    def __init__(self, conversation_id: str) -> None:
        super().__init__(f"{conversation_id}: stored state cannot be decoded: fold its log again")
        self.conversation_id = conversation_id


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(State)


def new_state() -> State:
    """The state of a conversation before its first event."""
    return State()


def encode_state(state: State) -> bytes:
    """The bytes to store; equal states give equal bytes."""
    return _ENCODER.encode(state)


def decode_state(conversation_id: str, blob: bytes | None) -> State:
    """The state in `blob`, a new one when there is none, or StateUnreadable."""
    if blob is None:
        return State()
    try:
        return _DECODER.decode(blob)
    except (msgspec.DecodeError, ValueError) as error:
        raise StateUnreadable(conversation_id) from error


def next_due(state: State) -> int | None:
    """When the earliest deadline of a conversation is due, for the store's timers."""
    if not state.deadlines:
        return None
    return min(due for _, due in state.deadlines)
