"""Deliveries to vendors: each conversation in its order, and no other waits for one that fails."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from starlette.applications import Starlette
from starlette.requests import Request as Received
from starlette.responses import Response
from starlette.routing import Route

from tests.support.bridge import eventually, serving
from workers.bridge.outgoing import OutgoingReader
from workers.contracts.topics import CONTROL
from workers.embedded import EmbeddedKafka
from workers.embedded.kafka import FETCH_MAX_WAIT_MS, SESSION_TIMEOUT_S
from workers.outbound import due_work
from workers.outbound.calls import Request
from workers.outbound.dispatcher import Dispatcher
from workers.outbound.http_sending import Requester
from workers.outbound.vendor_file import Limits, Vendor, load_vendor
from workers.runtime.clock import now_ms
from workers.settings import load_settings
from workers.stores.connection import connect
from workers.stores.deliveries import Delivery, DeliveryStore

_FILE = """
version: 1
vendor: deskly
values: {{base_url: "{url}"}}
outbound:
  conversations: "deskly:"
  limits: {{per_second: 1000, at_once: 4, timeout_seconds: 1, give_up_minutes: {minutes}}}
  control:
    - call: first
      url: "{{{{ values.base_url }}}}/{{{{ id }}}}/first"
      json: {{seq: "= message.seq"}}
    - call: second
      url: "{{{{ values.base_url }}}}/{{{{ id }}}}/second"
      json: {{seq: "= message.seq", key: "{{{{ key }}}}"}}
"""


class Asked(NamedTuple):
    """One request that the vendor got."""

    own: str
    call: str
    seq: int


class Desk:
    """A vendor that takes everything, unless `answers` says otherwise."""

    def __init__(self) -> None:
        self.taken: list[Asked] = []
        self.asked: list[Asked] = []
        self.answers: Callable[[Asked], Any] = lambda _: 200
        self.app = Starlette(routes=[Route("/{id}/{call}", self._take, methods=["POST"])])

    async def _take(self, request: Received) -> Response:
        seq = json.loads(await request.body())["seq"]
        asked = Asked(request.path_params["id"], request.path_params["call"], seq)
        self.asked.append(asked)
        answer = self.answers(asked)
        if asyncio.iscoroutine(answer):
            answer = await answer
        if answer == 200:
            self.taken.append(asked)
        return Response(status_code=answer, headers={"retry-after": "2"} if answer == 429 else None)

    def of(self, own: str) -> list[tuple[str, int]]:
        """Return what was taken of one conversation, in order."""
        return [(call, seq) for name, call, seq in self.taken if name == own]


class Telling:
    """A store, a vendor and the dispatcher between them."""

    def __init__(self, store: DeliveryStore, vendor: Vendor) -> None:
        self.store = store
        self.vendor = vendor
        self.letters: list[tuple[int, str]] = []

    async def say(self, own: str, seq: int, **known: str) -> bool:
        message = {"conversation_id": f"deskly:{own}", "epoch": seq, "seq": seq}
        delivery = Delivery(
            vendor="deskly",
            kind="control",
            rank=(seq, seq, 0),
            topic=CONTROL,
            partition=0,
            offset=seq,
            timestamp_ms=now_ms(),
            key=b"",
            value=msgspec.json.encode(message),
            since_ms=now_ms(),
        )
        return await self.store.add(f"deskly:{own}", delivery, known, now_ms())

    async def idle(self) -> None:
        """Return when nothing is left to tell."""

        async def nothing() -> bool:
            return await self.store.waiting() == 0

        await eventually(nothing, "nothing to tell")

    async def give_up(self, delivery: Delivery, why: str) -> None:
        self.letters.append((delivery.rank[1], why))

    @asynccontextmanager
    async def dispatched(self) -> AsyncIterator[None]:
        """Deliver until the block ends, as abruptly as a process does."""
        dispatcher = Dispatcher({"deskly": self.vendor}, self.store, self.give_up, now_ms)
        running = asyncio.create_task(dispatcher.run())
        try:
            yield
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            await dispatcher.close()


@asynccontextmanager
async def producing(kafka: EmbeddedKafka) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture(params=[60])
async def telling(
    request: pytest.FixtureRequest, redis_url: str, desk: Desk, tmp_path: Path
) -> AsyncIterator[Telling]:
    redis = connect(load_settings(redis_url=redis_url))
    async with serving(desk.app) as url:
        file = tmp_path / "deskly.yaml"
        file.write_text(_FILE.format(url=url, minutes=request.param))
        yield Telling(DeliveryStore(redis, "handoff", "test"), load_vendor(file))
    await redis.aclose()


async def until(found: Callable[[], bool], what: str) -> None:
    async def check() -> bool:
        return found()

    await eventually(check, what)


async def test_a_conversation_is_told_in_order_and_another_does_not_wait_for_it(
    telling: Telling, desk: Desk
) -> None:
    others = asyncio.Event()

    async def hang() -> int:
        await others.wait()
        return 500

    def answers(asked: Asked) -> Any:
        # Each failure doubles the wait for the next try: what hung fails, and that is enough.
        held_up = (asked.own, asked.call) == ("a", "second") and not others.is_set()
        return hang() if held_up else 200

    desk.answers = answers
    async with telling.dispatched():
        for seq in (1, 2):
            for own in ("a", "b", "c"):
                assert await telling.say(own, seq)
        await until(lambda: len(desk.of("b")) == len(desk.of("c")) == 4, "the others")
        assert len(desk.of("a")) < 4
        others.set()
        await until(lambda: ("second", 2) in desk.of("a"), "the one that failed")
    order = [("first", 1), ("second", 1), ("first", 2), ("second", 2)]
    assert desk.of("b") == desk.of("c") == order
    # A call that hung may have been taken before it was made again.
    assert list(dict.fromkeys(desk.of("a"))) == order
    assert telling.letters == []


async def test_what_is_not_later_than_the_last_is_not_told(telling: Telling, desk: Desk) -> None:
    assert await telling.say("a", 2, owner="person")
    assert not await telling.say("a", 2, owner="ai")
    assert not await telling.say("a", 1, owner="ai")
    assert await telling.store.known("deskly:a") == {"owner": "person"}
    async with telling.dispatched():
        await until(lambda: len(desk.of("a")) == 2, "the calls")
        assert not await telling.say("a", 1)
        assert await telling.say("a", 3)
        await until(lambda: len(desk.of("a")) == 4, "the next")
    assert [seq for _, seq in desk.of("a")] == [2, 2, 3, 3]


async def test_a_message_is_known_to_be_overtaken(telling: Telling) -> None:
    await telling.say("a", 9)
    (taken,) = await telling.store.take(now_ms(), now_ms(), 1)
    assert await telling.store.known("deskly:a", taken.delivery) == {}
    await telling.say("a", 10)
    assert await telling.store.known("deskly:a", taken.delivery) == {"overtaken": "true"}


async def test_what_is_refused_is_given_up_and_can_be_told_again(
    telling: Telling, desk: Desk
) -> None:
    desk.answers = lambda asked: 404 if asked.call == "first" else 200
    async with telling.dispatched():
        await telling.say("a", 1)
        await telling.idle()
        # The other calls of the message are made, and the conversation goes on.
        assert desk.of("a") == [("second", 1)]
        assert telling.letters == [(1, "first: 404")]
        desk.answers = lambda _: 200
        assert await telling.say("a", 1)
        await until(lambda: len(desk.of("a")) == 3, "the retry")
        assert not await telling.say("a", 1)
        await telling.say("a", 2)
        await until(lambda: len(desk.of("a")) == 5, "what followed")
        assert not await telling.say("a", 1)


@pytest.mark.parametrize("telling", [0.02], indirect=True)
async def test_after_its_time_a_failing_message_is_given_up(telling: Telling, desk: Desk) -> None:
    desk.answers = lambda asked: 503 if asked.seq == 1 else 200
    async with telling.dispatched():
        await telling.say("a", 1)
        await telling.say("a", 2)
        await until(lambda: len(desk.of("a")) == 2, "the next message")
    assert [seq for seq, _ in telling.letters] == [1]
    assert telling.letters[0][1].startswith("first: 503 for 0.02 minutes")


async def test_a_process_that_dies_goes_on_with_the_next_call(
    telling: Telling, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due_work, "TAKEN_MS", 500)
    desk.answers = lambda asked: 200 if asked.call == "first" else asyncio.sleep(2, 500)
    async with telling.dispatched():
        await telling.say("a", 1)
        await until(lambda: ("a", "second", 1) in desk.asked, "the second call")
    desk.answers = lambda _: 200
    async with telling.dispatched():
        await until(lambda: len(desk.of("a")) == 2, "the rest")
    assert desk.of("a") == [("first", 1), ("second", 1)]


async def test_what_a_vendor_is_waited_for_is_nobody_elses(
    telling: Telling, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due_work, "TAKEN_MS", 400)
    monkeypatch.setattr(due_work, "_RENEWED_MS", 100)
    desk.answers = lambda _: asyncio.sleep(0.9, 200)
    async with telling.dispatched(), telling.dispatched():
        await telling.say("a", 1)
        await telling.idle()
    assert [asked.call for asked in desk.asked] == ["first", "second"]


async def test_what_was_so_before_is_not_noted_again(telling: Telling) -> None:
    for status, at_s in (("open", 5.25), ("pending", 5.0), ("open", None), ("resolved", 6.0)):
        await telling.store.note("deskly:a", {"status": status}, at_s)
        if at_s == 5.0:
            assert (await telling.store.known("deskly:a"))["status"] == "open"
    assert await telling.store.known("deskly:a") == {"status": "resolved", "noted_at": "6.0"}


async def test_what_is_published_while_nobody_reads_is_kept_at_the_next_start(
    kafka: EmbeddedKafka, telling: Telling
) -> None:
    kafka.ensure_topics((CONTROL,))
    settings = load_settings(
        kafka_bootstrap=kafka.bootstrap,
        kafka_session_timeout_s=SESSION_TIMEOUT_S,
        kafka_fetch_max_wait_ms=FETCH_MAX_WAIT_MS,
    )

    async def read(until_kept: bool) -> None:
        kept = asyncio.Event()
        reader = OutgoingReader(
            settings, [CONTROL], {"deskly": telling.vendor}, telling.store, kept.set
        )
        running = asyncio.create_task(reader.run())
        async with asyncio.timeout(60):
            await (kept if until_kept else reader.assigned).wait()
        running.cancel()
        await asyncio.wait({running})

    await read(until_kept=False)
    message = {
        "conversation_id": "deskly:a",
        "epoch": 1,
        "seq": 1,
        "owner": "pending",
        "ai_may_reply": False,
        "kind": "ownership",
        "caused_by": "d-1",
        "sent_at": "2026-11-27T10:00:00Z",
    }
    async with producing(kafka) as producer:
        await producer.send_and_wait(CONTROL, msgspec.json.encode(message), key=b"deskly:a")
    await read(until_kept=True)
    assert await telling.store.waiting() == 1


async def test_a_limit_of_the_vendor_holds_for_all_that_it_is_asked(
    telling: Telling, desk: Desk
) -> None:
    desk.answers = lambda asked: 429 if asked.own == "a" else 200
    requester, url = Requester(Limits()), telling.vendor.file.values["base_url"]
    loop = asyncio.get_running_loop()
    try:
        limited = await requester.send(Request("c", "POST", f"{url}/a/c", {}, b'{"seq": 1}', ()))
        assert (limited.result, limited.wait_s) == ("later", 2.0)
        asked = loop.time()
        answer = await requester.send(Request("c", "POST", f"{url}/b/c", {}, b'{"seq": 1}', ()))
        assert answer.result == "done"
        assert loop.time() - asked >= 1.9
    finally:
        await requester.close()
