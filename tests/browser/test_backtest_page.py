"""The page of `handoff replay --html` in a real browser."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Accessible
from tests.unit.replay.test_files import event, log, policy, replay
from workers.data import data_path

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


@pytest.fixture
def report(tmp_path: Path) -> str:
    """Return the address of a comparison whose log means harm."""
    agent = {"id": "bot", "version": HOSTILE, "intents": [HOSTILE]}
    rows = [event(HOSTILE, 0), event(HOSTILE, 1, agent=agent)]
    rows += [event("calm", number) for number in range(4)]
    other = tmp_path / "other.yaml"
    other.write_text(policy(turns=3))
    out = tmp_path / "out.html"
    default = data_path("policies/default.yaml")
    replay(log(tmp_path, rows), "--policy", default, "--against", other, "--html", out)
    return out.as_uri()


def test_hostile_text_stays_text(page: Page, report: str) -> None:
    page.goto(report)
    assert page.title() != "owned"
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 2  # ours, and the data that it reads
    assert HOSTILE in page.locator("body").inner_text()


def test_it_is_accessible(page: Page, report: str, accessible: Accessible) -> None:
    page.goto(report)
    accessible(page)


@pytest.fixture
def many(tmp_path: Path) -> str:
    """Return the address of a comparison in which 900 conversations change, on several days."""
    one, other = tmp_path / "one.yaml", tmp_path / "other.yaml"
    one.write_text(policy(turns=1))
    other.write_text(policy(turns=3))
    rows = []
    for number in range(900):
        day = f"2026-11-{1 + number % 9:02}T09:00:0{{}}Z"
        rows += [
            event(f"talk-{number:04}", n, occurred_at=day.format(n))
            for n in range(2 if number % 3 else 6)
        ]
    out = tmp_path / "out.html"
    replay(log(tmp_path, rows), "--policy", one, "--against", other, "--html", out)
    assert out.stat().st_size < 2_000_000
    return out.as_uri()


def test_nothing_overflows_a_phone(page: Page, many: str) -> None:
    page.set_viewport_size({"width": 360, "height": 780})
    page.goto(many)
    for details in page.locator("details").all()[:5]:
        details.locator("summary").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_changed_conversations_are_found_paged_and_unfolded(page: Page, many: str) -> None:
    page.goto(many)
    page.select_option("#flip-kind", "earlier")
    told = page.locator("details.flip:visible")
    assert {one.get_attribute("data-kind") for one in told.all()} == {"earlier"}
    told.first.locator("summary").click()
    assert "What a person would read" in told.first.inner_text()
    rows = page.locator("#more-rows tr")
    assert rows.count() == 50
    first = rows.first.inner_text()
    page.click("#more-on")
    assert rows.first.inner_text() != first
    page.fill("#flip-words", "talk-0897")
    assert page.locator("details.flip:visible").count() + rows.count() == 1


def test_tables_sort_and_filter(page: Page, many: str) -> None:
    page.goto(many)
    page.fill("input[data-filters=split-rows]", "day")
    rows = page.locator("#split-rows tbody tr:visible")
    assert rows.count() == 9
    head = page.locator("#split-rows th").nth(1)
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    head.locator("button").click()
    assert "2026-11-09" in rows.first.inner_text()


def test_a_sweep_has_a_curve_and_every_setting(page: Page, tmp_path: Path) -> None:
    one, out = tmp_path / "one.yaml", tmp_path / "out.html"
    one.write_text(policy(turns=1))
    rows = [event(f"talk-{number}", n) for number in range(9) for n in range(number)]
    replay(log(tmp_path, rows), "--policy", one, "--sweep", "long.when.turns=1:6:1", "--html", out)
    page.goto(out.as_uri())
    assert page.locator("#setting-rows tbody tr").count() == 6
    assert page.locator("#sweep svg circle").count() >= 6
