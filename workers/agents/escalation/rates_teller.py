"""Tells when the share of escalated conversations leaves its band or comes back."""

import logging
import time
from collections.abc import Collection
from typing import Final

from workers.agents.shared.switch_event import switch_records
from workers.contracts.codec import encode
from workers.contracts.signing import Secrets
from workers.contracts.tickets import Notification
from workers.contracts.topics import NOTIFICATIONS
from workers.conversation.outcome_bands import below_band
from workers.conversation.partition_meta import policy_in, version_order
from workers.conversation.rates import notifications
from workers.conversation.switches import Switch, Switches, switched, switched_on_since
from workers.policy import duration_ms
from workers.runtime.producer import Publish, Record
from workers.stores.rates_store import RatesStore

EVERY_S: Final = 10.0
OUTCOMES_EVERY_S: Final = 3600.0

logger = logging.getLogger(__name__)


class RatesTeller:
    """Adds the windows of all partitions up; used by the owner of partition 0 alone.

    An owner that takes over in the middle reports the same under the same id.
    """

    def __init__(
        self, store: RatesStore, topic: str, partitions: int, publish: Publish, secrets: Secrets
    ) -> None:
        self._store = store
        self._topic = topic
        self._partitions = partitions
        self._publish = publish
        self._secrets = secrets
        self._next_at = 0.0
        self._outcomes_at = 0.0

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
        known = switched((), [one for meta in metas for one in meta.switches])
        left_on = switched_on_since(known, now_ms - duration_ms(bands.window))
        told_before = await self._store.told()
        said = notifications(windows, told_before, bands, self._topic, now_ms, left_on)
        if time.monotonic() >= self._outcomes_at:
            self._outcomes_at = time.monotonic() + OUTCOMES_EVERY_S
            said += below_band(windows, told_before, bands, self._topic, now_ms)
        if not said:
            return
        records = [
            Record(NOTIFICATIONS, (one.subject or "").encode(), encode(one)) for one, _ in said
        ]
        if bands.silence_not_ready:
            for one, told in said:
                if told.verdict == "not_ready":
                    records += self._switched_off(one, known, left_on, now_ms)
        await self._publish(records)
        await self._store.note_told([(one.subject or "", told) for one, told in said])
        logger.info("published %d notifications on shares and their bands", len(said))

    def _switched_off(
        self, report: Notification, known: Switches, left_on: Collection[str], now_ms: int
    ) -> list[Record]:
        """Return what switches a version off that is not ready, in every partition.

        A version that is off already is repeated as it is: an earlier switch or report may not
        have reached each partition. One that was switched on within the window
        stays on, for its share is still that of the time before.
        """
        ai_version = (report.subject or "").removeprefix("version ")
        if ai_version in left_on:
            return []
        already = [one for one in known if one.ai_version == ai_version and not one.on]
        new = Switch(ai_version, on=False, at=now_ms, reason=report.text)
        switch = already[0] if already else new
        cause = report.notification_id
        return switch_records(self._topic, self._partitions, switch, cause, self._secrets)
