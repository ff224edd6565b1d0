"""Notifications by mail and webhook: once each, in digests, whatever the servers do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
from redis.asyncio import Redis
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support.bridge import WEBHOOK_KEY, serving
from tests.support.counting import Growth
from tests.support.kill_points import Killed, KillPoints
from tests.support.mail_server import MailServer, mail_server
from workers.agents.notifier.notifier_worker import NotifierWorker
from workers.contracts.codec import encode
from workers.contracts.tickets import Notification
from workers.contracts.time import MINUTE, from_ms
from workers.contracts.topics import NOTIFICATIONS
from workers.outbound.notifier_file import load_notifier
from workers.runtime.clock import now_ms
from workers.runtime.producer import Record
from workers.settings import load_settings
from workers.stores.connection import connect
from workers.stores.kept_record import KeptRecord
from workers.stores.notice_store import NoticeStore

_LIMIT_S: Final = 60.0
_START: Final = 1_790_000_000_000


def notification(number: int, **fields: Any) -> Notification:
    """Return one about a conversation of billing."""
    given = {
        "notification_id": f"n-{number}",
        "kind": "expired",
        "occurred_at": from_ms(_START),
        "text": f"Nobody took c-{number} (billing problem) in time; it has ended.",
        "queue": "billing",
        "conversation_id": f"c-{number}",
        **fields,
    }
    return Notification(**given)


class Office:
    """A mail server, the store, and the notifier that is killed and started again."""

    def __init__(self, folder: Path, redis: Redis, mail: MailServer) -> None:
        self.file = folder / "notifier.yaml"
        self.redis = redis
        self.mail = mail
        self.store = NoticeStore(redis, "handoff", "redis")
        self.published: list[Record] = []
        self.ahead_ms = 0
        self.kills = KillPoints()
        self.routes("  - {route: team, mail: [team@example.com], every_minutes: 0}")

    def routes(self, routes: str, more: str = "") -> None:
        """Write the file."""
        self.file.write_text(
            "version: 1\n"
            f"mail: {{host: 127.0.0.1, port: {self.mail.port}, security: none,"
            " from: Handoff <handoff@example.com>, timeout_seconds: 1}\n"
            f"link: 'https://desk.example.com/c/{{{{ notification.conversation_id }}}}'\n"
            f"{more}routes:\n{routes}\n"
        )

    def clock(self) -> int:
        return now_ms() + self.ahead_ms

    async def add(self, *notifications: Notification) -> None:
        """Keep notifications as the agent does."""
        for one in notifications:
            record = KeptRecord(
                topic=NOTIFICATIONS,
                partition=0,
                offset=1,
                timestamp_ms=_START,
                key=b"c",
                value=encode(one),
            )
            for route in load_notifier(self.file).of(one):
                await self.store.add(route.route, one.notification_id, record, self.clock())

    async def _publish(self, records: Any) -> list[Any]:
        self.published += records
        self.kills.point()
        return []

    def worker(self) -> NotifierWorker:
        store = NoticeStore(self.redis, "handoff", "redis")
        worker = NotifierWorker(load_notifier(self.file), store, self._publish, self.clock)
        self.kills.tap(store, "done", "later")
        self.kills.tap(worker._messenger, "send")
        return worker

    async def drive(self, done: Callable[[], Any], step_ms: int = 0) -> None:
        """Run the notifier until it is so; one that is killed is started again."""
        async with asyncio.timeout(_LIMIT_S):
            while True:
                worker = self.worker()
                running = asyncio.create_task(worker.run())
                try:
                    while not done():
                        if running.done():
                            running.result()
                        self.ahead_ms += step_ms
                        await asyncio.sleep(0.005)
                except Killed:
                    continue
                finally:
                    # Nobody takes what an ended process had in hand before this has passed.
                    self.ahead_ms += 10_001
                    running.cancel()
                    with suppress(asyncio.CancelledError, Killed):
                        await running
                    await worker.close()
                return

    async def idle(self, step_ms: int = 0) -> None:
        """Run it until nothing waits."""
        waiting = 1

        async def look() -> None:
            nonlocal waiting
            while waiting:
                waiting = await self.redis.zcard("handoff:notifier:due")
                await asyncio.sleep(0.01)

        looking = asyncio.create_task(look())
        await self.drive(lambda: waiting == 0, step_ms)
        await looking


@pytest.fixture
async def office(tmp_path: Path, redis_url: str) -> AsyncIterator[Office]:
    redis = connect(load_settings(redis_url=redis_url))
    async with mail_server() as mail:
        yield Office(tmp_path, redis, mail)
    await redis.aclose()


async def test_a_mail_says_what_who_and_where(office: Office) -> None:
    await office.add(notification(1, team="Billing team"))
    await office.add(notification(1, team="Billing team"))
    await office.idle()
    [mail] = office.mail.mails
    assert mail["Subject"] == "[urgent] Expired without an answer: c-1 (billing)"
    assert mail["Message-ID"] == "<n-1.team@example.com>"
    assert mail["To"] == "team@example.com"
    plain, html = (part.get_content() for part in mail.iter_parts())
    assert "Conversation: c-1" in plain.splitlines()
    for text in (plain, html):
        assert "Nobody took c-1" in text
        assert "Billing team (billing)" in text
        assert "https://desk.example.com/c/c-1" in text
        assert "Write to them." in text


def _messages(result: str) -> Growth:
    return Growth("notifier_messages_total", route="team", result=result)


async def test_a_bad_hour_is_a_digest(office: Office) -> None:
    office.routes("  - {route: team, mail: [team@example.com], language: de, every_minutes: 5}")
    await office.add(notification(1))
    await office.idle()
    await office.add(*(notification(n) for n in range(2, 402)))
    told, sent = Growth("notified_total", route="team", result="told"), _messages("done")
    # A minute is nothing, six are enough for one more, twelve for two.
    office.ahead_ms += MINUTE
    await office.idle(step_ms=5_000)
    subjects = [mail["Subject"] for mail in office.mail.mails]
    assert subjects == [
        "[dringend] Ohne Antwort abgelaufen: c-1 (billing)",
        "[dringend] 200 Meldungen (billing)",
        "[dringend] 200 Meldungen (billing)",
    ]
    assert (told.by, sent.by) == (400, 2)
    assert "Und 150 weitere." in next(office.mail.mails[1].iter_parts()).get_content()


async def test_each_gets_what_its_route_is_for(office: Office) -> None:
    office.routes(
        "  - {route: urgent, mail: [u@example.com], when: {severity: [urgent]}, every_minutes: 0}\n"
        "  - {route: legal, mail: [l@example.com], when: {queues: [legal]}, every_minutes: 0}\n"
        "  - {route: rates, mail: [r@example.com], when: {kinds: [ai_not_ready]},"
        " every_minutes: 0}"
    )
    await office.add(
        notification(1),
        notification(2, kind="moved", queue="legal"),
        notification(3, kind="ai_not_ready", queue=None, conversation_id=None, subject="v7"),
    )
    await office.idle()
    told = {mail["To"]: mail["Subject"] for mail in office.mail.mails}
    assert told == {
        "l@example.com": "Moved to another queue: c-2 (legal)",
        "r@example.com": "[urgent] AI version not ready: v7",
        "u@example.com": "[urgent] 2 notifications (billing)",
    }
    assert len(office.mail.mails) == 3


@pytest.mark.parametrize("trouble", ["busy", "stall", "leave"])
async def test_a_server_in_trouble_is_tried_again(office: Office, trouble: str) -> None:
    office.mail.behave = [trouble, trouble]
    again = _messages("later")
    await office.add(notification(1))
    await office.idle(step_ms=50)
    ids = [mail["Message-ID"] for mail in office.mail.mails]
    # What was taken without an answer comes again under the same id.
    assert ids == ["<n-1.team@example.com>"] * (3 if trouble == "leave" else 1)
    assert office.published == []
    assert again.by == 2


async def test_what_is_refused_becomes_a_dead_letter_which_can_be_retried(office: Office) -> None:
    office.mail.behave = ["refuse"]
    await office.add(notification(1))
    await office.idle()
    [letter] = office.published
    assert office.mail.mails == []
    assert b"SMTP 550" in repr(letter).encode()
    assert b"no such user" not in repr(letter).encode()
    await office.add(notification(1))
    await office.idle()
    assert [mail["Message-ID"] for mail in office.mail.mails] == ["<n-1.team@example.com>"]


async def test_a_server_that_stays_away_is_given_up(office: Office) -> None:
    office.routes(
        "  - {route: team, mail: [team@example.com], every_minutes: 0}",
        "limits: {give_up_minutes: 10}\n",
    )
    office.mail.behave = ["busy"] * 1000
    await office.add(notification(1), notification(2))
    given_up = Growth("notified_total", route="team", result="given_up")
    await office.idle(step_ms=1_000)
    assert given_up.by == 2
    assert len(office.published) == 2
    assert office.mail.mails == []


async def test_killed_at_every_await_no_mail_is_lost_and_at_most_one_repeated(
    office: Office,
) -> None:
    for at in range(1, 8):
        office.kills.kill_at(at)
        office.mail.behave = ["busy"]
        office.mail.mails.clear()
        await office.add(*(notification(1000 * at + n) for n in range(3)))
        await office.idle(step_ms=200)
        ids = [mail["Message-ID"] for mail in office.mail.mails]
        assert len(set(ids)) == 1, (at, ids)
        assert len(ids) <= 2, (at, ids)
        assert office.published == []
    assert office.kills.passed < 7, "every point was one at which it was killed"


@pytest.mark.parametrize("style", ["standard", "slack", "teams"])
async def test_webhooks_get_what_they_take(office: Office, style: str, tmp_path: Path) -> None:
    posts: list[tuple[bytes, dict[str, str]]] = []

    async def take(request: Request) -> Response:
        posts.append((await request.body(), dict(request.headers)))
        return Response(status_code=503 if len(posts) == 1 else 200)

    (tmp_path / "key").write_text(WEBHOOK_KEY)
    app = Starlette(routes=[Route("/hook", take, methods=["POST"])])
    async with serving(app) as address:
        sign = ", sign_with: key" if style == "standard" else ""
        office.routes(
            f"  - {{route: room, every_minutes: 0, webhook: {{url: '{address}/hook',"
            f" format: {style}{sign}}}}}",
            "secrets: {key: key}\n",
        )
        await office.add(notification(1, text="<b> & c-1"))
        await office.idle(step_ms=50)
    (first, _), (body, headers) = posts
    assert first == body
    if style == "standard":
        Webhook(WEBHOOK_KEY).verify(body, headers)
        assert b'"severity":"urgent"' in body
    elif style == "slack":
        assert b"&lt;b&gt; &amp; c-1" in body
    else:
        assert b"AdaptiveCard" in body
        assert b"<b> & c-1" in body


def test_no_markup_and_no_line_of_a_text_gets_into_a_mail(tmp_path: Path) -> None:
    from workers.outbound.notification_texts import mail_of

    file = tmp_path / "notifier.yaml"
    file.write_text(
        "version: 1\nmail: {host: h, from: a@example.com}\n"
        "routes: [{route: team, mail: [t@example.com]}]\n"
    )
    hostile = notification(
        1, conversation_id="c\nBcc: x@example.com\x1b[2J\u202e", text="<script>alert(1)</script>"
    )
    mail = mail_of([hostile], load_notifier(file), "en", ["t@example.com"])
    assert mail["Bcc"] is None
    assert "\x1b" not in mail.as_string()
    assert "<script>" not in mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
