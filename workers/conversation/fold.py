"""Fold a run of one partition's records: the one way in which live worker, rebuild and replay do.

However the log is cut into chunks, it gives the same outputs in the same order, byte for byte.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

from workers.contracts.codec import Header, Raw, encode
from workers.contracts.deadletters import Origin, dead_letter
from workers.contracts.decisions import ClassificationRequest, Decision, Home
from workers.contracts.events import (
    AiSwitch,
    Deadline,
    Event,
    PartitionEvent,
    PolicyInForce,
)
from workers.contracts.ids import deadline_event_id
from workers.contracts.rejections import Rejected
from workers.contracts.tickets import Notification
from workers.contracts.time import from_ms, to_ms
from workers.contracts.topics import CLASSIFICATIONS, DEAD_LETTERS, DECISIONS, NOTIFICATIONS
from workers.conversation.outcome_bands import count_outcomes, tells_outcome
from workers.conversation.partition_meta import (
    PartitionMeta,
    adopt,
    adopt_switches,
    policy_in,
    silenced_in,
)
from workers.conversation.rates import (
    Rates,
    copied,
    count,
    empty_rates,
    is_counted,
    slice_ms,
)
from workers.conversation.state import State, decode_state, encode_state, next_due
from workers.conversation.step import step
from workers.conversation.step_context import Effect
from workers.conversation.transcript import turns_of

AGENT: Final = "escalation"
"""Agent named in the dead letters of the fold."""


class Incoming(NamedTuple):
    """One record of the log: its event, or why it was refused."""

    offset: int
    timestamp_ms: int
    event: Event | None
    raw: Raw
    rejected: Rejected | None = None


class OutboxEntry(NamedTuple):
    """A record to publish; (`offset`, `n`) orders and names it within its partition."""

    offset: int
    n: int
    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: tuple[Header, ...] = ()
    again: bool = False
    """A rebuild publishes it again, after everything else of its offset."""


@dataclass(slots=True)
class ConversationWrite:
    """The data to be written for one conversation."""

    state: State
    blob: bytes
    fresh: bool = False
    """Transcript and ids start anew: the stored ones are dropped first."""
    turns: list[bytes] = field(default_factory=list)
    """Msgpack `Turn`s to append to the transcript."""
    ids: list[str] = field(default_factory=list)
    """Event ids to add."""

    @property
    def due(self) -> int | None:
        """Return the time at which its timer is due, in ms; None removes the timer."""
        return next_due(self.state)

    @property
    def is_open(self) -> bool:
        """Return True if an escalation is open, so that the keys must not expire."""
        return self.state.open is not None


@dataclass(slots=True)
class Folded:
    """The result of a chunk: everything to write before anything of it is published."""

    changes: dict[str, ConversationWrite]
    outputs: list[OutboxEntry]
    meta: PartitionMeta
    last_offset: int
    unread: int = 0
    """Messages that were one too many in their conversation's minute."""
    decisions: list[tuple[int, Decision]] = field(default_factory=list)
    """Offsets and what was decided there, when the fold was `dry`."""


_TOPICS: Final[dict[type, str]] = {
    Decision: DECISIONS,
    ClassificationRequest: CLASSIFICATIONS,
    Notification: NOTIFICATIONS,
}
_TURN_ENCODER = msgspec.msgpack.Encoder()
_NOTHING: Final[frozenset[str]] = frozenset()
_OF_PARTITIONS: Final = frozenset({PolicyInForce, AiSwitch})


def wanted(incoming: Iterable[Incoming]) -> dict[str, list[str]]:
    """Conversations whose stored state a chunk needs, each with the event ids to look up."""
    ids: dict[str, list[str]] = {}
    for record in incoming:
        event = record.event
        if event is None or type(event) in _OF_PARTITIONS:
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
    *,
    keeps_time: bool = False,
    dry: bool = False,
    observe: bool | None = None,
) -> Folded:
    """Fold records in their order onto the stored `states`; `known` holds ids applied before.

    `states` and `known` answer `wanted(incoming)`: a conversation that is missing there is new.
    `keeps_time` is for a log without `deadline` events: a deadline that passes before a
    conversation's next event is applied then. `dry` is for one who only counts: nothing is
    encoded for topics or the transcript, and rates stand still. With `observe` True or False
    decisions only observe, or do not, against the log's own word. Raises StateUnreadable; nothing
    of the chunk is applied then.
    """
    folding = Folding(states, known, meta, home, keeps_time=keeps_time, dry=dry, observe=observe)
    for record in incoming:
        folding.fold(record)
    return folding.folded(incoming[-1].offset if incoming else -1)


class _Work:
    """One conversation while its chunk is folded."""

    __slots__ = ("changed", "fresh", "ids", "known", "seen", "state", "turns")

    def __init__(self, state: State, known: Set[str]) -> None:
        self.state = state
        self.known = known
        self.seen: set[str] = set()
        self.turns: list[bytes] = []
        self.ids: list[str] = []
        self.fresh = False
        self.changed = False

    def begin_anew(self) -> None:
        """Keep nothing of the transcript and the ids so far."""
        self.fresh = True
        self.known, self.seen, self.turns, self.ids = _NOTHING, set(), [], []


class Folding:
    """A chunk while it is folded: for one who decides record by record what is to be folded.

    The arguments are those of `fold_chunk`. `keeps_time` may be changed between records;
    `decisions` grows with each when the fold is `dry`.
    """

    def __init__(
        self,
        states: Mapping[str, bytes | None],
        known: Mapping[str, Set[str]],
        meta: PartitionMeta,
        home: Home,
        *,
        keeps_time: bool = False,
        dry: bool = False,
        observe: bool | None = None,
    ) -> None:
        self.observe = observe
        self.keeps_time = keeps_time
        self.dry = dry
        self.states = states
        self.known = known
        self.meta = meta
        self.home = home
        self.policy = policy_in(meta.policy_text)
        self.silenced = silenced_in(meta, self.policy)
        self.works: dict[str, _Work] = {}
        self.outputs: list[OutboxEntry] = []
        self.unread = 0
        self.decisions: list[tuple[int, Decision]] = []
        self.rates: Rates | None = None
        """A copy of the meta's, once something is counted in it."""

    def switch(self, event: PartitionEvent) -> None:
        """Take the switches of an event of the partition, and not its policy."""
        self._hold(adopt_switches(self.meta, event))

    def _hold(self, meta: PartitionMeta) -> None:
        self.meta = meta
        self.policy = policy_in(meta.policy_text)
        self.silenced = silenced_in(meta, self.policy)

    def fold(self, record: Incoming) -> bool:
        """Fold one record; False where it was applied before, so that nothing follows from it."""
        event = record.event
        if event is None:
            self.outputs.append(_dead(record, self.home))
        elif isinstance(event, PolicyInForce | AiSwitch):
            self._hold(adopt(self.meta, event))
        else:
            work = self._work(event.conversation_id)
            if self.keeps_time and work.state.deadlines:
                self._pass_time(record.offset, event, work)
            if not _is_new(work, event, record.timestamp_ms):
                return False
            self._apply(record.offset, event, work)
        return True

    def state_of(self, conversation_id: str) -> State:
        """Return a conversation as it is after the records so far; not to be changed."""
        return self._work(conversation_id).state

    def _work(self, conversation_id: str) -> _Work:
        work = self.works.get(conversation_id)
        if work is None:
            state = decode_state(conversation_id, self.states.get(conversation_id))
            work = _Work(state, self.known.get(conversation_id, _NOTHING))
            self.works[conversation_id] = work
        return work

    def _pass_time(self, offset: int, event: Event, work: _Work) -> None:
        """Apply what has become due before an event, as the live worker's timers do."""
        until = to_ms(event.occurred_at)
        while (due := next_due(work.state)) is not None and due < until:
            conversation_id, due_at = event.conversation_id, from_ms(due)
            passed = Deadline(
                type="deadline",
                event_id=deadline_event_id(conversation_id, due),
                conversation_id=conversation_id,
                occurred_at=due_at,
                due_at=due_at,
            )
            self._apply(offset, passed, work)

    def _apply(self, offset: int, event: Event, work: _Work) -> None:
        before = work.state
        observe = self.meta.observe if self.observe is None else self.observe
        state, effects = step(
            before, event, self.policy, self.home, observe=observe, silenced=self.silenced
        )
        if state.unread > before.unread:
            # Neither its words nor its id are kept: a flood must not fill the store.
            work.state, work.changed = state, True
            self.unread += 1
            self._put_all(offset, event, effects)
            return
        if before.started_at and state.started_at != before.started_at:
            work.begin_anew()
        work.state, work.changed = state, True
        if type(event) is not Deadline:
            work.seen.add(event.event_id)
            work.ids.append(event.event_id)
        self._put_all(offset, event, effects)
        if self.dry:
            return
        work.turns += map(_TURN_ENCODER.encode, turns_of(event, before, state, effects))
        counted = is_counted(before, state)
        if counted or tells_outcome(before, state, event):
            self._count(before, state, event, counted=counted)

    def _put_all(self, offset: int, event: Event, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if not self.dry:
                self._put(offset, _TOPICS[type(effect)], event.conversation_id, effect)
            elif type(effect) is Decision:
                self.decisions.append((offset, effect))

    def _put(self, offset: int, topic: str, key: str, message: msgspec.Struct) -> None:
        last = self.outputs[-1] if self.outputs else None
        n = last.n + 1 if last is not None and last.offset == offset else 0
        self.outputs.append(OutboxEntry(offset, n, topic, key.encode(), encode(message)))

    def _count(self, before: State, after: State, event: Event, *, counted: bool) -> None:
        bands = self.policy.bands
        rates = self.rates
        if rates is None:
            rates = empty_rates(bands) if self.meta.rates is None else copied(self.meta.rates)
        if rates.slice_ms != slice_ms(bands):
            # Another window has other slices; what was counted in the old ones cannot be divided.
            rates = empty_rates(bands)
        self.rates = rates
        if counted:
            count(rates, before, after, event)
        count_outcomes(rates, before, after, event)

    def folded(self, last_offset: int) -> Folded:
        """Return what the chunk came to."""
        changes = {
            conversation_id: ConversationWrite(
                work.state, encode_state(work.state), work.fresh, work.turns, work.ids
            )
            for conversation_id, work in self.works.items()
            if work.changed
        }
        meta = self.meta
        if self.rates is not None:
            meta = msgspec.structs.replace(meta, rates=self.rates)
        return Folded(changes, self.outputs, meta, last_offset, self.unread, self.decisions)


def _is_new(work: _Work, event: Event, timestamp_ms: int) -> bool:
    """Return True if an event is to be applied."""
    if type(event) is Deadline:
        # It needs no id: what it applies is gone afterwards. One from the future is not believed.
        due = next_due(work.state)
        return due is not None and due <= to_ms(event.due_at) <= timestamp_ms
    return event.event_id not in work.seen and event.event_id not in work.known


def _dead(record: Incoming, home: Home) -> OutboxEntry:
    rejected = record.rejected
    if rejected is None:
        raise ValueError(f"offset {record.offset}: neither an event nor a reason for its absence")
    origin = Origin(home.topic, home.partition, record.offset)
    key, value, headers = dead_letter(origin, record.raw, rejected.reason, rejected.detail, AGENT)
    return OutboxEntry(record.offset, 0, DEAD_LETTERS, key, value, None, tuple(headers))
