"""One partition of the log in the hands of the escalation worker.

The order of things is the protocol: read (the mark must be ours) → fold → one script (the mark
must still be ours) → publish, every acknowledgement awaited → commit.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from aiokafka import ConsumerRecord

from workers.agents.escalation.decoding import at_once, decode, split_at
from workers.agents.escalation.fenced_store import FencedStore
from workers.agents.escalation.log_reader import LogReader
from workers.agents.escalation.outbox_publisher import publish_outputs
from workers.agents.escalation.state_rebuild import Rebuilding, Start
from workers.contracts.deadletters import NONE_GIVEN_UP, POISON, Origin
from workers.contracts.decisions import Home
from workers.contracts.rejections import Rejected
from workers.contracts.signing import Secrets
from workers.contracts.topics import DEAD_LETTERS
from workers.conversation.fold import Folded, Incoming, OutboxEntry, fold_chunk
from workers.conversation.partition_meta import PartitionMeta, meta_fields, read_meta
from workers.conversation.state import StateUnreadable, decode_state
from workers.errors import ConfigurationError
from workers.runtime import metrics
from workers.runtime.dead_letter_limit import DeadLetterLimit, Refusal, TooManyDeadLetters, refusal
from workers.runtime.placing import Bounds
from workers.runtime.producer import Publish
from workers.stores.partition_store import ChunkRead, PartitionStore, Writes, outbox_field

DEATHS_ALLOWED: Final = 2
"""Processes that may die at a chunk before its records are tried one by one."""

logger = logging.getLogger(__name__)


class Unreadable(Exception):
    """Stored states cannot be decoded; `fold_again` mends them, then the chunk is tried again."""

    def __init__(self, conversation_ids: Collection[str]) -> None:
        super().__init__(f"{len(conversation_ids)} stored states cannot be decoded")
        self.conversation_ids = conversation_ids


class Partition:
    """One partition from takeover to giving it up: `place`, `take_over`, then chunks."""

    def __init__(
        self,
        home: Home,
        store: PartitionStore,
        log: LogReader,
        publish: Publish,
        *,
        address: str,
        secrets: Secrets,
        limit: DeadLetterLimit,
        own: PartitionMeta,
    ) -> None:
        self.home = home
        self.marked = FencedStore(home, store, address, own)
        self.rebuilding = Rebuilding(self.marked, log, secrets)
        self.first: int | None = None
        """Offset at which the very first start began to decide; None if unknown."""
        self.phase = "idle"
        """Current step of the chunk in hand: read, fold, write or publish."""
        self._publish = publish
        self._secrets = secrets
        self._limit = limit
        self._observe = own.observe
        self._silent_below = 0
        self._end = 0
        self._outbox: list[OutboxEntry] = []
        self._acked: list[str] = []

    # ---- takeover ------------------------------------------------------------------------------

    async def place(self, bounds: Bounds, start: Start) -> int:
        """Decide where to read from and remember it; ConfigurationError when that is impossible."""
        head = await self.marked.head()
        if head.mark is None:
            await self.rebuilding.begin(bounds, start)
        else:
            self.marked.meta = read_meta(head.meta) or self.marked.meta
            self.rebuilding.resume(head)
        self._require_inside(bounds)
        committed, progress = bounds.committed or 0, self.rebuilding.progress
        self.first = bounds.first
        if self.first is None and progress is not None and progress.kind == "first":
            self.first = progress.until
        self._end = bounds.end
        self._silent_below = max(committed, 0 if progress is None else progress.until)
        self._outbox, self._acked = [], []
        for output in head.outbox:
            if output.again or output.offset >= committed:
                self._outbox.append(output)
            else:
                self._acked.append(outbox_field(output))
        return self.marked.mark.offset + 1

    def _require_inside(self, bounds: Bounds) -> None:
        mark = self.marked.mark.offset
        if bounds.begin <= mark + 1 <= bounds.end:
            return
        what = "was trimmed while nobody read it" if mark + 1 < bounds.begin else "was cut"
        raise ConfigurationError(
            f"{self}: the mark {mark} lies outside of the log, which holds offsets "
            f"{bounds.begin} to {bounds.end - 1}: the log {what}, or this Redis belongs to another "
            "cluster; check both, then run `handoff rebuild`"
        )

    async def take_over(self) -> int:
        """Publish what a predecessor may not have, prepare a rebuild; return what may be committed.

        Must come before the first chunk. It may wait as long as Kafka does.
        """
        if self._outbox:
            await self._publish_all(self._outbox)
            metrics.REPEATED.inc(len(self._outbox))
            logger.info("%s: published %d outputs again", self, len(self._outbox))
            self._outbox = []
        await self.rebuilding.prepare(self._end)
        await self._finish_rebuild(self.marked.mark.offset + 1)
        return max(self.marked.mark.offset + 1, self._silent_below)

    async def finish_rebuild(self, reached: int) -> None:
        """End a rebuild when everything below `reached` is folded and that is all it had to."""
        if self.rebuilding.progress is not None:
            async with self.marked.lock:
                if not self.marked.closed:
                    await self._finish_rebuild(reached)

    async def _finish_rebuild(self, reached: int) -> None:
        if outputs := await self.rebuilding.finish(reached):
            await self._publish_all(outputs)
            logger.info("%s: %d open escalations published again", self, len(outputs))

    def is_caught_up(self, reached: int) -> bool:
        """Return True once every record is folded that was on the log at the takeover.

        Before that no timer may fire: the event that it waits for may be on the log already.
        """
        position = max(reached, self.marked.mark.offset + 1)
        return self.rebuilding.progress is None and position >= self._end

    # ---- chunks --------------------------------------------------------------------------------

    async def apply(self, records: Sequence[ConsumerRecord]) -> None:
        """Return when every effect of these records is durable and acknowledged.

        Raises MarkMoved, TooManyDeadLetters or Unreadable; nothing of the chunk that raised is
        published then, except for the dead letters that are too many.
        """
        async with self.marked.lock:
            if (progress := self.rebuilding.progress) is None:
                await self._apply(records)
                return
            for part in split_at(records, progress.decides_from, progress.until):
                # Offsets between the mark and the first record hold no visible record.
                await self._finish_rebuild(part[0].offset)
                await self._apply(part)
            await self._finish_rebuild(self.marked.mark.offset + 1)

    async def step_over(self, end: int) -> None:
        """Move the mark to just below `end`: up to there the log has nothing more to read."""
        async with self.marked.lock:
            await self.marked.write(end - 1, Writes(dropped=self._acked))
            self._acked = []

    async def _apply(self, records: Sequence[ConsumerRecord]) -> None:
        progress = self.rebuilding.progress
        given_up = progress.given_up if progress else NONE_GIVEN_UP
        incoming = [decode(record, self._secrets, given_up) for record in records]
        while incoming:
            incoming = incoming[await self._chunk(incoming[: at_once(incoming)]) :]

    async def _chunk(self, incoming: Sequence[Incoming]) -> int:
        """Apply as many of the records as may be tried at once; return how many that were."""
        marked = self.marked
        self.phase = "read"
        reading = await marked.read(incoming)
        incoming = await self._suspected(incoming, reading)
        self.phase = "fold"
        folded = self._fold(incoming, reading)
        self.phase = "write"
        outputs = [o for o in folded.outputs if o.offset >= self._silent_below]
        await self._require_few_refused(incoming, outputs)
        writes = Writes(
            changes=folded.changes,
            outputs=outputs,
            dropped=self._acked,
            meta=meta_fields(folded.meta, marked.meta),
            latest=self.rebuilding.latest(folded),
        )
        await marked.write(folded.last_offset, writes)
        metrics.UNREAD.inc(folded.unread)
        marked.meta, self._acked = folded.meta, []
        self.phase = "publish"
        await self._publish_all(outputs)
        self.phase = "idle"
        return len(incoming)

    async def _require_few_refused(
        self, incoming: Sequence[Incoming], outputs: Sequence[OutboxEntry]
    ) -> None:
        """Pass on TooManyDeadLetters once those who must mend it can list what was refused."""
        heard = [one for one in incoming if one.offset >= self._silent_below]
        try:
            self._limit.add(self._refusal(one) for one in heard)
        except TooManyDeadLetters:
            letters = [output for output in outputs if output.topic == DEAD_LETTERS]
            await publish_outputs(self._publish, letters)
            raise

    def _refusal(self, one: Incoming) -> Refusal | None:
        if one.rejected is None:
            return None
        return refusal(
            Origin(self.home.topic, self.home.partition, one.offset), one.raw, one.rejected
        )

    async def _publish_all(self, outputs: Sequence[OutboxEntry]) -> None:
        await publish_outputs(self._publish, outputs)
        self._acked += map(outbox_field, outputs)

    async def _suspected(
        self, incoming: Sequence[Incoming], reading: ChunkRead
    ) -> Sequence[Incoming]:
        """Leave out what must not be tried together with a record at which processes died."""
        first = incoming[0]
        if first.offset <= reading.alone:
            if not reading.deaths:
                return [first]
            logger.error(
                "%s: offset %d: a worker died while it handled this record alone",
                self,
                first.offset,
            )
            rejected = Rejected(POISON, "event: workers died while they applied it: report it")
            return [first._replace(event=None, rejected=rejected)]
        if reading.deaths < DEATHS_ALLOWED:
            return incoming
        until = incoming[-1].offset
        where = f"{self}: workers died at offsets {first.offset} to {until}"
        logger.error("%s: trying the records of the suspect chunk one by one", where)
        await self.marked.try_alone(first.offset, until)
        return [first]

    def _fold(self, incoming: Sequence[Incoming], reading: ChunkRead) -> Folded:
        progress = self.rebuilding.progress
        try:
            if progress is not None and incoming[0].offset < progress.decides_from:
                return self.rebuilding.remember(incoming, reading)
            meta = self.marked.meta
            # What a rebuild folds was decided under the flag that the log tells of.
            observe = self._observe if progress is None else None
            return fold_chunk(
                incoming, reading.states, reading.known, meta, self.home, observe=observe
            )
        except StateUnreadable:
            raise Unreadable(_unreadable(reading.states)) from None

    async def forgive(self) -> None:
        """Clear the suspicion against the records in hand in a step that they cannot break."""
        if self.phase in ("read", "write"):
            await self.marked.forgive()

    def __str__(self) -> str:
        return str(self.marked)


def _unreadable(states: Mapping[str, bytes | None]) -> list[str]:
    names = []
    for name, blob in states.items():
        try:
            decode_state(name, blob)
        except StateUnreadable:
            names.append(name)
    return names
