"""Injuries of the store: it ends, comes back without its data, has no memory left."""

import asyncio
import shutil
from random import Random

from redis import Redis

from tests.faults.environment import World
from workers.embedded import EmbeddedRedis


async def redis_restart(world: World, random: Random) -> None:
    """It ends in order and comes back with everything."""
    await asyncio.to_thread(world.redis.stop)
    await asyncio.sleep(random.uniform(0.2, 4.0))
    await asyncio.to_thread(world.redis.start)


async def redis_kill(world: World, random: Random) -> None:
    """Killed: what was not synced to the disk yet may be gone."""
    await asyncio.to_thread(world.redis.kill)
    await asyncio.sleep(random.uniform(0.2, 2.0))
    await asyncio.to_thread(world.redis.start)


async def redis_older(world: World, random: Random) -> None:
    """It comes back as it was seconds ago."""
    folder = world.folder / "redis"
    copy = world.folder / "redis-copy"
    shutil.rmtree(copy, ignore_errors=True)
    await asyncio.to_thread(shutil.copytree, folder, copy)
    await asyncio.sleep(random.uniform(0.5, 6.0))
    await asyncio.to_thread(world.redis.kill)
    shutil.rmtree(folder)
    copy.rename(folder)
    await asyncio.to_thread(world.redis.start)


async def redis_empty(world: World, random: Random) -> None:
    """It comes back with nothing."""
    if random.random() < 0.5:
        with world.redis_client() as client:
            client.flushall()
        return
    await asyncio.to_thread(world.redis.kill)
    shutil.rmtree(world.folder / "redis")
    await asyncio.to_thread(world.redis.start)


async def redis_full(world: World, random: Random) -> None:
    """It has no memory left for a while and refuses writes."""
    with world.redis_client() as client:
        used = client.info("memory")["used_memory"]
        client.config_set("maxmemory", max(1, used - 100_000))
        await asyncio.sleep(random.uniform(2.0, 25.0))
        client.config_set("maxmemory", 0)


async def redis_failover(world: World, random: Random) -> None:
    """The store is lost and its replica takes over, without what had not reached it."""
    number = random.randrange(1_000_000)
    store = EmbeddedRedis(world.folder / f"redis-{number}", password=world.redis.password)
    replica = await asyncio.to_thread(store.start)
    with Redis.from_url(replica.url) as client:
        client.replicaof("127.0.0.1", world.redis.port)
        for _ in range(200):
            if client.info("replication").get("master_link_status") == "up":
                break
            await asyncio.sleep(0.1)
        else:
            raise RuntimeError("the replica did not reach its master")
        await asyncio.sleep(random.uniform(0.5, 4.0))
        # The replica is cut off for a moment before its master is lost.
        if random.random() < 0.5:
            client.replicaof("no", "one")
            await asyncio.sleep(random.uniform(0.1, 1.0))
        master, world.redis = world.redis, replica
        await asyncio.to_thread(master.kill)
        client.replicaof("no", "one")
    world.point_redis()
