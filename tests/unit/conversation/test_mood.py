"""The mood of an episode: what earlier messages leave of frustration."""

from workers.conversation.episodes import mood_of, note_mood
from workers.conversation.state import Episode


def _moods(*scores: float) -> list[float]:
    episode, found = Episode(), []
    for score in scores:
        note_mood(episode, score)
        found.append(mood_of(episode))
    return found


def test_a_third_complaint_weighs_more_than_a_first() -> None:
    first, second, third = _moods(0.5, 0.5, 0.5)
    assert first == 0.5
    assert first < second < third < 1


def test_a_calm_message_halves_what_was_before() -> None:
    assert _moods(0.8, 0.0, 0.0) == [0.8, 0.4, 0.2]


def test_nothing_comes_of_nothing() -> None:
    assert _moods(0.0, 0.0) == [0.0, 0.0]
