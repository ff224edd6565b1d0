"""Both embedded servers together."""

import asyncio
from pathlib import Path
from typing import Self

from workers.embedded.kafka import FETCH_MAX_WAIT_MS, SESSION_TIMEOUT_S, EmbeddedKafka
from workers.embedded.redis import EmbeddedRedis
from workers.settings import Settings, load_settings


class EmbeddedStack:
    """A broker and a store from `with` or `async with`; both end with the block, or with us."""

    def __init__(self, folder: Path | None = None, databases: int = 16) -> None:
        self.kafka = EmbeddedKafka()
        self.redis = EmbeddedRedis(folder, databases)

    @property
    def bootstrap(self) -> str:
        """Return the broker's host:port."""
        return self.kafka.bootstrap

    @property
    def redis_url(self) -> str:
        """Return the store's URL."""
        return self.redis.url

    def environment(self) -> dict[str, str]:
        """Return the variables that point a process's settings at the two."""
        return {
            "KAFKA_BOOTSTRAP": self.bootstrap,
            "KAFKA_SESSION_TIMEOUT_S": f"{SESSION_TIMEOUT_S:g}",
            "KAFKA_FETCH_MAX_WAIT_MS": str(FETCH_MAX_WAIT_MS),
            "REDIS_URL": self.redis_url,
        }

    def settings(self, **given: object) -> Settings:
        """Return settings that point at the two, under what is given by name."""
        return load_settings(
            **{name.lower(): value for name, value in self.environment().items()} | given
        )

    def start(self) -> Self:
        """Start both, or neither."""
        try:
            self.kafka.start()
            self.redis.start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End both."""
        self.redis.stop()
        self.kafka.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)
