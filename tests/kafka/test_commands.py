"""The commands on a real cluster: topics, the whole system on servers of yours, a huge record."""

import gzip
import json
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tests.kafka.server import KafkaServer, admin_client
from tests.kafka.system import System, event, handoff
from workers.contracts.codec import Raw
from workers.contracts.deadletters import MAX_DEAD_LETTER_BYTES, read_dead_letter
from workers.embedded import EmbeddedRedis


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A cluster without topics and a store of this module's own."""
    folder = tmp_path_factory.mktemp("commands")
    with KafkaServer(folder / "kafka") as kafka, EmbeddedRedis(folder / "redis") as redis:
        yield kafka.bootstrap, redis.url


async def test_apply_creates_what_check_misses(servers: tuple[str, str]) -> None:
    kafka, _ = servers
    before = handoff("topics", "check", "--kafka", kafka, "--json")
    assert before.returncode == 1
    assert {d["setting"] for d in json.loads(before.stdout)["differences"]} == {"topic"}
    applied = handoff("topics", "apply", "--kafka", kafka, "--json")
    assert applied.returncode == 0, applied.stderr
    assert len(json.loads(applied.stdout)["created"]) == len(
        json.loads(before.stdout)["differences"]
    )
    assert handoff("topics", "check", "--kafka", kafka).returncode == 0
    assert json.loads(handoff("topics", "apply", "--kafka", kafka, "--json").stdout) == {
        "created": [],
        "differences": [],
    }
    resource = ConfigResource(
        ConfigResourceType.TOPIC, "desk-events", configs={"message.timestamp.type": "CreateTime"}
    )
    async with admin_client(kafka) as admin:
        await admin.alter_configs([resource])
    changed = handoff("topics", "check", "--kafka", kafka, "--json")
    assert changed.returncode == 1
    found = json.loads(changed.stdout)["differences"]
    assert {(d["topic"], d["setting"]) for d in found} >= {
        ("desk-events", "message.timestamp.type")
    }


@pytest.fixture(scope="module")
def system(servers: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The system, ready; it must end in order with exit code 0."""
    running = System(*servers, tmp_path_factory.mktemp("up") / "up.log")
    try:
        # From here on every partition has its place, and what comes is decided about.
        running.wait_for("is on the log")
        yield running
        assert running.end() == 0, running.log.read_text()[-3000:]
    finally:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()


@pytest.mark.timeout(180)
async def test_up_on_a_kafka_and_a_redis_of_yours_hands_over(
    servers: tuple[str, str], system: System
) -> None:
    asked = event("up-1", content="I want to talk to a human agent, please.")
    sent = handoff("send", "-", "--kafka", servers[0], text=json.dumps(asked) + "\n")
    assert sent.returncode == 0, sent.stderr
    decided = await system.found("escalation-decisions", lambda r: r.key == b"up-1")
    assert json.loads(decided.value)["action"] == "escalate"
    told = await system.found("conversation-control", lambda r: r.key == b"up-1")
    assert json.loads(told.value)["owner"] in ("pending", "ai")


@pytest.mark.timeout(180)
async def test_five_megabytes_are_dead_lettered_and_what_follows_is_not_held_up(
    servers: tuple[str, str], system: System
) -> None:
    # Compressed it passes the broker's limit, which is on the bytes of the batch.
    value = json.dumps(event("huge-1", content="spam " * 1_000_000)).encode()
    assert len(value) > 5_000_000 > 100_000 > len(gzip.compress(value))
    after = event("huge-1", content="Give me a real person please.")
    after["event_id"] = "e-after"
    async with AIOKafkaProducer(
        bootstrap_servers=servers[0], compression_type="gzip", max_request_size=8_000_000
    ) as producer:
        await producer.send_and_wait("conversation-events", value, key=b"huge-1")
        await producer.send_and_wait("conversation-events", json.dumps(after).encode(), b"huge-1")
    record = await system.found("dead-letters", lambda r: r.key == b"huge-1")
    letter = read_dead_letter(Raw(record.key, record.value, record.headers, record.timestamp))
    assert letter is not None
    assert letter.reason == "too_large"
    assert letter.cut
    assert len(record.value) <= MAX_DEAD_LETTER_BYTES
    decided = await system.found("escalation-decisions", lambda r: r.key == b"huge-1")
    assert json.loads(decided.value)["trigger_event_id"] == "e-after"
