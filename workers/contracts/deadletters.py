"""`dead-letters`: records that nobody could use, kept as they were, with why and where from."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from workers.contracts.codec import Raw
from workers.contracts.rejections import RejectionReason

MAX_DEAD_LETTER_BYTES: Final = 2_000_000
"""Bytes of a value that are kept; only a record that was compressed on the way can be larger."""

_PREFIX: Final = "dead-letter-"
_RETRIED: Final = _PREFIX + "retried"
_DETAIL_CHARACTERS: Final = 500


class Origin(NamedTuple):
    """Where a record was when it was refused."""

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
    """The value was larger than `dead-letters` takes, so it cannot be sent again."""


def dead_letter(
    origin: Origin, raw: Raw, reason: RejectionReason, detail: str, agent: str
) -> tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]:
    """Return the key, value and headers to produce to `dead-letters`; equal arguments, equal bytes.

    Original headers come first and ours, named `dead-letter-…`, after them. A record with neither
    key nor value gets an empty key, because producers refuse one without both.
    """
    value = raw.value
    ours = {
        "reason": reason,
        "detail": detail[:_DETAIL_CHARACTERS],
        "topic": origin.topic,
        "partition": str(origin.partition),
        "offset": str(origin.offset),
        "timestamp": str(raw.timestamp_ms),
        "agent": agent,
    }
    if value is not None and len(value) > MAX_DEAD_LETTER_BYTES:
        ours["cut"] = str(len(value))
        value = value[:MAX_DEAD_LETTER_BYTES]
    headers = [*_foreign(raw.headers)]
    headers += [(_PREFIX + name, text.encode(errors="replace")) for name, text in ours.items()]
    return b"" if raw.key is None and value is None else raw.key, value, headers


def read_dead_letter(record: Raw) -> DeadLetter | None:
    """Return the refused record inside a record of `dead-letters`.

    None when it is no dead letter.
    """
    ours = {
        name.removeprefix(_PREFIX): value.decode(errors="replace")
        for name, value in record.headers
        if name.startswith(_PREFIX)
    }
    try:
        origin = Origin(ours["topic"], int(ours["partition"]), int(ours["offset"]))
        raw = Raw(record.key, record.value, _foreign(record.headers), int(ours["timestamp"]))
        reason, detail, agent = ours["reason"], ours["detail"], ours["agent"]
    except (KeyError, ValueError):
        return None
    return DeadLetter(origin, reason, detail, agent, raw, cut="cut" in ours)


def retry_mark(letter: DeadLetter) -> tuple[bytes, None, list[tuple[str, bytes]]]:
    """Return the record to produce to `dead-letters` once the refused record is sent again."""
    return letter.raw.key or b"", None, [(_RETRIED, "/".join(map(str, letter.origin)).encode())]


def read_retry_mark(record: Raw) -> Origin | None:
    """Where the record was that this mark says was sent again; None when it is no mark."""
    marks = [value.decode(errors="replace") for name, value in record.headers if name == _RETRIED]
    try:
        topic, partition, offset = marks[0].split("/")
        return Origin(topic, int(partition), int(offset))
    except (IndexError, ValueError):
        return None


def _foreign(headers: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    return [(name, value) for name, value in headers if not name.startswith(_PREFIX)]
