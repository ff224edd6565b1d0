"""The grounds on which the AI refused: all that it gave, wherever it said them best."""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from workers.contracts.decisions import Turn
from workers.handoff.acts import acts_of
from workers.handoff.sentences import REFUSES, point
from workers.handoff.told import CODES, LAST, AiSentence
from workers.handoff.view import AI, PacketView
from workers.handoff.wording import clause_start, one_line, word_count

_SENTENCES: Final = 24
_LEAST: Final = 2
"""Grounds from which on they tell more than the refusal itself."""
_LONGEST: Final = 24
"""Words of one ground."""
_MOST: Final = 6
_BRIEF: Final = 26
"""Words in which they are told where they can be, so that the customer's words have room."""
_GROUNDS: Final = tuple(
    re.compile(words, re.IGNORECASE)
    for words in (
        r"\binsur\w+",
        r"\b(?:business|first)[- ](?:class|cabin)\b|\bcabin\b",
        r"\beconomy\b|\bfare\b|\bnon-?refundable\b|\bfinal sale\b",
        r"\b\d+[- ](?:hours?|days?)\b|\bwindow\b|\b(?:created|booked|made|purchased) on\b",
        r"\bairline\b|\boperating\b|\bas scheduled\b|\bcarrier\b|\bseller\b",
        r"\b(?:regular|standard|non)[- ]member",
        (
            r"\b(?:shipped|processed|delivered|dispatched|flown|departed|taken off|landed|used|"
            r"opened|activated)\b"
        ),
        r"\bwarranty\b|\bexpired?\b|\bdamag\w+|\breceipt\b",
        r"\blimit\b|\bexceed\w*|\bmaximum\b|\bbalance\b|\boverdue\b|\bsuspended\b|\bcontract\b",
        r"\bversich\w+|\bassurance\b|\bseguro\b|\bassicurazione\b|\bverzekering\b",
    )
)
"""Words of grounds, a kind each."""
_LEADS: Final = re.compile(
    r"\b(?:why|because|reasons?|based on|does(?:n['\u2019]t| not) meet|not eligible|"
    r"details|since|your (?:situation|reservation|booking|order|account|ticket|purchase)|reviewed|"
    r"checked|shows?|grund|gründe|weil|raisons?|parce que|motivos?|porque|motivi|perché|redenen|"
    r"omdat)\b",
    re.IGNORECASE,
)
_WHY: Final = re.compile(
    r"\b(?:because|reasons?|grund|gründe|raisons?|motivos?|motivi|redenen)\b", re.IGNORECASE
)
_RULE: Final = re.compile(
    r"\b(?:only (?:\w+ )?(?:if|when|for|in)|if (?:any|one|either|the|your|you)|any of|"
    r"conditions?|criteria|unless|when|whether|such as|can be|permitted|eligible if|"
    r"allowed|options?)\b|\bOR$",
    re.IGNORECASE,
)
"""In what leads to a list, or in a point of it: it is a rule, and says nothing of this case."""
_UNMET: Final = re.compile(r"\bnot\b[^:]{0,60}$|n['\u2019]t\b[^:]{0,60}$")
"""A rule that is not met, so that what follows says why."""
_PROSE: Final = re.compile(
    r"[\s,;]+(?=(?:According to|Per (?:our|the)|Under (?:our|the)|Unfortunately|Therefore|As a|"
    r"Cancell?ations? (?:are|is)|Is there|Would you|If you|However|I (?:can|understand))\b"
    r"|[A-Z]\w{2,20}(?: [A-Z]\w{2,20}){0,2}: [A-Z])"
)
"""The place at which prose follows a list without an end."""
_FILLING: Final = re.compile(
    r"^(?:(?:this|it|that)(?: is|['\u2019]s)|there(?: is|['\u2019]s)|you have|"
    r"(?:the|your) (?:cabin|ticket|fare|reservation|booking|flights?|order)"
    r"(?: is| are| was| were)(?: in| currently)?)(?: an?)? ",
    re.IGNORECASE,
)
_ASIDE: Final = re.compile(r" \([^()]{0,80}\)")


class Grounds(NamedTuple):
    """Grounds that the AI gave for a refusal."""

    turn: Turn
    points: tuple[str, ...]
    """In the AI's words and order; a sentence that has them all is one point."""


def grounds_of(view: PacketView, refused: AiSentence, shown: str) -> Grounds | None:
    """Return the grounds of a refusal where the AI gave more of them than are `shown` with it."""
    turns = view.said_by(AI)[-LAST:]
    codes = set(CODES.findall(refused.text))
    best: Grounds | None = None
    known = _kinds(shown)
    least = max(_LEAST, known + 1)
    for turn in turns[: turns.index(refused.turn) + 1 if refused.turn in turns else None]:
        for points in _given(view, turn):
            if len(points) == 1 and not acts_of(points[0]):
                points = (points[0], refused.text)  # noqa: PLW2901
            text = " ".join(points)
            named = set(CODES.findall(text))
            about_other = bool(codes and named and not codes & named)
            # One sentence is exchanged for another only where it says much more.
            enough = least if points[0][-1:] != "." else max(least, known + 2)
            if not about_other and (kinds := _kinds(text)) >= enough:
                best, least = Grounds(turn, points), kinds
    return best


def _given(view: PacketView, turn: Turn) -> Iterator[tuple[str, ...]]:
    """Yield the grounds that a turn gives: the points of each list, and sentences that refuse."""
    for part in view.asked(turn)[:_SENTENCES]:
        lead, colon, rest = part.partition(": ")
        is_rule = _RULE.search(lead) is not None and _UNMET.search(lead) is None
        if colon and ("; " in rest) and _LEADS.search(lead) and not is_rule:
            points = [_PROSE.split(one)[0].rstrip(" .;,") for one in rest.split("; ")]
            ended = next(
                (at for at, one in enumerate(rest.split("; ")) if _PROSE.search(one)), len(points)
            )
            # Of all that is known only some may be a ground.
            is_why = _WHY.search(lead) is not None
            kept = [
                one for one in points[: ended + 1] if _is_ground(one) and (is_why or _kinds(one))
            ]
            if len(kept) >= _LEAST:
                yield tuple(kept[:_MOST])
    for part in view.refusals(turn):
        if len(part.split()) <= 2 * _LONGEST and not _RULE.search(part):
            yield (point(part),)


def _is_ground(point: str) -> bool:
    few = len(point.split()) <= _LONGEST
    return (
        few and not point.endswith("?") and not _RULE.search(point) and point.count(": ") < _LEAST
    )


def _kinds(text: str) -> int:
    return sum(1 for kind in _GROUNDS if kind.search(text))


def in_words(points: Sequence[str], room: int) -> str:
    """Return all points in at most `room` words, without asides and fillings where need be.

    Nothing where not even most of them fit.
    """
    forms: list[list[str]] = [[one_line(point) for point in points]]
    if (no := REFUSES.search(points[0])) is not None and len(points) == 1:
        # What is refused is known; the grounds before it are not.
        start = clause_start(points[0], no.start())
        forms.append([f"{one_line(points[0][:start]).rstrip(' ,;—')}…"])
    else:
        forms.append([_FILLING.sub("", one) for one in forms[0]])
        forms.append([_ASIDE.sub("", one) for one in forms[1]])
    for most in (min(room, _BRIEF), room):
        for form in forms:
            text = (" " if form[0].endswith(".") else "; ").join(form)
            if word_count(text) <= most:
                return text
    short = forms[-1]
    while len(short) > max(_LEAST, len(points) // 2):
        short = short[:-1]
        text = "; ".join(short)
        text = f"{text}…" if not text.endswith(".") else text
        if word_count(text) <= room:
            return text
    return ""
