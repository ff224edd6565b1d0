"""The escalation agent: folds `conversation-events`, the only arbiter of who owns what."""

import asyncio
import logging
import time
import uuid
from collections.abc import Collection, Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import aiokafka
from redis.asyncio import Redis
from redis.exceptions import RedisError

from workers.agents.escalation.deadline_timers import Timers
from workers.agents.escalation.log_reader import LogReader, Surroundings
from workers.agents.escalation.partition import Partition, Unreadable
from workers.agents.escalation.rates_teller import RatesTeller
from workers.agents.escalation.state_rebuild import Start
from workers.agents.shared.policy_event import policy_record, to_announce
from workers.agents.shared.policy_source import PolicySource
from workers.contracts.codec import encode
from workers.contracts.decisions import Home
from workers.contracts.ids import derive
from workers.contracts.signing import Secrets
from workers.contracts.tickets import Notification
from workers.contracts.time import DAY, to_ms
from workers.contracts.topics import CLASSIFICATIONS, DEAD_LETTERS, DECISIONS, EVENTS, NOTIFICATIONS
from workers.conversation.partition_meta import PartitionMeta, version_order
from workers.errors import ConfigurationError
from workers.runtime import metrics
from workers.runtime.app import TP, Agent, Bounds, NotYet, Options, Record
from workers.runtime.dead_letter_limit import DeadLetterLimit, TooManyDeadLetters
from workers.runtime.failstop import fail_stop
from workers.runtime.producer import Publish
from workers.settings import Settings, redis_address
from workers.stores.connection import connect, persist, wait_for_redis
from workers.stores.partition_store import PartitionStore, partitions_of
from workers.stores.rates_store import RatesStore
from workers.stores.redis_checks import eviction_problem, partitions_problem

TICK_S: Final = 1.0
BESIDE_S: Final = 5.0
"""Seconds for which an orderly end waits for what is due between chunks."""
MARK_CHECK_S: Final = 3.0
_TIME: Final = "2026-11-01T09:30:00Z"

logger = logging.getLogger(__name__)


class EscalationAgent(Agent):
    """Owns partitions of the log, each with its mark; see `Partition` for the protocol."""

    group = "handoff-escalation"
    topic = EVENTS
    publishes = (DECISIONS, CLASSIFICATIONS, DEAD_LETTERS, NOTIFICATIONS)

    def __init__(self, settings: Settings, options: Options) -> None:
        super().__init__(settings)
        self._start = read_start(options.start)
        self._policies = PolicySource(
            options.policy,
            observe=settings.observe,
            topics=options.topics,
            words=settings.words,
        )
        self._secrets = Secrets(settings.signing_keys)
        self._redis = connect(settings)
        self._address = redis_address(settings.redis_url or "")
        self._limit = DeadLetterLimit(enforced=options.dead_letter_limit)
        self._partitions: dict[TP, Partition] = {}
        self._takeovers: dict[TP, asyncio.Task[None]] = {}
        self._announced: dict[TP, tuple[str, bool, int]] = {}
        self._tick: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()
        self._warned: str | None = None
        self._told_apart: tuple[str, int] | None = None

    async def start(self) -> None:
        """Wait for Redis, which must never evict."""
        own = self._policies.own
        logger.info(
            "policy %s (hash %s) from %s",
            own.policy_version,
            own.policy_hash,
            self._policies.file,
        )
        await wait_for_redis(self._redis, self.settings)
        await self._require_noeviction()
        await self._require_partitions()
        self._timers = Timers(self.producer.publish, self._secrets)
        rates = RatesStore(self._redis, self.settings.redis_prefix, self.topic, self.partitions)
        self._rates = RatesTeller(
            rates, self.topic, self.partitions, self.producer.publish, self._secrets
        )
        self._tick = asyncio.create_task(self._keep_ticking())

    async def _require_noeviction(self) -> None:
        memory = await persist(lambda: self._redis.info("memory"), self._address)
        if problem := eviction_problem(memory):
            raise ConfigurationError(f"Redis at {self._address} {problem}")

    async def _require_partitions(self) -> None:
        """Refuse a log whose number of partitions has changed.

        A conversation whose partition changes would begin anew, beside its open escalation.
        """
        prefix, count = self.settings.redis_prefix, self.partitions
        found = await persist(
            lambda: partitions_of(self._redis, prefix, self.topic, count), self._address
        )
        if problem := partitions_problem(self.topic, count, found):
            raise ConfigurationError(problem)

    # ---- assignment ----------------------------------------------------------------------------

    async def positions(self, bounds: Mapping[TP, Bounds]) -> Mapping[TP, int]:
        """One after the mark, even where another offset is committed."""
        await self._require_noeviction()
        # Of every owner of a partition, before and after, only this one has this token.
        token, around = uuid.uuid4().hex[:12], Surroundings(self.settings)
        partitions = {tp: self._partition(tp, token, around) for tp in bounds}
        placed = await asyncio.gather(
            *(partitions[tp].place(found, self._start) for tp, found in bounds.items())
        )
        # What ticks beside this reads marks, which a partition has once it is placed.
        self._partitions = partitions
        return dict(zip(bounds, placed, strict=True))

    def _partition(self, tp: TP, token: str, around: Surroundings) -> Partition:
        return partition_of(
            self.settings,
            self._redis,
            self.producer.publish,
            LogReader(self.settings, Home(topic=tp.topic, partition=tp.partition), around),
            token,
            self._limit,
            self._policies.own,
        )

    async def assigned(self, tps: Collection[TP]) -> None:
        """Publish what a predecessor may not have, beside each other and before any chunk."""
        metrics.ASSIGNED.labels("escalation").set(len(tps))
        firsts = {tp: self._partitions[tp].first for tp in tps}
        self.origins.clear()
        self.origins.update((tp, first) for tp, first in firsts.items() if first is not None)
        for tp in tps:
            self._takeovers[tp] = self._watched(self._take_over(tp), f"taking over {tp}")

    async def _take_over(self, tp: TP) -> None:
        partition = self._partitions[tp]
        self.may_commit(tp, await partition.take_over())
        observes = partition.marked.meta.observe
        if observes != self._policies.own.observe and partition.rebuilding.progress is None:
            # The sooner the log tells of the flag, the fewer are the records before which a
            # replay does not know it.
            await self._announce(tp, partition)

    def _watched(self, work: Coroutine[None, None, None], what: str) -> asyncio.Task[None]:
        """Run something beside the chunks; the process ends when it raises."""

        def check(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and (error := task.exception()):
                fail_stop(what, error)

        task = asyncio.create_task(work)
        task.add_done_callback(check)
        return task

    async def ready(self, tp: TP) -> bool:
        """Wait for the takeover of a partition; False when it is given up meanwhile."""
        takeover = self._takeovers.get(tp)
        if takeover is None:
            return False
        if not takeover.done():
            await asyncio.wait({takeover})
        return not takeover.cancelled()

    def is_busy(self, tp: TP) -> bool:
        """Return True during a takeover: a rebuild may take minutes."""
        takeover = self._takeovers.get(tp)
        return takeover is not None and not takeover.done()

    def releasing(self, tps: Collection[TP]) -> None:
        """Let go of takeovers that are still at work."""
        for tp in tps:
            if (takeover := self._takeovers.get(tp)) is not None and not takeover.done():
                takeover.cancel()

    async def revoked(self, tps: Collection[TP]) -> None:
        """Forget the partitions: the next owner reads everything from the store."""
        for tp in tps:
            self._announced.pop(tp, None)
            if (takeover := self._takeovers.pop(tp, None)) is not None:
                await asyncio.wait({takeover})
            if (partition := self._partitions.pop(tp, None)) is not None:
                await partition.marked.close()

    def hangup(self) -> None:
        """Read the policy again, whether or not its file looks changed."""
        self._policies.forget()

    # ---- chunks --------------------------------------------------------------------------------

    async def handle(self, tp: TP, records: Sequence[aiokafka.ConsumerRecord]) -> None:
        """Apply a chunk; states that cannot be decoded are folded again first."""
        partition = self._partitions[tp]
        try:
            await partition.apply(records)
        except Unreadable as unreadable:
            ids = unreadable.conversation_ids
            mend = partition.rebuilding.fold_again(ids, partition.first or 0)
            self._takeovers[tp] = self._watched(mend, f"{partition}: folding states again")
            raise NotYet from None
        except TooManyDeadLetters as many:
            await self.producer.publish([_dead_letter_notice(partition, str(many))])
            raise

    async def stepped_over(self, tp: TP, end: int) -> None:
        """Move the mark along: records that the log has dropped must not look unread."""
        await self._partitions[tp].step_over(end)

    async def failing(self, tp: TP, error: Exception) -> None:  # noqa: ARG002 - its phase tells
        """Clear the suspicion that the chunk in hand kills processes, unless it was what failed."""
        if (partition := self._partitions.get(tp)) is not None:
            await partition.forgive()

    # ---- between chunks ------------------------------------------------------------------------

    async def _keep_ticking(self) -> None:
        try:
            while not self._ending.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(TICK_S):
                        await self._ending.wait()
                await self._look_around()
        except Exception as error:  # noqa: BLE001 - the absence of a timer would go unnoticed
            fail_stop("between chunks", error)

    async def _look_around(self) -> None:
        """Do what is due between chunks, up to the end of the process."""
        self._policies.poll()
        for tp, partition in [*self._partitions.items()]:
            if self._ending.is_set():
                return
            if self._is_taken_over(tp):
                await self._look_after(tp, partition)
        if not self._ending.is_set():
            await self._tell_rates()

    def _is_taken_over(self, tp: TP) -> bool:
        takeover = self._takeovers.get(tp)
        return takeover is not None and takeover.done()

    async def _look_after(self, tp: TP, partition: Partition) -> None:
        reached = self.reached.get(tp, 0)
        await partition.finish_rebuild(reached)
        if time.monotonic() - partition.marked.moved_at > MARK_CHECK_S:
            await partition.marked.check()
        if partition.is_caught_up(reached):
            await self._timers.fire(partition.marked)
            await self._announce(tp, partition)

    async def _tell_rates(self) -> None:
        first = TP(self.topic, 0)
        partition = self._partitions.get(first)
        if partition is None or not self._is_taken_over(first):
            return
        if not partition.is_caught_up(self.reached.get(first, 0)):
            return
        try:
            await self._rates.tell()
        except RedisError as error:
            logger.warning("rates cannot be read: %s", type(error).__name__)

    async def _announce(self, tp: TP, partition: Partition) -> None:
        """Put the policy on the log that this partition should have."""
        now = int(time.time() * 1000)
        own, in_force = self._policies.own, partition.marked.meta
        ours, theirs = version_order(own.policy_version), version_order(in_force.policy_version)
        if ours == theirs:
            await self._tell_apart(own, in_force, now)
        elif ours < theirs:
            self._warn_if_older(own, in_force)
        policy = to_announce(own, in_force, now)
        if policy is None:
            # If another worker changes it meanwhile, it is put there again.
            self._announced.pop(tp, None)
            return
        what = (policy.policy_hash, policy.observe, now // DAY)
        if self._announced.get(tp) == what:
            return
        # One that is not newer than the last would be ignored, whichever clock is wrong.
        at = max(now, in_force.policy_at + 1)
        await self.producer.publish([policy_record(partition.home, policy, at, self._secrets)])
        metrics.POLICY.inc()
        self._announced[tp] = what
        logger.info("%s: policy %s is on the log", partition, policy.policy_version)

    async def _tell_apart(self, own: PartitionMeta, in_force: PartitionMeta, now: int) -> None:
        """Say that one version has two contents: here, and by the log to the other workers."""
        differs = own.policy_hash != in_force.policy_hash
        other = in_force.policy_hash if differs else in_force.rival
        if not other or self._told_apart == (other, now // DAY):
            return
        self._told_apart = (other, now // DAY)
        logger.error(
            "policy version %s has two contents: %s has the hash %s, another worker has %s, %s is "
            "in force: give one of them a newer version",
            own.policy_version,
            self._policies.file,
            own.policy_hash,
            other,
            in_force.policy_hash,
        )
        if differs:
            homes = [Home(topic=self.topic, partition=number) for number in range(self.partitions)]
            await self.producer.publish(
                [policy_record(home, own, now, self._secrets) for home in homes]
            )

    def _warn_if_older(self, own: PartitionMeta, in_force: PartitionMeta) -> None:
        """Warn once that a file is older than the policy in force, and not taken over."""
        if own.policy_hash == self._warned:
            return
        self._warned = own.policy_hash
        logger.warning(
            "%s has version %s (hash %s) and is not taken over: the newer version %s "
            "(hash %s) is in force; give the file a newer version",
            self._policies.file,
            own.policy_version,
            own.policy_hash,
            in_force.policy_version,
            in_force.policy_hash,
        )

    async def finish_beside(self) -> None:
        """Wait for what is due between chunks; a server that is away is not waited for long."""
        self._ending.set()
        if self._tick is not None:
            await asyncio.wait({self._tick}, timeout=BESIDE_S)
            self._tick.cancel()

    async def stop(self) -> None:
        """Close the store."""
        if self._tick is not None:
            self._tick.cancel()
        await self._redis.aclose()


def partition_of(
    settings: Settings,
    redis: Redis,
    publish: Publish,
    log: LogReader,
    token: str,
    limit: DeadLetterLimit,
    own: PartitionMeta,
) -> Partition:
    """Return a partition for a new owner, whom `token` tells from every other; `place` it first."""
    return Partition(
        log.home,
        PartitionStore(redis, settings.redis_prefix, log.home, token),
        log,
        publish,
        address=redis_address(settings.redis_url or ""),
        secrets=Secrets(settings.signing_keys).at(log.home.topic, log.home.partition),
        limit=limit,
        own=own,
    )


def _dead_letter_notice(partition: Partition, why: str) -> Record:
    """Return what a team is told when a worker stops rather than refuse everything."""
    subject, position = str(partition), partition.marked.mark.offset + 1
    notice = Notification(
        notification_id=derive("dead_letter_limit", subject, position),
        kind="dead_letter_limit",
        occurred_at=datetime.now(UTC),
        text=f"The escalation worker stopped at {subject} {position}: {why}",
        subject=subject,
    )
    return Record(NOTIFICATIONS, subject.encode(), encode(notice))


def read_start(text: str) -> Start:
    """Return the start that a command line names; ValueError when it is none."""
    match text:
        case "earliest" | "now":
            return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"--from {text}: use earliest, now or a time such as {_TIME}") from None
    if moment.tzinfo is None:
        raise ValueError(f"--from {text}: add a zone, as in {_TIME}")
    return to_ms(moment)


def make_agent(settings: Settings, options: Options) -> Agent:
    """Return the escalation agent, for `handoff worker escalation`."""
    return EscalationAgent(settings, options)
