"""`handoff replay --html`: one page with everything in it, and nothing of the log runs there."""

from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.unit.replay.test_files import event, log, policy, replay
from workers.data import data_path

HOSTILE = "<script>alert(1)</script>"
ASKS = 'I want to talk to a human <img src=x onerror="alert(2)"> now'
_VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Reads a page as a browser does: elements, their attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.names: set[str] = set()
        self.links: list[str | None] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name in ("src", "href", "action")]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close what was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data


@pytest.fixture
def page(tmp_path: Path) -> Page:
    """Return the page of a log whose writers mean harm, under two policies."""
    agent = {"id": "bot", "version": f"v<b>{HOSTILE}", "intents": [f"refund & {HOSTILE}"]}
    rows = [event(HOSTILE, 0), event(HOSTILE, 1, agent=agent), event(HOSTILE, 2, content=ASKS)]
    rows += [event("calm", number) for number in range(4)]
    other = tmp_path / "other.yaml"
    other.write_text(policy(turns=3))
    out = tmp_path / "out.html"
    default = data_path("policies/default.yaml")
    replay(log(tmp_path, rows), "--policy", default, "--against", other, "--html", out)
    return Page(out.read_text(encoding="utf-8"))


def test_it_says_what_the_terminal_says_and_the_evidence(page: Page) -> None:
    text = " ".join(page.text.split())
    assert "7 events of 2 conversations" in text
    assert "asks-for-a-person" in text
    assert "explicit_request → tier_2_support" in text
    assert "requested_human 0.95" in text
    assert f"refund & {HOSTILE}" in text
    assert "10% to 20%" in text
    assert "gained 1" in text
    assert "lost 1" in text


def test_nothing_of_the_log_is_markup_and_nothing_is_loaded(page: Page) -> None:
    assert page.open == []
    assert not {"script", "img", "iframe", "link", "object"} & page.tags
    assert not any(name.startswith("on") for name in page.names)
    assert page.links == []
    assert HOSTILE in page.text


def test_decisions_are_written_beside_it_when_asked_for(tmp_path: Path) -> None:
    rows = [event("c", number) for number in range(4)]
    out, decisions = tmp_path / "out.html", tmp_path / "decisions.jsonl"
    own = tmp_path / "policy.yaml"
    own.write_text(policy())
    replay(log(tmp_path, rows), "--policy", own, "--html", out, "--decisions", decisions)
    assert len(decisions.read_bytes().splitlines()) == 1
    assert "unproductive_loop" in out.read_text()


def test_a_log_without_escalations_is_a_page_too(tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    replay(log(tmp_path, [event("c", 0)]), "--html", out)
    assert "None." in Page(out.read_text()).text
