"""How a Faust app of ours is made and run; shared by all agents.

An agent file says: consumer group, topic, `handle`, and where it wants to start if not at what is
committed. Everything else (chunks, one stream per partition, own watermark, one producer,
fail-stop, orderly end) is here.
"""

import asyncio
import logging
import signal
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple

import aiokafka
import faust
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError
from faust.serializers.schemas import Schema
from faust.types import TP

from workers.agents.chunks import Bounds, Consumer, FetchSettings, Run, Transport
from workers.agents.failstop import ConfigurationError, fail_stop
from workers.agents.producer import Producer, Record
from workers.settings import Settings, kafka_client_kwargs

__all__ = ["TP", "Agent", "Bounds", "ConfigurationError", "Options", "Record", "make_app", "run"]

CHUNK_LIMIT_S = 20.0
"""A chunk that takes longer ends the process: it would hold up the whole group's rebalance."""
STOP_LIMIT_S = 25.0
SAY_EVERY_S = 10.0

logger = logging.getLogger(__name__)


class Options(NamedTuple):
    """What the command line gives to every agent; each module `workers.agents.<name>` has a
    function `make_agent(settings: Settings, options: Options) -> Agent`.
    """

    topics: Path
    policy: Path | None = None
    start: str = "now"
    """Where the very first start begins: `earliest`, `now` or an RFC 3339 time."""


class Agent:
    """What one kind of worker does with its topic; subclass it and give it to `run`.

    An exception that leaves any of these methods ends the process at once, without a commit, and
    its records are read again after the restart.
    """

    group: ClassVar[str]
    """Consumer group and client id, `handoff-<agent>`."""
    topic: str
    producer: Producer
    """Set before `start`; `await self.producer.publish(records)` awaits every acknowledgement."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    async def start(self) -> None:
        """Called once, before the first partition arrives; wait here for Redis and the like."""

    async def positions(self, bounds: Mapping[TP, Bounds]) -> Mapping[TP, int]:
        """Return where to start in each partition; called once per assignment, must be short."""
        return {tp: _resume(tp, found) for tp, found in bounds.items()}

    async def assigned(self, tps: Collection[TP]) -> None:
        """Called after `positions`, before the first chunk, with every partition now owned."""

    async def revoked(self, tps: Collection[TP]) -> None:
        """Called when chunks in flight are done and nothing of these partitions may run on."""

    async def handle(self, tp: TP, records: Sequence[aiokafka.ConsumerRecord]) -> None:
        """Return when every effect of these records of one partition is durable.

        Called for one chunk of a partition at a time, for several partitions at once. What
        follows is that their offsets are committed.
        """
        raise NotImplementedError

    async def stop(self) -> None:
        """Called once at an orderly end, after the last commit."""


def _resume(tp: TP, bounds: Bounds) -> int:
    """What is committed, or the beginning of the log; never outside of the log."""
    offset = bounds.begin if bounds.committed is None else bounds.committed
    if not bounds.begin <= offset <= bounds.end:
        logger.error(
            "%s[%d]: committed offset %d is outside of the log (%d to %d): %s",
            tp.topic,
            tp.partition,
            offset,
            bounds.begin,
            bounds.end,
            "records were trimmed unread" if offset < bounds.begin else "the log was cut",
        )
    return min(max(offset, bounds.begin), bounds.end)


class _RawSchema(Schema):
    """Lets the value of a chunk, which is a run of records, pass as it is."""

    def loads_key(self, app, message, **kwargs):  # type: ignore[no-untyped-def,override]
        return None

    def loads_value(self, app, message, **kwargs):  # type: ignore[no-untyped-def,override]
        return message.value


def make_app(
    agent: Agent, *, session_timeout_s: float = 10.0, fetch_wait_ms: int = 500
) -> faust.App:
    """Return the Faust app of one agent, not started; its consumer and producer are ours."""
    kafka = kafka_client_kwargs(agent.settings)
    app = faust.App(
        agent.group,
        broker="kafka://unused",
        broker_client_id=agent.group,
        broker_commit_interval=0.5,
        broker_request_timeout=30.0,
        broker_session_timeout=session_timeout_s,
        broker_rebalance_timeout=60.0,
        stream_buffer_maxsize=4,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        store="memory://",
        worker_redirect_stdouts=False,
    )
    transport = Transport(app.conf.broker_consumer, app)
    transport.fetch = FetchSettings(
        kafka=kafka,
        chunk_size=agent.settings.chunk_size,
        fetch_wait_ms=fetch_wait_ms,
        session_timeout_s=session_timeout_s,
        placing_s=CHUNK_LIMIT_S,
    )
    app.transport = transport
    app.producer.kafka = kafka
    agent.producer = app.producer

    async def place(bounds: Mapping[TP, Bounds]) -> Mapping[TP, int]:
        positions = await agent.positions(bounds)
        await agent.assigned(bounds)
        return positions

    transport.placing = place
    topic = app.topic(agent.topic, schema=_RawSchema(), acks=True)

    @app.agent(topic, isolated_partitions=True, name=agent.group)
    async def chunks(stream: faust.Stream[Run]) -> None:
        consumer: Consumer = app.consumer
        async for event in stream.events():
            tp, run = event.message.tp, event.value
            try:
                async with asyncio.timeout(CHUNK_LIMIT_S):
                    await agent.handle(tp, run.records)
            except Exception as error:  # noqa: BLE001 - Faust would commit and go on
                where = f"{tp.topic}[{tp.partition}] {run.start}..{run.end - 1}"
                fail_stop(f"{agent.group}: chunk {where}: {error!r}", error=error)
            consumer.watermarks[tp] = run.end

    async def give_up(_app: faust.App, tps: Collection[TP] | None = None, **_: object) -> None:
        try:
            await agent.revoked(app.consumer.assignment() if tps is None else tps)
        except Exception as error:  # noqa: BLE001 - Faust would go on
            fail_stop(f"{agent.group}: giving partitions up", error=error)

    app.on_partitions_revoked.connect(give_up, weak=False)
    app.on_before_shutdown.connect(give_up, weak=False)
    return app


async def run(agent: Agent, *, session_timeout_s: float = 10.0, fetch_wait_ms: int = 500) -> None:
    """Run one agent until SIGTERM or SIGINT; what is in flight is finished and committed.

    Waits for Kafka at the start. Ends the process with EXIT_FAIL_STOP when Faust crashes or the
    end takes too long.
    """
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    worker = loop.create_task(_serve(agent, stopping, session_timeout_s, fetch_wait_ms))
    stopped = loop.create_task(stopping.wait())
    await asyncio.wait({worker, stopped}, return_when=asyncio.FIRST_COMPLETED)
    try:
        async with asyncio.timeout(STOP_LIMIT_S):
            await worker
    except TimeoutError:
        fail_stop(f"{agent.group}: the orderly end took longer than {STOP_LIMIT_S:g} s")
    except Exception as error:  # noqa: BLE001 - the end of the process is the same for all
        fail_stop(f"{agent.group}: {error!r}", error=error)
    stopped.cancel()


async def _serve(
    agent: Agent, stopping: asyncio.Event, session_timeout_s: float, fetch_wait_ms: int
) -> None:
    wanted = asyncio.ensure_future(stopping.wait())
    for step in (wait_for_topic(agent.settings, agent.topic), agent.start()):
        starting = asyncio.ensure_future(step)
        await asyncio.wait({starting, wanted}, return_when=asyncio.FIRST_COMPLETED)
        if stopping.is_set():
            starting.cancel()
            return
        await starting
    app = make_app(agent, session_timeout_s=session_timeout_s, fetch_wait_ms=fetch_wait_ms)
    started = asyncio.ensure_future(app.start())
    ended = asyncio.ensure_future(app.wait_until_stopped())
    await asyncio.wait({wanted, ended}, return_when=asyncio.FIRST_COMPLETED)
    if not stopping.is_set():
        fail_stop(f"{agent.group}: Faust stopped", error=app.crash_reason)
    await app.stop()
    started.cancel()
    await agent.stop()


async def wait_for_topic(settings: Settings, topic: str) -> int:
    """Return the number of partitions of `topic` once Kafka answers and has it.

    Says now and then, with the address, what it waits for.
    """
    client = AIOKafkaClient(**kafka_client_kwargs(settings))
    said = -SAY_EVERY_S
    try:
        while True:
            try:
                if not client.get_random_node():
                    await client.bootstrap()
                await client.set_topics([topic])
                if partitions := client.cluster.partitions_for_topic(topic):
                    return len(partitions)
                problem = f"has no topic {topic}: create it with `handoff topics apply`"
            except KafkaConnectionError:
                problem = "is not reachable"
            if time.monotonic() - said >= SAY_EVERY_S:
                said = time.monotonic()
                logger.warning("Kafka at %s %s; waiting", settings.kafka_bootstrap, problem)
            await asyncio.sleep(0.5)
    finally:
        await client.close()
