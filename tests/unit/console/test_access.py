"""Access to the console: identities, roles, and refusals."""

import hashlib
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.support.audit_builder import World
from tests.support.console_site import (
    apply,
    browser_of,
    console_site,
    csrf_in,
    records_of,
    shipped_topics,
)
from workers.console.access import LOOPBACK_LEAD, Identity, admission
from workers.console.request_guard import COOKIE
from workers.console.site import Site
from workers.errors import ConfigurationError

TOKENS = {"lea": "token-of-lea", "dee": "token-of-dee", "vic": "token-of-vic"}
PAGE = {"accept": "text/html"}


def people_file(folder: Path) -> Path:
    """Return a file of a lead, a desk of one queue, a viewer of one queue, and somebody proxied."""
    digests = {name: hashlib.sha256(token.encode()).hexdigest() for name, token in TOKENS.items()}
    path = folder / "people.yaml"
    path.write_text(
        f"""version: 1
people:
  - {{name: lea, role: lead, sha256: {digests["lea"]}}}
  - {{name: dee, role: desk, queues: [billing], sha256: {digests["dee"]}}}
  - {{name: vic, role: viewer, queues: [billing], sha256: {digests["vic"]}}}
  - {{name: pia, role: viewer}}
"""
    )
    return path


def signed_in(site: Site, name: str) -> TestClient:
    """Return a browser in which somebody has signed in."""
    client = browser_of(site, "203.0.113.9", "https://console.example")
    token = csrf_in(client.get("/sign-in").text)
    answer = client.post("/sign-in", data={"csrf": token, "token": TOKENS[name]})
    assert answer.status_code == 303, answer.text
    return client


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Site]:
    """Return a console with people, and one escalation each on two queues."""
    given = admission("0.0.0.0", people_file(tmp_path), None, "", shipped_topics())  # noqa: S104
    with console_site(tmp_path, given) as site:
        for name in ("billing", "security"):
            world = World(f"about-{name}")
            world.escalate(name)
            apply(site.view, records_of(world))
        yield site


# ---- how it starts -------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "console.example"])  # noqa: S104
def test_it_does_not_listen_beyond_the_machine_without_people(host: str) -> None:
    with pytest.raises(ConfigurationError, match="HANDOFF_CONSOLE_TOKENS_FILE"):
        admission(host, None, None, "", shipped_topics())


def test_a_header_without_proxies_is_refused_and_the_other_way_round(tmp_path: Path) -> None:
    people = people_file(tmp_path)
    for header, proxies in (("x-user", ""), (None, "10.0.0.1")):
        with pytest.raises(ConfigurationError, match="belong together"):
            admission("127.0.0.1", people, header, proxies, shipped_topics())
    with pytest.raises(ConfigurationError, match=r"'10\.0\.0' is no address"):
        admission("127.0.0.1", people, "x-user", "10.0.0", shipped_topics())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("version: 1\npeople: []", "people"),
        ("version: 1\npeople:\n  - {name: a, role: boss}", r":3: people\[0\].role: 'boss'"),
        ("version: 1\npeople:\n  - {name: a, role: desk, queues: [biling]}", "billing"),
        ("version: 1\npeople:\n  - {name: a, role: lead, sha256: ABC}", "sha256sum"),
        ("version: 1\npeople:\n  - {name: a, role: lead}\n  - {name: a, role: desk}", "twice"),
    ],
)
def test_a_bad_people_file_says_where_and_what(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "people.yaml"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=said):
        admission("0.0.0.0", path, None, "", shipped_topics())  # noqa: S104


# ---- loopback ------------------------------------------------------------------------------------


def test_on_loopback_everybody_is_a_lead_and_other_host_names_are_refused(tmp_path: Path) -> None:
    with console_site(tmp_path) as site:
        assert browser_of(site).get("/").status_code == 200
        for host in ("evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example:80", ""):
            answer = browser_of(site).get("/", headers={"host": host})
            assert answer.status_code == 421, host
        assert browser_of(site).get("/", headers={"host": "localhost:8765"}).status_code == 200


def test_a_form_of_another_site_is_refused(tmp_path: Path) -> None:
    with console_site(tmp_path) as site:
        client = browser_of(site)
        token = csrf_in(client.get("/desk").text)
        form = {"csrf": token, "name": "Ana"}
        for headers in (
            {"origin": "http://evil.example"},
            {"origin": "null"},
            {"origin": "http://127.0.0.1:9"},
            {"sec-fetch-site": "cross-site"},
        ):
            assert client.post("/desk/name", data=form, headers=headers).status_code == 403
        own = {"origin": "http://127.0.0.1"}
        assert client.post("/desk/name", data=form, headers=own).status_code == 303


def test_a_form_needs_the_token_of_its_own_session(tmp_path: Path) -> None:
    with console_site(tmp_path) as site:
        mine, theirs = browser_of(site), browser_of(site)
        token = csrf_in(theirs.get("/desk").text)
        mine.get("/desk")
        for given in (token, "", "x.y", csrf_in(mine.get("/desk").text)[:-1]):
            answer = mine.post("/desk/name", data={"csrf": given, "name": "Ana"})
            assert answer.status_code == 403, given


# ---- people --------------------------------------------------------------------------------------


def test_nothing_is_shown_before_signing_in(guarded: Site) -> None:
    client = browser_of(guarded, "203.0.113.9", "https://console.example")
    for path in ("/", "/queue/billing", "/conversation?id=about-billing", "/search?q=a", "/policy"):
        assert client.get(path, headers=PAGE).headers["location"] == "/sign-in"
        assert client.get(path).status_code == 401
    assert client.get("/stream/now").status_code == 401
    assert client.post("/desk/act").status_code == 401
    assert client.get("/static/console.css").status_code == 200
    assert client.get("/live").text == "alive\n"


def test_a_wrong_token_is_refused_and_tried_only_so_often(guarded: Site) -> None:
    client = browser_of(guarded, "203.0.113.9", "https://console.example")
    form = {"csrf": csrf_in(client.get("/sign-in").text), "token": "guess"}
    codes = [client.post("/sign-in", data=form).status_code for _ in range(12)]
    assert codes[:10] == [401] * 10
    assert codes[10:] == [429] * 2


def test_the_cookie_is_of_the_careful_kind_and_forged_ones_are_nobody(guarded: Site) -> None:
    client = browser_of(guarded, "203.0.113.9", "https://console.example")
    said = client.get("/sign-in").headers["set-cookie"].lower()
    assert all(word in said for word in ("httponly", "secure", "samesite=strict"))
    for value in ("", "x", "x.y.z", '["a","b"]', "%00" * 10, "é"):
        headers = [(b"cookie", f"{COOKIE}={value}".encode())]
        assert client.get("/", headers=headers).status_code == 401, value


def test_who_loses_the_entry_in_the_file_is_out_at_once(guarded: Site, tmp_path: Path) -> None:
    client = signed_in(guarded, "dee")
    assert client.get("/").status_code == 200
    path = people_file(tmp_path)
    path.write_text("\n".join(ln for ln in path.read_text().splitlines() if "dee" not in ln))
    assert client.get("/").status_code == 401
    path.unlink()
    assert signed_out(guarded).get("/").status_code == 401


def signed_out(site: Site) -> TestClient:
    return browser_of(site, "203.0.113.9", "https://console.example")


def test_a_token_also_comes_as_a_bearer(guarded: Site) -> None:
    client = signed_out(guarded)
    headers = {"authorization": f"Bearer {TOKENS['lea']}"}
    assert client.get("/queue/security", headers=headers).status_code == 200
    assert client.get("/", headers={"authorization": "Bearer no"}).status_code == 401


def test_a_queue_that_is_not_theirs_is_not_there(guarded: Site) -> None:
    for name in ("vic", "dee"):
        client = signed_in(guarded, name)
        now = client.get("/").text
        assert "billing" in now
        assert "security" not in now
        assert client.get("/queue/billing").status_code == 200
        assert client.get("/queue/security").status_code == 404
        assert client.get("/stream/queue/security").status_code == 404
        assert client.get("/conversation?id=about-billing").status_code == 200
        assert client.get("/conversation?id=about-security").status_code == 404
        assert "about-security" not in client.get("/search?q=about-").text
        assert "about-billing" in client.get("/search?q=about-").text


def test_a_viewer_works_at_no_desk_and_searches_no_customer(guarded: Site) -> None:
    client = signed_in(guarded, "vic")
    for path in ("/desk", "/chat", "/stream/desk", "/stream/chat/chat-1"):
        assert client.get(path).status_code == 403
    page = client.get("/search").text
    assert "customer" not in re.sub(r"<[^>]*>", "", page).lower()


def test_a_proxy_says_who_it_is_and_nobody_else_can(tmp_path: Path) -> None:
    people = people_file(tmp_path)
    given = admission("0.0.0.0", people, "x-user", "10.0.0.0/24", shipped_topics())  # noqa: S104
    with console_site(tmp_path, given) as site:
        inside = browser_of(site, "10.0.0.7", "https://console.example")
        assert inside.get("/", headers={"x-user": "pia"}).status_code == 200
        assert inside.get("/", headers={"x-user": "nobody"}).status_code == 401
        assert inside.get("/").status_code == 401
        twice = [("x-user", "lea"), ("x-user", "pia")]
        assert inside.get("/", headers=twice).status_code == 401
        outside = browser_of(site, "10.0.1.7", "https://console.example")
        assert outside.get("/", headers={"x-user": "lea"}).status_code == 401


def test_texts_are_redacted_by_role_and_queue() -> None:
    topics = shipped_topics()
    lead, viewer = LOOPBACK_LEAD, Identity("v", "viewer", None)
    desk = Identity("d", "desk", frozenset({"billing", "legal"}))
    assert lead.rule(topics, ["legal"]) == "standard"
    assert viewer.rule(topics, ["billing"]) == "strict"
    assert desk.rule(topics, ["billing", "security"]) == "standard"
    assert desk.rule(topics, ["billing", "legal"]) == "strict"
    assert desk.rule(topics, []) == "strict"


def test_whoever_opens_a_packet_leaves_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "workers.console.audit")
    with console_site(tmp_path) as site:
        world = World("a\nb")
        world.escalate()
        apply(site.view, records_of(world))
        assert browser_of(site).get("/conversation?id=a%0Ab").status_code == 200
    (line,) = [r.getMessage() for r in caplog.records if r.name == "workers.console.audit"]
    assert "\n" not in line
    assert world.escalation is not None
    assert world.escalation in line
    assert '"who": "lead"' in line


def test_every_answer_carries_the_headers(tmp_path: Path) -> None:
    with console_site(tmp_path) as site:
        client = browser_of(site)
        for path in ("/", "/static/console.css", "/nothing", "/conversation?id=none"):
            headers = client.get(path).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
        for path in ("/", "/policy", "/search?q=x", "/desk", "/chat"):
            html = client.get(path).text
            assert "<script>" not in html
            assert not re.search(r"\son[a-z]+=|\sstyle=", html), path
