"""Tells each route what waits for it: one message at a time, the rest in the next."""

import logging
from collections.abc import Callable
from typing import Final

import msgspec

from workers.contracts.tickets import Notification
from workers.contracts.time import MINUTE
from workers.contracts.topics import DEAD_LETTERS
from workers.outbound.due_work import Lanes
from workers.outbound.http_sending import next_try_ms
from workers.outbound.messenger import Messenger
from workers.outbound.notifier_file import NotifierRoutes
from workers.runtime import metrics
from workers.runtime.producer import Publish, Record
from workers.stores.kept_record import undelivered
from workers.stores.notice_store import NoticeBatch, NoticeStore

logger = logging.getLogger(__name__)

_DECODE: Final = msgspec.json.Decoder(Notification).decode


class NotifierWorker:
    """Sends messages, all routes side by side; a route that fails holds up no other."""

    def __init__(
        self,
        routes: NotifierRoutes,
        store: NoticeStore,
        publish: Publish,
        clock: Callable[[], int],
    ) -> None:
        self._routes = routes
        self._store = store
        self._publish = publish
        self._clock = clock
        self._messenger = Messenger(routes)
        self._lanes: Lanes[NoticeBatch] = Lanes(store, lambda one: one.route, self._tell, clock)

    def wake(self) -> None:
        """Look at once: something was added."""
        self._lanes.wake()

    async def run(self) -> None:
        """Work until cancelled; an error of Kafka or of the store is raised."""
        await self._lanes.run()

    async def close(self) -> None:
        """Close the connections, once it does not run any more."""
        await self._messenger.close()

    async def _tell(self, batch: NoticeBatch) -> None:
        route = self._routes.by_name.get(batch.route)
        if route is None:
            await self._give_up(batch, "notifier.yaml has no such route any more", 0)
            return
        answer = await self._messenger.send(route, _told_in(batch))
        metrics.NOTIFIER_MESSAGES.labels(route.route, answer.result).inc()
        now = self._clock()
        pause = round(route.every_minutes * MINUTE)
        if answer.result == "done":
            logger.info(
                "%s: sent %d notifications (%s)", route.route, len(batch.records), answer.why
            )
            metrics.NOTIFIED.labels(route.route, "told").inc(len(batch.records))
            await self._store.done(batch, now + pause)
        elif answer.result == "refused":
            await self._give_up(batch, answer.why, pause)
        elif now - batch.since_ms > self._routes.file.limits.give_up_minutes * MINUTE:
            limit = self._routes.file.limits.give_up_minutes
            await self._give_up(batch, f"{answer.why} for {limit:g} minutes", pause)
        else:
            due_at = next_try_ms(answer, batch.attempts + 1, now, route.route)
            await self._store.later(batch, due_at)

    async def _give_up(self, batch: NoticeBatch, why: str, pause_ms: int) -> None:
        """Keep what a route was not told as dead letters, to be retried."""
        logger.warning("%s: given up: %s", batch.route, why)
        letters = [undelivered(one, f"{batch.route}: {why}", "notifier") for one in batch.records]
        await self._publish([Record(DEAD_LETTERS, k, v, None, h) for k, v, h in letters])
        metrics.NOTIFIED.labels(batch.route, "given_up").inc(len(batch.records))
        ids = [one.notification_id for one in _told_in(batch)]
        await self._store.done(batch, self._clock() + pause_ms, given_up=ids)


def _told_in(batch: NoticeBatch) -> list[Notification]:
    return [_DECODE(one.value) for one in batch.records]
