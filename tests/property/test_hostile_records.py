"""Any record ends as something applied, or as a dead letter that fits.

HANDOFF_HOSTILE_RECORDS=20000 tries so many of each topic instead of a few.
"""

import asyncio
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from faust.types import TP
from hypothesis import HealthCheck, given, settings

from tests.support.hostile_records import SECRETS, records
from tests.support.routing_builders import queue, topics
from workers.agents.classifier.agent import ClassifierAgent
from workers.agents.classifier.model_client import ModelReply
from workers.agents.desk.agent import DeskAgent
from workers.agents.escalation.decoding import decode
from workers.agents.escalation.log_reader import _ledger
from workers.agents.outcomes.agent import _outcome
from workers.agents.routing import agent as routing
from workers.agents.shared.dead_letters import refuse
from workers.agents.shared.ledger_topic import LedgerTopic
from workers.agents.tickets.ticket_texts import packet_words
from workers.audit.audit import Audit
from workers.audit.topic_scan import LiveAudit
from workers.bridge.control_stream import _one_line
from workers.bridge.intake import BadBodyError, parse
from workers.bridge.outgoing import noted_of
from workers.bridge.senders import Sender
from workers.cli.deadletters import _escaped, _next_step, _row
from workers.client.kafka_transport import readable
from workers.console.view_file import ViewFile
from workers.console.view_rows import Fetched, apply_records
from workers.contracts.codec import DESK_TYPES, Raw, decode_event, decode_message
from workers.contracts.deadletters import MAX_DEAD_LETTER_BYTES, read_dead_letter
from workers.contracts.decisions import Home
from workers.contracts.events import EVENT_TYPES
from workers.contracts.rejections import Rejected
from workers.contracts.tickets import Notification, Ticket
from workers.contracts.topics import (
    CLASSIFICATIONS,
    CONTROL,
    DEAD_LETTERS,
    DECISIONS,
    DESKS,
    EVENTS,
    LEDGER,
    NOTIFICATIONS,
    TICKETS,
)
from workers.conversation.fold import fold_chunk
from workers.conversation.partition_meta import starting_meta
from workers.data import data_path
from workers.kafka.dead_letter_topic import LetterFilter, LetterList
from workers.outbound.notification_texts import mail_of, post_of
from workers.outbound.notifier_file import NotifierRoutes, load_notifier
from workers.replay.backtest import BacktestPlan, CandidatePolicy, _Shard
from workers.replay.event_sources import _first_policy, of_record
from workers.replay.explain_events import explain_events
from workers.runtime.app import Options
from workers.runtime.dead_letter_limit import DeadLetterLimit
from workers.runtime.producer import Record
from workers.settings import Settings, load_settings
from workers.stores.ledger_store import LedgerStore, Whereabouts

EXAMPLES: Final = int(os.environ.get("HANDOFF_HOSTILE_RECORDS", "20"))
QUEUE: Final = "handoff-billing"
HOME: Final = Home(topic=EVENTS, partition=0)
_POLICY: Final = data_path("policies/default.yaml").read_text(encoding="utf-8")
_WORLD: Final = topics(queue("billing"))

pytestmark = [
    pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning"),
    # Thousands of records take longer than any other test may.
    pytest.mark.timeout(max(300, EXAMPLES)),
]

few = settings(
    max_examples=EXAMPLES,
    suppress_health_check=[
        HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example,
        HealthCheck.function_scoped_fixture,
    ],
)  # fmt: skip


class _Producer:
    """Keeps what an agent publishes."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    async def publish(self, records: Sequence[Record]) -> None:
        self.records += records


def require_fitting(record: ConsumerRecord, letters: Sequence[Any]) -> None:
    """Fail unless there is one dead letter, of a size that is taken, which leads to the record."""
    (letter,) = letters
    size = len(letter.key or b"") + len(letter.value or b"")
    size += sum(len(name.encode()) + len(text or b"") for name, text in letter.headers)
    assert size <= MAX_DEAD_LETTER_BYTES
    found = read_dead_letter(Raw(letter.key, letter.value, letter.headers, 0))
    assert found is not None
    assert found.origin == (record.topic, record.partition, record.offset)
    assert found.raw.timestamp_ms == record.timestamp


def loaded() -> Settings:
    """Return settings that name a signing key and no server."""
    os.environ["HANDOFF_SECRET"] = SECRETS.keys[0].decode()
    try:
        return load_settings(kafka_bootstrap="127.0.0.1:1", redis_url="redis://127.0.0.1:1/0")
    finally:
        del os.environ["HANDOFF_SECRET"]


OPTIONS: Final = Options(topics=data_path("topics.yaml"), dead_letter_limit=False)


def audited(record: ConsumerRecord) -> None:
    """Have `handoff audit` read it."""
    scan = LiveAudit(loaded(), _WORLD, SECRETS)
    audit = Audit(scan._horizon)
    scan._take(audit, TopicPartition(record.topic, record.partition), record)
    audit.report()


@contextmanager
def a_view() -> Iterator[ViewFile]:
    with tempfile.TemporaryDirectory() as folder:
        view = ViewFile(Path(folder) / "view.sqlite")
        yield view
        view.close()


@pytest.fixture(scope="module")
def view() -> Iterator[ViewFile]:
    """Return the console's file."""
    with a_view() as file:
        yield file


def shown(view: ViewFile, record: ConsumerRecord) -> None:
    """Have the console read it."""
    raw = Raw(record.key, record.value, record.headers, record.timestamp)
    fetched = Fetched(record.topic, record.partition, record.offset, raw)
    view._transaction(
        lambda connection: apply_records(connection, [fetched], [(record.topic, 0, 8)])
    )


# ---- the log -------------------------------------------------------------------------------------


@few
@given(record=records(EVENTS))
def test_the_log(record: ConsumerRecord) -> None:
    meta = starting_meta(_POLICY)
    incoming = decode(record, SECRETS)
    folded = fold_chunk([incoming], {}, {}, meta, HOME)
    letters = [one for one in folded.outputs if one.topic == DEAD_LETTERS]
    if incoming.rejected is None:
        assert not letters
    else:
        require_fitting(record, letters)
    again = of_record(record, SECRETS, {})
    assert again.event == incoming.event
    explain_events([again], meta, HOME, fixed=False, keeps_time=False)
    _first_policy([record], SECRETS)
    audited(record)


@few
@given(record=records(EVENTS))
def test_the_log_replayed(record: ConsumerRecord) -> None:
    plan = BacktestPlan(
        candidates=(CandidatePolicy(name="one", text=_POLICY),), default_policy=_POLICY,
        default_name="default", homes={0: _POLICY}, observe=frozenset(), foreign=False,
        topic=EVENTS,
    )  # fmt: skip
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        shard = _Shard(plan, [0], Path(folder), stack)
        incoming = of_record(record, SECRETS, {})
        if incoming.rejected is None:
            shard.take(0, incoming)
        else:
            shard.refuse(incoming.rejected, "here", (0, record.offset))
        assert shard.finish().records == 1


# ---- what agents read ----------------------------------------------------------------------------


async def refused(agent: str, record: ConsumerRecord, why: Mapping[int, Rejected]) -> None:
    """Have the shared path dead-letter what an agent refused, if it did."""
    producer = _Producer()
    tp = TP(record.topic, record.partition)
    limit = DeadLetterLimit(enforced=False)
    await refuse(agent, tp, [record], why, limit, producer)  # type: ignore[arg-type]
    if why:
        require_fitting(record, producer.records)
    else:
        assert not producer.records


@few
@given(record=records(DECISIONS))
def test_decisions(view: ViewFile, record: ConsumerRecord) -> None:
    decisions, why = routing._decode([record])
    assert len(decisions) + len(why) == 1
    for decision in decisions:
        list(routing._at_once([routing.bare(decision)]))
    asyncio.run(refused("routing", record, why))
    told = routing._not_handed_over(TP(DECISIONS, 0), record, 1_800_000_000_000)
    assert len(told.value or b"") < 10_000
    try:
        _outcome(record)
    except Rejected as rejected:
        asyncio.run(refused("outcomes", record, {record.offset: rejected}))
    audited(record)
    shown(view, record)


class _Ledger:
    """Knows every escalation."""

    async def whereabouts(self, ids: Sequence[str]) -> dict[str, Whereabouts]:
        """Return where each escalation lives: in the conversation whose turn it is."""
        return {id_: Whereabouts(self.conversation_id, HOME) for id_ in ids}

    conversation_id = ""


@few
@given(record=records(DESKS))
def test_what_desks_report(view: ViewFile, record: ConsumerRecord) -> None:
    agent = DeskAgent(loaded(), _WORLD, OPTIONS)
    agent.producer = producer = _Producer()  # type: ignore[assignment]
    agent._ledger = ledger = _Ledger()  # type: ignore[assignment]
    said: list[Any] = []

    async def report(present: Sequence[Any]) -> None:
        said.extend(present)

    agent._report = report  # type: ignore[method-assign]
    with suppress(ValueError, KeyError, TypeError, RecursionError):
        ledger.conversation_id = json.loads(record.value or b"")["conversation_id"]
    asyncio.run(agent._translate(TP(DESKS, 0), [record]))
    assert len(producer.records) + len(said) == 1
    for one in producer.records:
        if one.topic == DEAD_LETTERS:
            require_fitting(record, [one])
        else:
            # What we write ourselves must be read again, at whatever time.
            raw = Raw(one.key, one.value, one.headers or (), 2**53)
            decode_event(raw, SECRETS.at(HOME.topic, HOME.partition))
    shown(view, record)


class _Model:
    """Answers no question."""

    async def ask(self, *_: Any) -> ModelReply:
        return ModelReply("failed")

    async def close(self) -> None:
        """Do nothing: nothing is open."""


@pytest.fixture(scope="module")
def classifier() -> ClassifierAgent:
    """Return a classifier whose model answers nothing."""
    return ClassifierAgent(loaded(), OPTIONS, _Model(), lambda: 0)  # type: ignore[arg-type]


@few
@given(record=records(CLASSIFICATIONS))
def test_questions_to_the_classifier(
    classifier: ClassifierAgent, record: ConsumerRecord, caplog: Any
) -> None:
    caplog.set_level("CRITICAL", logger="workers")
    agent = classifier
    agent._slots = asyncio.Semaphore(1)
    agent.producer = producer = _Producer()  # type: ignore[assignment]
    requests, _ = agent._decode([record])
    asyncio.run(agent._ask_about(TP(CLASSIFICATIONS, 0), [record]))
    if producer.records:
        require_fitting(record, producer.records)
    assert len(requests) + len(producer.records) == 1


class _Pipeline:
    """Takes commands as Redis's client does, up to sending them."""

    def eval(self, *arguments: Any) -> None:
        _sendable(arguments)

    def set(self, *arguments: Any, **_: Any) -> None:
        _sendable(arguments)

    def zadd(self, key: str, members: dict[bytes, int]) -> None:
        _sendable([key, *members, *members.values()])

    def zrem(self, *arguments: Any) -> None:
        _sendable(arguments)

    zremrangebyrank = pexpire = zrem

    async def execute(self) -> list[int]:
        return []


def _sendable(arguments: Sequence[Any]) -> None:
    for one in arguments:
        assert isinstance(one, bytes | int) or one.encode() is not None


@few
@given(record=records(LEDGER))
def test_the_ledger(view: ViewFile, record: ConsumerRecord, caplog: Any) -> None:
    caplog.set_level("CRITICAL", logger="workers")
    _ledger(record.value)
    redis: Any = SimpleNamespace(pipeline=lambda **_: _Pipeline())
    topic = LedgerTopic({}, "g", redis, LedgerStore(redis, "p"), None)  # type: ignore[arg-type]
    asyncio.run(topic._restore([record]))
    audited(record)
    shown(view, record)


# ---- what others read ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> NotifierRoutes:
    """Return routes whose messages lead to the conversation."""
    file = tmp_path_factory.mktemp("notifier") / "notifier.yaml"
    file.write_text(
        "version: 1\nmail: {host: localhost, from: handoff@example.com, security: none}\n"
        'link: "https://console.example/{{ notification.conversation_id }}"\n'
        "routes:\n  - {route: team, mail: [team@example.com]}\n"
    )
    return load_notifier(file)


@pytest.mark.parametrize("topic", [CONTROL, QUEUE, TICKETS, NOTIFICATIONS])
def test_what_is_told(view: ViewFile, routes: NotifierRoutes, topic: str) -> None:
    @few
    @given(record=records(topic))
    def check(record: ConsumerRecord) -> None:
        audited(record)
        shown(view, record)
        if topic == CONTROL:
            readable(record.value)
            if record.value is not None:
                assert len(_one_line(record.value).splitlines()) <= len(record.value)
                assert "\n" not in _one_line(record.value)
        if topic in (CONTROL, QUEUE):
            noted_of(topic, record.value)
        with suppress(Rejected):
            if topic == NOTIFICATIONS:
                _notified(routes, decode_message(Notification, record.value))
            if topic == TICKETS:
                packet_words(decode_message(Ticket, record.value))

    check()


def _notified(routes: NotifierRoutes, notification: Notification) -> None:
    """Have it written as mail and as each kind of post, and made ready to send."""
    mail_of([notification] * 2, routes, "en", ["team@example.com"]).as_bytes()
    for style in ("standard", "slack", "teams"):
        json.dumps(post_of(style, [notification], routes, "de"), ensure_ascii=False).encode()


@pytest.mark.parametrize("topic", [EVENTS, DESKS])
def test_what_is_posted_to_the_bridge(topic: str) -> None:
    sender = Sender(sender="chat", events=(*EVENT_TYPES, *DESK_TYPES), queues=("billing",))

    @few
    @given(record=records(topic))
    def check(record: ConsumerRecord) -> None:
        body = record.value or b""
        for posted in (body, b"[" + body + b"]"):
            with suppress(BadBodyError):
                parsed = parse(posted, sender, 1_800_000_000_000)
                assert len(parsed.records) + len(parsed.refused) >= 1
                assert all(one.detail.isprintable() for one in parsed.refused)

    check()


@few
@given(record=records(DEAD_LETTERS))
def test_dead_letters(view: ViewFile, record: ConsumerRecord) -> None:
    letters = LetterList(LetterFilter((), None, None))
    raw = Raw(record.key, record.value, record.headers, record.timestamp)
    letters.take(0, record.offset, raw)
    for one in letters.found():
        row = _row(one)
        json.dumps(row)
        assert {name: v for name, v in row.items() if not str(v).isprintable()} == {}
        assert _next_step(one)
        for _, value in one.letter.raw.headers:
            assert _escaped(value).isprintable()
    audited(record)
    shown(view, record)
