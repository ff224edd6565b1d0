"""Load of the queues in Redis: waiting escalations, people online, recent waits."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from workers.contracts.time import HOUR
from workers.contracts.topics import Queue
from workers.routing.availability import LastPresence, Load, together
from workers.routing.wait import PastClaim

REMEMBERED_CLAIMS: Final = 50
_DESK: Final = "\x1f"
"""Between a queue and the id of the desk that reports for it."""
_FORGOTTEN_MS: Final = 2 * HOUR
"""Age of a report that no queue's `presence_seconds` reaches."""
_REMEMBERED_DESKS: Final = 1024
ANY_NUMBER: Final = 1 << 53

_LOAD: Final = Path(__file__).with_name("lua").joinpath("queue_load.lua").read_text()
_RESERVE: Final = Path(__file__).with_name("lua").joinpath("queue_reserve.lua").read_text()
_RELEASE: Final = Path(__file__).with_name("lua").joinpath("queue_release.lua").read_text()
_REPORT: Final = Path(__file__).with_name("lua").joinpath("queue_report.lua").read_text()
_REPLY: Final = msgspec.msgpack.Decoder(tuple[str, list[str], list[int]])


class Reservation(NamedTuple):
    """A place in a queue: how many wait before it, and the queue's recent claims."""

    ahead: int
    claims: tuple[PastClaim, ...]


class _LastWord(msgspec.Struct, array_like=True):
    agents_online: int
    free_slots: int | None
    agents: frozenset[str]
    open_cases: dict[str, int] = {}


class LoadStore:
    """Reads and writes the load of the queues of topics.yaml; all keys have one hash tag.

    A queue's waiting is a set of escalation ids: repeating a change changes nothing, and an
    escalation is on one queue at most.
    """

    def __init__(self, redis: "Redis", prefix: str, queues: Mapping[str, Queue]) -> None:
        self._redis = redis
        self._prefix = f"{prefix}:{{load}}:"
        self._queues = queues
        self._presence: dict[str, tuple[str, LastPresence]] = {}

    def knows(self, queue: str) -> bool:
        """Return True if topics.yaml has this queue."""
        return queue in self._queues

    # ---- reading -----------------------------------------------------------------------------

    def ask(self, pipeline: "Pipeline", now_ms: int) -> None:
        """Add the one command whose result `read` takes."""
        own = [self._prefix + "since", self._prefix + "presence"]
        keys = [*own, *map(self._waiting, self._queues)]
        pipeline.eval(_LOAD, len(keys), *keys, now_ms)

    def read(self, result: bytes, since_ms: int, now_ms: int) -> Load:
        """Return the load from the result of `ask`; `since_ms` is when this router was started.

        A store that has just been emptied has heard of no desk either, so its own age counts too.
        """
        stored_since, said, counts = _REPLY.decode(result)
        since = int(stored_since) if stored_since else now_ms
        desks: dict[str, list[LastPresence]] = {}
        for place, blob in zip(said[::2], said[1::2], strict=True):
            queue = place.partition(_DESK)[0]
            if queue in self._queues:
                desks.setdefault(queue, []).append(self._decoded(place, blob))
        presence = {}
        for queue, reports in desks.items():
            oldest = now_ms - self._queues[queue].presence_seconds * 1000
            if (sum_of_all := together(reports, oldest)) is not None:
                presence[queue] = sum_of_all
        waiting = dict(zip(self._queues, counts, strict=True))
        return Load(since_ms=max(since, since_ms), waiting=waiting, presence=presence)

    def _decoded(self, place: str, blob: str) -> LastPresence:
        known = self._presence.get(place)
        if known is not None and known[0] == blob:
            return known[1]
        at_ms, _, rest = blob.partition("|")
        said = msgspec.json.decode(rest, type=_LastWord)
        presence = LastPresence(
            int(at_ms), said.agents_online, said.free_slots, said.agents, said.open_cases
        )
        if len(self._presence) >= _REMEMBERED_DESKS:
            self._presence.clear()
        self._presence[place] = (blob, presence)
        return presence

    # ---- places ------------------------------------------------------------------------------

    async def reserve(
        self, queue: str, escalation_id: str, limit: int, now_ms: int
    ) -> Reservation | None:
        """Take a place on `queue`, giving up any other one; None when `limit` already wait."""
        others = [self._waiting(other) for other in self._queues if other != queue]
        keys = [self._waiting(queue), self._claims(queue), *others]
        answer = await self._redis.eval(_RESERVE, len(keys), *keys, escalation_id, limit, now_ms)
        if not answer[0]:
            return None
        return Reservation(answer[1], tuple(map(_claim, answer[2].split())))

    async def standing(self, queue: str, escalation_id: str) -> Reservation | None:
        """Return the place of an escalation that waits on `queue`; None if it does not."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.zrank(self._waiting(queue), escalation_id)
        pipeline.lrange(self._claims(queue), 0, -1)
        ahead, claims = await pipeline.execute()
        return None if ahead is None else Reservation(ahead, tuple(map(_claim, claims)))

    def release(
        self,
        pipeline: "Pipeline",
        escalation_id: str,
        claimed: tuple[str, PastClaim] | None = None,
    ) -> None:
        """Add the command that gives up the place; `claimed` is the queue and how it went."""
        queue, text = "", ""
        if claimed is not None:
            queue, past = claimed
            text = f"{past.at_ms}:{past.waited_ms}:{past.ahead}"
        keys = [self._claims(queue), *map(self._waiting, self._queues)]
        pipeline.eval(_RELEASE, len(keys), *keys, escalation_id, text, REMEMBERED_CLAIMS)

    async def waiting_since(self, before_ms: int) -> dict[str, list[str]]:
        """Per queue the escalations that took their place before `before_ms`."""
        pipeline = self._redis.pipeline(transaction=False)
        for queue in self._queues:
            pipeline.zrangebyscore(self._waiting(queue), "-inf", f"({before_ms}")
        found = await pipeline.execute()
        return {
            queue: [member.decode() for member in members]
            for queue, members in zip(self._queues, found, strict=True)
        }

    async def drop(self, places: Iterable[tuple[str, str]]) -> None:
        """Remove (queue, escalation id) pairs that no open escalation owns."""
        pipeline = self._redis.pipeline(transaction=False)
        for queue, escalation_id in places:
            pipeline.zrem(self._waiting(queue), escalation_id)
        await pipeline.execute()

    # ---- desks -------------------------------------------------------------------------------

    def report(
        self, pipeline: "Pipeline", queue: str, presence: LastPresence, desk: str | None = None
    ) -> None:
        """Add the command that keeps what a desk said, unless something later is known of it.

        Desks that give no id of their own speak for the queue in one voice.
        """
        said = _LastWord(
            presence.agents_online, presence.free_slots, presence.agents, dict(presence.open_cases)
        )
        place = queue if desk is None else f"{queue}{_DESK}{desk}"
        keys = [self._prefix + "presence"]
        pipeline.eval(
            _REPORT, 1, *keys, place, presence.at_ms, msgspec.json.encode(said), _FORGOTTEN_MS
        )

    def _waiting(self, queue: str) -> str:
        return f"{self._prefix}waiting:{queue}"

    def _claims(self, queue: str) -> str:
        return f"{self._prefix}claims:{queue}"


def _claim(text: bytes) -> PastClaim:
    at_ms, waited_ms, ahead = text.split(b":")
    return PastClaim(int(at_ms), int(waited_ms), int(ahead))
