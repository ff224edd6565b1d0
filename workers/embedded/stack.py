"""Both embedded servers together."""

import asyncio
from pathlib import Path
from typing import Self

from workers.embedded.kafka import EmbeddedKafka
from workers.embedded.redis import EmbeddedRedis


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
