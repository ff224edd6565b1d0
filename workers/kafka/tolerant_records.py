"""Read batches at which aiokafka 0.14.0 stops for ever, or takes all memory.

The protocol calls a header's name a string, but brokers and other clients take any bytes. Only a
batch that holds such a name is read a second time, here. A batch of a megabyte may be gigabytes
when it is unpacked: one that is more than is ever read is stepped over.
"""

import logging
import zlib
from collections.abc import Iterator
from typing import Any, Final

import cramjam
from aiokafka import codec
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import (
    DefaultRecordBatch,
    _DefaultRecordBatchPy,
    _DefaultRecordPy,
)
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.record.util import decode_varint

UNPACKED_BYTES: Final = 64 * 1024 * 1024
"""Bytes of one batch, unpacked. Ours have at most 4 MB, and 1 MB of JSON packs no more than this.
"""
STEPPED_OVER: Final = "handoff-stepped-over"
"""Names the header of the record that stands for a batch which was not unpacked; it has no key and
no value, and its reader makes a dead letter of it."""
_HEAD: Final = 61
"""Bytes before the records of a batch."""
_ATTRIBUTES: Final = 21
_CODECS: Final = 0x07

logger = logging.getLogger(__name__)


def accept_any_records() -> None:
    """Have every consumer of this process read such records; safe to call more than once."""
    fetcher.MemoryRecords = _Records


class _Records(_MemoryRecordsPy):  # type: ignore[misc]
    """The batches of one answer; those of today's format can be iterated, even if damaged."""

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
        batch, piece = self._batch, self._piece
        if piece[_ATTRIBUTES + 1] & _CODECS:
            unpacked = _unpacked(piece)
            if unpacked is None:
                yield _stepped_over(piece)
                return
            batch, piece = DefaultRecordBatch(unpacked), unpacked
        taken = 0
        try:
            for record in batch:
                taken += 1
                yield record
            return
        except UnicodeDecodeError:
            pass
        except CorruptRecordException as error:
            if not isinstance(error.__cause__, UnicodeDecodeError):
                raise
        for number, record in enumerate(_read_again(piece)):
            if number >= taken:
                yield record


def _unpacked(piece: memoryview) -> memoryview | None:
    """Return a batch as if it had not been compressed; None when that is more than is read."""
    kind, packed = piece[_ATTRIBUTES + 1] & _CODECS, piece[_HEAD:]
    # Memory that is never written to is not taken.
    whole = bytearray(_HEAD + UNPACKED_BYTES)
    whole[:_HEAD] = piece[:_HEAD]
    whole[_ATTRIBUTES + 1] &= ~_CODECS
    with memoryview(whole) as room:
        length = _unpack(kind, packed, room[_HEAD:])
    return None if length is None else memoryview(whole)[: _HEAD + length]


def _unpack(kind: int, packed: memoryview, into: memoryview) -> int | None:
    if kind == _DefaultRecordBatchPy.CODEC_GZIP:
        return _gunzip(packed, into)
    if kind == _DefaultRecordBatchPy.CODEC_SNAPPY:
        return _put(codec.snappy_decode(packed), into)
    unpack = cramjam.lz4 if kind == _DefaultRecordBatchPy.CODEC_LZ4 else cramjam.zstd
    try:
        return int(unpack.decompress_into(packed, into))
    except cramjam.DecompressionError as error:
        if "whole buffer" in str(error):
            return None
        raise CorruptRecordException(f"cannot be unpacked: {error}") from error


def _gunzip(packed: memoryview, into: memoryview) -> int | None:
    length, rest = 0, bytes(packed)
    while rest:
        member = zlib.decompressobj(31)
        try:
            found = member.decompress(rest, len(into) - length + 1)
        except zlib.error as error:
            raise CorruptRecordException(f"cannot be unpacked: {error}") from error
        put = _put(found, into[length:])
        if put is None:
            return None
        length, rest = length + put, member.unused_data.lstrip(b"\0")
    return length


def _put(found: bytes, into: memoryview) -> int | None:
    if len(found) > len(into):
        return None
    into[: len(found)] = found
    return len(found)


def _stepped_over(piece: memoryview) -> _DefaultRecordPy:
    """Return one record in place of all those of a batch, at the offset of the last."""
    batch = _DefaultRecordBatchPy(piece)
    last = batch.next_offset - 1
    told = f"{batch._num_records} records, more than {UNPACKED_BYTES} bytes when unpacked"
    logger.error("a batch up to offset %d is stepped over: %s", last, told)
    headers = [(STEPPED_OVER, told.encode())]
    stamped = (batch.max_timestamp, batch.timestamp_type)
    return _DefaultRecordPy(last, *stamped, None, None, headers)


def _read_again(piece: memoryview) -> Iterator[_DefaultRecordPy]:
    """Yield every record of a batch; a byte of a header's name that is no text becomes U+FFFD."""
    batch = _DefaultRecordBatchPy(piece)
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
        raise CorruptRecordException(f"{length} bytes at {at} reach beyond the end of the batch")
    return bytes(buffer[at : at + length]), at + length
