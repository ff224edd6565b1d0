"""The embedded servers: their lives end with ours, and they do what real ones do."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from redis import AuthenticationError, Redis

from workers.embedded import EmbeddedKafka, EmbeddedRedis, EmbeddedStack, ServerError
from workers.embedded.child import free_ports
from workers.embedded.kafka import FETCH_MAX_WAIT_MS, PARTITION_BYTES, PARTITIONS

_GONE_S = 60.0
_OUTGOING = "/proc/sys/net/ipv4/ip_local_port_range"

# A job in the background inherits that SIGINT is ignored.
_PARENT = """
import signal, time
from workers.embedded import EmbeddedStack
signal.signal(signal.SIGINT, signal.default_int_handler)
stack = EmbeddedStack().start()
print(stack.kafka.pid, stack.redis.pid, flush=True)
time.sleep(600)
"""


def _alive(pid: int) -> bool:
    """Return whether a process runs; one that waits for its parent to look has ended."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def _wait_until_gone(pids: list[int]) -> None:
    until = time.monotonic() + _GONE_S
    while remaining := [pid for pid in pids if _alive(pid)]:
        assert time.monotonic() < until, f"{remaining} outlived their parent by {_GONE_S} s"
        time.sleep(0.02)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_servers_end_when_their_parent_is_killed(how: signal.Signals, tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    with parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert all(_alive(pid) for pid in pids)
        parent.send_signal(how)
    _wait_until_gone(pids)
    until = time.monotonic() + _GONE_S
    while left := list(tmp_path.iterdir()):
        assert time.monotonic() < until, f"left behind: {left}"
        time.sleep(0.02)


@pytest.mark.skipif(not Path(_OUTGOING).exists(), reason="Linux says what it gives to connections")
def test_a_free_port_stays_free_of_outgoing_connections() -> None:
    first, last = map(int, Path(_OUTGOING).read_text().split())
    ports = free_ports(5)
    assert ports == list(range(ports[0], ports[0] + 5))
    assert not [port for port in ports if first <= port <= last]


def test_the_store_ends_when_its_guard_is_killed() -> None:
    with EmbeddedRedis() as store:
        pid = store.pid
        guard = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(guard, signal.SIGKILL)
        _wait_until_gone([pid])


def test_the_store_never_evicts_and_is_empty_after_a_restart() -> None:
    with EmbeddedRedis() as store:
        url = store.url
        with Redis.from_url(url) as client:
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            client.set("key", "value")
            store.kill()
            store.start()
            assert store.url == url
            assert client.get("key") is None


def test_a_store_with_a_folder_finds_its_data_again(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / "data") as store, Redis.from_url(store.url) as client:
        client.set("key", "value")
        store.stop()
        store.start()
        assert client.get("key") == b"value"


def test_only_we_may_read_a_stores_folder(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    with EmbeddedRedis(folder):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_only_the_password_opens_a_store(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / "data") as store:
        assert store.url_file.read_text() == store.url
        assert store.url_file.stat().st_mode & 0o777 == 0o600
        arguments = Path(f"/proc/{store.pid}/cmdline")
        assert not arguments.exists() or store.password not in arguments.read_text()
        stranger = store.url.replace(f":{store.password}@", "")
        with Redis.from_url(stranger) as client, pytest.raises(AuthenticationError):
            client.ping()


def test_a_folder_has_one_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "data"
    with EmbeddedRedis(folder) as store:
        monkeypatch.setattr("workers.embedded.redis._READY_S", 0.2)
        with pytest.raises(ServerError, match="another embedded store uses it"):
            EmbeddedRedis(folder).start()
        monkeypatch.undo()
        store.kill()
        with EmbeddedRedis(folder) as other:
            assert other.pid


def test_somebody_elses_server_on_the_port_is_not_taken_for_ours() -> None:
    with EmbeddedRedis() as other:
        store = EmbeddedRedis()
        store._port = other._port
        with pytest.raises(ServerError, match="did not become ready"):
            store.start()


def test_a_store_that_cannot_start_says_why(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "appendonlydir").mkdir(parents=True)
    (folder / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")
    with pytest.raises(ServerError, match=r"(?s)did not become ready.*manifest"):
        EmbeddedRedis(folder).start()


def test_what_is_not_running_says_so() -> None:
    with pytest.raises(ServerError, match="broker is not running"):
        _ = EmbeddedKafka().bootstrap
    with pytest.raises(ServerError, match="store is not running"):
        EmbeddedRedis().kill()


async def test_records_keep_partition_key_headers_and_commits(kafka: EmbeddedKafka) -> None:
    kafka.ensure_topics(["events", "events"])
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, compression_type="gzip")
    consumer = AIOKafkaConsumer(
        "events",
        bootstrap_servers=kafka.bootstrap,
        group_id="readers",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_wait_ms=FETCH_MAX_WAIT_MS,
    )
    async with producer, consumer:
        assert len(await producer.partitions_for("events")) == PARTITIONS
        for number in range(3):
            await producer.send_and_wait(
                "events", b"%d" % number, key=b"key", partition=2, headers=[("name", b"value")]
            )
        record: ConsumerRecord[bytes, bytes] = await consumer.getone()
        assert (record.partition, record.offset, record.key) == (2, 0, b"key")
        assert (record.value, record.headers) == (b"0", (("name", b"value"),))
        await consumer.commit({TopicPartition("events", 2): 1})
        assert await consumer.committed(TopicPartition("events", 2)) == 1


async def test_a_broker_that_comes_back_has_its_log(kafka: EmbeddedKafka) -> None:
    kafka.ensure_topics(["events"])
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, retry_backoff_ms=50) as producer:
        await producer.send_and_wait("events", b"before", partition=0)
        kafka.down()
        sent = await producer.send("events", b"after", partition=0)
        done, _ = await asyncio.wait([sent], timeout=0.3)
        assert not done
        kafka.up()
        record = await asyncio.wait_for(sent, 30)
        assert record.offset == 1


async def test_a_partition_keeps_what_it_promises(kafka: EmbeddedKafka) -> None:
    kafka.ensure_topics(["events"])
    partition = TopicPartition("events", 0)
    size = 512 * 1024
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap)
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, max_request_size=2 * size)
    async with producer, consumer:
        consumer.assign([partition])
        fitting = PARTITION_BYTES // size - 1
        for _ in range(fitting):
            await producer.send_and_wait("events", bytes(size), partition=0)
        assert await consumer.beginning_offsets([partition]) == {partition: 0}
        for _ in range(3):
            await producer.send_and_wait("events", bytes(size), partition=0)
        first = (await consumer.beginning_offsets([partition]))[partition]
        assert 0 < first <= 3


async def test_both_servers_start_and_end_in_an_event_loop() -> None:
    async with EmbeddedStack() as stack:
        pids = [stack.kafka.pid, stack.redis.pid]
        settings = stack.settings()
        assert settings.kafka_bootstrap == stack.bootstrap
        assert settings.redis_url == stack.redis_url
    assert not any(_alive(pid) for pid in pids)
