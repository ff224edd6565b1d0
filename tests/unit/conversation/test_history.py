"""The transcript says who had the conversation when, beside what was said in it."""

import msgspec
import pytest

from tests.support.fold_history import ANGRY, ASKS, HOME, POLICY, History
from workers.contracts.codec import Raw, encode
from workers.contracts.decisions import Turn
from workers.contracts.events import Lead
from workers.conversation.fold import Incoming, fold_chunk
from workers.conversation.partition_meta import starting_meta
from workers.conversation.state import State, decode_state, encode_state


def _turns(h: History) -> list[Turn]:
    return [msgspec.msgpack.decode(turn, type=Turn) for turn in h.turns]


def _told(h: History) -> list[str]:
    """Every entry of the history in a line: what, where, who and the note."""
    return [
        f"{one.status} {one.to_queue or one.queue or ''} {one.name or ''} {one.content}".strip()
        for one in _turns(h)
        if one.role == "system"
    ]


def _placed() -> History:
    h = History()
    h.customer(ASKS)
    h.route()
    return h


def test_a_placement_says_where_why_and_at_which_level() -> None:
    h = _placed()
    said, placed = _turns(h)
    assert said.role == "customer"
    assert (placed.role, placed.status, placed.to_queue) == ("system", "placed", "tier_2_support")
    assert (placed.reason, placed.level, placed.content) == ("explicit_request", 0, "")
    assert placed.event_id == h.events[-1].event_id


def test_claims_transfers_and_ends_are_told_with_who_and_what_was_noted() -> None:
    h = _placed()
    h.desk("accepted", agent_name="Anna")
    h.desk("transferred", to_queue="billing", note="Refund above the limit.", agent_name="Anna")
    h.route()
    h.desk("accepted", queue="billing", agent_id="ben")
    h.desk("resolved", queue="billing", agent_id="ben", resolution="Refunded.")
    assert _told(h) == [
        "placed tier_2_support",
        "claimed tier_2_support Anna",
        "transferred billing Anna Refund above the limit.",
        "placed billing",
        "claimed billing ben",
        "resolved billing ben Refunded.",
    ]
    passed_on = _turns(h)[3]
    assert (passed_on.queue, passed_on.to_queue) == ("tier_2_support", "billing")
    assert h.last.facts.entries == len(h.turns) == h.state.entries
    assert h.last.facts.turns == h.state.turns == 1


def test_the_router_reads_as_far_as_the_transfer_that_it_places() -> None:
    h = _placed()
    h.desk("accepted")
    h.desk("transferred", to_queue="billing", note="Refund is approved.")
    transfer = h.last
    h.route()
    read = _turns(h)[: transfer.facts.entries]
    assert read[-1].content == "Refund is approved."


def test_what_is_refused_leaves_no_entry() -> None:
    h = _placed()
    h.desk("accepted")
    before = h.state.entries
    h.desk("accepted", agent_id="eve")
    h.desk("transferred", to_queue="legal", agent_id="eve", note="Not mine.")
    h.route(place="ticket")
    assert h.state.entries == len(h.turns) == before


def test_a_ticket_and_contact_details_are_told() -> None:
    h = History()
    h.customer(ASKS)
    h.route(place="ticket")
    h.desk("ticketed")
    assert _told(h) == ["ticketed tier_2_support"]
    h = History()
    h.customer(ASKS)
    h.route(place="contact")
    assert _told(h) == ["contact_given tier_2_support"]


def test_a_customer_who_takes_it_back_is_told_after_their_words() -> None:
    h = _placed()
    h.customer("Never mind, I don't need a person any more.")
    roles = [(one.role, one.status) for one in _turns(h)]
    assert roles[-2:] == [("customer", None), ("system", "withdrawn")]
    assert _turns(h)[-1].name is None


def test_a_person_who_writes_takes_over_before_their_words() -> None:
    h = _placed()
    h.person("anna")
    claimed, said = _turns(h)[-2:]
    assert (claimed.status, claimed.episode) == ("claimed", said.episode)
    assert claimed.event_id == h.last.decision_id
    assert said.event_id == h.events[-1].event_id
    h.person("anna", "Which order is it?")
    assert _turns(h)[-1].role == "human_agent"
    assert [one.status for one in _turns(h)].count("claimed") == 1


def test_time_ends_an_escalation_without_a_name() -> None:
    h = _placed()
    h.wait(601)
    assert h.last.outcome == "expired"
    assert _told(h)[-1].split()[0] == "expired"
    assert _turns(h)[-1].name is None
    assert len({one.event_id for one in _turns(h)}) == len(h.turns) == h.state.entries


def test_what_a_lead_does_says_who_and_why() -> None:
    h = _placed()
    h.apply(
        Lead(
            **h.envelope(),
            type="lead",
            action="moved",
            desk_event_id="d",
            lead="mara",
            reason="A case for billing.",
            to_queue="billing",
        )
    )
    assert _told(h)[-1] == "transferred billing mara A case for billing."


def test_the_history_counts_in_no_rule() -> None:
    policy = POLICY.replace("when: {turns: 8}", "when: {turns: 2}")
    h = History(policy)
    for _ in range(3):
        h.customer(ASKS)
        h.route()
        h.desk("returned", note="That is for the AI.")
    h.decisions.clear()
    h.customer()
    h.ai()
    assert h.story == []
    episode = h.state.episode
    assert (episode.customer_turns, episode.ai_turns, episode.ask_repeats) == (1, 1, 0)
    h.customer(ANGRY)
    assert h.story[:1] == ["recommend unproductive_loop"] or "offer" in h.story[0]


def test_while_a_policy_only_observes_nothing_is_told() -> None:
    h = History(observe=True)
    h.customer(ASKS)
    h.person("anna")
    assert [one.role for one in _turns(h)] == ["customer", "human_agent"]
    assert h.state.history == 0


@pytest.mark.parametrize("size", [1, 2, 100])
def test_sent_twice_and_cut_anywhere_the_transcript_is_the_same(size: int) -> None:
    h = _placed()
    h.desk("accepted")
    h.desk("transferred", to_queue="billing", note="Refund is approved.")
    h.route()
    h.person("ben")
    h.desk("returned", queue="billing", agent_id="ben", reason="Done.")
    twice = [event for event in h.events for _ in range(2)]
    incoming = [
        Incoming(at, 1 << 45, event, Raw(b"c-1", encode(event), (), 1 << 45))
        for at, event in enumerate(twice)
    ]
    blob: bytes | None = None
    known: set[str] = set()
    turns: list[bytes] = []
    meta = starting_meta(POLICY)
    for at in range(0, len(incoming), size):
        chunk = incoming[at : at + size]
        folded = fold_chunk(chunk, {"c-1": blob}, {"c-1": known}, meta, HOME)
        meta = folded.meta
        if change := folded.changes.get("c-1"):
            blob = change.blob
            known = known | set(change.ids)
            turns += change.turns
    assert turns == h.turns
    assert blob == h.blob


def test_a_state_of_before_goes_on() -> None:
    h = _placed()
    known = State.__struct_fields__.index("history")
    fields = msgspec.msgpack.decode(encode_state(h.state))[:known]
    old = decode_state("c-1", msgspec.msgpack.encode(fields))
    assert (old.turns, old.history) == (1, 0)
    h.blob, h.turns = encode_state(old), h.turns[:1]
    h.desk("accepted")
    assert h.state.entries == len(h.turns) == 2
