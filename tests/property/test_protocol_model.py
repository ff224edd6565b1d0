"""The protocol holds under every fault of the model, and each of its parts is needed."""

import msgspec
import pytest

from tests.model.search import PARTS, schedule
from workers.contracts.topics import Topics, load_topics
from workers.conversation.partition_meta import PartitionMeta, starting_meta
from workers.data import data_path

SCHEDULES = 600
SEARCHED = 6_000
"""Schedules among which one must show the harm of a missing part."""

STORMS: dict[str, tuple[tuple[str, ...], int]] = {
    "a ledger that went back in time ends the router": (("wipe", "rollback", "crash"), 175),
    "a place is a set of escalation ids": (("zombie",), 2139),
    "a timer is removed after its event is acknowledged": (("lost",), 206),
    "an empty Redis is rebuilt from the log": ((), 13),
    "an equal seq repeats the recorded plan": ((), 9),
    "commit after everything": ((), 12),
    "commit after the acknowledgements": ((), 43),
    "decisions below the ledger's seq are skipped": (("crash", "zombie"), 90),
    "mark checked in the read": (("zombie", "rollback"), 156),
    "mark checked in the script": ((), 366),
    "mark read while idle": (("rollback",), 11),
    "outbox published again at takeover": ((), 10),
    "outbox written with the state": ((), 10),
    "routed on the log": ((), 105),
    "start from the mark": ((), 1),
    "the plan is written by compare-and-set": (("zombie", "crash"), 335),
    "what Redis has lost of the ledger is read from its topic": (("wipe", "crash"), 560),
    "partition metadata is written with the state": (("crash", "zombie"), 74),
}
"""Faults without which the harm would take long to find, and the seed that showed it last."""


@pytest.fixture(scope="module")
def topics() -> Topics:
    """The shipped queues with one place each, so that every rung of the ladder is used."""
    loaded = load_topics(data_path("topics.yaml").read_text(), "topics.yaml")
    for name, queue in loaded.queues.items():
        loaded.queues[name] = msgspec.structs.replace(queue, max_waiting=1, update_minutes=25)
    return loaded


@pytest.fixture(scope="module")
def meta() -> PartitionMeta:
    """The shipped policy."""
    return starting_meta((data_path("policies") / "default.yaml").read_text())


# In parts, which several processes share.
@pytest.mark.parametrize("part", range(6))
def test_no_schedule_breaks_a_promise(part: int, topics: Topics, meta: PartitionMeta) -> None:
    for seed in range(part, SCHEDULES, 6):
        broken = schedule(seed, topics, meta).run()
        assert not broken, f"seed {seed}: {broken}"


@pytest.mark.parametrize("part", sorted(PARTS))
def test_each_part_of_the_protocol_is_needed(
    part: str, topics: Topics, meta: PartitionMeta
) -> None:
    storm, seed = STORMS.get(part, ((), 0))
    seeds = (seed, *range(SEARCHED))
    assert any(_harms(seed, part, storm, topics, meta) for seed in seeds)


def _harms(
    seed: int, part: str, storm: tuple[str, ...], topics: Topics, meta: PartitionMeta
) -> bool:
    try:
        return bool(schedule(seed, topics, meta, off=frozenset({part}), storm=storm).run())
    except AssertionError:
        return True
