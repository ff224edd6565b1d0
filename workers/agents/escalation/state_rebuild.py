"""An empty store: the part of the log that is folded again before a partition goes on.

The log is folded from `WINDOW_MS` before, after the conversations that are older than that and had
an open escalation since. Nothing below the committed offset is published; in the end the latest
decision of every open escalation is, once more. Events from before the very first start, which
every commit tells, are only remembered.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from contextlib import aclosing
from itertools import islice
from typing import Final, Literal

import msgspec

from workers.agents.escalation.decoding import at_once, decode
from workers.agents.escalation.fenced_store import FencedStore
from workers.agents.escalation.log_reader import LogReader
from workers.agents.escalation.outbox_publisher import action_of
from workers.contracts.deadletters import GivenUp
from workers.contracts.decisions import Home
from workers.contracts.events import POLICY_CONVERSATION, PartitionEvent, PolicyInForce
from workers.contracts.signing import Secrets
from workers.contracts.time import DAY
from workers.contracts.topics import DECISIONS
from workers.conversation.fold import (
    ConversationWrite,
    Folded,
    Incoming,
    OutboxEntry,
    fold_chunk,
    wanted,
)
from workers.conversation.partition_meta import (
    PartitionMeta,
    adopt,
    meta_before,
    meta_fields,
    starting_meta,
)
from workers.errors import ConfigurationError
from workers.policy import PolicyError
from workers.routing.ledger_record import PASSING
from workers.runtime.placing import Bounds
from workers.stores.partition_store import REBUILDING, ChunkRead, Head, Writes

Start = int | Literal["earliest", "now"]
"""The time from which the very first start publishes; an int is milliseconds since the epoch."""

WINDOW_MS: Final = 3 * DAY
AT_ONCE: Final = 100
"""Conversations that are written at once."""
QUIET_POLICY: Final = """
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


class RebuildProgress(msgspec.Struct, kw_only=True, frozen=True):
    """A rebuild in progress, stored with the mark, so that a restart goes on with it."""

    kind: Literal["first", "again"]
    """The very first start, or a store that lost what it had."""
    since: int
    """Offset from which everything is folded."""
    until: int
    """Outputs of records below are never published."""
    first: int = 0
    """Offset at which the very first start began to decide; earlier records are only remembered."""
    since_ms: int = 0
    """The time of `since`: of older escalations those matter that did not end before."""
    prepared: bool = False
    """Older conversations are folded, and `poison` is known."""
    poison: dict[int, tuple[str, ...]] | tuple[int, ...] = ()
    """The records at which workers died; releases up to 0.1 wrote offsets alone."""

    @property
    def decides_from(self) -> int:
        """The offset from which on the policy decides."""
        return self.until if self.kind == "first" else self.first

    @property
    def given_up(self) -> GivenUp:
        """Return the records at which workers died."""
        return self.poison if isinstance(self.poison, dict) else dict.fromkeys(self.poison, ())

    def field(self) -> dict[str, bytes]:
        """Return the field of the partition's meta that holds it."""
        return {REBUILDING: msgspec.msgpack.encode(self)}


class Rebuilding:
    """Begins, prepares and ends the rebuild of one partition; most of its life there is none."""

    def __init__(self, marked: FencedStore, log: LogReader, secrets: Secrets) -> None:
        self.progress: RebuildProgress | None = None
        self._marked = marked
        self._log = log
        self._secrets = secrets

    def resume(self, head: Head) -> None:
        """Go on with what a predecessor began."""
        if stored := head.meta.get(REBUILDING):
            self.progress = msgspec.msgpack.decode(stored, type=RebuildProgress)

    async def begin(self, bounds: Bounds, start: Start) -> None:
        """Note in an empty store what has to be folded, and from where on to publish."""
        window = int(time.time() * 1000) - WINDOW_MS
        if bounds.committed is None:
            until = await self._first(bounds, start)
            since = min(await self._log.offset_at(window), until)
            progress = RebuildProgress(kind="first", since=since, until=until, prepared=True)
            logger.info("%s: very first start: publishing from offset %d", self._marked, until)
        else:
            self._require_inside(bounds.committed, bounds)
            since = min(await self._log.offset_at(window), bounds.committed)
            progress = RebuildProgress(
                kind="again",
                since=max(since, bounds.begin),
                until=bounds.committed,
                first=bounds.first or 0,
                since_ms=window,
            )
            logger.warning(
                "%s: the store is empty: folding from %d on", self._marked, progress.since
            )
        fields = {**meta_fields(self._marked.meta), **progress.field()}
        await self._marked.begin(progress.since - 1, Writes(meta=fields))
        self.progress = progress

    async def _first(self, bounds: Bounds, start: Start) -> int:
        if start == "earliest":
            return bounds.begin
        return bounds.end if start == "now" else await self._log.offset_at(int(start))

    def _require_inside(self, committed: int, bounds: Bounds) -> None:
        if committed > bounds.end:
            raise ConfigurationError(
                f"{self._marked}: the store is empty, and the committed offset {committed} lies "
                f"behind the end of the log, {bounds.end}: the log was cut or made anew; stop the "
                "escalation workers and run `handoff rebuild`, which begins it anew"
            )

    async def prepare(self, end: int) -> None:
        """Fold conversations that are older than the window and were handed over within it."""
        progress = self.progress
        if progress is None or progress.prepared:
            return
        older: set[str] = set()
        start = progress.since
        if conversations := await self._log.handed_over(progress.since_ms):
            first = await self._log.offset_at(min(c.started_at for c in conversations))
            if first < start:
                older, start = {c.conversation_id for c in conversations}, first
        marked = self._marked
        marked.meta = await self._policy_from(start, end)
        given_up = await self._log.given_up()
        marked.meta = await self._fold_beside(
            older, start, progress.since, given_up, marked.meta, progress.first
        )
        progress = msgspec.structs.replace(progress, prepared=True, poison=given_up)
        fields = {**meta_fields(marked.meta), **progress.field()}
        await marked.write(marked.mark.offset, Writes(meta=fields))
        self.progress = progress

    async def _policy_from(self, start: int, end: int) -> PartitionMeta:
        """Return what holds from `start` on.

        The policy is that of the first policy event after it, or this worker's. The versions of
        the AI agent that were off then follow from the switches up to that event, and from it.
        """
        key, found = POLICY_CONVERSATION.encode(), list[PartitionEvent]()
        async with aclosing(self._log.records(start, end, {key})) as runs:
            async for records in runs:
                for record in records:
                    event = decode(record, self._secrets).event
                    if isinstance(event, PartitionEvent):
                        found.append(event)
                    if isinstance(event, PolicyInForce):
                        try:
                            return meta_before(found, self._marked.meta)
                        except PolicyError:
                            found.pop()
        return meta_before(found, self._marked.meta)

    async def fold_again(self, conversation_ids: Collection[str], first: int) -> None:
        """Fold conversations whose stored state cannot be decoded anew, from all the log has.

        Events below `first` are only remembered.
        """
        marked = self._marked
        logger.error("%s: folding %d unreadable states again", marked, len(conversation_ids))
        async with marked.lock:
            end = marked.mark.offset + 1
            meta = await self._policy_from(0, end)
            given_up = await self._log.given_up()
            await self._fold_beside(conversation_ids, 0, end, given_up, meta, first)

    async def _fold_beside(
        self,
        conversation_ids: Collection[str],
        start: int,
        end: int,
        given_up: GivenUp,
        meta: PartitionMeta,
        first: int,
    ) -> PartitionMeta:
        """Fold some conversations anew without publishing; return the meta at `end`.

        The mark stays where it is. Everything of one conversation is replaced at once, so that a
        crash leaves it as it was.
        """
        if not conversation_ids:
            return meta
        beside = _Beside(self._marked, meta, first)
        keys = {name.encode() for name in conversation_ids} | {POLICY_CONVERSATION.encode()}
        async with aclosing(self._log.records(start, end, keys)) as runs:
            async for records in runs:
                decoded = [decode(record, self._secrets, given_up) for record in records]
                incoming = [one for one in decoded if one.event is not None]
                while incoming:
                    count = at_once(incoming)
                    beside.fold(incoming[:count])
                    incoming = incoming[count:]
                    await asyncio.sleep(0)
        for changes in _batched(beside.changes, AT_ONCE):
            latest = {name: beside.latest.get(name) for name in changes} if self.progress else {}
            writes = Writes(changes=changes, latest=latest)
            await self._marked.write(self._marked.mark.offset, writes)
        return beside.meta

    def remember(self, incoming: Sequence[Incoming], reading: ChunkRead) -> Folded:
        """Fold what lies before the very first start without deciding anything about it.

        No router ever heard of it, so that an escalation would stay open for ever: neither rules
        nor persons who wrote open one, and the AI agent owns every conversation afterwards.
        """
        marked = self._marked
        return _remembered(incoming, reading.states, reading.known, marked.meta, marked.home)

    def latest(self, folded: Folded) -> dict[str, OutboxEntry | None]:
        """Return what a chunk changes in the decisions that are published again in the end."""
        again = self.progress is not None and self.progress.kind == "again"
        return _latest(folded) if again else {}

    async def finish(self, reached: int) -> list[OutboxEntry]:
        """End the rebuild if `reached` is its end; return the entries to publish."""
        progress, marked = self.progress, self._marked
        if progress is None or not progress.prepared or reached < progress.until:
            return []
        latest = await marked.latest()
        outputs = [
            output._replace(offset=progress.until, n=index, again=True)
            for index, output in enumerate(latest)
        ]
        writes = Writes(
            outputs=outputs,
            meta=meta_fields(marked.meta),
            meta_dropped=[REBUILDING],
            latest={(output.key or b"").decode(): None for output in latest},
        )
        await marked.write(marked.mark.offset, writes)
        self.progress = None
        logger.info("%s: folded up to %d again", marked, progress.until)
        return outputs


def _remembered(
    incoming: Sequence[Incoming],
    states: Mapping[str, bytes | None],
    known: Mapping[str, Set[str]],
    meta: PartitionMeta,
    home: Home,
) -> Folded:
    """Fold records without deciding anything, as `Rebuilding.remember` says."""
    quiet = starting_meta(QUIET_POLICY)
    events = [one for one in incoming if not isinstance(one.event, PartitionEvent)]
    folded = fold_chunk(events, states, known, quiet, home, observe=True)
    folded.meta, folded.last_offset = meta, incoming[-1].offset
    for one in incoming:
        if isinstance(one.event, PartitionEvent):
            folded.meta = adopt(folded.meta, one.event)
    return folded


def _latest(folded: Folded) -> dict[str, OutboxEntry | None]:
    """Return the last decision of each conversation that is open after a chunk.

    None when it is not open. Decisions that only stand beside an escalation, as a refused claim or
    a look at the wait, are passed over: they would not place it.
    """
    latest: dict[str, OutboxEntry | None] = {
        name: None for name, change in folded.changes.items() if not change.is_open
    }
    for output in folded.outputs:
        if output.topic == DECISIONS and action_of(output.value or b"") not in PASSING:
            name = (output.key or b"").decode()
            if latest.get(name, output) is not None:
                latest[name] = output
    return latest


class _Beside:
    """Conversations folded anew in memory, to replace what is stored of them."""

    def __init__(self, marked: FencedStore, meta: PartitionMeta, first: int) -> None:
        self.meta = meta
        self._first = first
        self.changes: dict[str, ConversationWrite] = {}
        self.latest: dict[str, OutboxEntry | None] = {}
        self._known: dict[str, set[str]] = {}
        self._home = marked.home

    def fold(self, incoming: Sequence[Incoming]) -> None:
        """Fold one run of records onto what is here."""
        below = sum(one.offset < self._first for one in incoming)
        for part, fold in ((incoming[:below], _remembered), (incoming[below:], fold_chunk)):
            if part:
                self._fold(part, fold)

    def _fold(self, incoming: Sequence[Incoming], fold: Callable[..., Folded]) -> None:
        states = {name: self.changes[name].blob for name in wanted(incoming) if name in self._known}
        folded = fold(incoming, states, self._known, self.meta, self._home)
        self.meta = folded.meta
        self.latest |= _latest(folded)
        for name, change in folded.changes.items():
            before = self.changes.get(name)
            if before is None or change.fresh:
                self._known[name] = set(change.ids)
            else:
                self._known[name].update(change.ids)
                # A long conversation comes in many runs: what is here grows, nothing is copied.
                before.turns += change.turns
                before.ids += change.ids
                change.turns, change.ids = before.turns, before.ids
            change.fresh = True
            self.changes[name] = change


def _batched(
    changes: Mapping[str, ConversationWrite], size: int
) -> Iterator[dict[str, ConversationWrite]]:
    """Return the changes in portions of at most `size`."""
    items = iter(changes.items())
    while portion := dict(islice(items, size)):
        yield portion
