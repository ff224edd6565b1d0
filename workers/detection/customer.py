"""Read one turn of a customer: a cheap first look, and a second one where words call for it."""

from __future__ import annotations

import msgspec

from workers.contracts.characters import comparable, position
from workers.detection import frustration, replies, request
from workers.detection.ai_agent import read_agent
from workers.detection.context import DIRECT_OFFER, STANDING_OFFER, in_context, is_thumb, said_last
from workers.detection.findings import CustomerFindings, Finding, FoundTopic
from workers.detection.lexicon import mend
from workers.detection.lexicons import (
    ASKS,
    CLOSES,
    FAINT,
    FEELS,
    HINTS,
    OTHERWISE,
    SHIPPED,
    TOPICAL,
    TURNS,
    Vocabulary,
    remember,
)
from workers.detection.other_wordings import (
    find_mine,
    find_other,
    is_about_others,
)
from workers.detection.tokens import ClassifiedTurn, first_words, folded, parted, tokens
from workers.detection.topic_finding import READ as TOPICS_READ
from workers.detection.topic_finding import find_topics
from workers.detection.written import own_words

# A turn asks for a person from here on; from FRUSTRATION_THRESHOLD on its writer is frustrated.
THRESHOLD = 0.7
FRUSTRATION_THRESHOLD = 0.5
# Below the thresholds and above these a model should judge.
_DOUBT_REQUEST, _DOUBT_FRUSTRATION = 0.5, 0.3
# A turn is read by windows of so many characters, which overlap.
_WINDOW, _OVERLAP = 2400, 400
_WHOLE = 64 * 1024
_THUMB = 0.85
_OTHER_WORDING = 0.85
# An answer to an offer stands in the first words, "thank you, that worked" in the last.
_ANSWER = 120
_OPENING, _YES_LENGTH = 70, 40
_SHORT = 64

_NOTHING = CustomerFindings()


def _surer(a: Finding | None, b: Finding | None) -> Finding | None:
    if a is None or b is None:
        return a or b
    return a if a.score >= b.score else b


def _moved(finding: Finding | None, by: int) -> Finding | None:
    if finding is None or not by:
        return finding
    return Finding(finding.score, finding.start + by, finding.end + by)


def _answered(parts: str, words: list[str], seen: int, lists: Vocabulary) -> list[Finding | None]:
    """Return acceptance, refusal and withdrawal, in the first words."""
    if len(parts) <= _SHORT:
        return _answers(ClassifiedTurn(parts, tokens(parts), lists.reply))
    if seen & (ASKS | TURNS):
        return _answers(_head(parts, _ANSWER, lists))
    if words[0] in lists.yes:
        return [replies.find_acceptance(_head(parts, _YES_LENGTH, lists)), None, None]
    if words[0] in lists.openings or " ".join(words[:2]) in lists.openings:
        return _answers(_head(parts, _OPENING, lists))
    return [None, None, None]


def _closed(parts: str, lists: Vocabulary) -> Finding | None:
    """Return the last words' statement that nothing is left to do, or None."""
    tail = parts if len(parts) <= _SHORT else parts[-_ANSWER:]
    # A customer who still asks something is not done.
    if len(parts) > _SHORT and "?" in tail:
        return None
    solved = replies.find_solved(ClassifiedTurn(tail, tokens(tail), lists.reply))
    return _moved(solved, len(parts) - len(tail))


def _head(parts: str, length: int, lists: Vocabulary) -> ClassifiedTurn:
    head = parts[:length]
    return ClassifiedTurn(head, tokens(head), lists.reply)


def _answers(turn: ClassifiedTurn) -> list[Finding | None]:
    return [
        replies.find_acceptance(turn),
        replies.find_refusal(turn),
        replies.find_withdrawal(turn),
    ]


def _read(
    text: str, answering: bool, lists: Vocabulary, names_topics: bool = True
) -> CustomerFindings:
    written, listed = first_words(text)
    words = mend(written, listed)
    if not words:
        return _NOTHING
    flags = lists.customer_cues.look(words)
    seen = 0
    for flag in flags:
        seen |= flag
    short = len(text) <= _SHORT
    asks = seen & ASKS != 0
    otherwise = seen & OTHERWISE != 0
    feels = _feels(flags, seen, short=short)
    plainly = 0.0 if feels else round(frustration.by_words(words, text), 3)
    answers = answering and _answers_perhaps(words, seen, lists, short=short)
    closes = seen & (CLOSES | HINTS if short else CLOSES) != 0
    topical = names_topics and seen & TOPICAL != 0
    if not (asks or otherwise or feels or answers or closes or topical):
        if plainly < frustration.LEAST:
            return _NOTHING
        alone = Finding(plainly, 0, len(text))
        return CustomerFindings(frustrated=alone, doubtful=_doubtful(None, alone))
    parts = parted(folded(text))
    marked = mend(written, tokens(parts)) if asks or feels else []
    requested = request.find_request(ClassifiedTurn(parts, marked, lists.request)) if asks else None
    if asks or otherwise:
        requested = _requested(requested, parts, words if otherwise else None)
    asked = requested is not None and requested.score >= THRESHOLD
    if feels:
        mood = ClassifiedTurn(parts, marked, lists.mood)
        frustrated = frustration.find_frustration(mood, words, text, asked=asked)
    else:
        plain = Finding(plainly, 0, len(parts))
        frustrated = None if asked or plainly < frustration.LEAST else plain
    accepts = refuses = withdraws = None
    if answers:
        accepts, refuses, withdraws = _answered(parts, words, 0 if asked else seen, lists)
    if asked:
        refuses = withdraws = None
    solved = _closed(parts, lists) if closes and not asked else None
    topics = find_topics(parts, words) if topical else ()
    if not (requested or frustrated or accepts or refuses or withdraws or solved or topics):
        return _NOTHING
    return CustomerFindings(
        requested_human=requested,
        frustrated=frustrated,
        refuses=refuses,
        accepts=accepts,
        withdraws=withdraws,
        solved=solved,
        doubtful=_doubtful(requested, frustrated),
        topics=topics,
    )


def feels(words: list[str], *, short: bool) -> bool:
    """Return True if the grammar looks at the mood of a text with these words."""
    flags = SHIPPED.customer_cues.look(words)
    seen = 0
    for flag in flags:
        seen |= flag
    return _feels(flags, seen, short=short)


def is_short(text: str) -> bool:
    """Return True if a text is so short that one faint word is enough for a second look."""
    return len(text) <= _SHORT


def _requested(found: Finding | None, parts: str, words: list[str] | None) -> Finding | None:
    """Add wordings that the grammar does not hold, and leave out other people's people.

    `words`: those of the turn, if one of them is a cue for such a wording.
    """
    if found is not None and is_about_others(parts, found.start, found.end):
        return None
    if found is not None and found.score >= THRESHOLD:
        return found
    other = find_mine(parts) if found is not None or words is None else None
    if words is not None:
        other = other or find_other(parts, words)
    if other is None or is_about_others(parts, *other):
        return found
    return Finding(_OTHER_WORDING, *other)


def _feels(flags: list[int], seen: int, *, short: bool) -> bool:
    """Return True if a second look at the mood is worth it."""
    if seen & (FEELS | FAINT if short else FEELS):
        return True
    return seen & FAINT != 0 and sum(1 for flag in flags if flag & FAINT) > 1


def _answers_perhaps(words: list[str], seen: int, lists: Vocabulary, *, short: bool) -> bool:
    """Return True if a second look for a yes, a no or "never mind" is worth it."""
    return (
        seen & (ASKS | TURNS | CLOSES | HINTS if short else ASKS | TURNS) != 0
        or words[0] in lists.openings
        or " ".join(words[:2]) in lists.openings
    )


def _doubtful(requested: Finding | None, frustrated: Finding | None) -> bool:
    asks = requested.score if requested else 0.0
    cross = frustrated.score if frustrated else 0.0
    return _DOUBT_REQUEST <= asks < THRESHOLD or _DOUBT_FRUSTRATION <= cross < FRUSTRATION_THRESHOLD


def read_customer(
    text: str, *, answering: bool = True, lists: Vocabulary = SHIPPED
) -> CustomerFindings:
    """Tell what one customer turn of any length asks for and how it feels; never raises.

    Scores run from 0 to 1; THRESHOLD and FRUSTRATION_THRESHOLD are their cuts, and spans are
    positions in ``text``. Quoted mail, signatures and pasted turns are not the customer's. Of a
    turn of more than 64 KB the first and the last 32 KB are read. Without ``answering``, when
    nothing was offered or is under way, ``accepts``, ``refuses`` and ``withdraws`` are not looked
    for. `lists` are those of the policy in force, when it brings its own.
    """
    if lists.remembered is None:
        return _whole(text, answering, lists)
    found = lists.remembered.get((text, answering))
    return found or remember(lists, (text, answering), _whole(text, answering, lists))


def _whole(text: str, answering: bool, lists: Vocabulary) -> CustomerFindings:
    if len(text) > _WHOLE:
        head = read_customer(text[: _WHOLE // 2], answering=answering, lists=lists)
        tail = read_customer(text[-(_WHOLE // 2) :], answering=False, lists=lists)
        return _joined([(0, head), (len(text) - _WHOLE // 2, tail)])
    if answering and is_thumb(text):
        return CustomerFindings(accepts=Finding(_THUMB, 0, len(text)))
    own = own_words(text) if "\n" in text else text
    plain, moves = (own, []) if own.isascii() and "&" not in own else comparable(own)
    read = _read_long if len(plain) > _WINDOW else _read
    found = read(plain, answering, lists)
    return found if not moves or found is _NOTHING else _led_back(found, moves)


def read_reply(text: str, previous: str, *, lists: Vocabulary = SHIPPED) -> CustomerFindings:
    """Tell what one customer turn says in reply to the AI turn `previous`; never raises.

    A yes to an offer of a person is a request for one.
    """
    code = said_last(previous, read_agent(previous, lists))
    offered = code in {DIRECT_OFFER, STANDING_OFFER}
    found = in_context(read_customer(text, answering=offered, lists=lists), text, code)
    asked = found.requested_human is not None and found.requested_human.score >= THRESHOLD
    if asked or not offered or found.accepts is None:
        return found
    return msgspec.structs.replace(found, requested_human=found.accepts, doubtful=False)


def _read_long(text: str, answering: bool, lists: Vocabulary) -> CustomerFindings:
    """Read a long turn by windows that overlap, so that no sentence is halved in all of them."""
    windows: list[tuple[int, CustomerFindings]] = []
    for start in range(0, max(1, len(text) - _OVERLAP), _WINDOW - _OVERLAP):
        piece = text[start : start + _WINDOW]
        found = _read(piece, answering and not start, lists, names_topics=start < TOPICS_READ)
        windows.append((start, found))
    return _joined(windows)


def _joined(windows: list[tuple[int, CustomerFindings]]) -> CustomerFindings:
    """Return the surest of several parts of one turn; answers are of the first part."""
    requested = frustrated = None
    topics: dict[str, FoundTopic] = {}
    for by, found in windows:
        for one in found.topics:
            topics.setdefault(one.intent, FoundTopic(one.intent, one.start + by, one.end + by))
        requested = _surer(requested, _moved(found.requested_human, by))
        frustrated = _surer(frustrated, _moved(found.frustrated, by))
    first, (by, last) = windows[0][1], windows[-1]
    return CustomerFindings(
        requested_human=requested,
        frustrated=frustrated,
        refuses=first.refuses,
        accepts=first.accepts,
        withdraws=first.withdraws,
        solved=_moved(last.solved, by),
        doubtful=_doubtful(requested, frustrated),
        topics=tuple(topics.values()),
    )


def _led_back(found: CustomerFindings, moves: list[tuple[int, int]]) -> CustomerFindings:
    def back(one: Finding | None) -> Finding | None:
        if one is None:
            return None
        return Finding(one.score, position(moves, one.start), position(moves, one.end))

    return CustomerFindings(
        requested_human=back(found.requested_human),
        frustrated=back(found.frustrated),
        refuses=back(found.refuses),
        accepts=back(found.accepts),
        withdraws=back(found.withdraws),
        solved=back(found.solved),
        doubtful=found.doubtful,
        topics=tuple(
            FoundTopic(one.intent, position(moves, one.start), position(moves, one.end))
            for one in found.topics
        ),
    )
