"""The notifier agent: keeps each notification in the store, and tells people beside its topic.

No mail and no call holds up a chunk: what `handle` does is write to the store.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from contextlib import suppress

from aiokafka import ConsumerRecord
from faust.types import TP

from workers.agents.notifier.notifier_worker import NotifierWorker
from workers.agents.shared.dead_letters import refuse
from workers.agents.shared.suspicion import Suspicion, poison
from workers.contracts.codec import decode_message
from workers.contracts.rejections import Rejected
from workers.contracts.tickets import Notification
from workers.contracts.topics import DEAD_LETTERS, NOTIFICATIONS
from workers.errors import ConfigurationError
from workers.outbound.notifier_file import NotifierRoutes, load_notifier
from workers.runtime.app import Agent, Options
from workers.runtime.clock import now_ms
from workers.runtime.dead_letter_limit import DeadLetterLimit
from workers.runtime.failstop import fail_stop
from workers.runtime.topics_file import read_topics
from workers.settings import Settings, redis_address
from workers.stores.connection import connect, wait_for_redis
from workers.stores.notice_store import NoticeRecord, NoticeStore

logger = logging.getLogger(__name__)


def make_agent(settings: Settings, options: Options) -> "NotifierAgent":
    """Return the notifier agent; errors of topics.yaml and of notifier.yaml say where."""
    if settings.notifier is None:
        raise ConfigurationError(
            "nobody to notify: set HANDOFF_NOTIFIER to a notifier.yaml (docs/notifications.md)"
        )
    read_topics(options.topics)
    return NotifierAgent(settings, load_notifier(settings.notifier), options)


class NotifierAgent(Agent):
    """Tells every route of a notification once; a second delivery changes nothing."""

    group = "handoff-notifier"
    topic = NOTIFICATIONS
    publishes = (DEAD_LETTERS,)

    def __init__(self, settings: Settings, routes: NotifierRoutes, options: Options) -> None:
        super().__init__(settings)
        self._routes = routes
        self._limit = DeadLetterLimit(enforced=options.dead_letter_limit)

    async def start(self) -> None:
        """Connect, and go on with what is in the store."""
        self._redis = connect(self.settings)
        await wait_for_redis(self._redis, self.settings)
        prefix, address = self.settings.redis_prefix, redis_address(self.settings.redis_url or "")
        self._suspicion = Suspicion(self._redis, self.settings, self.group)
        self._store = NoticeStore(self._redis, prefix, address)
        self._worker = NotifierWorker(self._routes, self._store, self.producer.publish, now_ms)
        logger.info("routes: %s", ", ".join(self._routes.by_name))
        self._telling = asyncio.create_task(self._tell(), name="notifier")

    async def _tell(self) -> None:
        try:
            await self._worker.run()
        except Exception as error:  # noqa: BLE001 - the end of the process is the same for all
            fail_stop("handoff-notifier: telling people", error)

    async def stop(self) -> None:
        """Leave what is in hand to whoever comes next, and disconnect."""
        self._telling.cancel()
        with suppress(asyncio.CancelledError):
            await self._telling
        await self._worker.close()
        await self._redis.aclose()

    async def handle(self, tp: TP, records: Sequence[ConsumerRecord]) -> None:
        """Keep a chunk's notifications in the store, for each of their routes."""
        async for some, deaths in self._suspicion.portions(tp, records):
            refused: dict[int, Rejected] = {}
            for record in some:
                if deaths:
                    refused[record.offset] = poison()
                    continue
                try:
                    await self._keep(record)
                except Rejected as rejected:
                    refused[record.offset] = rejected
            await refuse("notifier", tp, some, refused, self._limit, self.producer)
        self._worker.wake()

    async def _keep(self, record: ConsumerRecord) -> None:
        notification = decode_message(Notification, record.value)
        kept = NoticeRecord(
            id=notification.notification_id,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            timestamp_ms=record.timestamp,
            key=record.key or b"",
            value=record.value,
        )
        for route in self._routes.of(notification):
            await self._store.add(route.route, kept, now_ms())

    async def failing(self, tp: TP, error: Exception) -> None:
        """Take back that the records in hand are suspected, when a server was away."""
        await self._suspicion.failing(tp, error)

    async def revoked(self, tps: Collection[TP]) -> None:
        """Take it back at an orderly end, too."""
        await self._suspicion.released(tps)
