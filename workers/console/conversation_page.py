"""The page of one conversation: what was said, what that meant, and what was done about it."""

import asyncio
import sqlite3
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from workers.console import view_reads
from workers.console.access import Identity
from workers.console.now_page import page_of, system_state
from workers.console.request_guard import record
from workers.console.site import Site, identity_of, site_of
from workers.console.streaming import streamed
from workers.console.view_rows import stored_handoff
from workers.contracts.decisions import Home, Turn
from workers.contracts.handoffs import Handoff
from workers.contracts.time import to_ms
from workers.contracts.topics import EVENTS
from workers.conversation.partition_meta import PartitionMeta, starting_meta
from workers.data import data_path
from workers.handoff.frames import frame
from workers.handoff.history import history_text, is_history
from workers.replay.explain_events import ExplainedEvent
from workers.replay.explain_store import Remembered, explain_remembered
from workers.stores.conversation_reads import Stored

CONVERSATION_PARTS: Final = {
    "now-state": "parts/state.html",
    "c-stands": "parts/stands.html",
    "c-packet": "parts/packet.html",
    "c-timeline": "parts/timeline.html",
}
TURNS: Final = 1_000
"""Turns that are explained at once: the latest; of a longer conversation this is said."""
_DECISIONS: Final = 1_000
_CONTROLS: Final = 500
_REMEMBERED: Final = 64
_LONGEST_ID: Final = 256
_WORDS: Final = frame(None)


class Explained:
    """A cache of explanations; a conversation that went on is read again."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int, int, str], Remembered] = OrderedDict()

    async def of(self, conversation_id: str, stored: Stored) -> Remembered | None:
        """Return what the store's turns tell, read again by the rules in force."""
        if stored.state is None:
            return None
        meta = stored.meta or _default_meta()
        key = (conversation_id, stored.state.seq, stored.state.entries, meta.policy_hash)
        found = self._kept.pop(key, None)
        if found is None:
            found = await asyncio.to_thread(
                explain_remembered, conversation_id, stored.state, stored.turns, meta, stored.home
            )
        self._kept[key] = found
        if len(self._kept) > _REMEMBERED:
            self._kept.popitem(last=False)
        return found


_explained = Explained()


def _default_meta() -> PartitionMeta:
    return starting_meta(data_path("policies/default.yaml").read_text(encoding="utf-8"))


def conversation_id_of(request: Request) -> str:
    """Return the conversation that a page is asked for."""
    asked = request.query_params.get("id", "")
    if not 0 < len(asked) <= _LONGEST_ID:
        raise HTTPException(404, "There is no such conversation.")
    return asked


def involved_in(escalations: Sequence[Any], decisions: Sequence[dict[str, Any]]) -> list[str]:
    """Return the queues that a conversation has been on."""
    queues = [row["queue"] for row in escalations]
    queues += [one.get(name) for one in decisions for name in ("queue", "target_queue")]
    return list(dict.fromkeys(queue for queue in queues if queue))


async def conversation_context(
    site: Site, identity: Identity, conversation_id: str, page: int | None
) -> dict[str, Any]:
    """Return what the page shows; HTTPException 404 when there is nothing, or nothing for them.

    `page` counts from the beginning; None is the last one.
    """

    def read(connection: sqlite3.Connection) -> dict[str, Any]:
        escalations = view_reads.escalations_of(connection, conversation_id)
        return {
            "escalations": escalations,
            "decisions": view_reads.decisions_of(connection, conversation_id, 0, _DECISIONS),
            "controls": view_reads.controls_of(connection, conversation_id, _CONTROLS),
            "placements": {
                row["escalation_id"]: view_reads.placements_of(connection, row["escalation_id"])
                for row in escalations
            },
        }

    found = await site.view.read(read)
    escalations, decisions = found["escalations"], found["decisions"]
    involved = involved_in(escalations, decisions)
    if not identity.sees(involved):
        raise HTTPException(404, "There is no such conversation.")
    home = _home(escalations)
    stored = await site.stored(conversation_id, TURNS, home)
    if stored is None and not escalations and not decisions:
        raise HTTPException(404, "There is no such conversation.")
    rule = identity.rule(site.topics, involved)
    explained = None if stored is None else await _explained.of(conversation_id, stored)
    items = _items(found, stored, explained)
    pages = max(1, -(-len(items) // view_reads.PAGE))
    number = pages - 1 if page is None else min(page, pages - 1)
    current = escalations[-1] if escalations else None
    return {
        **system_state(site),
        "identity": identity,
        "rule": rule,
        "conversation_id": conversation_id,
        "escalations": escalations,
        "current": current,
        "placements": found["placements"],
        "handoff": packet_of(current),
        "stands": None if explained is None else explained.now,
        "missing": _missing(site, stored, explained),
        "items": items[number * view_reads.PAGE : (number + 1) * view_reads.PAGE],
        "total": len(items),
        "page": number,
        "pages": pages,
    }


def packet_of(row: Any) -> Handoff | None:
    """Return the packet of an escalation as its queue was sent it; None: it is not kept."""
    return None if row is None or row["packet"] is None else stored_handoff(row["packet"])


def _home(escalations: Sequence[Any]) -> Home | None:
    for row in escalations:
        if row["home_part"] is not None:
            return Home(topic=EVENTS, partition=row["home_part"])
    return None


def _missing(site: Site, stored: Stored | None, explained: Remembered | None) -> list[str]:
    """Return what cannot be told, in a sentence each."""
    if site.redis is None or not site.samplers.store_answers:
        return ["The store does not answer: messages and their signals are missing."]
    if stored is None:
        return ["The store no longer has this conversation; it keeps conversations for 32 days."]
    if explained is None:
        return ["The state in the store cannot be read: the next event will rebuild it."]
    missing = list(explained.missing)
    if len(stored.turns) >= TURNS and stored.state and stored.state.entries > TURNS:
        missing.insert(0, f"Only the last {TURNS:,} turns are shown.")
    return missing


def _items(
    found: dict[str, Any], stored: Stored | None, explained: Remembered | None
) -> list[dict[str, Any]]:
    """Return everything that happened, in its order: turns, decisions, placements, notices."""
    lines = {} if explained is None else {one.event_id: one for one in explained.lines}
    items: list[tuple[int, int, dict[str, Any]]] = [
        (turn.at, 0, _item(turn, lines.get(turn.event_id)))
        for turn in ([] if stored is None else stored.turns)
        # A turn without a note is told by its decision or its placement.
        if turn.content or not is_history(turn, _WORDS) or not found["decisions"]
    ]
    for body in found["decisions"]:
        decision = _decision(body)
        items.append((to_ms(decision.decided_at), 1, {"kind": "decision", "decision": decision}))
    for rows in found["placements"].values():
        items += [(row["at"], 2, {"kind": "placement", "row": row}) for row in rows]
    for control in found["controls"]:
        if control["text"]:
            items.append((control["at"], 3, {"kind": "control", "row": control}))
    items.sort(key=lambda item: item[:2])
    return [{"at": at, **item} for at, _, item in items]


def _item(turn: Turn, line: ExplainedEvent | None) -> dict[str, Any]:
    told = history_text(turn, _WORDS) if is_history(turn, _WORDS) else turn.content
    return {"kind": "turn", "turn": turn, "text": told, "line": line}


class _ShownDecision(msgspec.Struct, kw_only=True):
    """The fields of a stored decision that the page shows, in any version of the format."""

    action: str
    decided_at: datetime
    reason: str | None = None
    rule: str | None = None
    cause: str | None = None
    outcome: str | None = None
    level: int = 0
    owner: str = "ai"
    score: float = 1.0
    target_queue: str | None = None
    queue: str | None = None
    person: str | None = None
    policy_version: str | None = None
    trigger_event_id: str | None = None
    observe: bool = False
    evidence: list[dict[str, Any]] = []
    near_misses: list[dict[str, Any]] = []


def _decision(body: dict[str, Any]) -> _ShownDecision:
    return msgspec.convert(body, _ShownDecision, strict=False)


async def conversation(request: Request) -> Response:
    """Show one conversation, its last page unless another is asked for."""
    site, identity = site_of(request), identity_of(request)
    asked = conversation_id_of(request)
    page = page_of(request) if "page" in request.query_params else None
    context = await conversation_context(site, identity, asked, page)
    opened = context["current"]["escalation_id"] if context["handoff"] else None
    record(identity, "opened", conversation=asked, packet=opened)
    return site.page(
        request,
        "conversation.html",
        {**context, "parts": CONVERSATION_PARTS, "is_last": page is None},
    )


async def conversation_stream(request: Request) -> Response:
    """Stream what changes on the last page of a conversation."""
    site, identity = site_of(request), identity_of(request)
    asked = conversation_id_of(request)
    await conversation_context(site, identity, asked, None)
    seer = identity._replace(name="")

    async def render() -> dict[str, str]:
        context = await conversation_context(site, seer, asked, None)
        return site.renderer.parts(CONVERSATION_PARTS, context)

    return streamed(site, ("conversation", seer, asked), render)
