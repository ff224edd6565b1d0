"""The workers that call other systems, and the bridge, with the least that they need."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from redis import Redis
from redis.exceptions import NoPermissionError

from tests.kafka.secured_records import find, reason, send
from tests.kafka.security import (
    OUTBOUND_ACLS,
    SecuredRedis,
    add_users,
    allow,
    environment,
    secured_kafka,
    used_rights,
)
from tests.kafka.server import VERSION, KafkaServer
from tests.support.authority import Authority, TokenIssuer, make_authority
from tests.support.bridge import BridgeProcess, eventually, serving
from tests.support.chatwoot import Chatwoot, vendor_file
from tests.support.mail_server import MailServer, mail_server
from tests.support.routing_builders import decision
from tests.support.ticket_systems import Zendesk
from workers.contracts.codec import encode
from workers.contracts.control import Control
from workers.contracts.decisions import Home, Turn
from workers.contracts.handoffs import Handoff
from workers.contracts.tickets import Notification, Ticket
from workers.contracts.time import HOUR, from_ms
from workers.contracts.topics import CONTROL, EVENTS, NOTIFICATIONS, TICKETS, load_topics
from workers.data import data_path
from workers.embedded.workers import WorkerProcess
from workers.handoff.packet import build_packet
from workers.kafka.admin import apply
from workers.runtime.clock import now_ms
from workers.settings import load_settings
from workers.stores.partition_store import base_key

_HOME: Final = Home(topic=EVENTS, partition=0)
_TOPICS: Final = data_path("topics.yaml")
_QUEUE: Final = "tier_2_support"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Certificates for this module."""
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[KafkaServer]:
    """A broker with a user for each."""
    issuer = TokenIssuer(tmp_path_factory.mktemp("issuer"))
    with secured_kafka(tmp_path_factory.mktemp("secured"), authority, issuer) as server:
        add_users(server.bootstrap, OUTBOUND_ACLS)
        for user in OUTBOUND_ACLS:
            allow(server.bootstrap, user)
        yield server


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[SecuredRedis]:
    """A store with a user for each."""
    with SecuredRedis(tmp_path_factory.mktemp("store"), authority) as server:
        yield server


@dataclass
class Around:
    """The systems that are called, and the processes that call them."""

    zendesk: Zendesk
    mail: MailServer
    chatwoot: Chatwoot
    logs: list[Path]


@pytest.fixture
async def around(
    kafka: KafkaServer, authority: Authority, store: SecuredRedis, tmp_path: Path
) -> AsyncIterator[Around]:
    """Start all of them, each under a user of its own."""
    topics = load_topics(_TOPICS.read_text(), str(_TOPICS))
    await apply(load_settings(kafka_bootstrap=kafka.bootstrap), topics)
    users = {
        user: environment(kafka, authority, user) | {"REDIS_URL": store.url(user)}
        for user in OUTBOUND_ACLS
    }
    logs = [tmp_path / f"{user}.log" for user in OUTBOUND_ACLS]
    async with AsyncExitStack() as stack:
        zendesk, chatwoot = Zendesk(), Chatwoot("")
        stack.push_async_callback(chatwoot.close)
        mail = await stack.enter_async_context(mail_server())
        help_desk = await stack.enter_async_context(serving(zendesk.app))
        chat = await stack.enter_async_context(serving(chatwoot.app))
        for name, file in (
            ("tickets", zendesk.file(tmp_path, help_desk)),
            ("notifier", _notifier_file(tmp_path, mail)),
        ):
            variables = users[name] | {f"HANDOFF_{name.upper()}": str(file)}
            worker = WorkerProcess(name, variables, tmp_path / f"{name}.log")
            stack.push_async_callback(asyncio.to_thread, worker.stop)
            worker.start()
        vendor = str(vendor_file(tmp_path, chat))
        bridge = BridgeProcess(tmp_path, users["bridge"], ["--vendor", vendor])
        stack.push_async_callback(asyncio.to_thread, bridge.stop)
        await asyncio.to_thread(bridge.start)
        chatwoot.hook = f"{bridge.url}/v1/vendors/chatwoot"
        yield Around(zendesk, mail, chatwoot, logs)


def _notifier_file(folder: Path, mail: MailServer) -> Path:
    file = folder / "notifier.yaml"
    file.write_text(
        "version: 1\n"
        f"mail: {{host: 127.0.0.1, port: {mail.port}, security: none,"
        " from: Handoff <handoff@example.com>, timeout_seconds: 5}\n"
        "routes:\n  - {route: team, mail: [team@example.com], every_minutes: 0}\n"
    )
    return file


async def _until(check: Callable[[], Any], what: str) -> None:
    async def checked() -> bool:
        return bool(check())

    await eventually(checked, what)


async def _tickets(kafka: KafkaServer, store: SecuredRedis, zendesk: Zendesk) -> None:
    """A ticket from its making to its withdrawal, with what the customer says in between."""
    one = decision(seq=100, epoch=100, home=_HOME)
    packet = msgspec.structs.replace(
        build_packet(one.facts, (), one, "standard"), transcript_total=0
    )
    asked = Ticket(
        type="ticket", ticket_request_id="request-1", escalation_id="e-1", conversation_id="c-1",
        epoch=100, seq=100, queue=_QUEUE, reason="explicit_request", priority=1, subject="Ada",
        answer_by=from_ms(now_ms() + HOUR), home=_HOME, requested_at=from_ms(now_ms()),
        packet=packet,
    )  # fmt: skip
    await send(kafka, TICKETS, "c-1", encode(asked))
    told = await find(kafka, "desk-events", 60, "c-1", lambda r: b'"ticketed"' in r.value)
    assert told is not None, "no ticket"
    turn = Turn(event_id="m-1", at=now_ms(), role="customer", content="Please hurry.")
    with Redis.from_url(store.url("admin")) as client:
        client.rpush(f"{base_key('handoff', _HOME)}t:c-1", msgspec.msgpack.encode(turn))
    await _until(lambda: "hurry" in str(zendesk.notes), "the customer's words")
    withdrawn = msgspec.structs.replace(
        asked, type="withdrawn", seq=200, answer_by=None, packet=None, subject="no longer needed"
    )
    await send(kafka, TICKETS, "c-1", encode(withdrawn), b"{")
    await _until(lambda: not zendesk.is_open(1), "the ticket's end")
    assert await reason(kafka, "c-1", "tickets") == "not_json"


async def _notifier(kafka: KafkaServer, mail: MailServer) -> None:
    """One that is mailed, one that the mail server refuses, and one that is none."""
    one = Notification(
        notification_id="n-1", kind="expired", occurred_at=from_ms(now_ms()), queue=_QUEUE,
        text="Nobody took c-1 in time.", conversation_id="c-1",
    )  # fmt: skip
    mail.behave = ["busy"]
    await send(kafka, NOTIFICATIONS, "c-1", encode(one))
    await _until(lambda: mail.mails, "the mail")
    mail.behave = ["refuse"]
    refused = msgspec.structs.replace(one, notification_id="n-2")
    await send(kafka, NOTIFICATIONS, "refused", encode(refused))
    assert await reason(kafka, "refused", "notifier") == "undelivered"
    await send(kafka, NOTIFICATIONS, "broken", b"{")
    assert await reason(kafka, "broken", "notifier") == "not_json"


async def _bridge(kafka: KafkaServer, chatwoot: Chatwoot) -> None:
    """A webhook in, presence in, calls out, and a call that the vendor refuses."""
    conversation = chatwoot.customer_says(1, "Hello")
    assert await find(kafka, EVENTS, 60, "chatwoot:1:1"), "no message"
    assert await find(kafka, "desk-events", 60, _QUEUE), "no presence"
    name = "chatwoot:1:1"
    one = decision(seq=100, epoch=100, home=_HOME, conversation_id=name)
    waiting = Handoff(
        type="handoff", escalation_id="e-1", conversation_id=name, queue=_QUEUE, epoch=100,
        seq=100, decided_at=from_ms(now_ms()), home=_HOME, packet_id="p-1",
        reason="explicit_request", priority=3,
        packet=build_packet(one.facts, (), one, "standard"),
    )  # fmt: skip
    await send(kafka, f"handoff-{_QUEUE}", name, encode(waiting))
    await _until(conversation.notes, "the packet")
    control = Control(
        conversation_id=name, escalation_id="e-1", epoch=100, seq=100, owner="pending",
        ai_may_reply=False, kind="notice", text="A colleague comes.", caused_by="d-1",
        sent_at=from_ms(now_ms()),
    )  # fmt: skip
    await send(kafka, CONTROL, name, encode(control))
    await _until(conversation.told, "the notice")
    nobody = msgspec.structs.replace(control, conversation_id="chatwoot:1:99")
    await send(kafka, CONTROL, "chatwoot:1:99", encode(nobody))
    assert await reason(kafka, "chatwoot:1:99", "bridge") == "undelivered"


@pytest.mark.timeout(300)
async def test_they_do_their_work_with_the_least_that_they_need(
    kafka: KafkaServer, store: SecuredRedis, around: Around
) -> None:
    try:
        await _tickets(kafka, store, around.zendesk)
        await _notifier(kafka, around.mail)
        await _bridge(kafka, around.chatwoot)
    except (AssertionError, TimeoutError) as error:
        logs = [file.read_text()[-2000:] for file in around.logs if file.exists()]
        raise AssertionError(f"{error} {logs}") from error
    for file in around.logs:
        log = file.read_text()
        assert "AuthorizationFailed" not in log, log
        assert "NOPERM" not in log, log
    with Redis.from_url(store.url("admin"), decode_responses=True) as client:
        assert not [entry for entry in client.acl_log() if entry["username"] in OUTBOUND_ACLS]
    if not VERSION.startswith("3."):
        # Brokers of before log through another library, which says nothing here.
        listed = {
            (user, operation, topic)
            for user, topics in OUTBOUND_ACLS.items()
            for topic, operations in topics.items()
            for operation in operations
        }
        assert listed <= used_rights(kafka.brokers[0].folder / "server.log")


@pytest.mark.parametrize("user", OUTBOUND_ACLS)
def test_a_user_of_the_store_touches_its_own_keys_alone(store: SecuredRedis, user: str) -> None:
    others = [name for name in ("tickets", "notifier", "deliveries") if name != user]
    own = {"bridge": "deliveries"}.get(user, user)
    forbidden = [
        *(("ZADD", f"handoff:{name}:due", "1", "x") for name in others if name != own),
        ("RPUSH", "handoff:{conversation-events:0}:t:c", "1"),
        ("GET", "handoff:ledger:{c}"),
        ("FLUSHALL",),
        ("KEYS", "*"),
    ]
    with Redis.from_url(store.url(user)) as client:
        assert client.ping()
        for command in forbidden:
            with pytest.raises(NoPermissionError):
                client.execute_command(*command)
