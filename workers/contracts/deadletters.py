"""`dead-letters`: records that no worker could use, as they were, with reason and origin."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from workers.contracts.codec import Header, Raw
from workers.contracts.rejections import RejectionReason

MAX_DEAD_LETTER_BYTES: Final = 2_000_000
"""Bytes of a record that are kept: key, value and headers, ours included.

`dead-letters` takes a little more. Only a record that was compressed on the way can be larger.
"""
MAX_KEY_BYTES: Final = 32_768
MAX_HEADERS_BYTES: Final = 65_536
"""Bytes of the headers of a record that is cut; a record that fits is kept whole, however these
are."""

_PREFIX: Final = "dead-letter-"
_RETRIED: Final = _PREFIX + "retried"
_RETRIED_RECORD: Final = _PREFIX + "retried-record"
_DETAIL_CHARACTERS: Final = 500
_OWN_BYTES: Final = 4096
"""Bytes of our own headers: the details, the names, and a topic's name of 249 characters."""
_HEADER_BYTES: Final = 10
"""Bytes of the lengths of a header's name and value."""
_RECORD_BYTES: Final = 100
"""Bytes of a record's and a batch's own fields."""


class Origin(NamedTuple):
    """The place of a record when it was refused."""

    topic: str
    partition: int
    offset: int


class DeadLetter(NamedTuple):
    """A record of `dead-letters`, read back; `raw` is the refused one with its own timestamp."""

    origin: Origin
    reason: str
    detail: str
    agent: str
    raw: Raw
    cut: bool
    """The record was larger than `dead-letters` takes, so it cannot be sent again."""

    @property
    def digest(self) -> str:
        """Return the digest of the record, as `digest_of` says."""
        return digest_of(self.raw)


class RetryMark(NamedTuple):
    """Says that the record of a dead letter was sent again."""

    origin: Origin
    digest: str | None
    """Digest of the dead letter; None on marks that were written before there was one."""


POISON: Final = "poison"
"""Reason of a dead letter at whose record workers died."""
GivenUp = Mapping[int, Collection[str]]
"""Per offset of a partition the digests of records at which workers died there.

No digest: any record at that place, as releases up to 0.1 noted it.
"""
NONE_GIVEN_UP: Final[GivenUp] = {}


def is_given_up(raw: Raw, offset: int, given_up: GivenUp) -> bool:
    """Return whether the record at an offset is one at which workers died.

    A topic that was made anew begins its offsets anew, with other records.
    """
    digests = given_up.get(offset)
    return digests is not None and (not digests or digest_of(raw) in digests)


def digest_of(raw: Raw) -> str:
    """Return a digest that tells a record from another that stood at the same place before.

    It is that of the record's dead letter too, however much of it was cut there.
    """
    key, value, headers = raw.key, raw.value, _foreign(raw.headers)
    fitted = fit(key, value, headers, MAX_DEAD_LETTER_BYTES)
    if fitted is not None:
        key, value, headers = fitted
    key = b"" if key is None and value is None else key
    told = (raw.timestamp_ms, key, [tuple(header) for header in headers])
    digest = hashlib.sha256(repr(told).encode(errors="surrogatepass"))
    digest.update(value or b"")
    return digest.hexdigest()[:32]


def dead_letter(
    origin: Origin, raw: Raw, reason: RejectionReason, detail: str, agent: str
) -> tuple[bytes | None, bytes | None, list[Header]]:
    """Return the key, value and headers to produce to `dead-letters`; equal arguments, equal bytes.

    Original headers come first and ours, named `dead-letter-…`, after them. A record with neither
    key nor value gets an empty key, because producers refuse one without both. A letter of more
    than MAX_DEAD_LETTER_BYTES altogether is cut until it fits, and says so.
    """
    key, value, foreign = raw.key, raw.value, _foreign(raw.headers)
    ours = {
        "reason": reason,
        "detail": detail[:_DETAIL_CHARACTERS],
        "topic": origin.topic,
        "partition": str(origin.partition),
        "offset": str(origin.offset),
        "timestamp": str(raw.timestamp_ms),
        "agent": agent,
    }
    fitted = fit(key, value, foreign, MAX_DEAD_LETTER_BYTES)
    if fitted is not None:
        ours["cut"] = str(_length(key, value, foreign))
        key, value, foreign = fitted
    headers: list[Header] = [*foreign]
    headers += [(_PREFIX + name, text.encode(errors="replace")) for name, text in ours.items()]
    return b"" if key is None and value is None else key, value, headers


def fit(
    key: bytes | None, value: bytes | None, headers: Sequence[Header], limit: int
) -> tuple[bytes | None, bytes | None, list[Header]] | None:
    """Return key, value and headers cut so that a dead letter of them takes at most `limit` bytes.

    None if they fit as they are. Our own headers among them are kept.
    """
    room = limit - _OWN_BYTES - _RECORD_BYTES
    if _length(key, value, headers) <= room:
        return None
    ours = [header for header in headers if header[0].startswith(_PREFIX)]
    foreign = _first(_foreign(headers), MAX_HEADERS_BYTES)
    key = _beginning(key, MAX_KEY_BYTES)
    room -= _length(key, None, foreign)
    return key, _beginning(value, room), [*foreign, *ours]


def _length(key: bytes | None, value: bytes | None, headers: Sequence[Header]) -> int:
    return len(key or b"") + len(value or b"") + sum(map(_size, headers))


def read_dead_letter(record: Raw) -> DeadLetter | None:
    """Return the refused record inside a record of `dead-letters`; None if it is no dead letter."""
    ours = {
        name.removeprefix(_PREFIX): value.decode(errors="replace")
        for name, value in record.headers
        if name.startswith(_PREFIX) and value is not None
    }
    try:
        origin = Origin(ours["topic"], int(ours["partition"]), int(ours["offset"]))
        raw = Raw(record.key, record.value, _foreign(record.headers), int(ours["timestamp"]))
        reason, detail, agent = ours["reason"], ours["detail"], ours["agent"]
    except (KeyError, ValueError):
        return None
    return DeadLetter(origin, reason, detail, agent, raw, cut="cut" in ours)


def retry_mark(letter: DeadLetter) -> tuple[bytes, None, list[Header]]:
    """Return the record to produce to `dead-letters` once the refused record is sent again."""
    place = "/".join(map(str, letter.origin)).encode()
    headers: list[Header] = [(_RETRIED, place), (_RETRIED_RECORD, letter.digest.encode())]
    return letter.raw.key or b"", None, headers


def read_retry_mark(record: Raw) -> RetryMark | None:
    """Return the record that this mark says was sent again; None when it is no mark."""
    marks = {name: (value or b"").decode(errors="replace") for name, value in record.headers}
    try:
        topic, partition, offset = marks[_RETRIED].split("/")
        origin = Origin(topic, int(partition), int(offset))
    except (KeyError, ValueError):
        return None
    return RetryMark(origin, marks.get(_RETRIED_RECORD))


def _foreign(headers: Sequence[Header]) -> list[Header]:
    return [(name, value) for name, value in headers if not name.startswith(_PREFIX)]


def _size(header: Header) -> int:
    """Return the bytes that a header takes at most."""
    name, value = header
    return 4 * len(name) + len(value or b"") + _HEADER_BYTES


def _first(headers: Sequence[Header], limit: int) -> list[Header]:
    """Return the first headers that fit into a limit of bytes."""
    kept: list[Header] = []
    for header in headers:
        limit -= _size(header)
        if limit < 0:
            break
        kept.append(header)
    return kept


def _beginning(content: bytes | None, limit: int) -> bytes | None:
    return None if content is None else content[:limit]
