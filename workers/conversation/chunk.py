"""Fold a run of one partition's records: the one way in which live worker, rebuild and replay do.

Whatever the chunks, the same log gives the same outputs, in the same order, byte for byte.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

from workers.contracts.codec import Raw, encode
from workers.contracts.deadletters import DEAD_LETTERS, Origin, dead_letter
from workers.contracts.decisions import ClassificationRequest, Decision, Home
from workers.contracts.events import Deadline, Event, PolicyInForce
from workers.contracts.rejections import Rejected
from workers.contracts.time import to_ms
from workers.conversation.fold import begins_anew, step
from workers.conversation.meta import PartitionMeta, adopt, policy_in
from workers.conversation.state import State, decode_state, encode_state, next_due
from workers.conversation.transcript import turn_of

DECISIONS: Final = "escalation-decisions"
REQUESTS: Final = "classification-requests"
AGENT: Final = "escalation"


class Incoming(NamedTuple):
    """One record of the log: its event, or why it was refused."""

    offset: int
    timestamp_ms: int
    event: Event | None
    raw: Raw
    rejected: Rejected | None = None


class Output(NamedTuple):
    """A record to publish; (`offset`, `n`) orders and names it within its partition."""

    offset: int
    n: int
    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(slots=True)
class Change:
    """What is to be written for one conversation."""

    state: State
    blob: bytes
    fresh: bool = False
    """Transcript and ids start anew: what is stored of them is dropped first."""
    turns: list[bytes] = field(default_factory=list)
    """Msgpack `Turn`s to append to the transcript."""
    ids: list[str] = field(default_factory=list)
    """Event ids to add."""

    @property
    def due(self) -> int | None:
        """When its timer is due; None removes the timer."""
        return next_due(self.state)

    @property
    def is_open(self) -> bool:
        """Whether an escalation is open, so that the keys must not expire."""
        return self.state.open is not None


@dataclass(slots=True)
class Folded:
    """The result of a chunk: everything to write before anything of it is published."""

    changes: dict[str, Change]
    outputs: list[Output]
    meta: PartitionMeta
    last_offset: int


class _Work:
    """One conversation while its chunk is folded."""

    __slots__ = ("fresh", "ids", "known", "seen", "state", "turns")

    def __init__(self, state: State, known: Set[str]) -> None:
        self.state = state
        self.known = known
        self.seen: set[str] = set()
        self.fresh = False
        self.turns: list[bytes] = []
        self.ids: list[str] = []


_TURN_ENCODER = msgspec.msgpack.Encoder()
_NONE: Final[frozenset[str]] = frozenset()


def wanted(incoming: Iterable[Incoming]) -> dict[str, list[str]]:
    """Conversations whose stored state a chunk needs, each with the event ids to look up."""
    ids: dict[str, list[str]] = {}
    for record in incoming:
        event = record.event
        if event is None or type(event) is PolicyInForce:
            continue
        wanted_ids = ids.setdefault(event.conversation_id, [])
        if type(event) is not Deadline:
            wanted_ids.append(event.event_id)
    return ids


def fold_chunk(
    incoming: Sequence[Incoming],
    states: Mapping[str, bytes | None],
    known: Mapping[str, Set[str]],
    meta: PartitionMeta,
    home: Home,
) -> Folded:
    """Fold records in their order onto the stored `states`; `known` holds ids applied before.

    `states` and `known` answer `wanted(incoming)`: a conversation that is missing there is new.
    Raises StateUnreadable; nothing of the chunk is applied then.
    """
    works: dict[str, _Work] = {}
    outputs: list[Output] = []
    policy = policy_in(meta.policy_text)
    for record in incoming:
        event = record.event
        if event is None:
            outputs.append(_dead(record, home))
            continue
        if type(event) is PolicyInForce:
            meta = adopt(meta, event)
            policy = policy_in(meta.policy_text)
            continue
        conversation_id = event.conversation_id
        work = works.get(conversation_id)
        if work is None:
            state = decode_state(conversation_id, states.get(conversation_id))
            work = works[conversation_id] = _Work(state, known.get(conversation_id, _NONE))
        before = work.state
        if type(event) is Deadline:
            if before.turns == 0 or to_ms(event.due_at) > record.timestamp_ms:
                continue
        else:
            event_id = event.event_id
            if event_id in work.seen or event_id in work.known:
                continue
            if begins_anew(before, event):
                work.fresh, work.known = True, _NONE
                work.seen, work.turns, work.ids = set(), [], []
            work.seen.add(event_id)
            work.ids.append(event_id)
        state, effects = step(before, event, policy, home, observe=meta.observe)
        work.state = state
        turn = turn_of(event, state)
        if turn is not None:
            work.turns.append(_TURN_ENCODER.encode(turn))
        if effects:
            outputs.extend(_published(record.offset, effects))
    changes = {
        conversation_id: Change(
            work.state, encode_state(work.state), work.fresh, work.turns, work.ids
        )
        for conversation_id, work in works.items()
    }
    return Folded(changes, outputs, meta, incoming[-1].offset if incoming else -1)


def _published(
    offset: int, effects: Iterable[Decision | ClassificationRequest]
) -> Iterable[Output]:
    for n, effect in enumerate(effects):
        topic = DECISIONS if type(effect) is Decision else REQUESTS
        yield Output(offset, n, topic, effect.conversation_id.encode(), encode(effect))


def _dead(record: Incoming, home: Home) -> Output:
    rejected = record.rejected
    if rejected is None:
        raise ValueError(f"offset {record.offset}: neither an event nor a reason for its absence")
    origin = Origin(home.topic, home.partition, record.offset)
    key, value, headers = dead_letter(origin, record.raw, rejected.reason, rejected.detail, AGENT)
    return Output(record.offset, 0, DEAD_LETTERS, key, value, None, tuple(headers))
