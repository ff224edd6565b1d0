"""The customer's mood as a word, from one function whose scores detection gives."""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from workers.contracts.decisions import Mood, Turn
from workers.detection import FRUSTRATION_THRESHOLD, read_customer

Feeling = Literal["satisfied", "neutral", "impatient", "frustrated", "very_frustrated"]
Course = Literal["rising", "calmer", "steady"]
_FRUSTRATED: Final = 0.6
_VERY: Final = 0.85
_SATISFIED: Final = 0.75
_CHANGE: Final = 0.2


class Sentiment(NamedTuple):
    """A feeling, whether it rises, and the message that shows it most."""

    feeling: Feeling
    course: Course
    event_id: str | None


def sentiment_of(moods: Sequence[Mood], last: Turn | None, text: str) -> Sentiment:
    """Return the customer's sentiment; `last` is their last turn and `text` its words."""
    worst = max(moods, key=lambda mood: mood.score, default=None)
    now = 0.0
    if last is not None and moods and moods[-1].event_id == last.event_id:
        now = moods[-1].score
    if worst is not None and worst.score >= FRUSTRATION_THRESHOLD:
        change = now - (moods[0].score if worst.event_id != moods[0].event_id else worst.score)
        course: Course = "steady"
        if now <= worst.score - _CHANGE:
            course = "calmer"
        elif change >= _CHANGE:
            course = "rising"
        return Sentiment(_word(worst.score), course, worst.event_id)
    if last is not None and now < FRUSTRATION_THRESHOLD / 2:
        solved = read_customer(text).solved
        if solved is not None and solved.score >= _SATISFIED:
            return Sentiment("satisfied", "steady", last.event_id)
    return Sentiment("neutral", "steady", None if last is None else last.event_id)


def _word(score: float) -> Feeling:
    if score >= _VERY:
        return "very_frustrated"
    return "frustrated" if score >= _FRUSTRATED else "impatient"
