"""The fold's state of one conversation: small, bounded, and the only basis of its decisions.

Values are replaced, never changed in place, except on the copies that `step` makes for itself.
"""

from functools import lru_cache
from typing import Final, Literal
from zlib import crc32

import msgspec

from workers.contracts.decisions import Outcome, Owner, Reason
from workers.contracts.events import OnIdle, Place, ToolStatus
from workers.contracts.topics import Redaction
from workers.redaction.redact import redact

DeadlineKind = Literal["claim", "reply", "last", "offer", "answer", "idle", "update", "warn"]
Due = tuple[DeadlineKind, int]
"""Deadline and its time in ms. Kinds: a person's claim (or the ticket system's answer), the
person's first reply, the end of the whole escalation, the customer's answer to an offer, the
AI's answer, a word of the person who owns the conversation, the next look at the wait, the
warning before a claim or reply is due."""


class Tool(msgspec.Struct, array_like=True, frozen=True):
    """One tool in this episode; `failing` counts its failures since it last worked."""

    name: str
    calls: int
    results: int
    failures: int
    failing: int
    status: ToolStatus | Literal["called"]
    event_id: str
    error: str | None = None


class Call(msgspec.Struct, array_like=True, frozen=True):
    """One tool called with the same arguments, as numbers that stand for the texts."""

    key: int
    """Number that stands for name and arguments."""
    made: int
    """Number of calls since it last answered something new."""
    call_id: int = 0
    """Number of the last call's id, by which its answer is known; 0: it has none."""
    answer: int = 0
    """Number that stands for its last answer; 0: none yet."""


class Offer(msgspec.Struct, array_like=True, frozen=True):
    """A person was offered to the customer, who has not answered yet."""

    rule: str | None
    """None: a lead offered."""
    key: int
    reason: Reason
    target: str
    claim_minutes: float | None
    reply_minutes: float | None
    ai_spoke: bool = False
    ai_asked: bool = False
    """The AI went on since: the customer's next words may be an answer to that."""


class Estimate(msgspec.Struct, array_like=True, frozen=True):
    """The wait that was estimated when the open escalation came to a queue, in seconds."""

    queue: str
    placed_at: int
    low_s: int
    high_s: int


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
    """The place that the policy wants."""
    placing: int | None = None
    """Seq of the decision whose placement is awaited, until its `routed` arrives."""
    place: Place | None = None
    queue: str | None = None
    """The queue on which it is, or was before it was taken from there."""
    tried: tuple[str, ...] = ()
    claim_minutes: float | None = None
    reply_minutes: float | None = None
    """Minutes of the policy's route; the queue's own when None."""
    person: str | None = None
    reply_within: float | None = None
    """Minutes from the claim to the first reply, on the queue where it is."""
    ticket_id: str | None = None
    hops: int = 0
    held: tuple[int, ...] = ()
    """Rules that held when it was opened or raised: they raise it again only on new words."""
    begun_at: int = 0
    """The own time of the event that opened it, which the conversation's clock may be ahead of."""
    packet_epoch: int | None = None
    """The epoch of the packet that its owner claimed by; None when there was no packet."""
    idle_minutes: float | None = None
    on_idle: OnIdle | None = None
    """On the queue where it is: how long its owner may be silent, and what follows; the policy's
    when None."""
    update_minutes: float | None = None
    """On the queue where it waits: between two looks at the wait; None: there are none."""
    updates: int = 0
    """Looks at the wait on this queue."""
    claimed_at: int = 0
    replied_at: int = 0
    """Times of the first claim by a person, and of their first message; 0: not yet."""
    priority: int | None = None
    """Priority that a lead set."""
    warn_share: float | None = None
    """On the queue where it is: the part of the time to claim or reply that passes unwarned."""
    estimate: Estimate | None = None
    """On the queue where it waits, or was first claimed."""
    assignee: str | None = None
    """The person who is asked first on the queue where it waits."""


class MinuteCount(msgspec.Struct, array_like=True, frozen=True):
    """Messages of one minute, by their own times."""

    minute: int
    customer: int = 0
    machines: int = 0
    """The AI agent's, its tools' and the system's."""


class NotedIntent(msgspec.Struct, array_like=True, frozen=True):
    """An intent that detection found in a customer's words, for as long as none is named."""

    intent: str
    event_id: str
    words: str | None
    """The words, strictly redacted, as evidence."""


class Ended(msgspec.Struct, array_like=True, frozen=True):
    """An escalation that has ended."""

    escalation_id: str
    reason: Reason
    outcome: Outcome
    ended_at: int
    note: str | None
    own_at: int = 0
    """The own time of the event that ended it."""


class Episode(msgspec.Struct, array_like=True):
    """Observations since the AI agent took over, at first or again."""

    started_at: int = 0
    customer_turns: int = 0
    ai_turns: int = 0
    first_request: str | None = None
    last_request: str | None = None
    last_answer: str | None = None
    """The last AI turn, also when it only called tools."""
    waiting_since: int | None = None
    """Time of the first customer message without an answer."""
    intents: tuple[str, ...] = ()
    confidences: tuple[float, ...] = ()
    context_used: float = 0.0
    tools: tuple[Tool, ...] = ()
    failing: int = 0
    """Tool results in a row that are failures, of any tools."""
    tool_failures: int = 0
    """The worse of `failing` and of every tool's own."""
    calls: tuple["Call", ...] = ()
    """The last different tool calls."""
    mood: tuple[tuple[str, float], ...] = ()
    frustrated: float = 0.0
    """Frustration of the last customer message."""
    solved: float = 0.0
    asks: tuple[tuple[int, ...], ...] = ()
    """Sketches of the customer's last messages."""
    answers: tuple[tuple[int, ...], ...] = ()
    """Sketches of the AI's last turns."""
    ask_repeats: int = 0
    answer_repeats: int = 0
    call_repeats: int = 0
    offer: Offer | None = None
    ai_offered: bool = False
    """The AI's last turn asked whether the customer wants a person."""
    declined: bool = False
    silenced: tuple[int, ...] = ()
    """Rules whose silence was reported already."""
    doubtful: tuple[str, ...] = ()
    """Messages about which the classifier was asked."""
    ai_note: str | None = None
    apologies: int = 0
    """AI turns that apologise, as far as they are counted."""
    long_answer: bool = False
    """The AI's last turn was long and asked nothing."""
    late_answer: bool = False
    """The AI's last turn came after a long wait."""
    asked: int = 0
    """Kinds of silent frustration about which the classifier was asked, one bit each."""
    ai_said: int = 0
    """Code of the AI's last turn with words, see `detection.context`."""
    earlier_mood: float = 0.0
    """The frustration that the messages before the last one leave."""
    ask_words: tuple[int, ...] = ()
    """Hashes of the content words of the customer's last message."""
    new_words: tuple[int, ...] = ()
    """Words of a message like earlier ones that its predecessor lacked, until the AI answers."""
    noted_intents: tuple[NotedIntent, ...] = ()


class State(msgspec.Struct, array_like=True):
    """One conversation as its events have made it."""

    clock: int = 0
    """The latest time of any event; it never runs backwards."""
    started_at: int = 0
    turns: int = 0
    """Messages in the transcript; before it had a history, persons' notes as well."""
    stale: bool = False
    """The last message was an AI turn that came after the conversation had changed hands."""
    seq: int = 0
    epoch: int = 0
    owner: Owner = "ai"
    number: int = 1
    """Number of the episode; it grows with every change of who cares for the customer."""
    episode: Episode = msgspec.field(default_factory=Episode)
    """Kept while a person owns the conversation, for whom it is written."""
    open: Escalation | None = None
    deadlines: tuple[Due, ...] = ()
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
    rated: tuple[int, ...] = ()
    """Subjects under which the rates count the conversation: itself, intents, versions."""
    escalated: bool = False
    """A person was called for, at least once."""
    weight: int = 0
    """Bytes that it takes at most, as far as that was counted; see `bounds`."""
    said: tuple[MinuteCount, ...] = ()
    """Numbers of messages in some minutes; the last entry is the last message's minute."""
    unread: int = 0
    """Messages that were one too many in their minute."""
    flooded: int = 0
    """The episode in which such a message was last reported."""
    email: str | None = None
    phone: str | None = None
    preferred_contact: str | None = None
    last_person: str | None = None
    """The person who had the escalation that ended last with one, and when it ended."""
    last_person_at: int = 0
    history: int = 0
    """Entries of the transcript beside its messages."""
    left: bool = False
    """The chat was closed while a ticket waits, and nobody has written since."""

    @property
    def entries(self) -> int:
        """Return how long the transcript is."""
        return self.turns + self.history

    @property
    def waits_on_ticket(self) -> bool:
        """Return True if only a ticket waits, so that the AI agent goes on meanwhile."""
        return self.owner == "pending" and self.open is not None and self.open.place == "ticket"


# Limits of what is kept, in entries and in bytes of text.
TOOLS: Final = 4
TOOL_CALLS: Final = 6
CONFIDENCES: Final = 8
INTENTS: Final = 6
MOODS: Final = 3
SKETCHES: Final = 3
DOUBTFUL: Final = 2
FIRED: Final = 12
EARLIER: Final = 5
TRIED: Final = 8
UPDATES: Final = 12
"""Looks at the wait on one queue, at most."""
RATED: Final = 16
NOTE_LIMIT: Final = 160
EARLIER_NOTE_LIMIT: Final = 60
ERROR_LIMIT: Final = 60
FOUND_LIMIT: Final = 48
NOTED_INTENTS: Final = 2
SUBJECT_LIMIT: Final = 100
NAME_LIMIT: Final = 60
EMAIL_LIMIT: Final = 120
"""Characters; a longer one is not kept, since a part of an address is of no use."""


def cut(text: str, limit: int) -> str:
    """Return the beginning of a text, at most `limit` bytes of UTF-8, no character halved."""
    if 4 * len(text) <= limit:
        return text
    return text.encode(errors="replace")[:limit].decode(errors="ignore")


def tail(text: str, limit: int) -> str:
    """Return the end of what somebody wrote, `limit` bytes at most, redacted before it is cut."""
    text = redact(text, "strict")
    if 4 * len(text) <= limit:
        return text
    return text.encode(errors="replace")[-limit:].decode(errors="ignore")


@lru_cache(maxsize=256)
def noted(text: str, limit: int, rule: Redaction = "strict") -> str:
    """Return the beginning of what somebody wrote, `limit` bytes at most, redacted before that.

    A cut through a card number or an address would hide it from redaction. Chat systems repeat a
    subject and a name with every message, which is why answers are kept.
    """
    return cut(redact(text, rule, limit), limit)


OVERALL: Final = 0
"""In `State.rated`, the conversation itself."""


def subject_key(kind: str, name: str) -> int:
    """Return the number by which a conversation remembers an intent or version it counted."""
    return crc32(f"{kind} {name}".encode())


class StateUnreadable(Exception):
    """A stored state cannot be decoded: the shell folds that conversation's log again."""

    def __init__(self, conversation_id: str) -> None:
        super().__init__(f"{conversation_id}: stored state cannot be decoded: fold its log again")
        self.conversation_id = conversation_id


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(State)


def new_state() -> State:
    """Return the state of a conversation before its first event."""
    return State()


def encode_state(state: State) -> bytes:
    """Return the bytes to store; equal states give equal bytes."""
    return _ENCODER.encode(state)


def decode_state(conversation_id: str, blob: bytes | None) -> State:
    """Return the state in `blob`, a new one when there is none, or raise StateUnreadable."""
    if blob is None:
        return State()
    try:
        return _DECODER.decode(blob)
    except ValueError as error:
        raise StateUnreadable(conversation_id) from error


def next_due(state: State) -> int | None:
    """Return the time of the conversation's earliest deadline in ms, for the store's timers."""
    deadlines = state.deadlines
    if not deadlines:
        return None
    if len(deadlines) == 1:
        return deadlines[0][1]
    return min([due for _, due in deadlines])


def set_due(state: State, kind: DeadlineKind, due: int) -> None:
    """Set one deadline of a state that the caller owns, in place of an earlier one of its kind."""
    drop_due(state, kind)
    state.deadlines = (*state.deadlines, (kind, due))


def drop_due(state: State, *kinds: DeadlineKind) -> None:
    """Drop deadlines of a state that the caller owns; those that are not set do not matter."""
    if state.deadlines:
        state.deadlines = tuple([due for due in state.deadlines if due[0] not in kinds])
