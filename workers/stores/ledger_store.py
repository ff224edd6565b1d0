"""The ledger in Redis: the last decision of each conversation and where its escalation is.

The compacted topic `escalation-ledger` outlives it; `positions` say how much of that topic is here.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import uuid4

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from workers.contracts.codec import decode_message, encode
from workers.contracts.decisions import Decision, Home, OtherEscalation
from workers.contracts.ledger import LedgerRecord
from workers.contracts.time import DAY, HOUR, MINUTE
from workers.errors import WentBackError
from workers.routing.ledger_record import is_over
from workers.routing.others import customer_of, other_escalations
from workers.stores.customer_index import CustomerIndex

KEPT_MS: Final = 32 * DAY
"""Retention of a conversation's record after its escalation has ended."""

_RECORD: Final = Path(__file__).with_name("lua").joinpath("ledger_record.lua").read_text()
_DONE: Final = Path(__file__).with_name("lua").joinpath("ledger_done.lua").read_text()
_ADVANCE: Final = Path(__file__).with_name("lua").joinpath("ledger_advance.lua").read_text()
# One reply instead of two for each partition, which a client reads much faster.
_POSITIONS: Final = "return cmsgpack.pack(redis.call('HGETALL', KEYS[1]))"
_FLAT: Final = msgspec.msgpack.Decoder(list[str])
_LOOK_MS: Final = HOUR
"""Time that one reading of the whole topic may take."""
_STEP_MS: Final = MINUTE
_NONE: Final = ""
_ANY_LOWER: Final = "<"


class LedgerEntry(NamedTuple):
    """The ledger's entry for one conversation."""

    record: LedgerRecord | None
    version: str
    """The version that `write` must find in the store to replace the entry."""
    done: bool
    """Every effect of the record's decision is known to be published."""


class Whereabouts(msgspec.Struct, frozen=True):
    """The conversation of an escalation, and the partition in which that lives."""

    conversation_id: str
    home: Home


def version_of(record: LedgerRecord) -> str:
    """Return the version of a record.

    Its plan is amended when a place rejects it, under the same seq.
    """
    rejections = sum(rung.reason == "rejected" for rung in record.plan.skipped)
    return f"{record.seq}.{rejections}"


class LedgerStore:
    """Reads and writes ledger records; each conversation and each escalation has its own slot."""

    def __init__(self, redis: "Redis", prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self._positions = f"{prefix}:ledger-positions"
        self.customers = CustomerIndex(prefix)

    # ---- records -----------------------------------------------------------------------------

    def ask(self, pipeline: "Pipeline", conversation_id: str) -> None:
        """Add the one command whose result `read` takes."""
        pipeline.hmget(self._key(conversation_id), "version", "record", "done")

    def read(self, result: Sequence[bytes | None]) -> LedgerEntry:
        """Return the entry from the result of `ask`."""
        version, blob, done = result
        if version is None or blob is None:
            return LedgerEntry(None, _NONE, done=False)
        return LedgerEntry(decode_message(LedgerRecord, blob), version.decode(), done == version)

    async def find(self, conversation_id: str) -> LedgerEntry:
        """Return the entry of one conversation."""
        return (await self.find_all([conversation_id]))[conversation_id]

    async def find_all(self, conversation_ids: Iterable[str]) -> dict[str, LedgerEntry]:
        """Return the entry of each of these conversations."""
        wanted = list(conversation_ids)
        pipeline = self._redis.pipeline(transaction=False)
        for conversation_id in wanted:
            self.ask(pipeline, conversation_id)
        return dict(zip(wanted, map(self.read, await pipeline.execute()), strict=True))

    async def write(self, record: LedgerRecord, expected: str) -> bool:
        """Write a record if the entry's version is `expected`; False when it is another.

        Its index entries, by escalation and by customer, are written before it.
        """
        pipeline = self._redis.pipeline(transaction=False)
        self._index_it(pipeline, record)
        self._write(pipeline, record, expected)
        return bool((await pipeline.execute())[-1])

    async def restore(self, records: Iterable[LedgerRecord]) -> list[LedgerRecord]:
        """Write each record that is later than what is here; return those."""
        records = list(records)
        pipeline = self._redis.pipeline(transaction=False)
        for record in records:
            self._write(pipeline, record, _ANY_LOWER)
        for record in records:
            self._index_it(pipeline, record, only_if_missing=True)
        results = await pipeline.execute()
        return [record for record, written in zip(records, results, strict=False) if written]

    def _write(self, pipeline: "Pipeline", record: LedgerRecord, expected: str) -> None:
        key = self._key(record.conversation_id)
        pipeline.eval(
            _RECORD, 1, key, expected, version_of(record), encode(record), _kept(record) or 0
        )

    def _index_it(
        self, pipeline: "Pipeline", record: LedgerRecord, *, only_if_missing: bool = False
    ) -> None:
        if record.escalation_id is None:
            return
        where = msgspec.json.encode(Whereabouts(record.conversation_id, record.home))
        key = self._index(record.escalation_id)
        pipeline.set(key, where, px=_kept(record), nx=only_if_missing)
        self.customers.note(pipeline, record)

    async def settle(
        self, records: Sequence[LedgerRecord], seen: Sequence[LedgerRecord], *, published: bool
    ) -> tuple[str, list[LedgerRecord]]:
        """Look whether these records and `seen` are here; note that all effects are `published`.

        That is noted of `records` alone, which are of different conversations. Returns a witness
        that was left for a minute before they were looked for, and what has replaced any of
        `records` meanwhile: the topic may have the older one last, and must have these again.
        WentBackError when a record is gone.
        """
        witness = self._new_witness()
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.set(witness, 1, px=_STEP_MS)
        versions = {record.conversation_id: version_of(record) for record in records}
        for conversation_id, version in versions.items():
            pipeline.eval(_DONE, 1, self._key(conversation_id), version, int(published))
        for record in seen:
            if versions.get(record.conversation_id) != version_of(record):
                pipeline.eval(_DONE, 1, self._key(record.conversation_id), version_of(record), 0)
        answers: list[bytes | None] = (await pipeline.execute())[1:]
        if b"" in answers:
            raise WentBackError(f"Redis went back in time: {answers.count(b'')} records are gone")
        later = [blob for blob in answers[: len(records)] if blob is not None]
        return witness, [decode_message(LedgerRecord, blob) for blob in later]

    # ---- whether it is still the same store ----------------------------------------------------

    async def witness(self) -> str:
        """Leave a key that an older copy of the store would lack, and return its name."""
        witness = self._new_witness()
        await self._redis.set(witness, 1, px=_LOOK_MS)
        return witness

    async def has(self, witness: str) -> bool:
        """Return True if this is the store in which the witness was left."""
        return await self._redis.get(witness) is not None

    def _new_witness(self) -> str:
        # In the slot of the positions, which are raised only beside it.
        return f"{self._key(self._positions)}:{uuid4().hex}"

    # ---- escalations -------------------------------------------------------------------------

    async def whereabouts(self, escalation_ids: Iterable[str]) -> dict[str, Whereabouts]:
        """Conversation and home of each escalation that is known."""
        wanted = list(dict.fromkeys(escalation_ids))
        pipeline = self._redis.pipeline(transaction=False)
        for escalation_id in wanted:
            pipeline.get(self._index(escalation_id))
        found = await pipeline.execute()
        return {
            escalation_id: msgspec.json.decode(blob, type=Whereabouts)
            for escalation_id, blob in zip(wanted, found, strict=True)
            if blob is not None
        }

    async def others_of(self, decision: Decision) -> tuple[OtherEscalation, ...]:
        """Return the open escalations that the customer of a decision has elsewhere."""
        customer = customer_of(decision)
        if customer is None:
            return ()
        pipeline = self._redis.pipeline(transaction=False)
        self.customers.ask(pipeline, customer)
        found = self.customers.read((await pipeline.execute())[0])
        entries = await self.find_all(name for name in found if name != decision.conversation_id)
        return other_escalations(decision, [entry.record for entry in entries.values()])

    # ---- the topic ---------------------------------------------------------------------------

    def ask_positions(self, pipeline: "Pipeline") -> None:
        """Add the one command whose result `read_positions` takes."""
        pipeline.eval(_POSITIONS, 1, self._positions)

    def read_positions(self, result: bytes) -> dict[int, int]:
        """Per partition of the topic the offset below which every record is here."""
        flat = _FLAT.decode(result)
        return {int(part): int(end) for part, end in zip(flat[::2], flat[1::2], strict=True)}

    async def positions(self) -> dict[int, int]:
        """Read `read_positions` by itself."""
        pipeline = self._redis.pipeline(transaction=False)
        self.ask_positions(pipeline)
        return self.read_positions((await pipeline.execute())[0])

    async def advance(self, spans: Iterable[tuple[int, int, int]], witness: str) -> dict[int, int]:
        """Raise the positions over (partition, start, end) of records that are here.

        They were seen here after `witness` was left: WentBackError, and nothing raised, when the
        store has been replaced since. A span that begins beyond its position is left out: the
        records between may not be here. Returns the positions of these partitions.
        """
        flat: list[Any] = [part for span in spans for part in span]
        if not flat:
            return {}
        reached = await self._redis.eval(_ADVANCE, 2, self._positions, witness, *flat)
        if reached is None:
            raise WentBackError("Redis was replaced while the ledger was read")
        return dict(zip(reached[::2], reached[1::2], strict=True))

    def _key(self, conversation_id: str) -> str:
        return f"{self._prefix}:ledger:{{{conversation_id}}}"

    def _index(self, escalation_id: str) -> str:
        return f"{self._prefix}:escalation:{{{escalation_id}}}"


def _kept(record: LedgerRecord) -> int | None:
    """Return the retention of a record and its index in ms; None while its escalation is open."""
    return KEPT_MS if is_over(record) else None
