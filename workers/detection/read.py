"""Read one turn of a customer: a cheap first look, and a second one where words call for it."""

from __future__ import annotations

from workers.detection import mood, replies, request
from workers.detection.findings import CustomerFindings, Finding
from workers.detection.lexicon import Cues
from workers.detection.tokens import Turn, fold, tokens
from workers.detection.vocabulary import MOOD, REPLY, REQUEST

# A turn asks for a person from here on; from FRUSTRATION_THRESHOLD on its writer is frustrated.
THRESHOLD = 0.7
FRUSTRATION_THRESHOLD = 0.5
# Below the thresholds and above these a model should judge.
_DOUBT_REQUEST, _DOUBT_FRUSTRATION = 0.5, 0.3
# What is read of a long turn: what people want stands at its beginning or at its end.
_HEAD, _TAIL = 1600, 800
# An answer to an offer stands in the first words, "thank you, that worked" in the last.
_ANSWER = 120
_OPENING = 70
_SHORT = 80

_ASKS, _FEELS, _FAINT, _ANSWERS, _HINTS = 1, 2, 4, 8, 16
_CUES = Cues()
_CUES.add(REQUEST, request.CUES, _ASKS)
_CUES.add(MOOD, mood.TELLING, _FEELS)
_CUES.add(MOOD, mood.FAINT, _FAINT)
_CUES.add(MOOD, mood.HINTS, _HINTS)
_CUES.add(REPLY, replies.CUES, _ANSWERS)
_OPENINGS = REPLY.openings(replies.OPENINGS)

_NOTHING = CustomerFindings()


def _surer(a: Finding | None, b: Finding | None) -> Finding | None:
    if a is None or b is None:
        return a or b
    return a if a.score >= b.score else b


def _moved(finding: Finding | None, by: int) -> Finding | None:
    if finding is None or not by:
        return finding
    return Finding(finding.score, finding.start + by, finding.end + by)


def _answered(folded: str, *, cued: bool) -> list[Finding | None]:
    """Acceptance, refusal and withdrawal in the first words; solved, if asked for, in the last."""
    if len(folded) <= _SHORT:
        turn = Turn(folded, tokens(folded), REPLY)
        return [*_answers(turn), replies.find_solved(turn)]
    head = folded[: _ANSWER if cued else _OPENING]
    found = _answers(Turn(head, tokens(head), REPLY))
    if not cued:
        return [*found, None]
    tail = folded[-_ANSWER:]
    solved = replies.find_solved(Turn(tail, tokens(tail), REPLY))
    return [*found, _moved(solved, len(folded) - len(tail))]


def _answers(turn: Turn) -> tuple[Finding | None, Finding | None, Finding | None]:
    return (
        replies.find_acceptance(turn),
        replies.find_refusal(turn),
        replies.find_withdrawal(turn),
    )


def _read(text: str) -> CustomerFindings:
    folded, words = fold(text)
    if not words:
        return _NOTHING
    flags = _CUES.look(words)
    seen = 0
    for flag in flags:
        seen |= flag
    asks = seen & _ASKS
    short = len(text) <= _SHORT
    feels = seen & (_FEELS | _HINTS if short else _FEELS)
    if not feels and seen & _FAINT:
        feels = sum(1 for flag in flags if flag & _FAINT) > 1
    answers = (
        seen & (_ASKS | _ANSWERS)
        or len(text) <= _SHORT
        or words[0] in _OPENINGS
        or " ".join(words[:2]) in _OPENINGS
    )
    if not (asks or feels or answers):
        return _NOTHING
    marked = tokens(folded) if asks or feels else []
    requested = request.find_request(Turn(folded, marked, REQUEST)) if asks else None
    frustrated = mood.find_frustration(Turn(folded, marked, MOOD), text) if feels else None
    accepts = refuses = withdraws = solved = None
    if answers:
        accepts, refuses, withdraws, solved = _answered(
            folded, cued=bool(seen & (_ASKS | _ANSWERS))
        )
    if requested is not None and requested.score >= THRESHOLD:
        refuses = withdraws = None
    if not (requested or frustrated or accepts or refuses or withdraws or solved):
        return _NOTHING
    return CustomerFindings(
        requested_human=requested,
        frustrated=frustrated,
        refuses=refuses,
        accepts=accepts,
        withdraws=withdraws,
        solved=solved,
        doubtful=_doubtful(requested, frustrated),
    )


def _doubtful(requested: Finding | None, frustrated: Finding | None) -> bool:
    asks = requested.score if requested else 0.0
    cross = frustrated.score if frustrated else 0.0
    return _DOUBT_REQUEST <= asks < THRESHOLD or _DOUBT_FRUSTRATION <= cross < FRUSTRATION_THRESHOLD


def read_customer(text: str) -> CustomerFindings:
    """Tell what one customer turn of any length asks for and how it feels; never raises.

    Scores run from 0 to 1; THRESHOLD and FRUSTRATION_THRESHOLD are their cuts, and spans are
    positions in ``text``. Of a very long turn only the beginning and the end are read.
    """
    if len(text) <= _HEAD + _TAIL:
        return _read(text)
    head, tail = _read(text[:_HEAD]), _read(text[-_TAIL:])
    by = len(text) - _TAIL
    requested = _surer(head.requested_human, _moved(tail.requested_human, by))
    frustrated = _surer(head.frustrated, _moved(tail.frustrated, by))
    return CustomerFindings(
        requested_human=requested,
        frustrated=frustrated,
        refuses=head.refuses,
        accepts=head.accepts,
        withdraws=head.withdraws,
        solved=_moved(tail.solved, by),
        doubtful=_doubtful(requested, frustrated),
    )
