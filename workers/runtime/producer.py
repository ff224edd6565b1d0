"""The one producer of a worker: idempotent, so that what it sends to a partition stays in order."""

from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka.structs import RecordMetadata
from faust.transport.drivers import aiokafka as driver

from workers.kafka.publishing import IDEMPOTENT, Publish, Record, publish_all, signed_record

__all__ = ["IDEMPOTENT", "Producer", "Publish", "Record", "publish_all", "signed_record"]


class Producer(driver.Producer):
    """Faust's producer with acknowledgements of all replicas and no duplicates of its own.

    A batch is retried until the broker answers, and nothing overtakes it in its partition; how
    long to wait is the caller's business.
    """

    mundane_level = "debug"
    kafka: Mapping[str, Any] = {}
    """Keywords of every aiokafka client; set by `make_app`."""

    def _settings_default(self) -> Mapping[str, Any]:
        return {**self.kafka, "client_id": self.client_id}

    def _settings_auth(self) -> Mapping[str, Any]:
        return {}

    def _settings_extra(self) -> Mapping[str, Any]:
        return IDEMPOTENT

    async def publish(self, records: Iterable[Record]) -> list[RecordMetadata]:
        """Send in order and return when each is acknowledged; raises on a definite rejection."""
        return await publish_all(self._ensure_producer(), records)
