"""A worker counts as stalled if it has work and neither handles nor commits anything."""

from faust.types import TP

from workers.runtime.watchdog import Standing, Stillness

HERE = TP("log", 0)


def _stood(*steps: tuple[float, Standing]) -> float:
    """Return for how long it has stood still at the last of some looks."""
    stillness, found = Stillness(), 0.0
    for now, standing in steps:
        found = stillness.look({HERE: standing}, now)[HERE]
    return found


def test_records_that_wait_and_are_not_handled() -> None:
    waits = Standing(reached=5, committed=5, durable=5, end=9)
    assert _stood((1.0, waits), (31.0, waits)) == 30.0
    assert _stood((1.0, waits), (31.0, waits._replace(reached=6))) == 0.0
    assert _stood((1.0, waits), (20.0, waits._replace(end=5)), (31.0, waits)) == 11.0
    assert "4 records wait" in waits.trouble


def test_what_is_handled_and_not_committed() -> None:
    handled = Standing(reached=9, committed=5, durable=9, end=9)
    assert _stood((1.0, handled), (41.0, handled)) == 40.0
    assert _stood((1.0, handled), (41.0, handled._replace(committed=7))) == 0.0
    assert _stood((1.0, handled), (41.0, handled._replace(committed=9))) == 0.0
    # The log grows meanwhile, which is no progress.
    assert _stood((1.0, handled), (41.0, handled._replace(end=12))) == 40.0
    assert "committed up to 5" in handled.trouble


def test_nothing_to_do_is_no_standstill() -> None:
    idle = Standing(reached=9, committed=9, durable=None, end=9)
    assert _stood((1.0, idle), (99.0, idle)) == 0.0
    empty = Standing(reached=0, committed=None, durable=0, end=0)
    assert _stood((1.0, empty), (99.0, empty)) == 0.0


def test_an_end_that_the_worker_alone_cannot_learn() -> None:
    unknown = Standing(reached=9, committed=9, durable=9, end=None)
    assert _stood((1.0, unknown), (32.0, unknown)) == 31.0
    stillness = Stillness()
    stillness.look({HERE: unknown}, 1.0)
    stillness.forget()
    assert stillness.look({HERE: unknown}, 32.0)[HERE] == 0.0
