"""Records that a partition cannot use: dead-lettered, and the rest goes on."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.escalation_harness import quiet
from tests.support.partition_harness import CHUNK, HOME, Crash, asks, deliver_all, says, world
from workers.agents.escalation.partition import Partition
from workers.contracts.codec import Raw
from workers.contracts.deadletters import read_dead_letter
from workers.contracts.topics import DEAD_LETTERS, DECISIONS
from workers.conversation.fold import Folded, Incoming
from workers.runtime.dead_letter_limit import RUN, SHARE, TooManyDeadLetters
from workers.stores.partition_store import ChunkRead


class Dying(Partition):
    """Dies whenever it folds one certain event, as over a bug or an exhausted memory."""

    def _fold(self, incoming: Sequence[Incoming], reading: ChunkRead) -> Folded:
        for one in incoming:
            if one.event is not None and one.event.event_id == "b-13":
                raise Crash
        return super()._fold(incoming, reading)


@pytest.mark.expects_errors(
    "trying the records of the suspect chunk one by one",
    "a worker died while it handled this record alone",
)
async def test_an_event_at_which_workers_die_is_dead_lettered_and_nothing_else_is(
    redis_url: str,
) -> None:
    rows = [asks(f"{'ab'[n % 2]}", n) for n in range(30)]
    async with world(redis_url, rows) as here:
        here.kind, deaths = Dying, 0
        while deaths < 10:
            partition = await here.owner()
            try:
                while await here.deliver(partition):
                    here.committed = partition.marked.mark.offset + 1
                break
            except Crash:
                deaths += 1
        assert deaths == 3
        (letter,) = [one for one in here.published if one.topic == DEAD_LETTERS]
        headers = dict(letter.headers)
        assert headers["dead-letter-reason"] == b"poison"
        assert headers["dead-letter-offset"] == b"13"
        assert letter.value == here.log.all[13].value
        without = [one for one in here.log.all if one.offset != 13]
        assert here.pairs() == [
            (o.key, o.value) for o in quiet(without, HOME) if o.topic == DECISIONS
        ]
        # A rebuild skips what `dead-letters` names.
        await here.redis.flushdb()
        found = read_dead_letter(Raw(letter.key, letter.value, letter.headers, 0))
        assert found is not None
        here.log.died_at = {13: (found.digest,)}
        partition = await here.owner()
        while await here.deliver(partition):
            pass
        assert len([one for one in here.published if one.topic == DEAD_LETTERS]) == 1


async def test_bad_events_go_to_dead_letters_with_their_origin_and_the_rest_goes_on(
    redis_url: str,
) -> None:
    rows = [b"not json", asks("a", 1), b'{"event_id": "x"}', asks("b", 2)]
    async with world(redis_url, rows) as here:
        await here.drain()
        letters = [dict(one.headers) for one in here.published if one.topic == DEAD_LETTERS]
        found = [(h["dead-letter-reason"], h["dead-letter-offset"]) for h in letters]
        assert found == [(b"not_json", b"0"), (b"missing_id", b"2")]
        assert [key for key, _ in here.pairs()] == [b"a", b"b"]


@pytest.mark.parametrize(
    "rows",
    [
        [b"bad"] * 100,
        [row for n in range(300) for row in (says("a", n % 60), b"bad")][:500],
    ],
    ids=["a run of 100", "a fifth of a thousand"],
)
async def test_too_many_bad_events_stop_the_worker_before_it_pours_them_out(
    redis_url: str, rows: list[Any]
) -> None:
    async with world(redis_url, rows) as here:
        partition = await here.owner()
        with pytest.raises(TooManyDeadLetters, match="could not be read"):
            await deliver_all(here, partition)
        refused = [one for one in here.published if one.topic == DEAD_LETTERS]
        assert RUN <= len(refused) < RUN + CHUNK or SHARE <= len(refused) < SHARE + CHUNK
        assert len(here.log.all) - partition.marked.mark.offset - 1 > 0
