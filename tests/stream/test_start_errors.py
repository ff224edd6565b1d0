"""Errors that an operator must mend end a worker at its start, in seconds, with 78."""

import socket
from pathlib import Path

from tests.support.escalation_harness import Worker, create_topics
from workers.embedded import EmbeddedKafka, EmbeddedRedis


async def test_a_store_that_refuses_the_password(kafka: EmbeddedKafka, tmp_path: Path) -> None:
    create_topics(kafka)
    with EmbeddedRedis() as server:
        url = server.url.replace(server.password, "mistaken")
        with Worker(kafka.bootstrap, url, tmp_path, "--from", "earliest") as worker:
            assert await worker.ended() == 78
            assert "refuses the user or the password" in worker.said
            assert "mistaken" not in worker.said


async def test_a_store_without_the_database(
    kafka: EmbeddedKafka, redis_url: str, tmp_path: Path
) -> None:
    create_topics(kafka)
    url = f"{redis_url.rpartition('/')[0]}/99999"
    with Worker(kafka.bootstrap, url, tmp_path, "--from", "earliest") as worker:
        assert await worker.ended() == 78
        assert "has no database of the number" in worker.said


async def test_a_health_port_that_is_taken(
    kafka: EmbeddedKafka, redis_url: str, tmp_path: Path
) -> None:
    create_topics(kafka)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        worker = Worker(kafka.bootstrap, redis_url, tmp_path, "--health-port", port)
        with worker:
            assert await worker.ended() == 78
            assert f"the health port {port} cannot be used" in worker.said


_IMPATIENT = """
import sys
from workers.cli.main import handoff
from workers.runtime import process

process.LACKING_S = 1.0
handoff(sys.argv[1:])
"""


async def test_topics_that_nobody_creates(
    kafka: EmbeddedKafka, redis_url: str, tmp_path: Path
) -> None:
    kafka.ensure_topics(["conversation-events"])
    with Worker(kafka.bootstrap, redis_url, tmp_path, code=_IMPATIENT) as worker:
        assert await worker.ended() == 78
        assert "create it with `handoff topics apply`" in worker.said
