"""Connecting to Redis: one way of making the client, of waiting for it, and of trying again."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    TryAgainError,
)
from redis.exceptions import (
    ConnectionError as RedisConnectionError,
)
from redis.exceptions import (
    TimeoutError as RedisTimeoutError,
)

from workers.errors import ConfigurationError
from workers.settings import Settings, SettingsError, redis_address
from workers.stores.multiplexed import ANSWER_S, SharedRedis

T = TypeVar("T")

SAY_EVERY_S: Final = 10.0
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 1.0
_TRANSIENT: Final = (
    RedisConnectionError,
    RedisTimeoutError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    TryAgainError,
)
_TRANSIENT_CODES: Final = ("MISCONF", "BUSY", "NOREPLICAS", "UNBLOCKED")

logger = logging.getLogger(__name__)


def connect(settings: Settings) -> Redis:
    """Return a client for REDIS_URL, not connected yet; its answers are bytes."""
    if settings.redis_url is None:
        raise SettingsError("no Redis: set REDIS_URL=redis://HOST:PORT/0 or pass --redis")
    return SharedRedis.from_url(
        settings.redis_url,
        socket_timeout=ANSWER_S,
        socket_connect_timeout=ANSWER_S,
        # Trying again is done by `persist`, which can tell what is worth it.
        retry=Retry(NoBackoff(), 0),
    )


def is_transient(error: RedisError) -> bool:
    """Return True if the same command may succeed later without anyone's help."""
    if isinstance(error, AuthenticationError):
        return False
    return isinstance(error, _TRANSIENT) or str(error).startswith(_TRANSIENT_CODES)


async def persist(operation: Callable[[], Awaitable[T]], address: str) -> T:
    """Return what `operation` does, trying again while Redis is away, full or starting.

    It must be harmless to repeat; how long to try is the caller's `asyncio.timeout`. Says now and
    then, with `address`, what it waits for.
    """
    pause, said = _FIRST_PAUSE_S, time.monotonic()
    while True:
        try:
            return await operation()
        except RedisError as error:
            if not is_transient(error):
                raise _refused(error, address) from error
            if (now := time.monotonic()) - said >= SAY_EVERY_S / 10:
                said = now + SAY_EVERY_S
                logger.warning("Redis at %s: %s; trying again", address, error)
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_S)


def _refused(error: RedisError, address: str) -> Exception:
    """Return what an operator is told where trying again does not help; else the error itself."""
    if isinstance(error, AuthenticationError) or str(error).startswith(("NOAUTH", "WRONGPASS")):
        problem = f"refuses the user or the password of REDIS_URL ({type(error).__name__})"
    elif isinstance(error, NoPermissionError):
        problem = f"lacks a right for this user ({error}): docs/security.md lists them"
    elif isinstance(error, MovedError):
        problem = "is a Redis Cluster, which is not supported: use one Redis or Valkey"
    elif "DB index is out of range" in str(error):
        problem = "has no database of the number in REDIS_URL"
    else:
        return error
    return ConfigurationError(f"Redis at {address} {problem}")


async def wait_for_redis(redis: Redis, settings: Settings) -> None:
    """Return when Redis answers; it says now and then, with the address, that it waits."""
    address = redis_address(settings.redis_url or "")
    await persist(redis.ping, address)
