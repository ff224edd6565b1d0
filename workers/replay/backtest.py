"""Decides over recorded events again, with the fold that the live worker runs.

A file's conversations are spread over the partitions by their key, a topic's are where they are.
Partitions are independent, so each process takes some of them; the result does not depend on the
number of processes.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from workers.chatlogs.event_files import shown
from workers.contracts.deadletters import NONE_GIVEN_UP
from workers.contracts.decisions import Home
from workers.contracts.events import POLICY_CONVERSATION, Deadline, PartitionEvent
from workers.contracts.rejections import Rejected
from workers.contracts.signing import Secrets
from workers.contracts.topics import EVENTS
from workers.conversation.fold import Incoming
from workers.conversation.partition_meta import PartitionMeta, policy_in, starting_meta
from workers.detection import remembering
from workers.policy import PolicyError
from workers.replay.conversation_cache import CONVERSATION_BYTES, MEMORY, Memory
from workers.replay.counts import Tally
from workers.replay.event_sources import LogFacts, of_record, read_files, read_topic
from workers.replay.first_decisions import FirstDecisions, Flip
from workers.replay.labels import Label
from workers.replay.milestones import MilestoneFile
from workers.replay.policy_replay import LaneOutputs, LaneRole, PolicyReplay
from workers.replay.queue_hours import QueueHours
from workers.replay.recorded_run import RecordedChunk, detection_of
from workers.settings import load_settings

CHUNK: Final = 1_000
"""Records of a partition that are folded at once; it changes the speed, never the result."""
LISTED: Final = 10_000
"""Changed conversations and unreadable records that a result lists; the counts are complete."""
SHIPPED: Final = "default.yaml"
"""Name of the default policy."""


class CandidatePolicy(msgspec.Struct, frozen=True):
    """A policy to decide by: its text, or None for what the log says was in force."""

    name: str
    text: str | None


class BacktestPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The description of a replay; the same for every process."""

    candidates: tuple[CandidatePolicy, ...]
    """The policy to try, and perhaps one to compare it with."""
    default_policy: str
    """The policy where the log names none."""
    default_name: str = SHIPPED
    homes: dict[int, str]
    """Partitions, and the policy text that holds in each before the log's first policy event."""
    observe: frozenset[int] = frozenset()
    foreign: bool = False
    """The log has no events of our own: a deadline is folded at the time at which it would have
    passed, and a person's first word is the recorded handover."""
    paths: tuple[str, ...] = ()
    """Files to be read; none: the topic."""
    topic: str = EVENTS
    kafka: str | None = None
    log: LogFacts | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    keep_decisions: bool = False
    keep_milestones: bool = False
    """Write what a report over conversations counts, beside the decisions."""
    labels: Mapping[str, Label] | None = None
    """The judgement whether a conversation needed a person, by conversation."""
    topics: str | None = None
    """Text of a checked topics.yaml, for the hours of its queues."""
    memory: int = MEMORY
    """Bytes that all processes together may keep of conversations; the rest goes to disk."""
    brief: bool = False
    """Only first escalations are counted: for many candidates, none compared with another."""


class RefusedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record that is no event, and why."""

    where: str
    reason: str
    detail: str
    order: tuple[int, int]
    """Its partition, 0 for files, and its place among all that was read there."""


class Result(msgspec.Struct, kw_only=True):
    """The result of some partitions; results add up."""

    records: int = 0
    events: int = 0
    repeated: int = 0
    late: int = 0
    detections: set[str] = msgspec.field(default_factory=set)
    """Versions of the detection that the log tells."""
    refused: Counter[str] = msgspec.field(default_factory=Counter)
    refusals: list[RefusedRecord] = []
    tallies: list[Tally] = []
    changed: Counter[str] = msgspec.field(default_factory=Counter)
    turns_earlier: Counter[int] = msgspec.field(default_factory=Counter)
    """Conversations by the turns that the first candidate calls before the second."""
    changes: list[Flip] = []

    def add(self, other: "Result") -> None:
        """Add what came out of other partitions."""
        self.records += other.records
        self.events += other.events
        self.repeated += other.repeated
        self.late += other.late
        self.detections |= other.detections
        self.refused += other.refused
        self.refusals = sorted([*self.refusals, *other.refusals], key=lambda one: one.order)[
            :LISTED
        ]
        if not self.tallies:
            self.tallies = [Tally() for _ in other.tallies]
        for mine, theirs in zip(self.tallies, other.tallies, strict=True):
            mine.add(theirs)
        self.changed += other.changed
        self.turns_earlier += other.turns_earlier
        changes = [*self.changes, *other.changes]
        self.changes = sorted(changes, key=lambda one: one.conversation_id)[:LISTED]


def meta_of(plan: BacktestPlan, candidate: CandidatePolicy, partition: int) -> PartitionMeta:
    """Return what a candidate starts from in a partition."""
    if candidate.text is not None:
        return starting_meta(candidate.text)
    try:
        return starting_meta(plan.homes[partition], partition in plan.observe)
    except PolicyError:
        # The live worker ignores a policy event that it cannot read.
        return starting_meta(plan.default_policy)


class _Lanes:
    """The candidates' runs of one partition, and the recorded one that they are held against."""

    def __init__(self, candidates: Sequence[PolicyReplay], recorded: PolicyReplay | None) -> None:
        self.candidates = candidates
        self.recorded = recorded

    def fold(self, incoming: Sequence[Incoming]) -> None:
        """Fold a run of records in every lane."""
        chunk = None
        if self.recorded is not None:
            chunk = RecordedChunk()
            self.recorded.fold(incoming, chunk)
        for lane in self.candidates:
            if lane is not self.recorded:
                lane.fold(incoming, chunk)

    @property
    def counting(self) -> PolicyReplay:
        """The lane that counts what was sent again or late: it is told of everything."""
        return self.recorded or self.candidates[0]


class _Shard:
    """The partitions of one process: takes records in and folds them lane by lane."""

    def __init__(
        self, plan: BacktestPlan, mine: Iterable[int], folder: Path, stack: ExitStack
    ) -> None:
        self.result = Result()
        self._plan = plan
        self._folder = folder
        self._stack = stack
        self._buffers: dict[int, list[Incoming]] = {partition: [] for partition in mine}
        self._firsts = None
        if len(plan.candidates) > 1 and not plan.brief:
            self._firsts = FirstDecisions(folder)
            stack.callback(self._firsts.close)
        self._labels = plan.labels
        self._in_hours = None if plan.topics is None else QueueHours(plan.topics).at
        lanes = len(plan.candidates) + _needs_recorded(plan)
        kept = plan.memory // CONVERSATION_BYTES // (max(1, len(plan.homes)) * lanes)
        self._in_memory = max(1, kept)
        self._lanes = {p: self._lanes_of(p) for p in self._buffers}

    def _lanes_of(self, partition: int) -> _Lanes:
        recorded = None
        if _needs_recorded(self._plan):
            own = CandidatePolicy(name="recorded", text=None)
            recorded = self._lane(partition, own, "recorded", LaneOutputs())
        lanes = []
        for number, candidate in enumerate(self._plan.candidates):
            decisions: BinaryIO | None = None
            if self._plan.keep_decisions and number == 0:
                file = (self._folder / f"decisions-{partition}.jsonl").open("wb")
                decisions = self._stack.enter_context(file)
            milestones = None
            if self._plan.keep_milestones and number == 0:
                file = (self._folder / f"milestones-{partition}.jsonl").open("wb")
                milestones = MilestoneFile(self._stack.enter_context(file))
            outputs = LaneOutputs(decisions, self._firsts, milestones)
            lane = self._lane(partition, candidate, str(number), outputs, number)
            if candidate.text is None and not self._plan.foreign:
                recorded = recorded or lane
            lanes.append(lane)
        return _Lanes(lanes, recorded)

    def _lane(
        self,
        partition: int,
        candidate: CandidatePolicy,
        name: str,
        outputs: LaneOutputs,
        number: int = 0,
    ) -> PolicyReplay:
        plan = self._plan
        lane = PolicyReplay(
            Home(topic=plan.topic, partition=partition),
            meta_of(plan, candidate, partition),
            Memory(self._folder, f"lane-{name}-{partition}", self._in_memory),
            LaneRole(
                recorded=candidate.text is None and not plan.foreign,
                foreign=plan.foreign,
                brief=plan.brief and candidate.text is not None,
            ),
            number=number,
            labels=self._labels,
            in_hours=self._in_hours,
            outputs=outputs,
        )
        self._stack.callback(lane.close)
        return lane

    def take(self, partition: int, incoming: Incoming) -> None:
        """Take a record that is an event."""
        self.result.records += 1
        if not isinstance(incoming.event, PartitionEvent | Deadline):
            self.result.events += 1
        elif (detection := detection_of(incoming.event)) is not None:
            self.result.detections.add(detection)
        buffer = self._buffers[partition]
        buffer.append(incoming)
        if len(buffer) >= CHUNK:
            self._fold(partition)

    def refuse(self, rejected: Rejected, where: str, order: tuple[int, int]) -> None:
        """Take a record that is none."""
        self.result.records += 1
        self.result.refused[rejected.reason] += 1
        if len(self.result.refusals) < LISTED:
            refusal = RefusedRecord(
                where=where, reason=rejected.reason, detail=rejected.detail, order=order
            )
            self.result.refusals.append(refusal)

    def _fold(self, partition: int) -> None:
        buffer, self._buffers[partition] = self._buffers[partition], []
        if buffer:
            self._lanes[partition].fold(buffer)

    def finish(self) -> Result:
        """Fold what is left and return what came out."""
        for partition in self._buffers:
            self._fold(partition)
        result = self.result
        result.tallies = [Tally() for _ in self._plan.candidates]
        for lanes in self._lanes.values():
            result.repeated += lanes.counting.repeated
            result.late += lanes.counting.late
            for tally, lane in zip(result.tallies, lanes.candidates, strict=True):
                tally.add(lane.finished())
        if self._firsts is not None:
            result.changed, result.turns_earlier, result.changes = self._firsts.difference(LISTED)
        return result


def _needs_recorded(plan: BacktestPlan) -> bool:
    """Return whether the recorded run must be folded beside the candidates, none of which is it."""
    return not plan.foreign and all(one.text is not None for one in plan.candidates)


Advance = Callable[[int], None]


def _run_files(shard: _Shard, plan: BacktestPlan, mine: frozenset[int], advance: Advance) -> None:
    taken = 0
    paths = [Path(path) for path in plan.paths]
    for line in read_files(paths, len(plan.homes), mine):
        if line.incoming.rejected is None:
            shard.take(line.partition, line.incoming)
        else:
            where = f"{shown(line.path)}:{line.number}"
            shard.refuse(line.incoming.rejected, where, (0, line.incoming.offset))
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
    ranges = {partition: log.ranges[partition] for partition in mine}
    async for partition, records in read_topic(settings, plan.topic, ranges):
        given_up = log.given_up.get(partition, NONE_GIVEN_UP)
        for record in records:
            early = plan.since_ms is not None and record.timestamp < plan.since_ms
            if early and record.key != POLICY_CONVERSATION.encode():
                continue
            if plan.until_ms is not None and record.timestamp >= plan.until_ms:
                continue
            incoming = of_record(record, secrets, given_up)
            if incoming.rejected is None:
                shard.take(partition, incoming)
            else:
                where = f"{plan.topic}[{partition}] offset {record.offset}"
                shard.refuse(incoming.rejected, where, (partition, record.offset))
        advance(len(records))


def run_shard(plan: BacktestPlan, mine: frozenset[int], folder: Path, advance: Advance) -> Result:
    """Replay some of the partitions in this process."""
    with ExitStack() as stack:
        if plan.brief:
            # Every candidate reads the same turns.
            texts = [one.text for one in plan.candidates if one.text is not None]
            for lists in {policy_in(text).vocabulary for text in texts}:
                stack.enter_context(remembering(lists))
        shard = _Shard(plan, sorted(mine), folder, stack)
        if plan.paths:
            _run_files(shard, plan, mine, advance)
        else:
            asyncio.run(_run_topic(shard, plan, mine, advance))
        return shard.finish()
