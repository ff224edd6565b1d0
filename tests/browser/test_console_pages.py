"""Every page of the console: accessible in light and dark, whole on a phone, changing by itself."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Accessible, Visit
from tests.browser.people import as_customer, at_desk, claim, open_case, write
from tests.support.console_process import ConsoleSystem


@pytest.fixture(scope="module")
def told(system: ConsoleSystem) -> ConsoleSystem:
    """Return the system with something on every page."""
    system.staff("tier_2_support", "premium_support")
    for number in range(12):
        customer = {"id": f"c-{number}", "name": "Samira Haddad", "tier": "premium"}
        system.say(
            f"pages-{number}",
            "I was charged twice for the same bicycle, 749 dollars each. Let me talk to a human!",
            customer=customer,
        )
    system.say("pages-ai", "When do you open?")
    system.report("conversation-events", "pages-broken", conversation_id="pages-broken", role="x")
    system.open.shows("pages-11", "/search?q=pages-11")
    return system


def test_now_changes_by_itself(visit: Visit, told: ConsoleSystem, fits: Accessible) -> None:
    page = visit(told.open.address)
    expect(page.locator("#now-queues")).to_contain_text("premium_support")
    page.evaluate("window.sameAsBefore = true")
    told.say("pages-late", "Please connect me to a real person, my boiler leaks.")
    expect(page.locator("#now-recent")).to_contain_text("my boiler leaks")
    # A share over time, and what could not be read, come with the samples.
    expect(page.locator("#now-rate")).to_contain_text("conversations; healthy is")
    expect(page.locator("#now-aside")).to_contain_text("up to date")
    expect(page.locator("#now-aside")).to_contain_text("dead letter")
    assert page.evaluate("window.sameAsBefore")
    fits(page)
    page.locator("#now-recent a.case").filter(has_text="my boiler leaks").click()
    expect(page.locator("#c-timeline")).to_contain_text("because requested human")
    fits(page)


@pytest.mark.parametrize(
    "path",
    [
        "/queue/premium_support",
        "/conversation?id=pages-ai",
        "/policy",
        "/search",
        "/search?q=pages",
        "/desk",
        "/chat",
    ],
)
def test_pages_are_accessible(
    visit: Visit, told: ConsoleSystem, fits: Accessible, path: str
) -> None:
    page = visit(told.open.address + path)
    expect(page.locator("h1")).to_be_visible()
    for details in page.locator("main details").all():
        details.evaluate("element => { element.open = true }")
    fits(page)


def test_desk_and_chat_are_accessible(visit: Visit, told: ConsoleSystem, fits: Accessible) -> None:
    desk = at_desk(visit, told.open.address, "Mei Tanaka", "tier_2_support", "premium_support")
    fits(desk)
    chat = as_customer(visit, told.open.address, "A customer of averylongnamewithoutanyspaceinit")
    write(chat, "Write as the customer", "Averyverylongwordwithoutanyspaces" * 8)
    write(chat, "Write as the customer", "Is there a human whom I can talk to about my lamp?")
    open_case(desk, "about my lamp")
    fits(desk)
    claim(desk)
    for summary in desk.locator("#desk-acts summary").all():
        summary.click()
    fits(desk)
    expect(chat.locator("#chat-said")).to_contain_text("with you now")
    fits(chat)


def test_an_address_that_does_not_exist_says_so(
    visit: Visit, told: ConsoleSystem, fits: Accessible
) -> None:
    page = visit(f"{told.open.address}/queue/none", but="404")
    expect(page.locator("h1")).to_have_text("There is no such queue.")
    fits(page)
