"""Running one agent in this process: wait for Kafka, serve, end in order, or at once."""

import asyncio
import gc
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Collection
from functools import partial
from typing import Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from workers.errors import ConfigurationError
from workers.runtime.app import Agent, make_app
from workers.runtime.failstop import fail_stop
from workers.runtime.health import Health
from workers.runtime.watchdog import watch_partitions
from workers.settings import Settings, kafka_client_kwargs

STOP_LIMIT_S: Final = 25.0
BLOCKED_S: Final = 30.0
SAY_EVERY_S: Final = 5.0
LACKING_S: Final = 20.0
"""Time for which a start waits for topics that may still be created."""
PAUSED_S: Final = 5.0
"""A process that did not run for so long was perhaps stopped."""
BUSY_SHARE: Final = 0.5
"""Share of the processor's time by which a blocked event loop is told from a stopped process."""
COLLECT_AFTER: Final = (20_000, 20, 50)
"""Thresholds of the garbage collector: a chunk makes thousands of objects and hardly a cycle."""
SUPERVISOR: Final = "HANDOFF_SUPERVISOR"
"""Variable with the process id of the `worker all` that started this process."""

logger = logging.getLogger(__name__)


async def run(agent: Agent, health_port: int | None = None) -> None:
    """Run one agent until SIGTERM or SIGINT; chunks in flight are finished and committed.

    Waits for Kafka at the start. Ends the process at once when Faust crashes, when the event
    loop is blocked, when a partition stands still, or when the end takes too long.
    """
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    loop.add_signal_handler(signal.SIGHUP, agent.hangup)
    alive = _watch_loop(loop)
    health = Health(agent.group)
    if health_port is not None:
        try:
            await health.serve(health_port)
        except ConfigurationError as error:
            fail_stop(agent.group, error)
    worker = loop.create_task(_serve(agent, stopping, health))
    stopped = loop.create_task(stopping.wait())
    await asyncio.wait({worker, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    try:
        async with asyncio.timeout(STOP_LIMIT_S):
            await worker
    except TimeoutError:
        fail_stop(f"{agent.group}: the orderly end took longer than {STOP_LIMIT_S:g} s")
    except Exception as error:  # noqa: BLE001 - the end of the process is the same for all
        fail_stop(agent.group, error)
    await health.close()
    alive()


async def _serve(agent: Agent, stopping: asyncio.Event, health: Health) -> None:
    app = make_app(agent)
    wanted = asyncio.create_task(stopping.wait())
    for step in (partial(_find_topics, agent), agent.start):
        starting = asyncio.ensure_future(step())
        await asyncio.wait({starting, wanted}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
        if stopping.is_set():
            return
        await starting
    spare_collector()
    started = asyncio.create_task(app.start())
    ended = asyncio.create_task(app.wait_until_stopped())
    watched = asyncio.create_task(watch_partitions(app, agent, health))
    await asyncio.wait({wanted, ended, watched}, return_when=asyncio.FIRST_COMPLETED)
    if not stopping.is_set():
        fail_stop(f"{agent.group}: Faust stopped", app.crash_reason)
    health.ready = False
    watched.cancel()
    agent.let_go([*agent.reached])
    await agent.finish_beside()
    await app.stop()
    started.cancel()
    await agent.stop()


def spare_collector() -> None:
    """Have the garbage collector leave alone what is here to stay, and look less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


async def _find_topics(agent: Agent) -> None:
    found = await wait_for_topics(agent.settings, [agent.topic, *agent.publishes])
    agent.partitions = found[agent.topic]


async def wait_for_topics(settings: Settings, topics: Collection[str]) -> dict[str, int]:
    """Return the number of partitions of each topic once Kafka answers and has them all.

    Says now and then, with the address, what it waits for. A cluster that answers for 20 s and has
    not all of them is a ConfigurationError.
    """
    said, lacking_since = -SAY_EVERY_S, None
    while True:
        client = AIOKafkaClient(**kafka_client_kwargs(settings))
        answered = False
        try:
            await client.bootstrap()
            answered = True
            # A request for everything makes no broker create what is missing.
            cluster = await client.fetch_all_metadata()
            found = {topic: len(cluster.partitions_for_topic(topic) or ()) for topic in topics}
            if all(found.values()):
                return found
            missing = ", ".join(topic for topic, count in found.items() if not count)
            problem = f"has no topic {missing}: create it with `handoff topics apply`"
            lacking_since = lacking_since or time.monotonic()
            if time.monotonic() - lacking_since > LACKING_S:
                raise ConfigurationError(f"Kafka at {settings.kafka_bootstrap} {problem}")
        except KafkaError as error:
            problem, lacking_since = f"is not reachable: {error}", None
            # aiokafka takes a token that is refused for accepted, and then hears nothing more.
            if answered and settings.kafka_oauth_token_file is not None:
                problem = f"may refuse the bearer token in {settings.kafka_oauth_token_file}"
        finally:
            await client.close()
        if time.monotonic() - said >= SAY_EVERY_S:
            said = time.monotonic()
            logger.warning("Kafka at %s %s; waiting", settings.kafka_bootstrap, problem)
        await asyncio.sleep(0.5)


def _standing(passed_s: float, busy_s: float) -> float:
    """Return for how long of this time an event loop that ran nothing counts as blocked.

    A process that was stopped, or hardly got the processor, has not had the time that passed; one
    that works and lets no other thread run has used it.
    """
    return busy_s if passed_s > PAUSED_S and busy_s < BUSY_SHARE * passed_s else passed_s


def _watch_loop(loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """End the process when the event loop runs nothing for so long that the group must go on.

    And when `worker all`, which started it and would stop it, is gone.
    """
    blocked_s, ended = 0.0, threading.Event()
    supervisor = os.environ.get(SUPERVISOR)

    def heard() -> None:
        nonlocal blocked_s
        blocked_s = 0.0

    def watch() -> None:
        nonlocal blocked_s
        looked, used = time.monotonic(), time.process_time()
        while not ended.wait(1.0):
            now, before = time.monotonic(), looked
            busy, looked, used = time.process_time() - used, now, time.process_time()
            blocked_s += _standing(now - before, busy)
            if supervisor is not None and os.getppid() != int(supervisor):
                fail_stop("`worker all`, which started this process, is gone")
            if blocked_s > BLOCKED_S:
                fail_stop(f"the event loop is blocked for {BLOCKED_S:g} s")
            loop.call_soon_threadsafe(heard)

    threading.Thread(target=watch, name="handoff-watch", daemon=True).start()
    return ended.set
