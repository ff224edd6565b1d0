"""Samples of what no topic tells: rates and policy, workers, their progress."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import httpx2
from aiokafka.errors import KafkaError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from workers.console.view_file import ViewFile
from workers.contracts.decisions import Home
from workers.contracts.topics import CLASSIFICATIONS, DECISIONS, DESKS, EVENTS
from workers.conversation.partition_meta import PartitionMeta, policy_in, read_meta, version_order
from workers.conversation.rates import Rate, read_rates
from workers.kafka.reader import committed, partitions_of, ranges_of, reading
from workers.policy import PolicyError
from workers.settings import Settings
from workers.stores.partition_store import base_key

_GROUPS: Final = {
    "escalation": EVENTS,
    "routing": DECISIONS,
    "desk": DESKS,
    "classifier": CLASSIFICATIONS,
}
_RATES_S: Final = 60.0
_FIRST_RATES_S: Final = 2.0
_LAG_S: Final = 10.0
_WORKERS_S: Final = 5.0
_ANSWER_S: Final = 5.0

logger = logging.getLogger(__name__)


class PolicyInPlace(NamedTuple):
    """The policy in force, by what the partitions remember."""

    version: str
    hash: str
    text: str
    since_ms: int
    """0: from the very start, before the first `policy` event."""
    observe: bool
    partitions: int
    """Number of partitions that have it; others still have an older one."""
    of: int


class WorkerState(NamedTuple):
    """The answer of a worker's health address."""

    address: str
    state: str
    """`ready`, `waiting` for partitions, or `silent`."""


class Samplers:
    """Holds the last sample of each kind; None or empty until there is one."""

    def __init__(
        self,
        settings: Settings,
        redis: Redis | None,
        partitions: int,
        workers: Sequence[str],
        view: ViewFile,
        changed: Callable[[], None],
    ) -> None:
        """Prepare them; `workers` are health addresses (`http://HOST:PORT`)."""
        self._settings = settings
        self._redis = redis
        self._partitions = partitions
        self._addresses = workers
        self._view = view
        self._changed = changed
        self.policy: PolicyInPlace | None = None
        self.lag: dict[str, int | None] = {}
        """Per agent the records that it has not committed; None: it never committed anything."""
        self.workers: list[WorkerState] = [WorkerState(one, "silent") for one in workers]
        self.store_answers = redis is not None

    async def run(self) -> None:
        """Sample until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat(self._sample_lag, lambda: _LAG_S))
            if self._redis is not None:
                every: Callable[[], float] = lambda: (  # noqa: E731 - soon, until something is known
                    _FIRST_RATES_S if self.policy is None else _RATES_S
                )
                group.create_task(self._repeat(self._sample_metas, every))
            if self._addresses:
                group.create_task(self._watch_workers())

    async def _repeat(self, sample: Callable[[], Any], every_s: Callable[[], float]) -> None:
        while True:
            try:
                async with asyncio.timeout(4 * _ANSWER_S):
                    await sample()
            except (KafkaError, RedisError, OSError, TimeoutError, sqlite3.Error) as error:
                logger.debug("%s: %s", sample.__name__, error)
                if sample == self._sample_metas:
                    self.store_answers = False
                elif sample == self._sample_lag:
                    self.lag = {}
            self._changed()
            await asyncio.sleep(every_s())

    async def _sample_metas(self) -> None:
        metas = await self._metas()
        self.store_answers = True
        if not metas:
            return
        newest = max(metas, key=lambda meta: version_order(meta.policy_version))
        having = [meta for meta in metas if meta.policy_hash == newest.policy_hash]
        self.policy = PolicyInPlace(
            newest.policy_version,
            newest.policy_hash,
            newest.policy_text,
            min(meta.policy_at for meta in having),
            newest.observe,
            len(having),
            len(metas),
        )
        try:
            bands = policy_in(newest.policy_text).bands
        except PolicyError:
            return
        rates = read_rates([meta.rates for meta in metas if meta.rates is not None], bands)
        at_ms = time.time_ns() // 1_000_000
        await self._view.write(lambda connection: _keep_rates(connection, at_ms, rates))

    async def _metas(self) -> list[PartitionMeta]:
        redis = self._redis
        if redis is None:
            return []
        async with redis.pipeline(transaction=False) as pipe:
            for partition in range(self._partitions):
                home = Home(topic=EVENTS, partition=partition)
                pipe.hgetall(f"{base_key(self._settings.redis_prefix, home)}meta")
            found: list[Mapping[bytes, bytes]] = await pipe.execute()
        metas = [
            read_meta({name.decode(): value for name, value in fields.items()}) for fields in found
        ]
        return [meta for meta in metas if meta is not None]

    async def _sample_lag(self) -> None:
        async with reading(self._settings) as consumer:
            partitions = await partitions_of(consumer, _GROUPS.values())
            ranges = await ranges_of(consumer, partitions)
        lag: dict[str, int | None] = {}
        for agent, topic in _GROUPS.items():
            offsets = await committed(self._settings, f"handoff-{agent}", topic)
            mine = {tp.partition: held for tp, held in ranges.items() if tp.topic == topic}
            lag[agent] = (
                sum(max(0, held.end - offsets.get(part, held.start)) for part, held in mine.items())
                if offsets or not any(held.end for held in mine.values())
                else None
            )
        self.lag = lag

    async def _watch_workers(self) -> None:
        # One client for all samples: each new one reads the system's certificates again, which
        # was a quarter of what an idle console did.
        async with httpx2.AsyncClient(timeout=_ANSWER_S, trust_env=False) as client:

            async def sample() -> None:
                self.workers = list(
                    await asyncio.gather(*(_worker(client, one) for one in self._addresses))
                )

            await self._repeat(sample, lambda: _WORKERS_S)


async def _worker(client: httpx2.AsyncClient, address: str) -> WorkerState:
    try:
        answer = await client.get(f"{address}/ready")
    except httpx2.HTTPError:
        return WorkerState(address, "silent")
    return WorkerState(address, "ready" if answer.status_code == httpx2.codes.OK else "waiting")


def _keep_rates(connection: sqlite3.Connection, at_ms: int, rates: Sequence[Rate]) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO rate VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                rate.subject.kind,
                rate.subject.name,
                at_ms,
                rate.found.conversations,
                rate.found.escalated,
                rate.low,
                rate.high,
                rate.verdict,
            )
            for rate in rates
        ],
    )
