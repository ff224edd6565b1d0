"""People at work in the pages, by the keys and buttons that they would use."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit


def at_desk(visit: Visit, address: str, name: str, *queues: str) -> Page:
    """Return the desk of somebody who has come, and is there for some queues."""
    page = visit(f"{address}/desk")
    page.get_by_label("Your name").fill(name)
    page.keyboard.press("Enter")
    here = page.get_by_role("button", name="I am here")
    expect(page.locator("#desk-presence")).to_contain_text(name)
    if not here.is_visible():
        # They have been here before.
        page.locator("#desk-presence").click()
    for box in page.locator("input[name=queue]").all():
        box.set_checked(box.get_attribute("value") in queues)
    here.click()
    expect(page.locator("#desk-presence")).to_contain_text(f"here for {', '.join(queues)}")
    return page


def as_customer(visit: Visit, address: str, name: str) -> Page:
    """Return the chat of a customer who has not written yet."""
    page = visit(f"{address}/chat")
    page.locator("#name").fill(name)
    page.get_by_role("button", name="Begin").click()
    expect(page.locator("h1")).to_have_text(f"Chat of {name}")
    return page


def write(page: Page, label: str, text: str) -> None:
    """Type into a field and send it with Enter; what was sent leaves the field."""
    field = page.get_by_label(label)
    field.fill(text)
    field.press("Enter")
    expect(field).to_have_value("")


def open_case(page: Page, words: str) -> None:
    """Open the waiting conversation that says some words, by keys only."""
    case = page.locator("#desk-list a.case").filter(has_text=words)
    expect(case).to_be_visible()
    page.locator("h1").click()
    for _ in range(page.locator("#desk-list a.case").count()):
        page.keyboard.press("j")
        if words in page.locator(":focus").inner_text():
            break
    page.keyboard.press("Enter")
    expect(page.locator("#desk-acts")).to_be_attached()


def claim(page: Page) -> None:
    """Claim the opened conversation."""
    expect(page.get_by_role("button", name="Claim")).to_be_visible()
    page.keyboard.press("c")
    expect(page.locator("#desk-stands")).to_contain_text("yours")
