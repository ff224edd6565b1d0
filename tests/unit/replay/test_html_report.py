"""`handoff replay --html`: one page with everything in it, and nothing of the log runs there."""

import base64
import re
from collections.abc import Sequence
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import orjson
import pytest

from tests.unit.replay.test_files import event, log, policy, replay
from workers.data import data_path
from workers.replay import html_report
from workers.replay.flip_details import FlipDetail
from workers.replay.html_report import render
from workers.replay.report import Summary

HOSTILE = "<script>alert(1)</script>"
ASKS = 'I want to talk to a human <img src=x onerror="alert(2)"> now'
_VOID = {"meta", "img", "br", "input"}


class Page(HTMLParser):
    """Reads a page as a browser does: elements, their attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.names: set[str] = set()
        self.links: list[str | None] = []
        self.text = ""
        self.scripts = 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.add(tag)
        self.scripts += tag == "script"
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


def test_it_begins_with_the_answer_and_has_what_the_terminal_says(
    page: Page, tmp_path: Path
) -> None:
    text = " ".join(page.text.split()).replace(f"{tmp_path}/", "")
    assert "calls for a person in 1 of 2 conversations, 50.0% (95 % interval 9.5% to 90.5%)" in text
    assert "that is no more and no fewer than under other.yaml (1, 50.0%)" in text
    assert "It gains 1 conversation, where only it calls for a person, and loses 1" in text
    assert "Nothing in this log says who needed a person" in text
    assert "7 events of 2 conversations, 0 sent again" in text
    assert "asks-for-a-person → tier_2_support at turn 3" in text
    assert "requested_human 0.95" in text
    assert f"refund & {HOSTILE}" in text
    assert "(+0.0 percentage points, 95 % interval " in text
    assert "10% to 20%" in text
    assert "gained 1, lost 1" in text
    assert "lost: only other.yaml does" in text
    assert "What a person would read under" in text


def test_the_answer_holds_both_policies_against_the_labels(tmp_path: Path) -> None:
    rows = [event("asks", 0), event("asks", 1), event("asks", 2, content=ASKS)]
    rows += [event(name, number) for name in ("stuck", "calm") for number in range(4)]
    labels = [
        {"conversation_id": name, "escalate": name != "calm"} for name in ("asks", "stuck", "calm")
    ]
    other, out = tmp_path / "other.yaml", tmp_path / "out.html"
    other.write_text(policy(turns=3))
    told = log(tmp_path, labels, "labels.jsonl")
    args = ("--policy", data_path("policies/default.yaml"), "--against", other, "--labels", told)
    replay(log(tmp_path, rows), *args, "--html", out)
    text = " ".join(Page(out.read_text(encoding="utf-8")).text.split()).replace(f"{tmp_path}/", "")
    assert "that is 1 fewer than under other.yaml (2, 66.7%)" in text
    assert "1 missed, and 0 calls were not needed; under other.yaml: 1 caught, 1 missed" in text
    assert "default.yaml: 1 who needed a person" in text
    assert "Missed by other.yaml: 1 who needed a person" in text
    assert "From log.jsonl: 11 events of 3 conversations" in text


def test_nothing_of_the_log_is_markup_and_nothing_is_loaded(page: Page) -> None:
    assert page.open == []
    assert not {"img", "iframe", "link", "object"} & page.tags
    assert not any(name.startswith("on") for name in page.names)
    assert all(link is not None and link.startswith("#") for link in page.links)
    assert HOSTILE in page.text
    assert page.scripts == 2  # the data of the list, and our own


def test_the_pages_policy_names_its_one_script(tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    replay(log(tmp_path, [event("c", 0)]), "--html", out)
    text = out.read_text(encoding="utf-8")
    script = text.rsplit("<script>", 1)[1].split("</script>")[0]
    digest = base64.b64encode(sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    assert "default-src 'none'" in text


def test_ten_thousand_changes_stay_under_two_megabytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other, out = tmp_path / "one.yaml", tmp_path / "other.yaml", tmp_path / "out.html"
    one.write_text(policy(turns=1))
    other.write_text(policy(turns=900))
    words = "The order is late, and nobody can say when it comes; please look it up for me now."
    rows = [event(f"8f14e45f-ceea-467f-a34b-{n:012}", m, content=words)
            for n in range(500) for m in range(2)]  # fmt: skip

    def of_twenty(summary: Summary, details: Sequence[FlipDetail]) -> str:
        flips = [
            msgspec.structs.replace(flip, conversation_id=f"{flip.conversation_id[:-12]}{n:012}")
            for n, flip in enumerate(summary.changes * 20)
        ]
        changed = msgspec.structs.replace(summary, changes=flips, changed={"gained": len(flips)})
        return render(changed, details)

    monkeypatch.setattr(html_report, "render", of_twenty)
    replay(log(tmp_path, rows), "--policy", one, "--against", other, "--html", out)
    assert out.stat().st_size < 2_000_000
    text = out.read_text()
    assert "gained</span> 10,000" in text
    data = orjson.loads(text.split('id="more-flips">')[1].split("</script>")[0])
    told = text.count('<details class="flip"')
    named = re.search(r"([0-9,]+) more are counted and not listed here", text)
    left_out = int(named[1].replace(",", "")) if named else 0
    assert told >= 100
    assert told + len(data["rows"]) + left_out == 10_000
    assert len(data["rows"]) > 5_000


def test_a_short_list_leaves_its_room_to_the_details(tmp_path: Path) -> None:
    one, other, out = tmp_path / "one.yaml", tmp_path / "other.yaml", tmp_path / "out.html"
    one.write_text(policy(turns=1))
    other.write_text(policy(turns=900))
    words = "The order is late, and nobody can say when it comes. " * 20
    rows = [event(f"late-{n}", m, content=words) for n in range(200) for m in range(3)]
    replay(log(tmp_path, rows), "--policy", one, "--against", other, "--html", out)
    assert out.stat().st_size < 2_000_000
    assert out.read_text().count('<details class="flip"') == 200


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
    assert "Nobody is called." in Page(out.read_text()).text
