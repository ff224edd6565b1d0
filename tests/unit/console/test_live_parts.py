"""Live parts of a page are rendered once for all who watch."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from workers.console import live_parts
from workers.console.live_parts import Hub, TooManyStreams


async def take(events: AsyncIterator[bytes]) -> str:
    """Return the next event."""
    async with asyncio.timeout(60):
        return (await anext(events)).decode()


async def test_one_rendering_serves_all_and_only_what_changed_is_sent() -> None:
    hub, made = Hub(), 0
    shown = {"a": "one", "b": "two\nlines"}

    async def render() -> dict[str, str]:
        nonlocal made
        made += 1
        return dict(shown)

    streams = [hub.stream("now", render, least_s=0.02) for _ in range(50)]
    first = await asyncio.gather(*(take(stream) for stream in streams))
    assert set(first) == {first[0]}
    assert 'hx-target="#a"' in first[0]
    assert "data: lines</hx-partial>" in first[0]
    assert made <= 2
    shown["a"] = "three"
    hub.wake()
    second = await asyncio.gather(*(take(stream) for stream in streams))
    assert set(second) == {second[0]}
    assert "three" in second[0]
    assert 'hx-target="#b"' not in second[0]
    late = hub.stream("now", render, least_s=0.02)
    assert "two" in await take(late)
    for stream in [*streams, late]:
        await stream.aclose()  # type: ignore[attr-defined]
    assert hub.streams == 0


async def test_it_renders_no_more_often_than_agreed() -> None:
    hub, made = Hub(), 0

    async def render() -> dict[str, str]:
        nonlocal made
        made += 1
        return {"a": str(made)}

    stream = hub.stream("now", render, least_s=0.2)
    await take(stream)
    for _ in range(50):
        hub.wake()
        await asyncio.sleep(0.01)
    assert made <= 5
    await stream.aclose()  # type: ignore[attr-defined]


@pytest.mark.expects_errors("a page could not be made")
async def test_a_page_that_cannot_be_made_is_made_later() -> None:
    hub, broken = Hub(), True

    async def render() -> dict[str, str]:
        if broken:
            raise RuntimeError("the file is away")
        return {"a": "there"}

    stream = hub.stream("now", render, least_s=0.01)
    waiting = asyncio.create_task(take(stream))
    await asyncio.sleep(0.05)
    broken = False
    hub.wake()
    assert "there" in await waiting
    await stream.aclose()  # type: ignore[attr-defined]


async def test_there_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_parts, "MOST_STREAMS", 1)
    hub = Hub()

    async def render() -> dict[str, str]:
        return {"a": "x"}

    stream = hub.stream("now", render)
    await take(stream)
    with pytest.raises(TooManyStreams):
        await anext(hub.stream("now", render))
    await stream.aclose()  # type: ignore[attr-defined]


async def test_at_the_end_every_stream_runs_out() -> None:
    hub = Hub()

    async def render() -> dict[str, str]:
        return {"a": "x"}

    stream = hub.stream("now", render)
    await take(stream)
    waiting = asyncio.create_task(take(stream))
    await asyncio.sleep(0)
    await hub.end()
    with pytest.raises(StopAsyncIteration):
        await waiting
    with pytest.raises(StopAsyncIteration):
        await take(hub.stream("now", render))
    assert hub.streams == 0
