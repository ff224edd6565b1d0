"""Dead letters read from their topic: each once, and known by the record, not by its place."""

from workers.contracts.codec import Raw
from workers.contracts.deadletters import DeadLetter, Origin, dead_letter, retry_mark
from workers.contracts.topics import EVENTS
from workers.kafka.dead_letter_topic import LetterFilter, LetterList

_PLACE = Origin(EVENTS, 3, 9)


def _letter(value: bytes, at_ms: int = 5) -> Raw:
    key, kept, headers = dead_letter(
        _PLACE, Raw(b"c-1", value, [("trace", None)], at_ms), "not_json", "", "escalation"
    )
    return Raw(key, kept, headers, 100)


def _mark(letter: DeadLetter, *, digest: bool = True) -> Raw:
    key, value, headers = retry_mark(letter)
    return Raw(key, value, headers if digest else headers[:1], 200)


def _read(*records: Raw) -> list[tuple[bytes | None, bool]]:
    letters = LetterList(LetterFilter((), None, None))
    for offset, record in enumerate(records):
        letters.take(0, offset, record)
    return [(one.letter.raw.value, one.retried) for one in letters.found()]


def _found(record: Raw) -> DeadLetter:
    letters = LetterList(LetterFilter((), None, None))
    letters.take(0, 0, record)
    return letters.found()[0].letter


def test_a_letter_that_is_written_twice_is_one() -> None:
    assert _read(_letter(b"x"), _letter(b"x")) == [(b"x", False)]


def test_another_record_at_the_place_of_an_earlier_one_is_a_letter_of_its_own() -> None:
    first = _letter(b"x")
    assert _read(first, _mark(_found(first)), _letter(b"y")) == [(b"x", True), (b"y", False)]


def test_so_is_one_with_the_same_words_at_another_time() -> None:
    first = _letter(b"x")
    assert _read(first, _mark(_found(first)), _letter(b"x", 6)) == [(b"x", True), (b"x", False)]


def test_a_letter_that_is_written_again_after_it_was_sent_again_stays_sent() -> None:
    first = _letter(b"x")
    assert _read(first, _mark(_found(first)), first) == [(b"x", True)]
    assert _read(_mark(_found(first)), first) == [(b"x", True)]


def test_a_mark_without_a_digest_is_of_what_stood_there_before() -> None:
    first = _letter(b"x")
    old = _mark(_found(first), digest=False)
    assert _read(first, old, _letter(b"y")) == [(b"x", True), (b"y", False)]
