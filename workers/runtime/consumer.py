"""Faust by chunks: one event per fetched run of records of a partition.

Faust's own path costs two tasks and several awaits per record. Here a run of records travels as
one event and is acknowledged as one; the offset to commit is the worker's own watermark.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from typing import Any, ClassVar, Final, NamedTuple, cast

import aiokafka
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import ConsumerStoppedError, IllegalStateError, OffsetOutOfRangeError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from mode import Service, ServiceT
from mode.utils.futures import maybe_async

from workers.errors import WorkerStop
from workers.kafka.aiokafka_internals import FetchBuffer, raise_group_errors
from workers.kafka.commits import OriginConsumer, commits_of
from workers.runtime.failstop import fail_stop
from workers.runtime.placing import Bounds, Placing, RevokedMeanwhile
from workers.runtime.producer import Producer

ANSWER_S: Final = 10.0
"""After so long a connection that does not answer is given up for a new one: fetches, heartbeats
and commits wait for it. The group counts on a worker no longer than for its session."""


FETCH_PAUSE_S: Final = 0.003
"""At least this long from one fetch of a broker to the next."""


class RecordRun(NamedTuple):
    """Consecutive records of one partition: from the position `start` up to the position `end`.

    There may be none: offsets of aborted transactions and of Kafka's own marks bring no record.
    """

    start: int
    end: int
    records: list[aiokafka.ConsumerRecord]


class FetchSettings(NamedTuple):
    """Settings from which the consumer of a worker is made."""

    kafka: Mapping[str, Any]
    """Keywords of every aiokafka client: addresses and credentials."""
    chunk_size: int
    fetch_wait_ms: int
    session_timeout_s: float
    placing_s: float
    """Seconds that placing may take before the process ends; Faust waits no longer than 30."""


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's consumer service on the worker's own event loop instead of a thread of its own.

    A second thread would fight for the interpreter's lock with the fold, and seeks would race
    with fetches.
    """

    wait_for_shutdown = False
    mundane_level = "debug"
    consumer: "Consumer"

    def __init__(self, consumer: "Consumer", **kwargs: Any) -> None:
        super().__init__(consumer, thread_loop=kwargs.get("loop"), **kwargs)

    async def maybe_start(self) -> bool:
        """Start unless it runs, on the worker's loop."""
        return await Service.maybe_start(self)

    async def start(self) -> None:
        """Start on the worker's loop."""
        await Service.start(self)

    async def stop(self) -> None:
        """Stop on the worker's loop."""
        await Service.stop(self)

    async def crash(self, reason: BaseException) -> None:
        """Report the end to the service above."""
        await Service.crash(self, reason)

    async def on_stop(self) -> None:
        """Leave the group and close the client."""
        await self.on_thread_stop()

    async def _stop_children(self) -> None:
        await self._default_stop_children()

    async def _stop_futures(self) -> None:
        await self._default_stop_futures()

    async def _stop_exit_stacks(self) -> None:
        await self._default_stop_exit_stacks()

    async def call_thread(self, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call it here: there is no other thread."""
        return await maybe_async(fun(*args, **kwargs))

    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        if not isinstance(transport, Transport):
            raise TypeError(f"{transport!r}: not ours")
        settings = transport.fetch
        conf = self.app.conf
        self._assignor = RoundRobinPartitionAssignor
        return OriginConsumer(
            transport.origins,
            **settings.kafka,
            client_id=conf.broker_client_id,
            group_id=conf.id,
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            # A position outside the log is an error, never a silent jump.
            auto_offset_reset="none",
            isolation_level="read_committed",
            max_poll_records=settings.chunk_size,
            fetch_max_wait_ms=settings.fetch_wait_ms,
            request_timeout_ms=int(max(ANSWER_S, settings.session_timeout_s) * 1000),
            session_timeout_ms=int(settings.session_timeout_s * 1000),
            heartbeat_interval_ms=int(settings.session_timeout_s * 1000 / 4),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            max_poll_interval_ms=int(conf.broker_max_poll_interval * 1000),
        )

    async def on_start(self) -> None:
        """Connect, and slow the fetch loop down while every buffer is full."""
        await super().on_start()
        FetchBuffer(self._ensure_consumer()).pace(FETCH_PAUSE_S)

    async def bounds(self, tps: Collection[TP]) -> dict[TP, Bounds]:
        """Return the ends of the log and the committed offset of each partition.

        A log ends where the first transaction begins that is open, as it does for who reads it.
        """
        consumer = self._ensure_consumer()
        begins, ends, commits = await asyncio.gather(
            consumer.beginning_offsets(tps),
            consumer.end_offsets(tps),
            commits_of(consumer, tps),
        )
        return {tp: Bounds(begins[tp], ends[tp], *commits.get(tp, ())) for tp in tps}

    def check(self) -> None:
        """Raise what has ended this worker's membership of its group, if anything has."""
        if self._consumer is not None:
            raise_group_errors(self._consumer)

    async def runs(self, active: set[TP], wait_s: float) -> dict[TP, RecordRun]:
        """Wait for a position to move and take at most one run of each active partition.

        The positions tell a run that was fetched before a seek from one that was fetched after.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        buffer = FetchBuffer(self._ensure_consumer())
        while self.consumer.flow_active and self.consumer.placed:
            if buffer.closed:
                raise ConsumerStoppedError
            if not buffer.reassigning:
                with buffer.taking():
                    runs = await self._drain(buffer, active)
                if runs:
                    return runs
            remaining = until - loop.time()
            if remaining <= 0:
                break
            # A partition whose buffer was full may have room before anything more is fetched.
            waiters = (buffer.arrival(), self.consumer.room())
            await asyncio.wait(waiters, timeout=remaining, return_when=asyncio.FIRST_COMPLETED)
            for waiter in waiters:
                if waiter.done():
                    waiter.result()
                else:
                    waiter.cancel()
        return {}

    async def _drain(self, buffer: FetchBuffer, active: set[TP]) -> dict[TP, RecordRun]:
        runs = {}
        for tp in buffer.ready(active):
            start = buffer.position(tp)
            records = await buffer.take(tp)
            end = buffer.position(tp)
            if records or -1 < start < end:
                runs[TP(*tp)] = RecordRun(start, end, records)
        return runs


class Consumer(driver.Consumer):
    """Hands over chunks, starts where the agent says, and commits the worker's own watermark."""

    mundane_level = "debug"
    transport: "Transport"
    _thread: ConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.watermarks: dict[TP, int] = {}
        """Per partition the offset below which every effect is durable; set by the app."""
        self._positions: dict[TP, int] = {}
        self._placed_generation: int | None = None
        self._room: asyncio.Future[None] | None = None

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def placed(self) -> bool:
        """Return True if the partitions of the current generation have their positions."""
        return self._placed_generation == self.app.consumer_generation_id

    @property
    def settled(self) -> bool:
        """Return True if it works, or stands by because other workers have all partitions."""
        return self.placed or bool(self.app.unassigned)

    @property
    def _ends_in_order(self) -> bool:
        """Return True if the worker was told to end, and did not crash."""
        return bool(self.app.should_stop) and not self.app.crashed

    async def perform_seek(self) -> None:
        """Place every assigned partition; Faust calls it at each assignment, sometimes twice."""
        if self.placed:
            return
        generation = self.app.consumer_generation_id
        try:
            async with asyncio.timeout(self.transport.fetch.placing_s):
                bounds = await self._thread.bounds(sorted(self.assignment()))
                positions = await self.transport.placing(bounds)
            for tp, offset in positions.items():
                self._thread.seek(tp, offset)
        except (IllegalStateError, RevokedMeanwhile):
            # Another rebalance took a partition away meanwhile; it places what is left.
            return
        except Exception as error:  # noqa: BLE001 - Faust would go on with silent partitions
            if self._ends_in_order:
                return  # The client was closed under it; nothing was handled.
            fail_stop("could not take over partitions", error)
        self._positions = dict(positions)
        for tp, found in bounds.items():
            # A commit beyond the end is that of a log that is no more: Faust would wait until
            # this one is as long before it commits anything.
            ahead = found.committed is not None and found.committed > found.end
            self._committed_offset[tp] = None if ahead else found.committed
        self._placed_generation = generation

    async def getmany(
        self,
        timeout: float,  # noqa: ASYNC109 - the signature is Faust's
    ) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Yield one message per fetched run: its value the records, its offset the last one's."""
        try:
            runs = await self._next_runs(timeout)
        except ConsumerStoppedError:
            raise
        except OffsetOutOfRangeError as error:
            # Where to go on is decided by `positions`, at the start.
            gone = f"the log no longer has {error.args}: it was trimmed or cut meanwhile"
            fail_stop("fetching", WorkerStop(gone))
        except Exception as error:  # noqa: BLE001 - Faust would stop fetching and stay
            if self._ends_in_order:
                return
            fail_stop("fetching", error)
        generation = self.app.consumer_generation_id
        for tp, run in runs.items():
            if self.should_stop or generation != self.app.consumer_generation_id:
                return
            if not self.flow_active or run.start != self._positions.get(tp):
                self._take_again(tp)
                continue
            self._positions[tp] = run.end
            yield tp, self._chunk(tp, run)

    async def _drain_messages(self, fetcher: ServiceT) -> None:
        """Hand chunks to their streams until the worker ends.

        Faust makes four tasks for each chunk, in case its stream has no room or a rebalance begins
        meanwhile. Only what has room is fetched here, and `getmany` looks for the rebalance.
        """
        try:
            while not (self.should_stop or fetcher.should_stop):
                async for _, message in self.getmany(timeout=1.0):
                    await self.callback(message)
                # Buffered records come without waiting, and handling them must have its turn.
                await asyncio.sleep(0)
        except (ConsumerStoppedError, asyncio.CancelledError):
            if not self.app.should_stop:
                raise

    async def _next_runs(self, wait_s: float) -> dict[TP, RecordRun]:
        if not self.flow_active:
            await self.wait(self.can_resume_flow.wait())
        if active := self._get_active_partitions():
            return await self._thread.runs(active, wait_s)
        await asyncio.wait([self.room()], timeout=wait_s)
        return {}

    def room(self) -> asyncio.Future[None]:
        """Return a future that is done when the buffer of a partition has room again."""
        if self._room is None or self._room.done():
            self._room = asyncio.get_running_loop().create_future()
        return self._room

    def on_buffer_drop(self, tp: TP) -> None:
        """Have the partition fetched again, at once."""
        super().on_buffer_drop(tp)
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def _take_again(self, tp: TP) -> None:
        """Fetch what was dropped again, unless a new assignment places the partition anyway."""
        if self.placed and tp in self._positions and tp in self.assignment():
            self._thread.seek(tp, self._positions[tp])

    def _chunk(self, tp: TP, run: RecordRun) -> ConsumerMessage:
        last = run.records[-1] if run.records else None
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            run.end - 1,
            0.0 if last is None else last.timestamp / 1000,
            0 if last is None else last.timestamp_type,
            [],
            None,
            cast(Any, run),
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Do nothing: chunks of a partition are handled in order, gaps need no bookkeeping."""

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:  # noqa: ARG002
        return iter([*self.watermarks])

    def _new_offset(self, tp: TP) -> int | None:
        self._acked.pop(tp, None)
        self._acked_index.pop(tp, None)
        return self.watermarks.get(tp)

    async def _commit_offsets(
        self,
        offsets: Mapping[TP, int],
        start_new_transaction: bool = True,  # noqa: ARG002 - the signature is Faust's
    ) -> bool:
        """Commit watermarks as they are: all records below them are acknowledged already.

        Faust draws a table for its log before each commit, even when that log is not written, and
        nothing else runs for those milliseconds.
        """
        assignment = self.assignment()
        owned = {tp: offset for tp, offset in offsets.items() if tp in assignment}
        if not owned or not await self._commit(owned):
            return False
        self._committed_offset.update(owned)
        return True

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Wait for the chunks in flight, commit, then forget the partitions."""
        self.transport.releasing(revoked)
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self.watermarks.pop(tp, None)

    def check(self) -> None:
        """Raise the error that ended the group membership; aiokafka reports it nowhere else."""
        self._thread.check()

    def durable(self, tp: TP) -> tuple[int | None, int | None]:
        """Return the committed offset and the one that may be committed; None for neither yet."""
        return self._committed_offset.get(tp), self.watermarks.get(tp)

    async def ends(self, tps: Collection[TP]) -> dict[TP, int]:
        """Return the end of each partition as readers see it; KafkaError if no broker answers."""
        return dict(await self._thread.highwaters(*tps)) if tps else {}


class Transport(driver.Transport):
    """Faust's transport with the consumer and producer above; made by `make_app`."""

    Consumer: ClassVar[type[Consumer]] = Consumer
    Producer: ClassVar[type[Producer]] = Producer

    fetch: FetchSettings
    placing: Placing
    origins: Mapping[TP, int]
    """Metadata for each partition's commits, see `Agent.origins`."""
    releasing: Callable[[Collection[TP]], None]
    """Called before waiting for the chunks in flight: nothing may begin that takes long."""
