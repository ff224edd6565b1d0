"""State and decisions are bounded, whatever is said, however long, and cost no more with time."""

from typing import Any
from uuid import UUID

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.fold_history import ASKS, History
from tests.support.random_histories import POLICIES
from workers.contracts.codec import encode
from workers.contracts.events import Attachment, ToolCall
from workers.conversation.state import encode_state

BOUND = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
PAD = "€" * 10_000


class Crowded(History):
    """A history in which every event has a UUID for its id and every field is as long as told."""

    def __init__(self, policy: str, length: int) -> None:
        super().__init__(policy, conversation_id=str(UUID(int=1)))
        self.length = length

    def event_id(self) -> str:
        """An id as long as a UUID, or as long as allowed."""
        number = str(UUID(int=len(self.events) + 1000))
        return number if self.length <= 40 else (number + "x" * 300)[:256]

    def word(self, name: str, limit: int = 128) -> str:
        """A word of the length told."""
        return (name + "-" + "w" * 300)[: min(self.length, limit)]


def _crowd(h: Crowded, rounds: int, text: str) -> None:
    """Produce every kind of trace, several times over, and leave an escalation open."""
    for n in range(rounds):
        h.customer(
            f"{text} {n} " + " ".join(f"word{n}{i}" for i in range(12)),
            customer={
                "id": h.word("customer", 256),
                "name": h.word("Name", 256),
                "tier": h.word("tier"),
                "locale": h.word("de-DE", 35),
                "dedicated_agent": h.word("person", 256),
            },
            channel=h.word("channel"),
            subject=(h.word("Subject") + PAD)[:1000],
            ticket_id=h.word("T", 256),
            tenant=h.word("tenant"),
        )
        calls = tuple(
            ToolCall(name=h.word(f"tool{i}"), arguments={"order": n + i}) for i in range(5)
        )
        agent: dict[str, Any] = {
            "intents": tuple(h.word(f"intent{n}{i}") for i in range(9)),
            "confidence": 0.123456789,
            "context_tokens": 10,
            "context_limit": 97,
        }
        h.ai(f"Answer {n} " + " ".join(f"said{n}{i}" for i in range(12)), **agent)
        h.ai("", tool_calls=calls)
        h.tool("error", h.word(f"tool{n % 7}"))
        h.tool("ok", h.word(f"tool{n % 7}"))
        h.customer(ASKS)
        h.route(h.word("tier_2_support"))
        h.desk("transferred", to_queue=h.word("billing"), note=PAD[:9_000])
        h.route(h.word("billing"))
        if n < rounds - 1:
            h.desk("accepted")
            h.desk("returned", note=PAD[:9_000])


@BOUND
@given(st.integers(1, 8), st.integers(4, 40), st.sampled_from(sorted(POLICIES)))
def test_an_open_conversation_takes_at_most_two_kilobytes(
    rounds: int, length: int, policy: str
) -> None:
    h = Crowded(POLICIES[policy], length)
    _crowd(h, rounds, "Question")
    assert h.state.open is not None
    assert len(h.blob or b"") <= 2048


@BOUND
@given(st.integers(1, 8), st.sampled_from(sorted(POLICIES)))
def test_ids_and_names_as_long_as_allowed_are_bounded_too(rounds: int, policy: str) -> None:
    h = Crowded(POLICIES[policy], 300)
    _crowd(h, rounds, PAD)
    assert len(h.blob or b"") <= 5_000
    assert all(len(encode(decision)) <= 32_000 for decision in h.decisions)
    assert all(len(turn) < 140_000 for turn in h.turns)


def test_a_message_leaves_no_more_behind_after_a_thousand_than_after_ten() -> None:
    h = History()
    sizes = []
    for n in range(1000):
        h.customer(f"Question number {n} about parcel {n * 7919}")
        h.ai(f"Answer number {n} for parcel {n * 7907}", confidence=0.9, intents=(f"i{n}",))
        sizes.append(len(h.blob or b""))
    assert sizes[-1] <= sizes[20] + 40


def test_what_only_the_packet_tells_takes_at_most_300_bytes_of_the_state() -> None:
    h = Crowded(POLICIES["default"], 36)
    names = ("order 4711-99", "booking QX7PLM", "ticket 88120", "user kim_84", "invoice R-2026-17")
    sizes = []
    for n in range(150):
        number = names[n % len(names)] + (f"{n}" if n % 16 < 8 else "")
        h.customer(
            f"I was charged twice for {number}, and now I want to cancel my subscription {n}.",
            attachments=(Attachment(name=f"bill-{n}.pdf", url=f"https://files.example/{n}"),),
            customer={
                "id": "c-1",
                "email": "kim.berg@example.com",
                "phone": "+49 30 1234567",
                "preferred_contact": "phone, after five",
            },
        )
        arguments = {"order": number, "note": "n" * 400}
        h.ai("Let me see.", tool_calls=(ToolCall(name="find", arguments=arguments),))
        h.tool("ok", "find")
        h.ai(f"It is on its way {n}. Which date suits you?")
        state = h.state
        bare = msgspec.structs.replace(
            state,
            email=None,
            phone=None,
            preferred_contact=None,
            history=0,
            episode=msgspec.structs.replace(state.episode, noted_intents=()),
        )
        sizes.append(len(encode_state(state)))
        assert sizes[-1] - len(encode_state(bare)) <= 300
    assert len(h.state.episode.noted_intents) == 2
    assert max(sizes) <= 2_000
    assert max(sizes[50:]) <= max(sizes[:50]) + 40


def test_a_history_of_many_hands_leaves_the_state_as_large() -> None:
    h = History()
    sizes = []
    for _ in range(60):
        h.customer(ASKS)
        h.route()
        h.desk("accepted")
        h.desk("returned", note="Please go on, the customer knows.")
        sizes.append(len(h.blob or b""))
    assert h.state.history == 180
    assert max(sizes[10:]) <= sizes[9] + 40
