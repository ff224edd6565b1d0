"""Tells when the share of escalated conversations leaves its band or comes back."""

import logging
import time
from typing import Final

from workers.contracts.codec import encode
from workers.contracts.topics import NOTIFICATIONS
from workers.conversation.partition_meta import policy_in, version_order
from workers.conversation.rates import notifications
from workers.runtime.producer import Publish, Record
from workers.stores.rates_store import RatesStore

EVERY_S: Final = 10.0

logger = logging.getLogger(__name__)


class RatesTeller:
    """Adds the windows of all partitions up; used by whoever owns partition 0, so told once.

    Whoever takes over in the middle tells the same under the same id.
    """

    def __init__(self, store: RatesStore, topic: str, publish: Publish) -> None:
        self._store = store
        self._topic = topic
        self._publish = publish
        self._next_at = 0.0

    async def tell(self) -> None:
        """Look now and then, and publish what is new, acknowledged before it counts as told."""
        if time.monotonic() < self._next_at:
            return
        self._next_at = time.monotonic() + EVERY_S
        metas = await self._store.metas()
        windows = [meta.rates for meta in metas or () if meta.rates is not None]
        if not metas or not windows:
            return
        newest = max(metas, key=lambda meta: version_order(meta.policy_version))
        bands, now_ms = policy_in(newest.policy_text).bands, int(time.time() * 1000)
        said = notifications(windows, await self._store.told(), bands, self._topic, now_ms)
        if not said:
            return
        await self._publish(
            [Record(NOTIFICATIONS, (one.subject or "").encode(), encode(one)) for one, _ in said]
        )
        await self._store.note_told([(one.subject or "", told) for one, told in said])
        logger.info("%d shares of escalated conversations are told", len(said))
