"""The main job end to end on the embedded servers, undisturbed and at its worst."""

import asyncio
import logging
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.hostile_texts import repeated
from tests.support.scripts import starting_at
from tests.support.system import AGENTS, Published, System, play
from workers.embedded.simulators import SimulatedSystems


@pytest.fixture(scope="module")
def start() -> datetime:
    """Return the time at which every run's conversations begin."""
    return starting_at()


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory, start: datetime) -> Published:
    """Play everything once without a disturbance, and check all that must hold then."""

    async def run(system: System) -> Published:
        published = await play(system, start)
        report = await system.audit()
        assert report.clean, report.findings
        assert report.counts["open"] == 1
        assert report.open[0].queue == "security"
        assert report.counts["escalations"] == 7
        ends = {"abandoned": 1, "closed": 1, "resolved": 2, "returned": 1, "withdrawn": 1}
        assert report.outcomes == ends
        assert report.counts["duplicates"] == 0
        assert report.dead_letters == {"unsigned": 1}
        assert await system.decisions() == _full(await asyncio.to_thread(system.replay))
        await _flood(system)
        return published

    with System(tmp_path_factory.mktemp("quiet")) as system:
        return asyncio.run(run(system))


async def _flood(system: System) -> None:
    """One customer's digits are slow to read; eight others who ask after that are handed over."""
    digits = repeated("5 4 3 2 ", 32_768)
    flood = [*[digits] * 30, f"I want to talk to a human. {digits}"]
    others = {f"other-{number}": "Can I speak to a person?" for number in range(8)}
    said = [("flood", text) for text in flood] + [*others.items()]
    now = datetime.now(UTC).isoformat()
    async with system.outside() as outside:
        present = {"type": "presence", "queue": "tier_2_support", "agents_online": 3}
        await outside.report({**present, "event_id": "p-flood", "occurred_at": now})
        for number, (name, content) in enumerate(said):
            about = {"event_id": f"e-{number}", "conversation_id": name, "occurred_at": now}
            await outside.say({**about, "role": "customer", "content": content})
        began = time.monotonic()
        await outside.until(lambda: all(map(outside.waiting, others)), 60, "all others")
        logging.getLogger(__name__).info("placed within %.2f s", time.monotonic() - began)
        await outside.until(lambda: outside.waiting("flood"), 60, "the flood's own packet")


def _full(values: dict[int, list[bytes]]) -> dict[int, list[bytes]]:
    return {partition: values.get(partition, []) for partition in range(4)}


def test_the_whole_way_and_a_replay_of_its_log(quiet: Published) -> None:
    assert len(quiet.packets) == 7
    assert len(quiet.decisions) > 20


async def test_doubled_events_killed_workers_and_an_empty_store_change_nothing(
    quiet: Published, start: datetime, tmp_path: Path
) -> None:
    async def disturb(system: System, outside: SimulatedSystems) -> None:
        for count, name in enumerate(AGENTS, start=1):
            await outside.until(lambda n=count: len(outside.packets) >= n, 60, "packets")  # type: ignore[misc]
            await asyncio.to_thread(system.kill, name)
        await outside.until(lambda: len(outside.packets) >= 6, 60, "packets")
        await asyncio.to_thread(system.wipe_redis)

    with System(tmp_path) as system:
        try:
            published = await play(system, start, times=2, disturb=disturb)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{system.logs()}") from error
        report = await system.audit()
        assert report.clean, report.findings
        assert report.counts["duplicates"] > 30
        replayed = _full(await asyncio.to_thread(system.replay))
        assert await system.decisions() == replayed
    assert published.decisions == quiet.decisions
    assert published.packets == quiet.packets
