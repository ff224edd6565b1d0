"""Tasks that share one connection to Redis: each gets the answer to what it asked."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from workers.settings import load_settings
from workers.stores.connection import connect, persist
from workers.stores.multiplexed import SharedRedis


def run(redis_url: str, test: Callable[[SharedRedis], Awaitable[None]]) -> None:
    """Run a test with a client of its own on an empty store."""

    async def with_client() -> None:
        client = connect(load_settings(redis_url=redis_url, kafka_bootstrap="127.0.0.1:1"))
        assert isinstance(client, SharedRedis)
        try:
            await test(client)
        finally:
            await client.aclose()

    asyncio.run(with_client())


def test_each_task_gets_its_own_answer(redis_url: str) -> None:
    async def test(client: SharedRedis) -> None:
        async def one(number: int) -> None:
            pipeline = client.pipeline(transaction=False)
            pipeline.set(f"key-{number}", number)
            pipeline.hset(f"hash-{number}", "field", number)
            assert await pipeline.execute() == [True, 1]
            assert await client.get(f"key-{number}") == str(number).encode()
            assert await client.hgetall(f"hash-{number}") == {b"field": str(number).encode()}

        await asyncio.gather(*map(one, range(200)))
        database = redis_url.rpartition("/")[2]
        assert [one["db"] for one in await client.client_list()].count(database) == 1

    run(redis_url, test)


def test_an_error_is_raised_where_it_was_asked_for_and_nowhere_else(redis_url: str) -> None:
    async def test(client: SharedRedis) -> None:
        await client.set("text", "x")
        found = await asyncio.gather(
            client.get("text"), client.lrange("text", 0, -1), client.get("text"),
            return_exceptions=True,
        )  # fmt: skip
        assert found[0] == found[2] == b"x"
        assert isinstance(found[1], ResponseError)
        pipeline = client.pipeline(transaction=False)
        pipeline.get("text")
        pipeline.lrange("text", 0, -1)
        with pytest.raises(ResponseError):
            await pipeline.execute()

    run(redis_url, test)


def test_who_no_longer_waits_shifts_nobody_elses_answer(redis_url: str) -> None:
    async def test(client: SharedRedis) -> None:
        for number in range(50):
            asked = [asyncio.ensure_future(client.echo(f"{number}-{n}")) for n in range(10)]
            for _ in range(number % 5):
                await asyncio.sleep(0)
            for task in asked[::3]:
                task.cancel()
            found = await asyncio.gather(*asked, return_exceptions=True)
            for n, answer in enumerate(found):
                if not isinstance(answer, asyncio.CancelledError):
                    assert answer == f"{number}-{n}".encode()

    run(redis_url, test)


def test_a_connection_that_breaks_fails_what_was_asked_and_is_replaced(redis_url: str) -> None:
    async def test(client: SharedRedis) -> None:
        await client.set("text", "x")
        async with Redis.from_url(redis_url) as other:
            for _ in range(5):
                await other.client_kill_filter(_id=str(await client.client_id()))
                with pytest.raises(RedisConnectionError):
                    await client.get("text")
                asked = [persist(lambda: client.get("text"), "here") for _ in range(20)]
                assert await asyncio.gather(*asked) == [b"x"] * 20

    run(redis_url, test)


def test_a_store_that_is_not_there_is_a_connection_error() -> None:
    async def ask() -> None:
        client = connect(
            load_settings(redis_url="redis://127.0.0.1:1/0", kafka_bootstrap="127.0.0.1:1")
        )
        with pytest.raises(RedisConnectionError):
            await client.get("text")
        await client.aclose()

    asyncio.run(ask())


def test_closing_fails_what_is_under_way(redis_url: str) -> None:
    async def test(client: SharedRedis) -> None:
        asked = asyncio.ensure_future(client.get("text"))
        await asyncio.sleep(0)
        await client.aclose()
        with pytest.raises(RedisConnectionError):
            await asked

    run(redis_url, test)
