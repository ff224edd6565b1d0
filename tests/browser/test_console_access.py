"""Access: others' text stays text, and nobody is sent a queue that they may not see."""

from urllib.parse import quote

from playwright.sync_api import Page, expect

from tests.browser.conftest import Accessible, Visit
from tests.browser.people import as_customer, at_desk, claim, open_case, write
from tests.support.console_process import TOKENS, ConsoleSystem, eventually

HOSTILE = "<img src=x onerror=window.owned=1><script>window.owned=1</script>"


def harmless(page: Page, words: str = HOSTILE) -> None:
    """Check that hostile text is shown, and is nothing but text."""
    expect(page.locator("main")).to_contain_text(words)
    assert page.evaluate("window.owned") is None, page.url
    assert page.locator("img").count() == 0, page.url
    assert page.locator("body script").count() == 0, page.url


def test_hostile_text_stays_text_on_every_page(visit: Visit, system: ConsoleSystem) -> None:
    name = f"hostile {HOSTILE}"
    customer = {"id": HOSTILE, "name": HOSTILE, "tier": HOSTILE}
    agent = {"id": HOSTILE, "version": HOSTILE, "intents": ["billing_problem", HOSTILE]}
    call = {"call_id": "1", "name": HOSTILE, "arguments": {HOSTILE: HOSTILE}}
    desk = at_desk(visit, system.open.address, f"Al {HOSTILE[:50]}", "billing")
    system.say(name, HOSTILE, customer=customer, channel=HOSTILE)
    system.say(name, HOSTILE, role="ai_agent", agent={**agent, "tool_calls": [call]})
    result = {"name": HOSTILE, "call_id": "1", "status": "error", "error": HOSTILE}
    system.say(name, HOSTILE, role="tool", tool=result)
    system.say(name, f"{HOSTILE} Let me talk to a human.")
    open_case(desk, HOSTILE)
    harmless(desk)
    claim(desk)
    desk.keyboard.press("t")
    desk.get_by_label("To", exact=True).select_option("retention")
    desk.get_by_label("Note for the next person").fill(f"note {HOSTILE}")
    system.staff("retention")
    desk.get_by_role("button", name="Hand on").click()
    expect(desk.locator("#c-packet")).to_contain_text(f"note {HOSTILE}")
    harmless(desk)
    # A page that is there changes by itself: every way in which text comes is tried.
    page = visit(f"{system.open.address}/conversation?id={quote(name)}")
    harmless(page, f"by Al {HOSTILE[:50]}")
    for path in ("/", "/queue/retention", "/search?q=hostile", f"/search?q={quote(HOSTILE)}"):
        page.goto(system.open.address + path)
        harmless(page)
    chat = as_customer(visit, system.open.address, HOSTILE)
    write(chat, "Write as the customer", HOSTILE)
    expect(chat.locator("#chat-behind")).to_contain_text(HOSTILE)
    harmless(chat)


def sign_in(visit: Visit, system: ConsoleSystem, name: str) -> Page:
    """Return the page of somebody who has signed in with their token."""
    page = visit(system.guarded.address, but="status of 40")
    page.get_by_label("Your token").fill("not a token")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Nobody has this token.")
    page.get_by_label("Your token").fill(TOKENS[name])
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Now")
    return page


def test_a_viewer_is_sent_nothing_of_queues_that_are_not_theirs(
    visit: Visit, system: ConsoleSystem, fits: Accessible
) -> None:
    fits(visit(system.guarded.address))
    page = sign_in(visit, system, "Vic")
    dee = sign_in(visit, system, "Dee")
    dee.get_by_role("link", name="Desk").click()
    # There is no other queue for her.
    assert dee.locator("input[name=queue]").count() == 1
    dee.get_by_role("button", name="I am here").click()
    expect(dee.locator("#desk-presence")).to_contain_text("here for billing")
    system.staff("tier_2_support")
    system.say("elsewhere-1", "Let me talk to a human about my secret.")
    agent = {"id": "ai", "intents": ["billing_problem"]}
    system.say(
        "visible-1", "A question about my invoice.", customer={"id": "c", "name": "Mia Lind"}
    )
    system.say("visible-1", "Which one?", role="ai_agent", agent=agent)
    system.say("visible-1", "Let me talk to a human about my invoice, mia@example.com.")
    system.open.shows("elsewhere-1", "/search?q=elsewhere")

    def listed() -> bool:
        page.reload()
        return "invoice" in page.locator("#now-recent").inner_text()

    eventually(listed, page.content)
    for path in ("/", "/queue/billing", "/conversation?id=visible-1", "/search?q=visible"):
        page.goto(system.guarded.address + path)
        expect(page.locator("main")).to_contain_text("invoice")
        for hidden in ("elsewhere", "secret", "tier_2_support", "Mia Lind", "mia@example.com"):
            assert hidden not in page.content(), f"{hidden} in {page.url}"
    fits(page)
    for path in ("/queue/tier_2_support", "/conversation?id=elsewhere-1"):
        page.goto(system.guarded.address + path)
        expect(page.locator("h1")).to_contain_text("There is no such")
    for path in ("/desk", "/chat"):
        page.goto(system.guarded.address + path)
        expect(page.locator("h1")).to_contain_text("Viewers watch")
    page.goto(f"{system.guarded.address}/search?q=elsewhere")
    expect(page.locator("main")).to_contain_text("0 found")
    open_case(dee, "invoice")
    claim(dee)
    for hidden in ("elsewhere-1", "secret"):
        assert hidden not in dee.content()
    # Whoever may see it is found in the audit log when they open it.
    lead = sign_in(visit, system, "Lea")
    lead.goto(f"{system.guarded.address}/conversation?id=elsewhere-1")
    expect(lead.locator("main")).to_contain_text("my secret")
    eventually(
        lambda: (
            '"who": "Lea", "role": "lead", "did": "opened", "conversation": "elsewhere-1"'
            in system.guarded.log
        ),
        lambda: system.guarded.log,
    )


def test_whoever_is_signed_out_elsewhere_is_asked_to_sign_in(
    visit: Visit, system: ConsoleSystem
) -> None:
    page = sign_in(visit, system, "Lea")
    page.context.clear_cookies()
    page.goto(system.guarded.address)
    expect(page.get_by_label("Your token")).to_be_visible()
