"""The notifier agent: keeps each notification in the store, and tells people beside its topic."""

import logging

from redis.asyncio import Redis

from workers.agents.notifier.notifier_worker import NotifierWorker
from workers.agents.shared.keeping_agent import KeepingAgent
from workers.contracts.codec import decode_message
from workers.contracts.tickets import Notification
from workers.contracts.topics import DEAD_LETTERS, NOTIFICATIONS
from workers.errors import ConfigurationError
from workers.outbound.notifier_file import NotifierRoutes, load_notifier
from workers.runtime.app import Options
from workers.runtime.clock import now_ms
from workers.runtime.topics_file import read_topics
from workers.settings import Settings
from workers.stores.kept_record import KeptRecord
from workers.stores.notice_store import NoticeStore

logger = logging.getLogger(__name__)


def make_agent(settings: Settings, options: Options) -> "NotifierAgent":
    """Return the notifier agent; errors of topics.yaml and of notifier.yaml say where."""
    if settings.notifier is None:
        raise ConfigurationError(
            "no one to notify: set HANDOFF_NOTIFIER to a notifier.yaml (docs/notifications.md)"
        )
    read_topics(options.topics)
    return NotifierAgent(settings, load_notifier(settings.notifier), options)


class NotifierAgent(KeepingAgent):
    """Tells every route of a notification once; a second delivery changes nothing."""

    group = "handoff-notifier"
    topic = NOTIFICATIONS
    publishes = (DEAD_LETTERS,)

    def __init__(self, settings: Settings, routes: NotifierRoutes, options: Options) -> None:
        super().__init__(settings, options)
        self._routes = routes

    def work_with(self, redis: Redis, prefix: str, address: str) -> NotifierWorker:
        """Return what tells the routes."""
        self._store = NoticeStore(redis, prefix, address)
        logger.info("routes: %s", ", ".join(self._routes.by_name))
        return NotifierWorker(self._routes, self._store, self.producer.publish, now_ms)

    async def keep(self, value: bytes | None, kept: KeptRecord) -> None:
        """Keep a notification for each of its routes."""
        notification = decode_message(Notification, value)
        for route in self._routes.of(notification):
            await self._store.add(route.route, notification.notification_id, kept, now_ms())
