"""The faults: each hurts a running world for a while and leaves it able to recover by itself."""

import asyncio
import os
import shutil
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

import confluent_kafka.admin

from tests.faults import hostile, store_injuries
from tests.faults.environment import KINDS, SESSION_S, World

admin: Final[Any] = confluent_kafka.admin
ROLLING: Final = ("escalation", "routing")
HOSTILE_S: Final = 12.0
DELAY_S: Final = 5.0
Injury = Callable[[World, Random], Awaitable[None]]


class Fault(NamedTuple):
    """One kind of fault; `injure` returns when the cause is gone, before all has recovered."""

    name: str
    injure: Injury
    what: str
    brokers: int = 1
    properties: dict[str, str] = {}  # noqa: RUF012 - never changed
    """Of the brokers."""
    delay_s: float | None = None
    """Within so long everybody but a hostile customer must be told."""


async def _nothing(world: World, random: Random) -> None:
    """No fault: what the harness itself makes of a quiet day."""


# ---- workers -------------------------------------------------------------------------------------


def _kill(kind: str) -> Injury:
    async def injure(world: World, random: Random) -> None:
        for _ in range(3):
            worker = random.choice(world.fleet.of(kind))
            worker.signal(signal.SIGKILL)
            await asyncio.sleep(random.uniform(1.0, 5.0))

    return injure


async def _kill_all(world: World, random: Random) -> None:
    for _ in range(2):
        for worker in world.fleet.workers:
            worker.signal(signal.SIGKILL)
        await asyncio.sleep(random.uniform(4.0, 7.0))


async def _sigterm(world: World, random: Random) -> None:
    for kind in random.sample(KINDS, len(KINDS)):
        for worker in world.fleet.of(kind):
            worker.signal(signal.SIGTERM)
            await asyncio.sleep(random.uniform(0.5, 4.0))


async def _rolling(world: World, random: Random) -> None:
    """Two workers of each kind, each restarted while the other goes on."""
    added = [await world.fleet.add(kind) for kind in ROLLING]
    await world.watch.wait_for_groups(40)
    for kind in ROLLING:
        for worker in world.fleet.of(kind):
            worker.signal(signal.SIGTERM)
            await asyncio.sleep(random.uniform(2.0, 3.0))
            await world.watch.wait_for_groups(40)
    for worker in added:
        await world.fleet.remove(worker)


async def _come_and_go(world: World, random: Random) -> None:
    added = []
    for kind in ("escalation", "routing"):
        for _ in range(2):
            added.append(await world.fleet.add(kind))
            await asyncio.sleep(random.uniform(0.5, 3.0))
    for worker in random.sample(added, len(added)):
        if random.random() < 0.5:
            worker.signal(signal.SIGKILL)
        await world.fleet.remove(worker)
        await asyncio.sleep(random.uniform(0.2, 2.0))


def _zombie(kind: str) -> Injury:
    async def injure(world: World, random: Random) -> None:
        other = await world.fleet.add(kind)
        await world.watch.wait_for_groups(40)
        await asyncio.sleep(random.uniform(0.5, 3.0))
        stopped = random.choice(world.fleet.of(kind))
        stopped.signal(signal.SIGSTOP)
        await asyncio.sleep(SESSION_S + random.uniform(2.0, 6.0))
        stopped.signal(signal.SIGCONT)
        await asyncio.sleep(random.uniform(1.0, 4.0))
        await world.fleet.remove(other)

    return injure


def _faketime() -> Path:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        raise RuntimeError("no libfaketime: apt-get install libfaketime")
    return found[0]


async def _wrong_clock(world: World, random: Random) -> None:
    """A worker's clock is an hour ahead, another's an hour behind."""
    library = _faketime()
    victims = [random.choice(world.fleet.of(kind)) for kind in KINDS]
    for worker in victims:
        sign = random.choice("+-")
        worker.extra = {
            "LD_PRELOAD": str(library),
            "FAKETIME": f"{sign}3600s",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        worker.signal(signal.SIGTERM)
    await asyncio.sleep(12.0)
    for worker in victims:
        worker.extra = {}
        worker.signal(signal.SIGTERM)


# ---- the broker ----------------------------------------------------------------------------------


async def _broker_restart(world: World, random: Random) -> None:
    broker = random.choice(world.kafka.brokers)
    world.watch.away()
    await asyncio.to_thread(broker.stop if random.random() < 0.5 else broker.kill)
    await asyncio.sleep(random.uniform(0.5, 6.0))
    await _start(broker)
    world.watch.back()


async def _start(broker: object) -> None:
    def start() -> None:
        broker.start()  # type: ignore[attr-defined]
        broker.wait()  # type: ignore[attr-defined]

    await asyncio.to_thread(start)


async def _both_restart(world: World, random: Random) -> None:
    """The broker and the store end at the same time; each comes back when it can."""
    await asyncio.gather(
        _broker_restart(world, random), store_injuries.redis_restart(world, random)
    )


async def _leader_loss(world: World, random: Random) -> None:
    """One of three brokers is gone for a while, with a third of the leaders."""
    broker = random.choice(world.kafka.brokers)
    await asyncio.to_thread(broker.kill)
    await asyncio.sleep(random.uniform(5.0, 10.0))
    await _start(broker)


async def _full_disk(world: World, random: Random) -> None:
    """The broker's data lie on a small disk of their own, which fills up; then there is room."""
    broker = world.kafka.brokers[0]
    data = broker.folder / "data"
    if not await asyncio.to_thread(os.path.ismount, data):
        world.watch.away()
        await asyncio.to_thread(broker.stop)
        await asyncio.to_thread(_move_to_small_disk, data)
        await _start(broker)
        world.watch.back()
        await asyncio.sleep(3.0)
    ballast = data / "ballast"
    free = shutil.disk_usage(data).free
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(4096, free - 64 * 1024))
    world.watch.away()
    await asyncio.sleep(random.uniform(6.0, 10.0))
    await asyncio.to_thread(broker.kill)
    ballast.unlink()
    await _start(broker)
    world.watch.back()


def _move_to_small_disk(data: Path) -> None:
    import subprocess

    aside = data.with_name("aside")
    data.rename(aside)
    data.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600m", "tmpfs", str(data)], check=True)
    shutil.copytree(aside, data, dirs_exist_ok=True)
    shutil.rmtree(aside)


def unmount(world: World) -> None:
    """Take the small disks of `_full_disk` away, whose brokers have ended."""
    import subprocess

    for broker in world.kafka.brokers:
        if os.path.ismount(broker.folder / "data"):
            subprocess.run(["umount", str(broker.folder / "data")], check=True)


# ---- the network ---------------------------------------------------------------------------------


def _ports(world: World, what: str) -> list[int]:
    return [world.redis_port] if what == "redis" else world.kafka_ports


def _slow(what: str) -> Injury:
    async def injure(world: World, random: Random) -> None:
        for port in _ports(world, what):
            world.link(port, delay_s=random.uniform(0.5, 2.5))
        await asyncio.sleep(random.uniform(6.0, 12.0))
        for port in _ports(world, what):
            world.link(port, delay_s=0.0)

    return injure


async def _cut(world: World, random: Random) -> None:
    """The workers' network: packets vanish or connections are refused, to one server or both."""
    parts = random.choice((["redis"], ["kafka"], ["redis", "kafka"]))
    how = random.choice(("held", "refused"))
    ports = [port for part in parts for port in _ports(world, part)]
    for port in ports:
        world.link(port, **{how: True})
    await asyncio.sleep(random.uniform(2.0, 15.0))
    for port in ports:
        world.link(port, **{how: False})


async def _forget(world: World, random: Random) -> None:
    """Swallow everything sent over open connections to Kafka, without an error."""
    await asyncio.sleep(random.uniform(0.0, 2.0))
    for port in world.kafka_ports:
        world.link(port, forget=True)


# ---- topics that reject --------------------------------------------------------------------------


def _set_limit(world: World, topic: str, size: int | None) -> None:
    client = admin.AdminClient({"bootstrap.servers": world.kafka.bootstrap, "log_level": 0})
    declared = world.topics.topics[topic].max_message_bytes
    entry = admin.ConfigEntry(
        "max.message.bytes",
        str(declared if size is None else size),
        incremental_operation=admin.AlterConfigOpType.SET,
    )
    resource = admin.ConfigResource(
        admin.ConfigResource.Type.TOPIC, topic, incremental_configs=[entry]
    )
    for future in client.incremental_alter_configs([resource]).values():
        future.result(10)


async def _too_large(world: World, random: Random) -> None:
    """One queue's topic takes nothing that is as large as a packet."""
    topic = f"handoff-{random.choice(('tier_2_support', 'security', 'retention'))}"
    await asyncio.to_thread(_set_limit, world, topic, 600)
    await asyncio.sleep(random.uniform(6.0, 12.0))
    await asyncio.to_thread(_set_limit, world, topic, None)


async def _unauthorised(world: World, random: Random) -> None:
    """The router may not write to one queue's topic for a while."""
    topic = f"handoff-{random.choice(('tier_2_support', 'security', 'retention'))}"
    client = admin.AdminClient({"bootstrap.servers": world.kafka.bootstrap, "log_level": 0})
    name = (
        admin.ResourceType.TOPIC,
        topic,
        admin.ResourcePatternType.LITERAL,
        "User:ANONYMOUS",
        "*",
    )
    denied = admin.AclBinding(*name, admin.AclOperation.WRITE, admin.AclPermissionType.DENY)
    # The first list on a topic takes it from everybody whom it does not name.
    allowed = admin.AclBinding(*name, admin.AclOperation.ALL, admin.AclPermissionType.ALLOW)
    for future in client.create_acls([allowed, denied]).values():
        future.result(10)
    await asyncio.sleep(random.uniform(6.0, 12.0))
    anything = admin.AclBindingFilter(*name, admin.AclOperation.ANY, admin.AclPermissionType.ANY)
    for future in client.delete_acls([anything]).values():
        future.result(10)


# ---- hostile people and producers ----------------------------------------------------------------


async def _hostile_content(world: World, random: Random) -> None:
    """Customers and their tools send what is slow to read, and then want a person."""
    await world.chat.play(hostile.content(random, str(random.randrange(10**9)), HOSTILE_S))


async def _hostile_records(world: World, random: Random) -> None:
    """Write to our topics what none of our code would, as anybody with the rights may."""
    partitions = {name: topic.partitions for name, topic in world.topics.topics.items()}
    await hostile.send_records(world.kafka.bootstrap, random, partitions, world.chat.foreign)


_ACLS: Final = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
}

FAULTS: Final = {
    fault.name: fault
    for fault in (
        Fault("none", _nothing, "no fault"),
        Fault(
            "kill-escalation", _kill("escalation"), "kill -9 of the escalation worker, three times"
        ),
        Fault("kill-routing", _kill("routing"), "kill -9 of the routing worker, three times"),
        Fault("kill-desk", _kill("desk"), "kill -9 of the desk worker, three times"),
        Fault("kill-classifier", _kill("classifier"), "kill -9 of the classifier, three times"),
        Fault("kill-all", _kill_all, "kill -9 of every worker at once, twice"),
        Fault("sigterm", _sigterm, "SIGTERM to each kind of worker in turn"),
        Fault("rolling-restart", _rolling, "two escalation and routing workers, SIGTERM to each"),
        Fault("come-and-go", _come_and_go, "a second and third worker join and leave, some killed"),
        Fault(
            "zombie-escalation",
            _zombie("escalation"),
            "SIGSTOP of one of two escalation workers, its partitions given away, SIGCONT",
        ),
        Fault("zombie-routing", _zombie("routing"), "the same with one of two routing workers"),
        Fault("broker-restart", _broker_restart, "the broker ends or is killed, and comes back"),
        Fault("both-restart", _both_restart, "the broker and Redis restart together"),
        Fault("leader-loss", _leader_loss, "kill -9 of one of three brokers", brokers=3),
        Fault("redis-restart", store_injuries.redis_restart, "Redis restarts with its data"),
        Fault(
            "redis-kill",
            store_injuries.redis_kill,
            "kill -9 of Redis, its last second may be missing",
        ),
        Fault(
            "redis-older",
            store_injuries.redis_older,
            "Redis comes back as it was up to six seconds ago",
        ),
        Fault("redis-empty", store_injuries.redis_empty, "Redis comes back empty, or is flushed"),
        Fault("redis-full", store_injuries.redis_full, "Redis out of memory for up to 25 seconds"),
        Fault(
            "redis-failover", store_injuries.redis_failover, "Redis is lost, a replica takes over"
        ),
        Fault(
            "slow-redis", _slow("redis"), "every packet to and from Redis takes up to 2.5 s more"
        ),
        Fault(
            "slow-kafka", _slow("kafka"), "every packet to and from Kafka takes up to 2.5 s more"
        ),
        Fault("network", _cut, "the workers' network is cut for up to 15 s, to one server or both"),
        Fault("forgotten", _forget, "open connections to Kafka lead nowhere, new ones work"),
        Fault("full-disk", _full_disk, "the broker's disk is full, then has room"),
        Fault("wrong-clock", _wrong_clock, "one worker of each kind has a clock an hour off"),
        Fault("too-large", _too_large, "a queue's topic refuses packets as too large"),
        Fault(
            "not-authorised",
            _unauthorised,
            "a queue's topic refuses the router",
            properties=_ACLS,
        ),
        Fault(
            "hostile-content",
            _hostile_content,
            "customers and tools flood with texts that are slow to read, and want a person",
            delay_s=DELAY_S,
        ),
        Fault(
            "hostile-records",
            _hostile_records,
            "records that none of our code writes, on every topic that workers read",
            delay_s=DELAY_S,
        ),
    )
}
