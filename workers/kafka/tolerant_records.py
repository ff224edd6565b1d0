"""Read batches whose header names are not UTF-8, at which aiokafka 0.14.0 stops for ever.

The protocol calls a header's name a string, but brokers and other clients take any bytes. Only a
batch that holds such a name is read a second time, here.
"""

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchPy, _DefaultRecordPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.record.util import decode_varint


def accept_any_header_name() -> None:
    """Have every consumer of this process read such records; safe to call more than once."""
    fetcher.MemoryRecords = _Records


class _Records(_MemoryRecordsPy):  # type: ignore[misc]
    """The batches of one answer; those of today's format can be iterated whatever they hold."""

    def next_batch(self, *args: Any) -> Any:
        piece = self._next_slice
        batch = super().next_batch(*args)
        return batch if piece is None or piece[self.MAGIC_OFFSET] < 2 else _Batch(batch, piece)


class _Batch:
    """A batch that aiokafka reads, and this module when aiokafka cannot."""

    def __init__(self, batch: Any, piece: memoryview) -> None:
        self._batch = batch
        self._piece = piece

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        # The marker of a transaction is taken so; it has no headers.
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        taken = 0
        try:
            for record in self._batch:
                taken += 1
                yield record
            return
        except UnicodeDecodeError:
            pass
        except CorruptRecordException as error:
            if not isinstance(error.__cause__, UnicodeDecodeError):
                raise
        for number, record in enumerate(_read_again(self._piece)):
            if number >= taken:
                yield record


def _read_again(piece: memoryview) -> Iterator[_DefaultRecordPy]:
    """Yield every record of a batch; a byte of a header's name that is no text becomes U+FFFD."""
    batch = _DefaultRecordBatchPy(piece)
    batch._maybe_uncompress()
    at = batch._pos
    for _ in range(batch._num_records):
        record, at = _record(batch, at)
        yield record


def _record(batch: Any, at: int) -> tuple[_DefaultRecordPy, int]:
    buffer = batch._buffer
    length, at = decode_varint(buffer, at)
    end = at + length
    _, at = decode_varint(buffer, at)
    later, at = decode_varint(buffer, at)
    offset, at = decode_varint(buffer, at)
    stamped = batch.timestamp_type == batch.LOG_APPEND_TIME
    timestamp = batch.max_timestamp if stamped else batch.first_timestamp + later
    key, at = _bytes(buffer, at)
    value, at = _bytes(buffer, at)
    count, at = decode_varint(buffer, at)
    headers = []
    for _ in range(count):
        name, at = _bytes(buffer, at)
        content, at = _bytes(buffer, at)
        headers.append(((name or b"").decode(errors="replace"), content))
    if at != end:
        raise CorruptRecordException(f"a record of {length} bytes ends {end - at} bytes off")
    found = (batch.base_offset + offset, timestamp, batch.timestamp_type, key, value, headers)
    return _DefaultRecordPy(*found), end


def _bytes(buffer: bytearray, at: int) -> tuple[bytes | None, int]:
    """Return what a length stands before, and where it ends; a negative length means null."""
    length, at = decode_varint(buffer, at)
    if length < 0:
        return None, at
    if at + length > len(buffer):
        raise CorruptRecordException(f"{length} bytes at {at} end behind the batch")
    return bytes(buffer[at : at + length]), at + length
