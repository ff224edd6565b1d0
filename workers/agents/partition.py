"""One partition of the log in the hands of the escalation worker.

The order of things is the protocol: read (the mark must be ours) → fold → one script (the mark
must still be ours) → publish, every acknowledgement awaited → commit.
"""

import asyncio
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Final, Literal

import msgspec
from aiokafka import ConsumerRecord
from redis.exceptions import RedisError

from workers.agents import metrics
from workers.agents.chunks import Bounds
from workers.agents.failstop import ConfigurationError, WorkerStop
from workers.agents.limits import DeadLetterLimit
from workers.agents.publishing import Publish, publish_outputs
from workers.agents.rebuild import (
    POISON,
    REBUILD_WINDOW_MS,
    Beside,
    Log,
    Rebuild,
    batched,
    latest_decisions,
    split_at,
)
from workers.contracts.codec import Raw, decode_event
from workers.contracts.decisions import Home
from workers.contracts.events import POLICY_CONVERSATION, PolicyInForce
from workers.contracts.rejections import Rejected
from workers.contracts.signing import Secrets
from workers.conversation.chunk import Folded, Incoming, Output, fold_chunk, wanted
from workers.conversation.meta import (
    PartitionMeta,
    adopt,
    meta_fields,
    read_meta,
    starting_meta,
)
from workers.conversation.state import StateUnreadable, decode_state
from workers.stores.connection import persist
from workers.stores.partition import Mark, PartitionStore, Reading, Writes, outbox_field

Start = int | Literal["earliest", "now"]
"""Where the very first start begins; an int is milliseconds since the epoch."""

DEATHS_ALLOWED: Final = 2
STORE_LIMIT_S: Final = 20.0
"""How long the store may be away between chunks; chunks have the same bound."""
BESIDE_AT_ONCE: Final = 100
"""Conversations that a rebuild writes at once."""
REPEATED: Final = 1_000_000
"""From this `n` on an output is a decision that a rebuild publishes again."""
FIRST_POLICY: Final = """
version: 0
description: Decides nothing; what lies before the very first start is only remembered.
keep_promises: false
rules:
  - rule: never
    reason: explicit_request
    class: mandatory
    auto_escalate: false
    when: {requested_human: 1.0, tenant: "\\u0000"}
"""

logger = logging.getLogger(__name__)


class MarkMoved(WorkerStop):
    """Somebody else applied records of this partition, or the store went back in time."""


class Unreadable(Exception):
    """Stored states cannot be decoded; `fold_again` mends them, then the chunk is tried again."""

    def __init__(self, conversation_ids: Collection[str]) -> None:
        super().__init__(f"{len(conversation_ids)} stored states cannot be decoded")
        self.conversation_ids = conversation_ids


class Partition:
    """The mark, the policy and the outbox of one partition, from takeover to giving it up."""

    def __init__(
        self,
        home: Home,
        store: PartitionStore,
        log: Log,
        publish: Publish,
        *,
        address: str,
        secrets: Secrets,
        limit: DeadLetterLimit,
        own: PartitionMeta,
    ) -> None:
        self.home = home
        self.log = log
        self.lock = asyncio.Lock()
        """Held by whoever reads or moves the mark."""
        self.meta = own
        self.mark: Mark
        self.moved_at = time.monotonic()
        self.phase = "idle"
        self._store = store
        self._publish = publish
        self._address = address
        self._secrets = secrets
        self._limit = limit
        self._rebuild: Rebuild | None = None
        self._silent_below = 0
        self._end = 0
        self._outbox: list[Output] = []
        self._acked: list[str] = []
        self._closed = False

    # ---- takeover ------------------------------------------------------------------------------

    async def place(self, bounds: Bounds, start: Start) -> int:
        """Decide where to read from and remember it; ConfigurationError when that is impossible."""
        head = await persist(self._store.head, self._address)
        self._end = bounds.end
        self._silent_below = bounds.committed or 0
        if head.mark is None:
            await self._begin(bounds, start)
        else:
            self.mark = head.mark
            self.meta = read_meta(head.meta) or self.meta
            if stored := head.meta.get("rebuild"):
                self._rebuild = msgspec.msgpack.decode(stored, type=Rebuild)
                self._silent_below = max(self._silent_below, self._rebuild.until)
        self._require_inside(bounds)
        committed = bounds.committed or 0
        self._outbox = [o for o in head.outbox if o.offset >= committed or o.n >= REPEATED]
        self._acked = [outbox_field(o) for o in head.outbox if o not in self._outbox]
        return self.mark.offset + 1

    async def _begin(self, bounds: Bounds, start: Start) -> None:
        """Note in an empty store what has to be folded, and from where on to publish."""
        window = int(time.time() * 1000) - REBUILD_WINDOW_MS
        if bounds.committed is not None:
            if bounds.committed > bounds.end:
                raise ConfigurationError(
                    f"{self}: the store is empty and the committed offset {bounds.committed} lies "
                    f"behind the end of the log, {bounds.end}: the log was cut or made anew; reset "
                    "the offsets of the consumer group to its end"
                )
            since = max(bounds.begin, min(await self.log.offset_at(window), bounds.committed))
            rebuild = Rebuild(kind="again", since=since, until=bounds.committed)
            logger.warning("%s: the store is empty: folding the log again from %d", self, since)
        else:
            until = await self._first(bounds, start)
            since = min(await self.log.offset_at(window), until)
            rebuild = Rebuild(kind="first", since=since, until=until, prepared=True)
            logger.info("%s: very first start: publishing from offset %d", self, until)
        fields = {**meta_fields(self.meta), **_rebuild_field(rebuild)}
        await self._write(None, rebuild.since - 1, Writes(meta=fields))
        self._rebuild = rebuild
        self._silent_below = rebuild.until

    async def _first(self, bounds: Bounds, start: Start) -> int:
        if start == "earliest":
            return bounds.begin
        return bounds.end if start == "now" else await self.log.offset_at(int(start))

    def _require_inside(self, bounds: Bounds) -> None:
        position = self.mark.offset + 1
        if bounds.begin <= position <= bounds.end:
            return
        what = "was trimmed while nobody read it" if position < bounds.begin else "was cut"
        raise ConfigurationError(
            f"{self}: the mark {self.mark.offset} lies outside of the log, which holds offsets "
            f"{bounds.begin} to {bounds.end - 1}: the log {what}, or this Redis belongs to another "
            "cluster; check both, then run `handoff rebuild`"
        )

    async def take_over(self) -> int:
        """Publish what a predecessor may not have, prepare a rebuild; return what may be committed.

        Must come before the first chunk. It may wait as long as Kafka does.
        """
        await publish_outputs(self._publish, self._outbox)
        if self._outbox:
            metrics.REPEATED.inc(len(self._outbox))
            logger.info("%s: published %d outputs again", self, len(self._outbox))
        self._acked += map(outbox_field, self._outbox)
        self._outbox = []
        if self._rebuild is not None and not self._rebuild.prepared:
            await self._prepare(self._rebuild)
        await self._finish_rebuild(self.mark.offset + 1)
        return max(self.mark.offset + 1, self._silent_below)

    async def _prepare(self, rebuild: Rebuild) -> None:
        """Fold conversations that are open and older than the window, under the policy of then."""
        older, start = set(), rebuild.since
        conversations = await self.log.open_conversations()
        if conversations:
            first = await self.log.offset_at(min(c.started_at for c in conversations))
            if first < rebuild.since:
                older, start = {c.conversation_id for c in conversations}, first
        await self._policy_from(start)
        poison = await self.log.poison()
        await self._fold_beside(older, start, rebuild.since, poison)
        rebuild = msgspec.structs.replace(rebuild, prepared=True, poison=poison)
        fields = {**meta_fields(self.meta), **_rebuild_field(rebuild)}
        await self._write(self.mark, self.mark.offset, Writes(meta=fields))
        self._rebuild = rebuild

    async def _policy_from(self, start: int) -> None:
        """Take the first policy event from `start` on as in force before it, if there is one."""
        record = await self.log.first_policy(start, self._end)
        event = None if record is None else self._decode(record, ()).event
        if isinstance(event, PolicyInForce):
            self.meta = starting_meta(event.policy, event.observe)

    async def fold_again(self, conversation_ids: Collection[str]) -> None:
        """Fold conversations whose stored state cannot be decoded anew, from all the log has."""
        logger.error("%s: folding %d unreadable states again", self, len(conversation_ids))
        async with self.lock:
            kept = self.meta
            await self._policy_from(0)
            poison = await self.log.poison()
            await self._fold_beside(set(conversation_ids), 0, self.mark.offset + 1, poison)
            self.meta = kept

    async def _fold_beside(
        self, conversation_ids: Collection[str], start: int, end: int, poison: Sequence[int]
    ) -> None:
        """Fold some conversations anew without publishing; the mark stays where it is.

        Everything of one conversation is replaced at once, so that a crash leaves it as it was.
        """
        if not conversation_ids:
            return
        beside = Beside(self.home, self.meta)
        keys = {name.encode() for name in conversation_ids} | {POLICY_CONVERSATION.encode()}
        async for records in self.log.records(start, end, keys):
            incoming = [self._decode(record, poison) for record in records]
            beside.fold([one for one in incoming if one.event is not None])
        self.meta = beside.meta
        for changes in batched(beside.changes, BESIDE_AT_ONCE):
            latest = {name: beside.latest.get(name) for name in changes} if self._rebuild else {}
            await self._write(self.mark, self.mark.offset, Writes(changes=changes, latest=latest))

    async def finish_rebuild(self, reached: int) -> None:
        """End a rebuild when everything below `reached` is folded and that is all it had to."""
        async with self.lock:
            if not self._closed:
                await self._finish_rebuild(reached)

    async def _finish_rebuild(self, reached: int) -> None:
        """Publish the latest decision of every open escalation once more."""
        rebuild = self._rebuild
        if rebuild is None or not rebuild.prepared or reached < rebuild.until:
            return
        latest = await persist(self._store.latest, self._address)
        outputs = [
            output._replace(offset=rebuild.until, n=REPEATED + index)
            for index, output in enumerate(latest)
        ]
        gone: dict[str, Output | None] = {(o.key or b"").decode(): None for o in latest}
        writes = Writes(
            outputs=outputs,
            meta=meta_fields(self.meta),
            meta_dropped=["rebuild"],
            latest=gone,
        )
        await self._write(self.mark, self.mark.offset, writes)
        self._rebuild = None
        await publish_outputs(self._publish, outputs)
        self._acked += map(outbox_field, outputs)
        logger.info(
            "%s: rebuilt up to %d, %d open escalations", self, self.mark.offset, len(outputs)
        )

    # ---- chunks --------------------------------------------------------------------------------

    async def apply(self, records: Sequence[ConsumerRecord]) -> None:
        """Return when every effect of these records is durable and acknowledged.

        Raises MarkMoved, TooManyDeadLetters or Unreadable; nothing of the chunk that raised is
        published then.
        """
        async with self.lock:
            if self._rebuild is None:
                await self._apply(records)
                return
            for part in split_at(records, self._rebuild.until):
                # What lies between the mark and the first record can be seen by nobody.
                await self._finish_rebuild(part[0].offset)
                await self._apply(part)
            await self._finish_rebuild(self.mark.offset + 1)

    async def _apply(self, records: Sequence[ConsumerRecord]) -> None:
        poison = self._rebuild.poison if self._rebuild else ()
        incoming = [self._decode(record, poison) for record in records]
        while incoming:
            incoming = incoming[await self._chunk(incoming) :]

    async def _chunk(self, incoming: Sequence[Incoming]) -> int:
        """Apply as many of the records as may be tried at once; return how many that were."""
        self.phase = "read"
        reading = await self._read(incoming[0].offset, incoming)
        incoming = await self._suspected(incoming, reading)
        self.phase = "fold"
        folded = self._fold(incoming, reading)
        self.phase = "write"
        heard = [one for one in incoming if one.offset >= self._silent_below]
        self._limit.add(one.event is None for one in heard)
        outputs = [o for o in folded.outputs if o.offset >= self._silent_below]
        writes = Writes(
            changes=folded.changes,
            outputs=outputs,
            dropped=self._acked,
            meta=meta_fields(folded.meta, self.meta),
            latest=self._latest(folded),
        )
        await self._write(self.mark, folded.last_offset, writes)
        self.meta, self._acked = folded.meta, []
        self.phase = "publish"
        await publish_outputs(self._publish, outputs)
        self._acked = [*map(outbox_field, outputs)]
        self.phase = "idle"
        return len(incoming)

    async def _read(self, start: int, incoming: Sequence[Incoming]) -> Reading:
        needed = wanted(incoming)
        reading = await persist(lambda: self._store.read(start, needed), self._address)
        self._require(reading.mark)
        return reading

    async def _suspected(
        self, incoming: Sequence[Incoming], reading: Reading
    ) -> Sequence[Incoming]:
        """Leave out what must not be tried together with a record at which processes died."""
        first, until = incoming[0], reading.alone
        if first.offset <= until:
            if not reading.deaths:
                return [first]
            logger.error("%s: offset %d: a worker died at it, alone", self, first.offset)
            rejected = Rejected(POISON, "event: workers died while they applied it: report it")
            return [first._replace(event=None, rejected=rejected)]
        if reading.deaths < DEATHS_ALLOWED:
            return incoming
        until = incoming[-1].offset
        logger.error(
            "%s: workers died at offsets %d to %d: trying them one by one",
            self,
            first.offset,
            until,
        )
        await persist(lambda: self._store.try_alone(first.offset, until), self._address)
        return [first]

    def _fold(self, incoming: Sequence[Incoming], reading: Reading) -> Folded:
        first = self._rebuild is not None and self._rebuild.kind == "first"
        fold = self._remember if first else self._decide
        try:
            return fold(incoming, reading)
        except StateUnreadable:
            raise Unreadable(_unreadable(reading.states)) from None

    def _decide(self, incoming: Sequence[Incoming], reading: Reading) -> Folded:
        return fold_chunk(incoming, reading.states, reading.known, self.meta, self.home)

    def _remember(self, incoming: Sequence[Incoming], reading: Reading) -> Folded:
        """Fold what lies before the very first start without deciding anything about it.

        No router ever heard of it, so that an escalation would stay open for ever.
        """
        quiet = starting_meta(FIRST_POLICY)
        events = [one for one in incoming if not isinstance(one.event, PolicyInForce)]
        folded = fold_chunk(events, reading.states, reading.known, quiet, self.home)
        folded.meta, folded.last_offset = self.meta, incoming[-1].offset
        for one in incoming:
            if isinstance(one.event, PolicyInForce):
                folded.meta = adopt(folded.meta, one.event)
        return folded

    def _latest(self, folded: Folded) -> dict[str, Output | None]:
        """While rebuilding: the last decision of each conversation that is open now."""
        if self._rebuild is None or self._rebuild.kind == "first":
            return {}
        return latest_decisions(folded)

    def _decode(self, record: ConsumerRecord, poison: Collection[int]) -> Incoming:
        raw = Raw(record.key, record.value, record.headers, record.timestamp)
        offset, at = record.offset, record.timestamp
        if offset in poison:
            return Incoming(offset, at, None, raw, Rejected(POISON, "event: in dead-letters"))
        try:
            return Incoming(offset, at, decode_event(raw, self._secrets), raw)
        except Rejected as rejected:
            return Incoming(offset, at, None, raw, rejected)

    async def _write(self, expected: Mark | None, offset: int, writes: Writes) -> None:
        mark = self._store.next_mark(offset)
        written = await persist(lambda: self._store.apply(expected, mark, writes), self._address)
        if not written:
            raise MarkMoved(f"{self}: the mark is no longer {expected}, as this worker left it")
        self.mark = mark
        self.moved_at = time.monotonic()

    def _require(self, found: Mark | None) -> None:
        if found != self.mark:
            raise MarkMoved(f"{self}: the mark is {found}, this worker left {self.mark}")

    # ---- between chunks ------------------------------------------------------------------------

    async def check_mark(self) -> None:
        """Raise MarkMoved if the store no longer has the mark; an unreachable store is no news."""
        async with self.lock:
            if self._closed:
                return
            try:
                found = await self._store.mark()
            except RedisError as error:
                logger.warning("%s: Redis at %s: %s", self, self._address, type(error).__name__)
                return
            self._require(found)
            self.moved_at = time.monotonic()

    async def close(self) -> None:
        """Wait for what is at work; after that nothing of this object touches the partition."""
        async with self.lock:
            self._closed = True

    def is_caught_up(self, reached: int) -> bool:
        """Whether everything is folded that was on the log at the takeover.

        Before that no timer may fire: what it waits for may be on the log already.
        """
        return self._rebuild is None and max(reached, self.mark.offset + 1) >= self._end

    async def due(self, now_ms: int, limit: int) -> list[tuple[str, int]]:
        """Conversations whose timer is due, with their due times."""
        async with asyncio.timeout(STORE_LIMIT_S):
            return await persist(lambda: self._store.due(now_ms, limit), self._address)

    async def settle(self, conversation_id: str, due_ms: int) -> None:
        """Remove a timer whose deadline event was acknowledged."""
        async with asyncio.timeout(STORE_LIMIT_S):
            await persist(lambda: self._store.settle(conversation_id, due_ms), self._address)

    async def forgive(self) -> None:
        """Take back that the records in hand may be what killed this process."""
        if self.phase in ("read", "write"):
            await self._store.forgive()

    def __str__(self) -> str:
        return f"{self.home.topic}[{self.home.partition}]"


def _rebuild_field(rebuild: Rebuild) -> dict[str, bytes]:
    return {"rebuild": msgspec.msgpack.encode(rebuild)}


def _unreadable(states: Mapping[str, bytes | None]) -> list[str]:
    names = []
    for name, blob in states.items():
        try:
            decode_state(name, blob)
        except StateUnreadable:
            names.append(name)
    return names
