"""The records of a partition at which processes of an agent died."""

import json
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis

DEATHS_ALLOWED: Final = 2
"""Processes that may die at a chunk before its records are tried one by one."""


class Trial(NamedTuple):
    """The way in which a chunk may be tried now."""

    alone: bool
    """Records are tried one at a time."""
    deaths: int
    """Processes that died at its first record when it was alone."""


class Deaths:
    """Counts processes that began a chunk and never got further; `token` names this process."""

    def __init__(self, redis: Redis, prefix: str, group: str, token: str) -> None:
        self._redis = redis
        self._base = f"{prefix}:trying:{group}:"
        self._token = token

    async def begin(self, topic: str, partition: int, start: int, until: int) -> Trial:
        """Note that this process tries the records from `start` to `until`; return how it may.

        A chunk is committed as a whole: the next process begins it at its first record again.
        """
        key = f"{self._base}{topic}:{partition}"
        names = ["offset", "token", "count", "alone", "died"]
        fields: Any = await self._redis.hmget(key, names)
        offset, token, count, alone, died = (
            None if one is None else one.decode() for one in fields
        )
        last, end = int(offset or -1), int(alone or -1)
        another = token not in (None, self._token)
        deaths: dict[str, int] = json.loads(died or "{}") if start <= end else {}
        if start <= end:
            if another and last >= 0:
                deaths[str(last)] = deaths.get(str(last), 0) + 1
            tried = 1
        else:
            tried = int(count or 1) + another if last == start else 1
            if tried > DEATHS_ALLOWED:
                end, tried = until, 1
        noted: dict[str, str | int] = {"offset": start, "token": self._token, "count": tried}
        noted |= {"alone": end, "died": json.dumps(deaths)}
        await self._redis.hset(key, mapping=noted)  # type: ignore[arg-type]
        return Trial(start <= end, deaths.get(str(start), 0))

    async def forgive(self, topic: str, partition: int) -> None:
        """Forget the last `begin`: the records did not cause the end of the process."""
        await self._redis.hdel(f"{self._base}{topic}:{partition}", "offset", "token", "count")
