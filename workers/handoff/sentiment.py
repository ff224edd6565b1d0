"""The customer's mood as a word: by detection's scores and by what they say they feel."""

import re
from collections.abc import Sequence
from itertools import islice
from typing import Final, Literal, NamedTuple

from workers.contracts.decisions import Mood, Turn
from workers.detection import FRUSTRATION_THRESHOLD, read_customer
from workers.handoff.sentences import ASKS, PERSON, STILL

Feeling = Literal["satisfied", "neutral", "worried", "impatient", "frustrated", "very_frustrated"]
Course = Literal["rising", "calmer", "steady"]
_IMPATIENT: Final = 0.6
_FRUSTRATED: Final = 0.7
_VERY: Final = 0.85
_SATISFIED: Final = 0.75
_CHANGE: Final = 0.2
_READ: Final = 1_000
FELT: Final = 40
"""Turns of the customer that are read for a feeling."""
_TRIED: Final = 4
"""Words of feeling in a message that are looked at."""
_BEFORE: Final = 40
_ED: Final = (
    r"(?:frustrated|annoyed|irritated|upset|angry|disappointed|fed up|furious|livid|outraged|"
    r"frustriert|verärgert|genervt|wütend|enttäuscht|sauer|frustrée?|énervée?|agacée?|déçue?|"
    r"furieu\w+|frustrad[oa]|molest[oa]|enfadad[oa]|enojad[oa]|decepcionad[oa]|furios[oa]|"
    r"frustrat[oa]|arrabbiat[oa]|delus[oa]|infastidit[oa]|irritad[oa]|zangad[oa]|chatead[oa]|"
    r"gefrustreerd|geïrriteerd|boos|teleurgesteld|woedend)"
)
_ING: Final = (
    r"(?:frustrating|annoying|infuriating|upsetting|disappointing|frustrierend|ärgerlich|nervig|"
    r"frustrant|énervant|agaçant|frustrante|irritante|frustrerend|vervelend)"
)
_WORRIED: Final = (
    r"(?:worried|anxious|nervous|scared|afraid of|stressed|desperate|beunruhigt|besorgt|"
    r"inqui[eè]te?|angoissée?|preocupad[oa]|ansios[oa]|nervios[oa]|preoccupat[oa]|bezorgd|ongerust)"
)
_WORDS: Final = re.compile(
    rf"\b(?:(?P<feels>{_ED})|(?P<worried>{_WORRIED})|{_ING})\b", re.IGNORECASE
)
GRAVE: Final = re.compile(
    r"\b(?:passed away|lost my (?:wife|husband|partner|mother|father|mum|mom|dad|son|daughter|"
    r"child|brother|sister|friend|grand\w+)|died|death|funeral|hospital|surgery|verstorben|gestorben|beerdigung|"
    r"krankenhaus|décédée?|mort|obsèques|hôpital|falleci\w+|muri[oó]|funerales?|ospedale|"
    r"decedut[oa]|faleceu|morreu|overleden|begrafenis|ziekenhuis)\b",
    re.IGNORECASE,
)
"""Events that weigh on a customer, even one who says nothing of feelings."""
_OWN: Final = re.compile(r"\b(?:i|ich|je|j|estoy|sono|estou|ik)\b", re.IGNORECASE)
_IT: Final = re.compile(
    r"\b(?:this|that|it|which|getting|becoming|das|es|ça|c|esto|isto|dit)\b", re.IGNORECASE
)
_MILDLY: Final = re.compile(
    r"\b(?:a (?:little|bit|tad)|slightly|somewhat|kind of|etwas|ein (?:wenig|bisschen)|un (?:peu|"
    r"poco|po['\u2019])|algo|um pouco|een beetje)\b",
    re.IGNORECASE,
)
_NOT: Final = re.compile(
    r"\b(?:not|never|no longer|nicht|pas|no|non|não|niet|if|wenn|si|se|als)\b|n['\u2019]t\b",
    re.IGNORECASE,
)
_MOST: Final = re.compile(
    r"\b(?:furious|livid|outraged|wütend|furieu\w+|furios[oa]|woedend|extremely|incredibly|beyond)\b",
    re.IGNORECASE,
)
_GLAD: Final = re.compile(
    r"\b(?:great|perfect|wonderful|awesome|excellent|appreciate|looks? good|super|prima|toll|"
    r"parfait|génial|perfecto|estupendo|perfetto|ottimo|perfeito|ótimo|geweldig)\b",
    re.IGNORECASE,
)
_THANKS: Final = re.compile(
    r"\b(?:thank(?:s| you)|danke|merci|gracias|grazie|obrigad[oa]|bedankt|dank je|dank u)\b",
    re.IGNORECASE,
)
_HAS: Final = re.compile(r"\d|@")
"""A number or an address: the customer goes on."""
_ORDER: Final[tuple[Feeling, ...]] = (
    "satisfied",
    "neutral",
    "worried",
    "impatient",
    "frustrated",
    "very_frustrated",
)


class Sentiment(NamedTuple):
    """A feeling, whether it rises, and the message that shows it most."""

    feeling: Feeling
    course: Course
    event_id: str | None
    slightly: bool = False
    """The customer says so: no more than a bit."""


def sentiment_of(moods: Sequence[Mood], said: Sequence[tuple[Turn, str]]) -> Sentiment:
    """Return the customer's sentiment; `said` are their turns and their words, oldest first.

    What they say of themselves counts before a score: it lifts a low one, and a feeling that they
    only ever called slight is no strong one.
    """
    scored = _scored(moods, said)
    stated = [one for turn, text in said[-FELT:] if (one := _stated(turn, text)) is not None]
    if not stated:
        return scored
    strongest = max(reversed(stated), key=lambda one: _ORDER.index(one.feeling))
    worse = _ORDER.index(scored.feeling) > _ORDER.index(strongest.feeling)
    if worse and not _own_words_count(strongest, scored, said):
        return scored
    return strongest._replace(course=scored.course)


def _own_words_count(
    stated: Sentiment, scored: Sentiment, said: Sequence[tuple[Turn, str]]
) -> bool:
    """Return whether what the customer calls their feeling counts before a higher score.

    It does where they say it with the words that were scored, or later.
    """
    if stated.feeling == "worried":
        return False
    if stated.slightly:
        return True
    places = [turn.event_id for turn, _ in said]
    if scored.event_id not in places or stated.event_id not in places:
        return False
    return places.index(stated.event_id or "") >= places.index(scored.event_id or "")


def _stated(turn: Turn, text: str) -> Sentiment | None:
    """Return the feeling that a message states in so many words."""
    few = text[:_READ]
    for found in islice(_WORDS.finditer(few), _TRIED):
        before = re.split(r"[.!?\n]", few[max(0, found.start() - _BEFORE) : found.start()])[-1]
        whose = _OWN if found["feels"] or found["worried"] else _IT
        if not whose.search(before) or _NOT.search(before):
            continue
        if found["worried"]:
            return Sentiment("worried", "steady", turn.event_id)
        if _MILDLY.search(before):
            return Sentiment("impatient", "steady", turn.event_id, slightly=True)
        most = _MOST.search(f"{before}{found.group()}") is not None
        return Sentiment("very_frustrated" if most else "frustrated", "steady", turn.event_id)
    return None


def _scored(moods: Sequence[Mood], said: Sequence[tuple[Turn, str]]) -> Sentiment:
    last, text = said[-1] if said else (None, "")
    worst = max(moods, key=lambda mood: mood.score, default=None)
    now = 0.0
    if last is not None and moods and moods[-1].event_id == last.event_id:
        now = moods[-1].score
    # A score that barely says so is seldom borne out by the words.
    if worst is not None and worst.score >= _IMPATIENT:
        change = now - (moods[0].score if worst.event_id != moods[0].event_id else worst.score)
        course: Course = "steady"
        if now <= worst.score - _CHANGE:
            course = "calmer"
        elif change >= _CHANGE:
            course = "rising"
        return Sentiment(_word(worst.score), course, worst.event_id)
    if last is not None and now < FRUSTRATION_THRESHOLD / 2 and _is_satisfied(text):
        return Sentiment("satisfied", "steady", last.event_id)
    return Sentiment("neutral", "steady", None if last is None else last.event_id)


def _is_satisfied(text: str) -> bool:
    """Return whether a last message is glad of what was done, and asks for nothing more."""
    few = text[:_READ]
    if ASKS.search(few) or PERSON.search(few) or STILL.search(few):
        return False
    solved = read_customer(few).solved
    if solved is not None and solved.score >= _SATISFIED:
        return True
    return (
        _GLAD.search(few) is not None and _THANKS.search(few) is not None and not _HAS.search(few)
    )


def _word(score: float) -> Feeling:
    if score >= _VERY:
        return "very_frustrated"
    return "frustrated" if score >= _FRUSTRATED else "impatient"
