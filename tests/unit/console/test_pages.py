"""Every page with everything on it: what must be said is said, and what others wrote stays text."""

import asyncio
import re
import sqlite3
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from starlette.testclient import TestClient

from tests.support.audit_builder import World
from tests.support.console_site import (
    CapturingSender,
    apply,
    browser_of,
    console_site,
    csrf_in,
    fetched,
    records_of,
    shipped_topics,
)
from tests.unit.console.test_access import people_file
from workers.console.access import admission
from workers.console.site import Site
from workers.contracts.control import Control
from workers.contracts.decisions import Decision, Earlier, Evidence, NearMiss, OtherEscalation
from workers.contracts.events import Customer, Skipped
from workers.contracts.handoffs import Handoff, KeyMessage, Note, Refused, Statement
from workers.contracts.ledger import LedgerRecord
from workers.contracts.tickets import Notification
from workers.contracts.time import from_ms
from workers.contracts.topics import NOTIFICATIONS
from workers.data import data_path

HOSTILE = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>"
MAIL = "mia@example.com"
_ALLOWED_SCRIPTS = {
    "/static/htmx-4.0.1.min.js",
    "/static/hx-sse-4.0.1.min.js",
    "/static/console.js",
}


class Elements(HTMLParser):
    """Collects the elements of a page, as a browser would make them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.scripts: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "script":
            self.scripts.add(dict(attrs).get("src") or "inline")


def _hostile(record: Any) -> Any:
    """Return a record with hostile text wherever others may write it."""
    claim = Statement(text=f"{HOSTILE} {MAIL}", events=("e",))
    match record:
        case Decision():
            evidence = (
                Evidence(event_id="e", signal="requested_human", score=0.9),
                Evidence(event_id="e", signal=HOSTILE, score=1.0, quote=HOSTILE[:80]),
            )
            misses = (NearMiss(rule=HOSTILE, condition="turns", value=1.0, needed=2.0),)
            customer = Customer(id=HOSTILE, tier=HOSTILE, locale="en")
            facts = msgspec.structs.replace(
                record.facts, customer=customer, channel=HOSTILE, intents=(HOSTILE,)
            )
            return msgspec.structs.replace(
                record,
                evidence=evidence,
                near_misses=misses,
                rule=HOSTILE,
                person=HOSTILE if record.person else None,
                facts=facts,
            )
        case Handoff():
            packet = msgspec.structs.replace(
                record.packet,
                customer=Customer(id=HOSTILE, name=HOSTILE),
                who=claim,
                wants=claim,
                why=claim,
                stands=claim,
                next_step=claim,
                mood=claim,
                tried=(claim,),
                intents=(HOSTILE,),
                notes=(Note(event_id="e", at=record.decided_at, name=HOSTILE, text=HOSTILE),),
                key_messages=(
                    KeyMessage(event_id="e", role="customer", at=record.decided_at, text=HOSTILE),
                ),
                earlier=(
                    Earlier(
                        escalation_id="x",
                        reason="stalled",
                        outcome="closed",
                        ended_at=record.decided_at,
                        note=HOSTILE,
                    ),
                ),
                others=(
                    OtherEscalation(
                        escalation_id="x",
                        conversation_id=HOSTILE,
                        queue=HOSTILE,
                        claimed_by=HOSTILE,
                        opened_at=record.decided_at,
                    ),
                ),
            )
            return msgspec.structs.replace(record, packet=packet)
        case Control():
            return msgspec.structs.replace(record, text=HOSTILE)
        case LedgerRecord():
            skipped = (
                Skipped(rung=0, place="queue", queue=HOSTILE, reason=HOSTILE),
                Skipped(rung=1, place="ticket", reason="full"),
            )
            plan = msgspec.structs.replace(record.plan, skipped=skipped)
            return msgspec.structs.replace(
                record, plan=plan, ticket_id=HOSTILE, decision=_hostile(record.decision)
            )
    return record


def _world(conversation: str) -> World:
    world = World(conversation)
    world.suppress()
    world.escalate()
    world.move("premium_support")
    return world


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Return a console whose records mean harm."""
    with console_site(tmp_path) as made:
        waiting, taken = _world(f"waiting {HOSTILE}"), _world(f"taken {HOSTILE}")
        taken.claim("Kim")
        taken.to_queue(Refused, "premium_support", agent_id="Ana", reason="already_claimed")
        for world in (waiting, taken):
            for name, records in world.topics.items():
                world.topics[name] = [_hostile(record) for record in records]
            apply(made.view, records_of(world))
        told = Notification(
            notification_id="n",
            kind="moved",
            occurred_at=from_ms(waiting.seq),
            text=HOSTILE,
            conversation_id=waiting.conversation,
        )
        apply(made.view, [fetched(NOTIFICATIONS, told, waiting.seq)])
        yield made


def checked(html: str) -> str:
    """Return the text of a page in which nothing of others is markup."""
    page = Elements(html)
    assert "img" not in page.tags
    assert page.scripts <= _ALLOWED_SCRIPTS
    assert not any(name.startswith("on") for name in page.attributes)
    assert "style" not in page.tags
    assert "style" not in page.attributes
    return re.sub(r"<[^>]*>", " ", html)


def at_the_desk(site: Site, name: str) -> TestClient:
    """Return the browser of somebody who has come to the desk."""
    client = browser_of(site)
    form = {"csrf": csrf_in(client.get("/desk").text), "name": name}
    assert client.post("/desk/name", data=form).status_code == 303
    return client


def escalation(site: Site, conversation: str) -> str:
    """Return the escalation of one of the two conversations."""
    found = browser_of(site).get(f"/search?q={conversation}")
    assert found.status_code == 200
    worlds = {"waiting": f"waiting {HOSTILE}", "taken": f"taken {HOSTILE}"}
    return str(_world(worlds[conversation]).escalation)


def test_nothing_that_others_wrote_is_markup(site: Site) -> None:
    client = at_the_desk(site, "Ana")
    for path in (
        "/",
        "/queue/premium_support",
        f"/conversation?id={quote(f'waiting {HOSTILE}')}",
        f"/conversation?id={quote(f'taken {HOSTILE}')}",
        "/search?q=waiting",
        f"/search?q={quote(HOSTILE)}",
        "/desk",
        f"/desk?case={escalation(site, 'waiting')}",
        f"/desk?case={escalation(site, 'taken')}",
        f"/desk?case={quote(HOSTILE)}",
        f"/chat/chat-1?name={quote(HOSTILE)}&tier={quote(HOSTILE)}",
    ):
        answer = client.get(path)
        assert answer.status_code == 200, path
        checked(answer.text)
    for path in (f"/conversation?id={quote(HOSTILE)}", f"/queue/{quote(HOSTILE)}"):
        answer = client.get(path, headers={"accept": "text/html"})
        assert answer.status_code == 404
        checked(answer.text)


def test_a_conversation_tells_its_course(site: Site) -> None:
    text = checked(browser_of(site).get(f"/conversation?id={quote(f'taken {HOSTILE}')}").text)
    for words in (
        "escalate",
        "asked for a person",
        "because requested human 0.9",
        "nearly",
        "Waits on",
        "premium_support",
        "was full",
        "claim",
        "The customer is told",
        "Not told:",
    ):
        assert words in text, words


def test_the_desk_offers_what_its_person_may_do(site: Site) -> None:
    ana, kim = at_the_desk(site, "Ana"), at_the_desk(site, "Kim")
    waiting, taken = escalation(site, "waiting"), escalation(site, "taken")
    assert "Claim" in ana.get(f"/desk?case={waiting}").text
    refused = checked(ana.get(f"/desk?case={taken}").text)
    assert "you were refused: somebody else was quicker" in refused
    assert "Claim" not in refused
    assert "Kim" in refused or "has it" in refused
    for words in ("Solved", "Hand on", "Back to the AI"):
        assert words not in refused
    assert kim.get(f"/desk?case={taken}").status_code == 200


def test_somebody_who_comes_without_a_queue_is_told_to_tick_one(site: Site) -> None:
    client = at_the_desk(site, "Ana")
    form = {"csrf": csrf_in(client.get("/desk").text), "present": "yes"}
    said = client.post("/desk/presence", data=form)
    assert said.status_code == 200
    assert "Tick at least one queue" in checked(said.text)
    sender = site.sender
    assert isinstance(sender, CapturingSender)
    assert not sender.sent


def test_many_topics_do_not_hide_the_versions_of_the_ai_agent(site: Site) -> None:
    samples = [("overall", "", 900)]
    samples += [("intent", f"topic_{n}", 100 - n) for n in range(30)]
    samples += [("version", f"v{n}", 50) for n in range(6)]

    def keep(connection: sqlite3.Connection) -> None:
        for kind, name, conversations in samples:
            row = (kind, name, 1, conversations, 9, 0.1, 0.2, "in")
            connection.execute("INSERT INTO rate VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    asyncio.run(site.view.write(keep))
    said = " ".join(checked(browser_of(site).get("/").text).split())
    assert "about topic_0 " in said
    assert "AI v0 " in said
    assert "With fewer conversations, not shown: 20 topics, 1 AI version." in said


def test_a_page_that_is_not_there_says_how_to_find_another(site: Site) -> None:
    accept = {"accept": "text/html"}
    said = checked(browser_of(site).get("/nonsense", headers=accept).text)
    assert "There is no such page." in said
    assert "Search above by conversation, customer or ticket." in said


def test_what_somebody_does_goes_through_desk_events_only(site: Site) -> None:
    client = at_the_desk(site, "Ana")
    case = escalation(site, "waiting")
    page = client.get(f"/desk?case={case}").text
    form = {"csrf": csrf_in(page), "case": case, "action": "accepted"}
    assert client.post("/desk/act", data=form).status_code == 200
    sender = site.sender
    assert isinstance(sender, CapturingSender)
    ((topic, key, event),) = sender.sent
    assert topic == "desk-events"
    assert key == f"waiting {HOSTILE}"
    assert event["type"] == "accepted"
    assert event["agent_id"] == "Ana"
    assert event["escalation_id"] == case
    assert event["queue"] == "premium_support"
    # Whoever does not have it can do nothing else with it.
    for action in ("replied", "resolved", "returned", "transferred"):
        more = {"reason": "r", "to_queue": "billing", "spoke": "elsewhere"}
        client.post("/desk/act", data={**form, "action": action, **more})
    assert len(sender.sent) == 1


def test_a_viewer_reads_strictly_and_no_names(tmp_path: Path) -> None:
    given = admission("0.0.0.0", people_file(tmp_path), "x-user", "10.0.0.1", shipped_topics())  # noqa: S104
    with console_site(tmp_path, given) as site:
        world = _world("plain")
        customer = Customer(id="customer-0042", name="Mia Lindqvist", tier="gold")
        for name, records in world.topics.items():
            world.topics[name] = [_known(_hostile(record), customer) for record in records]
        apply(site.view, records_of(world))
        browser = browser_of(site, "10.0.0.1", "https://console.example")
        for path in ("/conversation?id=plain", "/queue/premium_support", "/search?q=plain"):
            lead = browser.get(path, headers={"x-user": "lea"}).text
            viewer = browser.get(path, headers={"x-user": "pia"}).text
            assert "Mia Lindqvist" in lead, path
            assert MAIL in lead, path
            assert "Mia Lindqvist" not in viewer, path
            assert "customer-0042" not in viewer, path
            assert MAIL not in viewer, path
            assert "plain" in viewer, path


def _known(record: Any, customer: Customer) -> Any:
    if isinstance(record, Decision):
        nameless = msgspec.structs.replace(customer, name=None)
        facts = msgspec.structs.replace(record.facts, customer=nameless)
        return msgspec.structs.replace(record, facts=facts)
    if isinstance(record, Handoff):
        packet = msgspec.structs.replace(record.packet, customer=customer)
        return msgspec.structs.replace(record, packet=packet)
    if isinstance(record, LedgerRecord):
        return msgspec.structs.replace(record, decision=_known(record.decision, customer))
    return record


def test_the_policy_page_speaks_plainly(site: Site) -> None:
    from workers.console.system_samples import PolicyInPlace

    text = data_path("policies/default.yaml").read_text()
    site.samplers.policy = PolicyInPlace("1", "abc", text, 0, False, 12, 12)
    page = checked(browser_of(site).get("/policy").text)
    assert "When the customer asks for a person" in page
    assert "Who takes over" in page
    site.samplers.policy = PolicyInPlace("9", "abc", f"no policy {HOSTILE}", 5, True, 1, 12)
    page = checked(browser_of(site).get("/policy").text)
    assert "no policy" in page
    assert "1 of 12 partitions have it" in page
