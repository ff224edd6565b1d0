"""Decides over recorded events again, with the fold that the live worker runs.

A file's conversations are spread over the partitions by their key, a topic's are where they are.
Partitions are independent, so each process takes some of them; what comes out does not depend on
how many processes there are.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from workers.chatlogs.sources import LogFacts, of_record, read_files, read_topic
from workers.contracts.decisions import Home
from workers.contracts.events import POLICY_CONVERSATION, Deadline, PolicyInForce
from workers.contracts.rejections import Rejected
from workers.contracts.signing import Secrets
from workers.contracts.topics import EVENTS
from workers.conversation.fold import Incoming
from workers.conversation.partition_meta import PartitionMeta, starting_meta
from workers.policy import PolicyError
from workers.replay.conversation_cache import IN_MEMORY
from workers.replay.counts import Tally
from workers.replay.policy_replay import Firsts, PolicyReplay
from workers.settings import load_settings

CHUNK: Final = 1_000
"""Records of a partition that are folded at once; it changes the speed, never the result."""
LISTED: Final = 1_000
"""Changed conversations and unreadable records that a result lists; the counts are complete."""

SHIPPED: Final = "default.yaml"
"""The name of the policy that holds where nobody names one."""


class Candidate(msgspec.Struct, frozen=True):
    """A policy to decide by: its text, or None for what the log says was in force."""

    name: str
    text: str | None


class BacktestPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be replayed; the same for every process."""

    candidates: tuple[Candidate, ...]
    """One, or two to be compared: the one that is tried and the one it is tried against."""
    default_policy: str
    """What holds where the log names no policy."""
    default_name: str = SHIPPED
    homes: dict[int, str]
    """Partitions, and the policy text that holds in each before the log's first policy event."""
    observe: frozenset[int] = frozenset()
    keeps_time: bool = False
    """The log has no events of our own: what would have become due is folded in its time."""
    paths: tuple[str, ...] = ()
    """Files to be read; none: the topic."""
    topic: str = EVENTS
    kafka: str | None = None
    log: LogFacts | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    keep_decisions: bool = False


class Flip(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation that two policies decide differently."""

    conversation_id: str
    kind: str
    """gained: escalated by the tried policy only; lost: by the other only; moved: both, at another
    event, for another reason or to another queue."""
    event_id: str | None = None
    reason: str | None = None
    queue: str | None = None
    other_event_id: str | None = None
    other_reason: str | None = None
    other_queue: str | None = None


class RefusedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record that is no event, and why."""

    where: str
    reason: str
    detail: str


class Result(msgspec.Struct, kw_only=True):
    """What came out of some partitions; results add up."""

    records: int = 0
    events: int = 0
    applied: int = 0
    refused: Counter[str] = msgspec.field(default_factory=Counter)
    refusals: list[RefusedRecord] = []
    tallies: list[Tally] = []
    changed: Counter[str] = msgspec.field(default_factory=Counter)
    changes: list[Flip] = []

    def add(self, other: "Result") -> None:
        """Add what came out of other partitions."""
        self.records += other.records
        self.events += other.events
        self.applied += other.applied
        self.refused += other.refused
        self.refusals = sorted([*self.refusals, *other.refusals], key=lambda one: one.where)[
            :LISTED
        ]
        if not self.tallies:
            self.tallies = [Tally() for _ in other.tallies]
        for mine, theirs in zip(self.tallies, other.tallies, strict=True):
            mine.add(theirs)
        self.changed += other.changed
        changes = [*self.changes, *other.changes]
        self.changes = sorted(changes, key=lambda one: one.conversation_id)[:LISTED]


class _Shard:
    """The partitions of one process: takes records in and folds them lane by lane."""

    def __init__(
        self, plan: BacktestPlan, mine: Iterable[int], folder: Path, stack: ExitStack
    ) -> None:
        self.result = Result()
        self._plan = plan
        self._buffers: dict[int, list[Incoming]] = {partition: [] for partition in mine}
        self._firsts = None
        if len(plan.candidates) > 1:
            self._firsts = Firsts(folder)
            stack.callback(self._firsts.close)
        self._in_memory = IN_MEMORY // max(1, len(self._buffers) * len(plan.candidates))
        self._lanes = {p: self._lanes_of(p, folder, stack) for p in self._buffers}

    def _lanes_of(self, partition: int, folder: Path, stack: ExitStack) -> list[PolicyReplay]:
        lanes = []
        for number, candidate in enumerate(self._plan.candidates):
            decisions: BinaryIO | None = None
            if self._plan.keep_decisions and number == 0:
                file = (folder / f"decisions-{partition}.jsonl").open("wb")
                decisions = stack.enter_context(file)
            lane = PolicyReplay(
                Home(topic=self._plan.topic, partition=partition),
                self._meta(candidate, partition),
                folder,
                in_memory=self._in_memory,
                number=number,
                fixed=candidate.text is not None,
                keeps_time=self._plan.keeps_time,
                decisions=decisions,
                firsts=self._firsts,
            )
            stack.callback(lane.close)
            lanes.append(lane)
        return lanes

    def _meta(self, candidate: Candidate, partition: int) -> PartitionMeta:
        if candidate.text is not None:
            return starting_meta(candidate.text)
        try:
            return starting_meta(self._plan.homes[partition], partition in self._plan.observe)
        except PolicyError:
            # The live worker ignores a policy event that it cannot read.
            return starting_meta(self._plan.default_policy)

    def take(self, partition: int, incoming: Incoming) -> None:
        """Take a record that is an event."""
        self.result.records += 1
        if type(incoming.event) is not PolicyInForce and type(incoming.event) is not Deadline:
            self.result.events += 1
        buffer = self._buffers[partition]
        buffer.append(incoming)
        if len(buffer) >= CHUNK:
            self._fold(partition)

    def refuse(self, rejected: Rejected, where: str) -> None:
        """Take a record that is none."""
        self.result.records += 1
        self.result.refused[rejected.reason] += 1
        if len(self.result.refusals) < LISTED:
            refusal = RefusedRecord(where=where, reason=rejected.reason, detail=rejected.detail)
            self.result.refusals.append(refusal)

    def _fold(self, partition: int) -> None:
        buffer, self._buffers[partition] = self._buffers[partition], []
        for lane in self._lanes[partition]:
            lane.fold(buffer)

    def finish(self) -> Result:
        """Fold what is left and return what came out."""
        for partition in self._buffers:
            self._fold(partition)
        result = self.result
        result.tallies = [Tally() for _ in self._plan.candidates]
        for lanes in self._lanes.values():
            result.applied += lanes[0].applied
            for tally, lane in zip(result.tallies, lanes, strict=True):
                tally.add(lane.tally)
        if self._firsts is not None:
            result.changed, result.changes = _difference(self._firsts)
        return result


_DIFFERENCE: Final = """
SELECT a.id, 'gained', a.event, a.reason, a.queue, NULL, NULL, NULL
  FROM lane0 a LEFT JOIN lane1 b ON a.id = b.id WHERE b.id IS NULL
UNION ALL
SELECT b.id, 'lost', NULL, NULL, NULL, b.event, b.reason, b.queue
  FROM lane1 b LEFT JOIN lane0 a ON a.id = b.id WHERE a.id IS NULL
UNION ALL
SELECT a.id, 'moved', a.event, a.reason, a.queue, b.event, b.reason, b.queue
  FROM lane0 a JOIN lane1 b ON a.id = b.id
  WHERE a.event <> b.event OR a.reason <> b.reason OR a.queue IS NOT b.queue
ORDER BY 1
"""


def _difference(firsts: Firsts) -> tuple[Counter[str], list[Flip]]:
    kinds: Counter[str] = Counter()
    changes: list[Flip] = []
    for row in firsts.db.execute(_DIFFERENCE):
        kinds[row[1]] += 1
        if len(changes) < LISTED:
            changes.append(Flip(**dict(zip(Flip.__struct_fields__, row, strict=True))))
    return kinds, changes


Advance = Callable[[int], None]


def _run_files(shard: _Shard, plan: BacktestPlan, mine: frozenset[int], advance: Advance) -> None:
    taken = 0
    paths = [Path(path) for path in plan.paths]
    for line in read_files(paths, len(plan.homes), mine):
        if line.incoming.rejected is None:
            shard.take(line.partition, line.incoming)
        else:
            shard.refuse(line.incoming.rejected, f"{line.path}:{line.number}")
        taken += 1
        if taken == CHUNK:
            advance(taken)
            taken = 0
    advance(taken)


async def _run_topic(
    shard: _Shard, plan: BacktestPlan, mine: frozenset[int], advance: Advance
) -> None:
    settings = load_settings(kafka_bootstrap=plan.kafka)
    secrets = Secrets(settings.signing_keys)
    log = plan.log
    if log is None:
        return
    nothing: frozenset[int] = frozenset()
    ranges = {partition: log.ranges[partition] for partition in mine}
    async for partition, records in read_topic(settings, plan.topic, ranges):
        poison = log.poison.get(partition, nothing)
        for record in records:
            early = plan.since_ms is not None and record.timestamp < plan.since_ms
            if early and record.key != POLICY_CONVERSATION.encode():
                continue
            if plan.until_ms is not None and record.timestamp >= plan.until_ms:
                continue
            incoming = of_record(record, secrets, poison)
            if incoming.rejected is None:
                shard.take(partition, incoming)
            else:
                where = f"{plan.topic}[{partition}] offset {record.offset}"
                shard.refuse(incoming.rejected, where)
        advance(len(records))


def run_shard(plan: BacktestPlan, mine: frozenset[int], folder: Path, advance: Advance) -> Result:
    """Replay some of the partitions in this process."""
    with ExitStack() as stack:
        shard = _Shard(plan, sorted(mine), folder, stack)
        if plan.paths:
            _run_files(shard, plan, mine, advance)
        else:
            asyncio.run(_run_topic(shard, plan, mine, advance))
        return shard.finish()
