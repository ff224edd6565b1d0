"""The notifier as a process that is killed with -9: no mail is lost, one at most is repeated."""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.support.forked import ForkedHandoff, forked_worker
from tests.support.mail_server import MailServer, mail_server
from tests.support.routing_harness import Publisher
from workers.contracts.codec import encode
from workers.contracts.tickets import Notification
from workers.contracts.time import from_ms
from workers.contracts.topics import NOTIFICATIONS, load_topics
from workers.data import data_path
from workers.embedded import EmbeddedKafka
from workers.embedded.workers import EMBEDDED_SETTINGS
from workers.runtime.clock import now_ms
from workers.runtime.producer import Record

_KILLS, _EACH = 2, 5


def _record(number: int) -> Record:
    one = Notification(
        notification_id=f"n-{number}",
        kind="expired",
        occurred_at=from_ms(now_ms()),
        text=f"Nobody took c-{number} in time; it has ended.",
        queue="billing",
        conversation_id=f"c-{number}",
    )
    return Record(NOTIFICATIONS, b"c", encode(one), 0)


def _mailed(server: MailServer, before: int) -> bool:
    return len(server.mails) > before


async def _until(holds: Callable[[], bool], worker: ForkedHandoff) -> None:
    async with asyncio.timeout(60):
        while not holds():
            assert worker.running, worker.tail()
            await asyncio.sleep(0.02)


async def test_killed_again_and_again_it_mails_each_notification(
    kafka: EmbeddedKafka, redis_url: str, tmp_path: Path
) -> None:
    kafka.ensure_topics(load_topics(data_path("topics.yaml").read_text(), "topics.yaml").topics)
    async with mail_server() as server:
        file = tmp_path / "notifier.yaml"
        file.write_text(
            "version: 1\n"
            f"mail: {{host: 127.0.0.1, port: {server.port}, security: none,"
            " from: Handoff <handoff@example.com>}\n"
            "routes:\n  - {route: team, mail: [team@example.com], every_minutes: 0}\n"
        )
        environment = {
            **EMBEDDED_SETTINGS,
            "KAFKA_BOOTSTRAP": kafka.bootstrap,
            "REDIS_URL": redis_url,
            "HANDOFF_NOTIFIER": str(file),
        }
        log = tmp_path / "notifier.log"
        with forked_worker("notifier", environment, log, ("--from", "earliest")) as worker:
            async with Publisher(kafka.bootstrap) as publisher:
                for part in range(_KILLS):
                    before = len(server.mails)
                    numbers = range(part * _EACH, (part + 1) * _EACH)
                    await publisher.publish([_record(number) for number in numbers])
                    await _until(partial(_mailed, server, before), worker)
                    await asyncio.to_thread(worker.kill)
                    worker.start()

            def all_told() -> bool:
                text = "".join(mail.as_string() for mail in server.mails)
                return all(f"c-{number} " in text for number in range(_KILLS * _EACH))

            await _until(all_told, worker)
        ids = Counter(str(mail["Message-ID"]) for mail in server.mails)
        assert sum(ids.values()) - len(ids) <= _KILLS, "one at most each time it was killed"
