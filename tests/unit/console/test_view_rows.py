"""The view is the same in whatever order the topics are read, and however often."""

import asyncio
import random
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.audit_builder import START, World
from tests.support.console_site import fetched, records_of
from workers.console.view_file import ViewFile
from workers.console.view_reads import search
from workers.console.view_rows import Fetched, apply_records
from workers.contracts.codec import Raw
from workers.contracts.events import Customer
from workers.contracts.handoffs import Handoff, Refused
from workers.contracts.topics import DEAD_LETTERS, DECISIONS

_SHOWN = (
    "escalation_id",
    "reason",
    "level",
    "place",
    "queue",
    "claimed_by",
    "outcome",
    "ended_at",
    "epoch",
    "opened_at",
)


def moved_and_claimed() -> World:
    """Return an escalation that moved, was claimed, refused to a second, and solved."""
    world = World()
    world.escalate()
    world.move("premium_support")
    world.claim("kim")
    world.to_queue(Refused, "premium_support", agent_id="lee", reason="already_claimed")
    return world


def rows(path: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute(f"SELECT {', '.join(_SHOWN)} FROM escalation")  # noqa: S608
        return [dict(zip(_SHOWN, row, strict=True)) for row in found]


def tallies(path: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT kind, name, n FROM tally ORDER BY 1, 2").fetchall()


def filled(path: Path, records: list[Fetched]) -> list[dict[str, Any]]:
    view = ViewFile(path)

    async def one_by_one() -> None:
        for record in records:
            await view.write(partial(apply_records, records=[record], positions=()))

    asyncio.run(one_by_one())
    view.close()
    return rows(path)


@pytest.mark.parametrize("ended", [False, True])
def test_any_order_of_topics_and_any_repeat_give_the_same_view(
    tmp_path: Path, *, ended: bool
) -> None:
    world = moved_and_claimed()
    if ended:
        world.end()
    records = records_of(world)
    (expected,) = filled(tmp_path / "plain.sqlite3", records)
    assert expected["queue"] == "premium_support"
    assert expected["claimed_by"] == "kim"
    assert expected["outcome"] == ("resolved" if ended else None)
    assert expected["epoch"] == world.epoch
    counted = tallies(tmp_path / "plain.sqlite3")
    assert ("opened", "", 1) in counted
    topics = sorted({record.topic for record in records})
    for seed in range(15):
        dice = random.Random(seed)
        # Each topic keeps its own order; which comes when is chance, and some come again.
        left = {topic: [one for one in records if one.topic == topic] for topic in topics}
        order: list[Fetched] = []
        while any(left.values()):
            topic = dice.choice([name for name, rest in left.items() if rest])
            order.append(left[topic].pop(0))
            if dice.random() < 0.3:
                order.append(dice.choice(order))
        path = tmp_path / f"{seed}.sqlite3"
        assert filled(path, order) == [expected], f"seed {seed}"
        assert tallies(path) == counted, f"seed {seed}"


def test_the_ledger_alone_tells_where_an_escalation_stands(tmp_path: Path) -> None:
    world = moved_and_claimed()
    latest = world.topics["ledger"][-1]
    (row,) = filled(tmp_path / "view.sqlite3", [fetched("ledger", latest, START)])
    assert (row["queue"], row["claimed_by"], row["outcome"]) == ("premium_support", "kim", None)


def test_a_customer_is_called_by_the_name_in_the_packet(tmp_path: Path) -> None:
    world = moved_and_claimed()
    for index, message in enumerate(world.topics["queues"]):
        if isinstance(message, Handoff):
            packet = msgspec.structs.replace(message.packet, customer=Customer(name="Mia Lind"))
            world.topics["queues"][index] = msgspec.structs.replace(message, packet=packet)
    path = tmp_path / "view.sqlite3"
    filled(path, records_of(world))
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        found = search(connection, "mia l", None, customers=True, limit=5)
        assert [row["customer_name"] for row in found] == ["Mia Lind"]
        assert search(connection, "mia l", None, customers=False, limit=5) == []


def test_what_nobody_can_read_is_counted_and_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "view.sqlite3"
    broken = Fetched(DECISIONS, 0, 7, Raw(b"k", b"{no", (), START))
    world = moved_and_claimed()
    assert len(filled(path, [broken, *records_of(world)])) == 1
    assert ("unreadable", DECISIONS, 1) in tallies(path)


def test_dead_letters_are_counted_without_their_bytes(tmp_path: Path) -> None:
    path = tmp_path / "view.sqlite3"
    names = {"topic": b"t", "partition": b"1", "offset": b"5", "reason": b"not_json"}
    names |= {"detail": b"event: no", "agent": b"escalation", "timestamp": b"1"}
    headers = [(f"dead-letter-{name}", value) for name, value in names.items()]
    letter = Fetched(DEAD_LETTERS, 0, 0, Raw(b"k", b"SECRET", headers, START))
    filled(path, [letter, letter])
    assert ("dead letter", "not_json", 1) in tallies(path)
    assert b"SECRET" not in path.read_bytes()
