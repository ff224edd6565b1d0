"""Shares of outcomes that fall below what the policy aims at are told, once a day each."""

import msgspec

from tests.support.fold_history import ASKS, HOME, POLICY, START, History
from workers.contracts.tickets import Notification
from workers.contracts.time import DAY, HOUR, MINUTE
from workers.conversation.outcome_bands import below_band
from workers.conversation.partition_meta import PartitionMeta, meta_fields, read_meta
from workers.conversation.rates import Rates, ReportedRate, read_rates
from workers.policy import Bands

BANDS = Bands(satisfaction=0.8, justified=0.5, window="1h", min_conversations=4)


class Partition:
    """Conversations of one partition, one after the other, each with its own store."""

    def __init__(self) -> None:
        self.meta: PartitionMeta | None = None
        self.now = START
        self.count = 0

    def served(self, how: str, *, csat: int | None = None, justified: bool | None = None) -> None:
        """One conversation that a person ends, and its customer may rate."""
        h = History(POLICY, conversation_id=f"c-{self.count}")
        h.now = self.now
        if self.meta is not None:
            h.meta = self.meta
        h.customer(ASKS)
        h.route()
        h.desk(how, justified=justified, reason="out of scope")
        if csat is not None:
            h.rating(csat)
        # What is sent again counts nothing.
        before = h.meta
        h.apply(h.events[-1])
        assert h.meta == before
        stored = read_meta(meta_fields(h.meta))
        assert stored == h.meta
        self.meta, self.now, self.count = stored, h.now + MINUTE, self.count + 1

    @property
    def rates(self) -> Rates:
        """The partition's window."""
        assert self.meta is not None
        assert self.meta.rates is not None
        return self.meta.rates


def _told(
    *partitions: Partition, told: dict[str, ReportedRate] | None = None, at: int = 0
) -> dict[str, Notification]:
    at = at or max(one.now for one in partitions)
    windows = [one.rates for one in partitions]
    return {
        one.subject or "": one for one, _ in below_band(windows, told or {}, BANDS, "the log", at)
    }


def test_what_falls_below_its_aim_is_told_of_all_partitions_together() -> None:
    one, two = Partition(), Partition()
    for csat in (5, 4):
        one.served("resolved", csat=csat, justified=True)
    two.served("returned", csat=2, justified=True)
    assert _told(one, two) == {}, "three are too few"
    two.served("returned", csat=1, justified=False)
    told = _told(one, two)
    assert [*told] == ["outcome resolution", "outcome satisfaction"]
    said = told["outcome resolution"]
    assert (said.kind, said.value, said.low) == ("outcome_below_band", 0.5, 0.9)
    assert said.text.startswith("resolution: 50% of 4 escalations that ended in 1h were resolved")


def test_it_is_told_once_a_day_under_one_id_and_not_of_a_window_that_is_over() -> None:
    partition = Partition()
    for _ in range(4):
        partition.served("returned")
    first = _told(partition)["outcome resolution"]
    again = _told(partition, at=partition.now + MINUTE)["outcome resolution"]
    assert again.notification_id == first.notification_id
    day = partition.now // DAY
    told = {"outcome resolution": ReportedRate("below", day)}
    assert _told(partition, told=told) == {}
    assert _told(partition, told={"outcome resolution": ReportedRate("below", day - 1)}) != {}
    assert _told(partition, at=partition.now + 2 * HOUR) == {}


def test_the_window_of_outcomes_slides_and_leaves_that_of_conversations_alone() -> None:
    partition = Partition()
    for _ in range(3):
        partition.served("returned")
    partition.now += 2 * HOUR
    partition.served("resolved")
    assert len(partition.rates.outcomes) == 1
    (overall, *_) = read_rates([partition.rates], BANDS)
    assert overall.found.conversations == 1
    assert partition.meta is not None
    # A worker of before, which knows nothing of outcomes, still reads the window.
    older = msgspec.msgpack.encode(msgspec.to_builtins(partition.rates)[:4])
    assert msgspec.msgpack.decode(older, type=Rates).outcomes == {}
    assert HOME.partition == 3
