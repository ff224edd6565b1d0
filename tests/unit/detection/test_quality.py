"""The figures that docs/detection.md names hold on the own labelled texts."""

from benchmarks.detection.evaluate import asks, cross
from benchmarks.detection.measures import count, own
from workers.detection import FRUSTRATION_THRESHOLD, THRESHOLD, read_agent, read_customer

HALVES = ("dev", "test", "fresh")


def test_requests_for_a_person() -> None:
    rows = [row for half in HALVES for row in own("requests", half)]
    counts = count(((row["label"], asks(row["text"])) for row in rows), THRESHOLD)
    assert counts.found >= 0.95 * (counts.found + counts.missed)
    assert counts.false <= 0.01 * (counts.false + counts.clean)


def test_frustration() -> None:
    rows = [row for half in HALVES for row in own("frustration", half)]
    counts = count(((row["label"], cross(row["text"])) for row in rows), FRUSTRATION_THRESHOLD)
    assert counts.f1 >= 0.92


def test_promises_and_offers_of_the_ai() -> None:
    rows = [row for half in ("dev", "test") for row in own("agent_turns", half)]
    promised = [(row["label"], read_agent(row["text"]).promises_person is not None) for row in rows]
    assert sum(label == "promise" and found for label, found in promised) >= 0.9 * sum(
        label == "promise" for label, _ in promised
    )
    assert sum(label != "promise" and found for label, found in promised) <= 2


# In the manner of real channels, and in no set that anything is learned from.
_FRUSTRATED = (
    "11 days since the pickup and the money is still not back",
    "2 hours in the queue and then you cut me off",
    "Oh great, the same standard answer for the third time",
    "nobody has answered any of my four mails",
    "thanks for ruining our holiday",
    "I will never order from you again",
    "You promised a call yesterday. No call. Again.",
    "seriously?? cancelled at the gate",
    "DO YOU PEOPLE EVER READ WHAT WE SEND",
    "what a joke of a company #disgusted",
)
_CALM = (
    "How many days does the pickup take?",
    "I was in the queue for a minute, then it went quickly",
    "Great, that was the answer I needed",
    "could somebody answer my mail from Monday, please",
    "thanks for our wonderful holiday",
    "I will order from you again",
    "You called yesterday while I was out. When is a good time?",
    "it still doesn't turn on, the light stays red",
    "Where do I send the documents",
    "holy moly, what a great company #happy",
)


def test_frustration_is_heard_as_real_customers_write_it() -> None:
    heard = [text for text in _FRUSTRATED if _frustrated(text)]
    assert len(heard) >= 9, set(_FRUSTRATED) - set(heard)
    alarms = [text for text in _CALM if _frustrated(text)]
    assert len(alarms) <= 1, alarms


def _frustrated(text: str) -> bool:
    found = read_customer(text).frustrated
    return found is not None and found.score >= FRUSTRATION_THRESHOLD
