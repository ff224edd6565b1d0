"""Silent frustration: what may be wrong without a word that says so.

None of it decides anything. Each kind has the classifier asked about the customer's message, once
in an episode, so that a model reads what words alone do not show.
"""

from typing import Final

from workers.contracts.decisions import Doubt
from workers.contracts.time import MINUTE
from workers.conversation.state import Episode
from workers.detection import CustomerFindings, Vocabulary, read_customer

LONG_ANSWER: Final = 280
"""Characters of an AI turn that asks nothing from which on it is a lot to read."""
SHORT_REPLY: Final = 24
"""Characters of a reply to it that say next to nothing."""
APOLOGIES: Final = 2
"""AI turns of an episode that apologise."""
OPENING: Final = 120
"""Characters at the beginning of an AI turn in which an apology is looked for."""
UNSOLVED_TURNS: Final = 8
"""Customer messages of an episode without a word that it is solved."""
LATE_MS: Final = 5 * MINUTE
"""Wait of a customer after which an answer is late."""
WEAK_MOOD: Final = 0.15
"""Frustration, too little to be told, that is something when it comes twice."""
_SORRY: Final = (
    "sorry", "apolog", "entschuldig", "tut mir leid", "lo siento", "disculp", "désolé", "excuse",
    "scusa", "mi dispiace", "desculp", "lamento", "het spijt",
)  # fmt: skip
_NUMBERS: Final[dict[Doubt, int]] = {
    "rephrased": 1,
    "short_reply": 2,
    "apologies": 4,
    "unsolved": 8,
    "late_answer": 16,
    "mood": 32,
}


def ai_spoke(episode: Episode, text: str, waited_ms: int) -> None:
    """Note an AI turn with words, `waited_ms` after the message that it answers."""
    episode.long_answer = len(text) >= LONG_ANSWER and "?" not in text
    episode.late_answer = waited_ms >= LATE_MS
    if episode.apologies < APOLOGIES:
        # Apologies come first.
        lowered = text[:OPENING].lower()
        episode.apologies += any(map(lowered.__contains__, _SORRY))


def doubts(
    episode: Episode,
    text: str,
    findings: CustomerFindings,
    repeats_before: int,
    lists: Vocabulary,
) -> tuple[Doubt, ...]:
    """Return the doubts about a customer message that this episode has not asked about yet."""
    if findings.solved is not None:
        return ()
    found: list[Doubt] = []
    if episode.ask_repeats > repeats_before:
        found.append("rephrased")
    if episode.long_answer and len(text) <= SHORT_REPLY:
        found.append("short_reply")
    if episode.apologies >= APOLOGIES:
        found.append("apologies")
    if episode.customer_turns >= UNSOLVED_TURNS and episode.solved < 0.5:
        found.append("unsolved")
    if episode.late_answer:
        found.append("late_answer")
    if findings.frustrated is not None and _weak_moods(episode) > 1:
        found.append("mood")
    new = tuple([one for one in found if not episode.asked & _NUMBERS[one]])
    # A customer who agrees is content. Most messages are not read for that.
    return () if new and read_customer(text, lists=lists).accepts is not None else new


def _weak_moods(episode: Episode) -> int:
    return sum([score >= WEAK_MOOD for _, score in episode.mood])


def note_asked(episode: Episode, asked: tuple[Doubt, ...]) -> None:
    """Remember that the classifier was asked for these reasons."""
    for one in asked:
        episode.asked |= _NUMBERS.get(one, 0)
