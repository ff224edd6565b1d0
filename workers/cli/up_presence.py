"""News of desks in `handoff up`: queues without anyone online, and what follows from that."""

import asyncio
import threading
from collections.abc import Callable
from typing import Final

from redis.exceptions import RedisError

from workers.contracts.topics import Topics
from workers.routing.availability import Load, people_online
from workers.runtime.clock import now_ms
from workers.settings import Settings
from workers.stores.connection import connect
from workers.stores.queue_load import LoadStore

_POLL_S: Final = 2.0
_DESK: Final = "python examples/desk.py {queue} kim"


class PresenceNews:
    """Turns the load of the queues into lines for the operator: first all, then what changes."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._staffed: set[str] | None = None

    def lines(self, load: Load, at_ms: int) -> list[str]:
        """Return what is new since the last call; empty when nothing is."""
        topics = self._topics
        online = {queue: people_online(topics, queue, load, at_ms) for queue in topics.queues}
        staffed = {queue for queue, people in online.items() if people}
        before, self._staffed = self._staffed, staffed
        if before is None:
            deserted = [queue for queue in topics.queues if queue not in staffed]
            return self._first(deserted) if deserted else []
        return [
            *(f"{queue}: {online[queue]} online" for queue in online if queue in staffed - before),
            *(self._left(queue) for queue in online if queue in before - staffed),
        ]

    def _first(self, deserted: list[str]) -> list[str]:
        seconds = min(self._topics.queues[queue].presence_seconds for queue in deserted)
        skipped = f"from {seconds} s after the start a queue without presence is skipped"
        return [
            f"no desk reports presence for {', '.join(deserted)}",
            f"{skipped}: escalations go to overflow queues, tickets, contact details",
            f"a desk must report presence, as this one does: {_DESK.format(queue=deserted[0])}",
        ]

    def _left(self, queue: str) -> str:
        overflow = self._topics.queues[queue].overflow
        return f"{queue}: nobody online: escalations go to {', '.join((*overflow, 'a ticket'))}"


def watch_presence(settings: Settings, topics: Topics, say: Callable[[str], None]) -> None:
    """Report queues without people, in the background, until the process ends."""
    news = PresenceNews(topics)

    async def watch() -> None:
        redis = connect(settings)
        store = LoadStore(redis, settings.redis_prefix, topics.queues)
        while True:
            try:
                pipeline = redis.pipeline(transaction=False)
                store.ask(pipeline, now_ms())
                [answer] = await pipeline.execute()
            except RedisError:
                pass  # The workers say so, and wait for it.
            else:
                at_ms = now_ms()
                for line in news.lines(store.read(answer, at_ms, at_ms), at_ms):
                    say(line)
            await asyncio.sleep(_POLL_S)

    threading.Thread(target=lambda: asyncio.run(watch()), daemon=True).start()
