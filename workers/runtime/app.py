"""Construction of the Faust app that every agent runs on.

An agent file says: consumer group, topic, `handle`, and where it wants to start if not at what is
committed. Everything else (chunks, one stream per partition, own watermark, one producer,
fail-stop) is here. Each module `workers.agents.<name>` has a function
`make_agent(settings: Settings, options: Options) -> Agent`.
"""

import asyncio
import logging
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple

import aiokafka
import faust
from faust.serializers.schemas import Schema
from faust.tables.manager import TableManager
from faust.types import TP, StreamT

from workers.data import data_path
from workers.runtime import metrics
from workers.runtime.consumer import Consumer, FetchSettings, RecordRun, Transport
from workers.runtime.failstop import fail_stop
from workers.runtime.placing import Bounds, RevokedMeanwhile
from workers.runtime.producer import Producer, Record
from workers.settings import Settings, kafka_client_kwargs

__all__ = [
    "TP",
    "Agent",
    "Bounds",
    "NotYet",
    "Options",
    "Record",
    "consumer_of",
    "make_app",
]

CHUNK_LIMIT_S: Final = 20.0
"""A chunk that takes longer ends the process: it would hold up the whole group's rebalance."""
COMMIT_INTERVAL_S: Final = 0.5
BUFFERED_CHUNKS: Final = 4

logger = logging.getLogger(__name__)


class Options(NamedTuple):
    """Options of the command line that every agent receives."""

    topics: Path
    policy: Path = data_path("policies/default.yaml")
    """A file or a folder."""
    start: str = "now"
    """Start of a group that has committed nothing: `earliest`, `now` or an RFC 3339 time."""
    dead_letter_limit: bool = True
    playbook: Path = data_path("playbook.yaml")
    """The file from which the router tells people what to do next."""


class NotYet(Exception):
    """Raised by `handle`: wait for `ready`, then give me the same records again."""


class Agent:
    """Base class of the agents: how one kind of worker handles its topic.

    Any exception but NotYet that leaves one of these methods ends the process at once, without a
    commit, and its records are read again after the restart.
    """

    group: ClassVar[str]
    """Consumer group and client id, `handoff-<agent>`."""
    topic: str
    publishes: ClassVar[tuple[str, ...]] = ()
    """Other topics that must exist before it can work."""
    partitions: int
    """Number of partitions of `topic`; set before `start`."""
    producer: Producer
    """Set before `start`; `await self.producer.publish(records)` awaits every acknowledgement."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.reached: dict[TP, int] = {}
        """Offset up to which a partition is handled, invisible records included."""
        self.origins: dict[TP, int] = {}
        """Offset at which the very first start began, by partition. `assigned` fills it; each
        commit carries it, and `Bounds.first` returns it even when every other store is lost."""
        self._consumer: Consumer | None = None
        self._revocations = 0

    async def start(self) -> None:
        """Run once, before the first partition arrives; wait here for Redis and the like."""

    async def positions(self, bounds: Mapping[TP, Bounds]) -> Mapping[TP, int]:
        """Return where to start in each partition; called once per assignment, must be short."""
        return {tp: _resume(tp, found) for tp, found in bounds.items()}

    async def assigned(self, tps: Collection[TP]) -> None:
        """Run after `positions`, before the first chunk, with every partition now owned."""

    async def ready(self, tp: TP) -> bool:  # noqa: ARG002 - for those who override it
        """Wait until `handle` may be called; it may take long. False: the partition goes away."""
        return True

    async def handle(self, tp: TP, records: Sequence[aiokafka.ConsumerRecord]) -> None:
        """Return when every effect of these records of one partition is durable.

        Called for one chunk of a partition at a time, for several partitions at once.
        Their offsets are committed afterwards.
        """
        raise NotImplementedError

    async def stepped_over(self, tp: TP, end: int) -> None:
        """Run when no record, handled or to come, lies between the last one and `end`.

        The markers that a transaction leaves there, aborted or not, are invisible to readers.
        """

    def is_busy(self, tp: TP) -> bool:  # noqa: ARG002
        """Return True while `ready` does long work, so that the watchdog accepts the standstill."""
        return False

    async def failing(self, tp: TP, error: Exception) -> None:
        """Run when `handle` raised, for a second at most, before the process ends."""

    def releasing(self, tps: Collection[TP]) -> None:
        """Run when partitions are to be given up: abandon what `ready` waits for."""

    async def revoked(self, tps: Collection[TP]) -> None:
        """Run when chunks in flight are done: nothing of these partitions may run on."""

    def hangup(self) -> None:
        """Run on SIGHUP: read files again."""

    async def finish_beside(self) -> None:
        """Run once when an orderly end begins: what works beside the chunks must end.

        The producer stops while the last chunks are waited for; after this, only they may publish.
        """

    async def stop(self) -> None:
        """Run once at an orderly end, after the last commit."""

    def let_go(self, tps: Collection[TP]) -> None:
        """Begin to give partitions up; a placement under way takes nothing over."""
        self._revocations += 1
        self.releasing(tps)

    def may_commit(self, tp: TP, offset: int) -> None:
        """Say that every effect of what lies below `offset` is durable."""
        if self._consumer is not None and offset > self._consumer.watermarks.get(tp, -1):
            self._consumer.watermarks[tp] = offset


def _resume(tp: TP, bounds: Bounds) -> int:
    """Return what is committed, if the log holds it, or else the beginning of the log."""
    offset = bounds.begin if bounds.committed is None else bounds.committed
    if bounds.begin <= offset <= bounds.end:
        return offset
    what = "records were trimmed unread" if offset < bounds.begin else "it was cut or made anew"
    logger.error(
        "%s[%d]: the committed offset %d is outside of the log (%d to %d): %s; beginning at %d",
        tp.topic,
        tp.partition,
        offset,
        bounds.begin,
        bounds.end,
        what,
        bounds.begin,
    )
    return bounds.begin


class _RawSchema(Schema[None, RecordRun]):
    """Lets the value of a chunk, which is a run of records, pass as it is."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> None:  # noqa: ARG002
        return None

    def loads_value(self, app: Any, message: Any, **_: Any) -> RecordRun:  # noqa: ARG002
        value: RecordRun = message.value
        return value


class _NoTables(TableManager):
    """Faust waits a second here for tables to be declared; there are none."""

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


class _App(faust.App):
    def on_init_dependencies(self) -> Iterable[Any]:
        found = super().on_init_dependencies()
        # Its times of every chunk have no reader; `metrics` has what an operator needs.
        self.sensors.remove(self.monitor)
        return found

    def on_rebalance_start(self) -> None:
        super().on_rebalance_start()
        # Without this, Faust warns at the end of each rebalance that it was not measured.
        self._rebalancing_sensor_state = {"nobody": {}}

    def _create_directories(self) -> None:
        """Do nothing: Faust keeps nothing on disk here, so it needs no folders."""


def make_app(agent: Agent) -> faust.App:
    """Return the Faust app of one agent, not started; its consumer and producer are ours."""
    settings = agent.settings
    app = _App(
        agent.group,
        broker="kafka://unused",
        broker_client_id=agent.group,
        broker_commit_interval=COMMIT_INTERVAL_S,
        broker_request_timeout=max(30.0, settings.kafka_session_timeout_s),
        broker_session_timeout=settings.kafka_session_timeout_s,
        broker_rebalance_timeout=60.0,
        stream_buffer_maxsize=BUFFERED_CHUNKS,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        store="memory://",
        TableManager=_NoTables,
        worker_redirect_stdouts=False,
    )
    kafka = kafka_client_kwargs(settings)
    transport = Transport(app.conf.broker_consumer, app)
    transport.fetch = FetchSettings(
        kafka=kafka,
        chunk_size=settings.chunk_size,
        fetch_wait_ms=settings.kafka_fetch_max_wait_ms,
        session_timeout_s=settings.kafka_session_timeout_s,
        placing_s=CHUNK_LIMIT_S,
    )
    transport.placing = agent_placing(agent)
    transport.releasing = agent.let_go
    transport.origins = agent.origins
    app.transport = transport
    agent.producer = Producer(transport, loop=None)
    agent.producer.kafka = kafka
    app.producer = agent.producer
    _add_stream(app, agent)
    _add_giving_up(app, agent)
    return app


def consumer_of(app: faust.App) -> Consumer:
    """Return the consumer of an app that `make_app` made."""
    consumer = app.consumer
    if not isinstance(consumer, Consumer):
        raise TypeError(f"{consumer!r}: not made by make_app")
    return consumer


def agent_placing(agent: Agent) -> Any:
    """Return the callback by which the transport asks where to start.

    The callback raises RevokedMeanwhile if partitions were revoked while it ran.
    """

    async def place(bounds: Mapping[TP, Bounds]) -> Mapping[TP, int]:
        revocations = agent._revocations
        positions = await agent.positions(bounds)
        if agent._revocations != revocations:
            # The revocation has run already: nothing would give up what is taken over now.
            raise RevokedMeanwhile
        agent.reached = dict(positions)
        await agent.assigned([*bounds])
        return positions

    return place


def _add_stream(app: faust.App, agent: Agent) -> None:
    topic = app.topic(agent.topic, schema=_RawSchema(), acks=True)

    @app.agent(topic, isolated_partitions=True, name=agent.group)
    async def chunks(stream: StreamT[RecordRun]) -> None:
        agent._consumer = consumer_of(app)
        async for event in stream.events():
            tp, run = event.message.tp, event.message.value
            if isinstance(run, RecordRun) and await _apply(agent, tp, run):
                agent.reached[tp] = run.end
                agent.may_commit(tp, run.end)


async def _apply(agent: Agent, tp: TP, run: RecordRun) -> bool:
    """Have a chunk handled; False when the partition goes away before that."""
    started = time.perf_counter()
    while await agent.ready(tp):
        try:
            async with asyncio.timeout(CHUNK_LIMIT_S):
                if run.records:
                    await agent.handle(tp, run.records)
                if not run.records or run.records[-1].offset + 1 < run.end:
                    await agent.stepped_over(tp, run.end)
        except NotYet:
            continue
        except Exception as error:  # noqa: BLE001 - Faust would commit and go on
            with suppress(Exception):
                async with asyncio.timeout(1.0):
                    await agent.failing(tp, error)
            what = (
                f"not finished in {CHUNK_LIMIT_S:g} s" if type(error) is TimeoutError else "failed"
            )
            where = f"{tp.topic}[{tp.partition}] {run.start} to {run.end - 1}"
            fail_stop(f"{agent.group}: chunk {where} {what}", error)
        counted = metrics.chunks_of(agent.group.removeprefix("handoff-"), tp.partition)
        counted.chunks.inc()
        counted.records.inc(len(run.records))
        counted.seconds.observe(time.perf_counter() - started)
        return True
    return False


def _add_giving_up(app: faust.App, agent: Agent) -> None:
    async def give_up(tps: Collection[TP]) -> None:
        try:
            await agent.revoked(tps)
        except Exception as error:  # noqa: BLE001 - Faust would go on
            fail_stop(f"{agent.group}: giving partitions up", error)
        agent._revocations += 1
        for tp in tps:
            agent.reached.pop(tp, None)

    async def on_revoked(*_: Any, **__: Any) -> None:
        await give_up([*agent.reached])

    # All partitions are revoked at every rebalance, and given up before the group is left.
    app.on_partitions_revoked.connect(on_revoked, weak=False)
    app.on_before_shutdown.connect(on_revoked, weak=False)
