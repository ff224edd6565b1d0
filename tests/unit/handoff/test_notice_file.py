"""A deployment's own notices: the most specific wins, and only what is known is promised."""

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from tests.support import packets
from workers.contracts.calendars import Opening
from workers.contracts.control import Contact
from workers.contracts.decisions import Decision
from workers.contracts.events import Customer, Wait
from workers.contracts.ledger import Plan
from workers.contracts.yaml import YamlFileError
from workers.handoff.notice_file import load_notice_rules
from workers.handoff.notices import Circumstances, Notices, languages

FILE = """
version: 1
notices:
  - texts: {en: {queued: "Everybody.", joined: "Hello from {team}."}}
  - match: {channel: voice}
    texts: {en: {queued: "On the phone."}}
  - match: {tier: premium, channel: voice}
    texts: {en: {queued: "Premium."}}
  - match: {queue: billing}
    texts: {en: {queued: "{team} within {within}."}, de: {queued: "{team} in {within}."}}
  - match: {reason: explicit_request}
    texts: {en: {missed: "Asked.", ticket_requested: "Back {opens}."}}
"""


def rules(text: str = FILE) -> Any:
    return load_notice_rules(text, "notices.yaml", languages(), ["billing", "legal"])


def told(
    reason: str = "stalled",
    queue: str = "legal",
    tier: str | None = None,
    channel: str | None = None,
    *,
    locale: str = "en",
    about: Circumstances = Circumstances(team="Billing"),  # noqa: B008 - never changed
    due: bool = True,
    action: str = "escalate",
    **placed: Any,
) -> str | None:
    """Return what a customer like this is told when they are placed on a queue."""
    transcript = packets.turns()
    facts = msgspec.structs.replace(
        packets.facts(transcript), customer=Customer(tier=tier, locale=locale), channel=channel
    )
    made: Decision = packets.decision(facts, transcript, reason=reason, action=action)
    plan = Plan(
        **{"place": "queue", "queue": queue, "planned_at": packets.START, **placed},
        claim_due_at=packets.START + timedelta(minutes=60) if due else None,
    )
    return Notices(rules()).notice(made, plan, about)


@pytest.mark.parametrize(
    ("whom", "says"),
    [
        ({}, "Everybody."),
        ({"channel": "voice"}, "On the phone."),
        ({"tier": "premium", "channel": "voice"}, "Premium."),
        ({"tier": "premium"}, "Everybody."),
        ({"queue": "billing", "tier": "premium", "channel": "voice"}, "Billing within 60 min."),
    ],
)
def test_the_most_specific_wins_by_reason_queue_tier_channel(
    whom: dict[str, Any], says: str
) -> None:
    assert (told(**whom) or "").endswith(says)


def test_other_languages_keep_their_shipped_texts() -> None:
    assert (told(locale="fr") or "").endswith(languages()["fr"]["queued"])
    assert (told(queue="billing", locale="de-AT") or "").endswith("Billing in 60 min.")


def test_a_promise_is_made_only_where_the_queue_has_that_deadline() -> None:
    assert (told(queue="billing", due=False) or "").endswith("Everybody.")
    assert (told(queue="billing", place="ticket") or "").endswith(
        languages()["en"]["ticket_requested"]
    )


def test_what_is_not_known_is_not_named() -> None:
    opens = Opening(1, date(2026, 11, 3), "9:00")
    about = Circumstances(team="Legal", opens=opens)
    asked = told("explicit_request", place="ticket", about=about)
    assert asked == "You asked for a person. Back tomorrow at 9:00."
    assert (told("explicit_request", place="ticket") or "").endswith(
        languages()["en"]["ticket_requested"]
    )


@pytest.mark.parametrize(
    ("days", "shown"),
    [(0, "today at 9:00"), (1, "tomorrow at 9:00"), (3, "on Thursday at 9:00"),
     (30, "on 2026-11-05 at 9:00")],
)  # fmt: skip
def test_a_closed_queue_says_when_it_opens(days: int, shown: str) -> None:
    about = Circumstances(team="Legal", opens=Opening(days, date(2026, 11, 5), "9:00"))
    assert (told(place="ticket", about=about) or "").endswith(f"Legal is back {shown}.")
    assert "back" not in (told(place="queue", about=about) or "")


def test_a_wait_follows_a_text_of_ones_own_unless_it_names_it() -> None:
    assert (told(wait=Wait(low_s=130, high_s=290)) or "").endswith("Usual wait: 2\u20135 min.")


def test_a_contact_is_still_needed_to_give_one() -> None:
    text = told(place="contact", about=Circumstances(contact=Contact(email="a@b.example")))
    assert "a@b.example" in (text or "")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- texts: {xx: {queued: a}}", "texts.xx: no such language"),
        ("- texts: {en: {queud: a}}", "did you mean queued?"),
        ("- match: {queue: biling}\n    texts: {en: {queued: a}}", "did you mean billing?"),
        ("- match: {reason: angry}\n    texts: {en: {queued: a}}", "reason"),
        ('- texts: {en: {queued: "{promise}"}}', "{promise}: use {team}"),
        ('- texts: {en: {queued: "{team"}}', "close every brace"),
        ('- texts: {en: {queued: "{team.x}"}}', "{team.x}: use {team}"),
        ('- texts: {en: {because: "{team}"}}', "name nothing here"),
        ("- text: {}", "text"),
    ],
)
def test_a_bad_file_says_where_and_what_to_do(text: str, says: str) -> None:
    with pytest.raises(YamlFileError) as error:
        rules(f"version: 1\nnotices:\n  {text}\n")
    assert str(error.value).startswith("notices.yaml:")
    assert says in str(error.value)
