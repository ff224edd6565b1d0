"""Works out what a replay starts from: partitions, and the policy before the first policy event."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from workers.contracts.events import PolicyInForce
from workers.contracts.yaml import YamlFileError
from workers.policy import Policy, load_policy
from workers.policy.document import Bands
from workers.replay.backtest import SHIPPED, BacktestPlan, CandidatePolicy
from workers.replay.conversation_cache import MEMORY
from workers.replay.event_sources import look_at, look_at_topic
from workers.replay.labels import load_labels
from workers.settings import Settings

FILE_PARTITIONS: Final = 12
"""Partitions over which a file's conversations are spread, as topics.yaml declares for the log."""


OWN_POLICIES: Final = "the log's own policies"
"""The name of a candidate that decides by what the log says was in force."""


class Prepared:
    """A plan with what its report needs to know."""

    def __init__(
        self, plan: BacktestPlan, records: int, first_policy: PolicyInForce | None
    ) -> None:
        self.plan = plan
        self.records = records
        """About how many there are to be read."""
        self._first_policy = first_policy

    def judges(self) -> list[tuple[str, Policy | None, Bands]]:
        """Return name, policy and bands per candidate; those of a log's first policy for it."""
        return [self._judge(candidate) for candidate in self.plan.candidates]

    def _judge(self, candidate: CandidatePolicy) -> tuple[str, Policy | None, Bands]:
        if candidate.text is not None:
            policy = load_policy(candidate.text, candidate.name)
            return candidate.name, policy, policy.bands
        default = load_policy(self.plan.default_policy, self.plan.default_name)
        first = self._first_policy
        if first is None:
            return self.plan.default_name, default, default.bands
        try:
            return candidate.name, None, load_policy(first.policy, "policy event").bands
        except YamlFileError:
            return candidate.name, None, default.bands


class Asked(NamedTuple):
    """The questions to a replay, beside its policies."""

    keep_decisions: bool = False
    keep_milestones: bool = False
    labels: Path | None = None
    topics: str | None = None
    """Text of a checked topics.yaml."""
    memory: int = MEMORY
    """Bytes that are kept of conversations."""
    brief: bool = False
    """Only count first escalations, and compare no candidate with another."""


ASKED: Final = Asked()


def plan_files(
    paths: Sequence[Path],
    candidates: Sequence[CandidatePolicy],
    default: str,
    asked: Asked = ASKED,
    *,
    default_name: str = SHIPPED,
) -> Prepared:
    """Plan a replay of files, after one quick look through them.

    `default` is the text of the policy that holds where the files name none.
    """
    facts = look_at(paths)
    first = facts.policy
    text = default if first is None else first.policy
    partitions = range(FILE_PARTITIONS)
    plan = BacktestPlan(
        candidates=tuple(candidates)
        if asked.brief
        else _compared(candidates, foreign=not facts.own),
        default_policy=default,
        default_name=default_name,
        homes=dict.fromkeys(partitions, text),
        observe=frozenset(partitions) if first is not None and first.observe else frozenset(),
        foreign=not facts.own,
        paths=tuple(str(path) for path in paths),
        keep_decisions=asked.keep_decisions,
        keep_milestones=asked.keep_milestones,
        labels=None if asked.labels is None else load_labels(asked.labels),
        topics=asked.topics,
        memory=asked.memory,
        brief=asked.brief,
    )
    return Prepared(plan, facts.lines, first)


def _compared(
    candidates: Sequence[CandidatePolicy], *, foreign: bool
) -> tuple[CandidatePolicy, ...]:
    """Return the policies to compare: one that is given alone, with what was in force."""
    if len(candidates) == 1 and candidates[0].text is not None and not foreign:
        return (*candidates, CandidatePolicy(name=OWN_POLICIES, text=None))
    return tuple(candidates)


def plan_topic(
    settings: Settings,
    topic: str,
    candidates: Sequence[CandidatePolicy],
    default: str,
    asked: Asked = ASKED,
    *,
    default_name: str = SHIPPED,
    since_ms: int | None,
    until_ms: int | None,
) -> Prepared:
    """Plan a replay of the log as it is at this moment."""
    facts = asyncio.run(look_at_topic(settings, topic, since_ms))
    first = facts.policies
    plan = BacktestPlan(
        candidates=tuple(candidates) if asked.brief else _compared(candidates, foreign=False),
        default_policy=default,
        default_name=default_name,
        homes={p: first[p].policy if p in first else default for p in facts.ranges},
        observe=frozenset(p for p, event in first.items() if event.observe),
        topic=topic,
        kafka=settings.kafka_bootstrap,
        log=facts,
        since_ms=since_ms,
        until_ms=until_ms,
        keep_decisions=asked.keep_decisions,
        keep_milestones=asked.keep_milestones,
        labels=None if asked.labels is None else load_labels(asked.labels),
        topics=asked.topics,
        memory=asked.memory,
        brief=asked.brief,
    )
    records = sum(found.end - found.start for found in facts.ranges.values())
    return Prepared(plan, records, next(iter(first.values()), None))
