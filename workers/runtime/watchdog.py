"""Watchdog: exit when a partition stalls although Kafka answers; a restart mends it sooner."""

import asyncio
import time
from collections.abc import Mapping
from typing import Final, NamedTuple

import faust
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError
from faust.types import TP

from workers.errors import ConfigurationError
from workers.runtime import metrics
from workers.runtime.app import Agent, consumer_of
from workers.runtime.failstop import fail_stop
from workers.runtime.health import Health
from workers.runtime.kafka_log import OUTAGE
from workers.settings import Settings, kafka_client_kwargs

STALLED_S: Final = 30.0
"""Seconds for which a partition may stand still."""
UNSETTLED_S: Final = 90.0
"""Seconds that a rebalance may take: others finish their chunks; Kafka waits a minute for them."""
WATCH_S: Final = 5.0
ANSWER_S: Final = 5.0
"""Seconds that a broker may take to answer."""


class Standing(NamedTuple):
    """The progress of one partition; positions are offsets."""

    reached: int
    """Handled up to here."""
    committed: int | None
    """Committed up to here, as far as is known; None: never."""
    durable: int | None
    """Commits are allowed up to here; None: nothing was handled yet."""
    end: int | None
    """End of the log; None when the worker's own connections do not say it."""

    @property
    def idle(self) -> bool:
        """Return True if there is nothing to do."""
        handled = self.end is not None and self.reached >= self.end
        return handled and (self.durable is None or self.durable <= (self.committed or 0))

    @property
    def trouble(self) -> str:
        """Return the fault that this standing shows if it stays as it is."""
        if self.end is None:
            return "Kafka answers others, not this worker"
        if self.reached < self.end:
            return f"{self.end - self.reached} records wait, none moves"
        return f"handled up to {self.durable}, committed up to {self.committed}"


class Stillness:
    """Records since when each partition has stood still although it has work."""

    def __init__(self) -> None:
        self._since: dict[TP, tuple[Standing, float]] = {}

    def forget(self) -> None:
        """Forget every partition: while no broker answers, none can make progress."""
        self._since.clear()

    def look(self, found: Mapping[TP, Standing], now: float) -> dict[TP, float]:
        """Return the seconds that each partition has stood still, 0 if it moved or is idle."""
        since: dict[TP, tuple[Standing, float]] = {}
        for tp, standing in found.items():
            before = self._since.get(tp)
            still = before is not None and before[0][:2] == standing[:2] and not standing.idle
            since[tp] = (standing, before[1] if still and before is not None else now)
        self._since = since
        return {tp: now - moment for tp, (_, moment) in since.items()}


async def watch_partitions(app: faust.App, agent: Agent, health: Health) -> None:
    """End the process when a partition stands still for 30 s while Kafka answers.

    It stands still when records wait and none is handled, or when what was handled is not
    committed. A worker that is no member of its group, or has none of its partitions nor is left
    without for 90 s, ends as well. Keeps `health.ready` and the lag up to date.
    """
    name, stillness = agent.group.removeprefix("handoff-"), Stillness()
    settled = time.monotonic()
    while True:
        await asyncio.sleep(0.2 if not health.ready else WATCH_S)
        _require_membership(app, agent)
        health.ready = consumer_of(app).settled
        if health.ready:
            settled = time.monotonic()
        elif time.monotonic() - settled > UNSETTLED_S and await answers(agent.settings):
            fail_stop(f"{agent.group}: without partitions for {UNSETTLED_S:g} s")
        found = await _standings(app, agent)
        if any(one.end is None for one in found.values()) and not await answers(agent.settings):
            stillness.forget()
            continue
        if health.ready and all(one.end is not None for one in found.values()):
            OUTAGE.answered()
        for tp, seconds in stillness.look(found, time.monotonic()).items():
            standing = found[tp]
            if standing.end is not None:
                lag = max(0, standing.end - standing.reached)
                metrics.LAG.labels(name, str(tp.partition)).set(lag)
            if seconds > STALLED_S and not agent.is_busy(tp):
                fail_stop(f"{tp.topic}[{tp.partition}]: {standing.trouble}")


def _require_membership(app: faust.App, agent: Agent) -> None:
    try:
        consumer_of(app).check()
    except GroupAuthorizationFailedError:
        refused = f"may not READ the group {agent.group}: give this right to its user"
        fail_stop("Kafka", ConfigurationError(refused))
    except Exception as error:  # noqa: BLE001 - whatever it was, no partition will ever come
        fail_stop(f"{agent.group}: no longer a member of its group", error)


async def _standings(app: faust.App, agent: Agent) -> dict[TP, Standing]:
    consumer, reached = consumer_of(app), dict(agent.reached)
    ends: Mapping[TP, int] = {}
    try:
        async with asyncio.timeout(ANSWER_S):
            ends = await consumer.ends([*reached])
    except (KafkaError, TimeoutError):
        pass
    return {
        tp: Standing(offset, *consumer.durable(tp), ends.get(tp)) for tp, offset in reached.items()
    }


async def answers(settings: Settings) -> bool:
    """Return True if a broker answers on a new connection, opened for this question only."""
    milliseconds = int(ANSWER_S * 1000)
    client = AIOKafkaClient(**kafka_client_kwargs(settings), request_timeout_ms=milliseconds)
    try:
        async with asyncio.timeout(2 * ANSWER_S):
            await client.bootstrap()
    except (KafkaError, TimeoutError):
        return False
    finally:
        await client.close()
    return True
