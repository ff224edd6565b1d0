"""Notices: every language says the same things, each true when it is said."""

import re
from typing import Any, get_args

import msgspec
import pytest

from tests.support import packets
from workers.contracts.control import Contact
from workers.contracts.decisions import Action, Cause, Decision, Outcome, Reason
from workers.contracts.events import Customer, Place, Wait
from workers.contracts.ledger import Plan
from workers.handoff.notices import Circumstances, Notices, languages

CONTACT = Contact(phone="+1 555 0100", email="help@shop.example", hours="Mo-Fr 9-17")


def decision(**changes: Any) -> Decision:
    transcript = packets.turns()
    return packets.decision(packets.facts(transcript), transcript, **changes)


def notice(
    made: Decision, planned: Plan, contact: Contact | None, locale: str | None
) -> str | None:
    """Return what the shipped texts say to a customer with this locale."""
    customer = msgspec.structs.replace(made.facts.customer or Customer(), locale=locale)
    facts = msgspec.structs.replace(made.facts, customer=customer)
    made = msgspec.structs.replace(made, facts=facts)
    return Notices().notice(made, planned, Circumstances(contact=contact))


def plan(place: Place | None = None, **changes: Any) -> Plan:
    return Plan(place=place, queue=place and "billing", planned_at=packets.START, **changes)


def test_every_reason_for_which_the_customer_is_handed_over_is_said() -> None:
    # A person who writes unasked needs no announcement.
    assert set(languages()["en"]["because"]) == {*get_args(Reason)} - {"human_initiative"}


def test_seven_languages_say_the_same_things() -> None:
    texts = languages()
    assert set(texts) == {"en", "de", "es", "fr", "it", "pt", "nl"}
    for language, said in texts.items():
        assert set(said) == set(texts["en"]), language
        assert set(said["because"]) == set(texts["en"]["because"]), language
        for key, text in said.items():
            if isinstance(text, str):
                fields = sorted(re.findall(r"{\w+}", text))
                assert fields == sorted(re.findall(r"{\w+}", texts["en"][key])), (language, key)
            else:
                assert len(text) == len(texts["en"][key]), (language, key)


@pytest.mark.parametrize("locale", ["de-AT", "de", "DE_de"])
def test_the_language_of_the_locale_is_used(locale: str) -> None:
    assert notice(decision(action="claim"), plan(), None, locale) == languages()["de"]["joined"]


@pytest.mark.parametrize("locale", [None, "", "xx", "ja-JP"])
def test_other_locales_get_english(locale: str | None) -> None:
    assert notice(decision(action="claim"), plan(), None, locale) == languages()["en"]["joined"]


def test_the_queue_is_announced_with_what_was_understood_and_the_wait() -> None:
    text = notice(decision(), plan("queue", wait=Wait(low_s=130, high_s=290)), None, "en")
    assert text is not None
    assert text.startswith("You asked for a person. A person from our team will take over here")
    assert text.endswith("Usual wait: 2\u20135 min.")


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (0, 40, "up to 1 min"),
        (0, 200, "up to 4 min"),
        (300, 300, "5 min"),
        (4000, 9000, "1\u20133 h"),
    ],
)
def test_a_wait_is_a_range_that_holds_the_estimate(low: int, high: int, shown: str) -> None:
    text = notice(decision(), plan("queue", wait=Wait(low_s=low, high_s=high)), None, "en")
    assert text is not None
    assert text.endswith(f"Usual wait: {shown}.")


def test_without_an_estimate_no_wait_is_told() -> None:
    text = notice(decision(), plan("queue"), None, "en")
    assert text is not None
    assert "wait" not in text.lower()


def test_who_waits_hears_of_a_new_wait_and_only_of_that() -> None:
    told = plan(wait=Wait(low_s=130, high_s=290))
    text = notice(decision(action="update"), told, None, "en")
    assert text == f"{languages()['en']['still_waiting']} Usual wait: 2\u20135 min."
    assert notice(decision(action="update"), plan(), None, "en") is None


@pytest.mark.parametrize(
    ("changes", "placed", "key"),
    [
        ({"action": "move", "cause": "claim_missed"}, "queue", "missed"),
        ({"action": "move", "cause": "mandatory_rule"}, "queue", "raised"),
        ({"action": "transfer"}, "queue", "passed_on"),
        ({"action": "move", "cause": "claim_missed"}, "ticket", "ticket_requested"),
        ({"action": "return", "outcome": "returned"}, None, "returned"),
        ({"action": "outcome", "outcome": "resolved"}, None, "resolved"),
        ({"action": "outcome", "outcome": "withdrawn"}, None, "withdrawn"),
    ],
)
def test_each_change_has_its_line(changes: dict[str, Any], placed: Place | None, key: str) -> None:
    assert notice(decision(**changes), plan(placed), None, "fr") == languages()["fr"][key]


def test_ticket_numbers_and_contacts_are_told() -> None:
    ticketed = decision(action="move", cause="ticketed", ticket_id="T-77")
    assert "T-77" in (notice(ticketed, plan(), None, "en") or "")
    given = notice(decision(), plan("contact"), CONTACT, "en") or ""
    assert "+1 555 0100, help@shop.example (Mo-Fr 9-17)" in given
    expired = notice(decision(action="outcome", outcome="expired"), plan(), CONTACT, "en") or ""
    assert "+1 555 0100" in expired
    assert "{" not in (notice(decision(), plan("contact"), None, "en") or "{")


@pytest.mark.parametrize("outcome", ["closed", "abandoned", "contact_given"])
def test_some_ends_need_no_word(outcome: Outcome) -> None:
    assert notice(decision(action="outcome", outcome=outcome), plan(), CONTACT, "en") is None


@pytest.mark.parametrize("language", languages())
def test_one_line_for_every_decision_and_nothing_before_it_is_placed(language: str) -> None:
    for action in get_args(Action):
        for reason in get_args(Reason):
            for cause in (None, *get_args(Cause)):
                made = decision(action=action, reason=reason, cause=cause, ticket_id="T-1")
                if action in ("escalate", "transfer"):
                    assert notice(made, plan(), None, language) is None
                if action in ("suppress", "recommend", "refuse"):
                    assert notice(made, plan("queue"), CONTACT, language) is None
                for place in (None, "queue", "ticket", "contact"):
                    text = notice(made, plan(place), CONTACT, language)
                    assert text is None or (
                        "\n" not in text and "{" not in text and len(text) < 260
                    )


def test_observing_tells_nobody() -> None:
    made = msgspec.structs.replace(decision(), observe=True)
    assert notice(made, plan("queue"), CONTACT, "en") is None
