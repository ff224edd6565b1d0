"""The playbook: the first entry that holds, in the queue's language, and errors with their line."""

from typing import Any

import msgspec
import pytest

from tests.support import packets
from workers.contracts.events import Customer
from workers.contracts.yaml import YamlFileError
from workers.data import data_path
from workers.handoff.frames import languages
from workers.handoff.packet import build_packet
from workers.handoff.playbook import NEXT_WORDS, advise, load_playbook
from workers.handoff.wording import word_count

SHIPPED = load_playbook(data_path("playbook.yaml").read_text(encoding="utf-8"), "playbook.yaml")


def decided(**facts: Any) -> Any:
    transcript = packets.turns([("customer", "I need help with order 55121.")])
    known = packets.facts(transcript, tools=(), mood=(), **facts)
    return packets.decision(known, transcript)


@pytest.mark.parametrize(
    ("intents", "queue", "begins"),
    [
        (("security_report",), None, "Create an incident ticket"),
        ((), "security", "Create an incident ticket"),
        (("billing_problem",), None, "Verify refund eligibility"),
        (("cancellation_intent",), None, "Explore the reasons"),
        (("bug_report",), None, "Verify that it can be reproduced"),
        ((), "tier_2_support", "Investigate the root cause"),
    ],
)
def test_the_shipped_entries_say_what_the_field_does(
    intents: tuple[str, ...], queue: str | None, begins: str
) -> None:
    assert advise(SHIPPED, decided(intents=intents), queue, "en").next.startswith(begins)


@pytest.mark.parametrize("language", sorted(languages()))
def test_every_shipped_step_is_short_and_there_in_every_language(language: str) -> None:
    for entry in SHIPPED.entries:
        assert isinstance(entry.next, dict)
        assert word_count(entry.next[language]) <= NEXT_WORDS
        for check in entry.check:
            assert isinstance(check, dict)
            assert check.get(language)


def test_all_that_is_named_must_hold_and_the_first_that_does_speaks() -> None:
    text = """
version: 1
entries:
  - {when: {tier: gold, reason: [stalled, explicit_request]}, next: {en: Gold., de: Gold!}}
  - {when: {tier: gold}, next: Later., links: [https://help.example]}
  - {next: Else.}
"""
    made = load_playbook(text, "p.yaml")
    gold = decided(customer=Customer(tier="gold"))
    assert advise(made, gold, None, "de-AT").next == "Gold!"
    other = msgspec.structs.replace(gold, reason="unkept_promise")
    assert advise(made, other, None, "en")[:3] == ("Later.", (), ("https://help.example",))
    assert advise(made, decided(customer=None), None, "en").next == "Else."


def test_what_the_packet_carries_is_the_playbooks_and_its_hash() -> None:
    made = decided()
    turns = packets.turns([("customer", "I need help with order 55121.")])
    advice = advise(SHIPPED, made, "security", "en")
    packet = build_packet(made.facts, turns, made, "standard", advice=advice)
    assert packet.next_step.text.endswith("Create an incident ticket and notify the security team.")
    assert packet.playbook_hash == SHIPPED.hash


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("version: 1\nentries:\n  - {next: {de: Nur das.}}\n", "p.yaml:3: entries[0].next"),
        ("version: 1\nentries:\n  - {whn: {}, next: A.}\n", "p.yaml:3: entries[0].whn"),
        ("version: 1\nentries:\n  - {when: {reason: boredom}, next: A.}\n", "p.yaml:3"),
        ("version: 1\nentries:\n  - {when: {queue: nobody}, next: A.}\n", "p.yaml:3"),
        (f"version: 1\nentries:\n  - {{next: {'word ' * 15}}}\n", "15 words: use at most 14"),
    ],
)
def test_a_bad_playbook_is_one_error_with_its_line(text: str, told: str) -> None:
    with pytest.raises(YamlFileError) as caught:
        load_playbook(text, "p.yaml", {"security", "billing"})
    assert told in str(caught.value)
