"""Batches with header names that are no text are read like any other."""

import resource

import cramjam
import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from workers.kafka import tolerant_records
from workers.kafka.tolerant_records import _Records

Row = tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]
_some = st.none() | st.binary(max_size=40)
_headers = st.lists(st.tuples(st.text(max_size=8), _some), max_size=3)
_rows: st.SearchStrategy[list[Row]] = st.lists(
    st.tuples(_some, _some, _headers), min_size=1, max_size=6
)
_NAME = "\x01name\x01"


def _batch(rows: list[Row], codec: int = 0) -> bytes:
    builder = DefaultRecordBatchBuilder(2, codec, False, -1, -1, -1, 1 << 20)
    for offset, (key, value, headers) in enumerate(rows):
        builder.append(offset, 1000 + offset, key, value, headers)
    return bytes(builder.build())


def _read(data: bytes, kind: type) -> list[tuple[int, bytes | None, bytes | None, list[object]]]:
    records, found = kind(data), []
    while records.has_next():
        found += [(one.offset, one.key, one.value, [*one.headers]) for one in records.next_batch()]
    return found


@given(_rows)
def test_ordinary_batches_are_read_as_before(rows: list[Row]) -> None:
    data = _batch(rows)
    assert _read(data, _Records) == _read(data, MemoryRecords)


@given(_rows, st.sampled_from([1, 2, 3, 4]))
def test_what_is_compressed_is_read_as_before(rows: list[Row], codec: int) -> None:
    data = _compressed(_batch(rows), codec)
    assert _read(data, _Records) == _read(data, MemoryRecords)


@pytest.mark.expects_errors("is stepped over")
@pytest.mark.parametrize("codec", [1, 2, 3, 4])
def test_a_batch_that_unpacks_to_too_much_is_stepped_over(
    codec: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tolerant_records, "UNPACKED_BYTES", 100_000)
    fits: list[Row] = [(b"k", b"v" * 30_000, [])] * 3
    bomb: list[Row] = [(b"k", b"v" * 30_000, [])] * 4
    after = _compressed(_batch([(b"after", b"v", [])]), codec)
    found = _read(_compressed(_batch(fits), codec) + _compressed(_batch(bomb), codec), _Records)
    assert [one[:2] for one in found] == [(0, b"k"), (1, b"k"), (2, b"k"), (3, None)]
    assert found[3][2:] == (
        None,
        [("handoff-stepped-over", b"4 records, more than 100000 bytes when unpacked")],
    )
    assert _read(after, _Records)[0][1] == b"after"


@pytest.mark.expects_errors("is stepped over")
def test_a_bomb_takes_no_more_memory_than_is_read() -> None:
    packed = cramjam.zstd.compress(b"\0" * 1_000_000_000)
    batch = bytearray(_batch([(b"k", b"v", [])])[:61] + bytes(packed))
    batch[21:23] = (4).to_bytes(2, "big")
    batch[8:12] = (len(batch) - 12).to_bytes(4, "big")
    del packed
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    [record] = _read(bytes(batch), _Records)
    assert record[1:3] == (None, None)
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kb < 100_000


@pytest.mark.parametrize("codec", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_header_name_that_is_no_text_hides_no_record(codec: int, place: int) -> None:
    rows: list[Row] = [(b"k", _NAME.encode(), [("a", None)]) for _ in range(3)]
    rows[place][2].append((_NAME, b"v"))
    plain = _batch(rows)
    # The value holds the same bytes; the name is the last of them in its record.
    parts = plain.split(_NAME.encode())
    at = 2 * place + 1 - place
    broken = b""
    for number, part in enumerate(parts[:-1]):
        broken += part + (b"\xff\xfe\xfd\xfc\xfb\xfa" if number == at else _NAME.encode())
    broken += parts[-1]
    assert len(broken) == len(plain)
    data = _compressed(broken, codec)
    found = _read(data, _Records)
    assert [(one[0], one[1], one[2]) for one in found] == [
        (n, b"k", _NAME.encode()) for n in range(3)
    ]
    assert found[place][3] == [("a", None), ("\ufffd" * 6, b"v")]


def _compressed(batch: bytes, codec: int) -> bytes:
    """Return a batch with its records compressed, as a producer would have sent them."""
    if codec == 0:
        return batch
    from aiokafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode

    encode = {1: gzip_encode, 2: snappy_encode, 3: lz4_encode, 4: zstd_encode}[codec]
    head, records = bytearray(batch[:61]), encode(batch[61:])
    head[21:23] = codec.to_bytes(2, "big")
    head[8:12] = (len(head) - 12 + len(records)).to_bytes(4, "big")
    return b"".join((head, records))


def test_the_marker_of_a_transaction_is_taken_as_before() -> None:
    marker = _batch([(b"\x00\x00\x00\x01", b"\x00\x00\x00\x00\x00\x00", [])])
    batch = _Records(marker).next_batch()
    assert next(batch).key == b"\x00\x00\x00\x01"
    assert batch.base_offset == 0
