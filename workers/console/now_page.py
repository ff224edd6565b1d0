"""The pages "Now", of one queue, of the policy, and the search: what a lead keeps open."""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from workers.console import view_reads
from workers.console.access import Identity
from workers.console.page_rendering import now_ms
from workers.console.plain_policy import plain_policy
from workers.console.rate_chart import rate_chart
from workers.console.site import Site, identity_of, site_of
from workers.console.streaming import streamed
from workers.console.view_reads import DeskPresence, QueueState
from workers.contracts.time import DAY, HOUR
from workers.contracts.topics import Queue
from workers.contracts.yaml import YamlFileError
from workers.routing.opening_hours import is_open, next_opening

NOW_PARTS: Final = {
    "now-state": "parts/state.html",
    "now-rate": "parts/rate.html",
    "now-queues": "parts/queues.html",
    "now-recent": "parts/recent.html",
    "now-aside": "parts/aside.html",
}
QUEUE_PARTS: Final = {
    "now-state": "parts/state.html",
    "queue-state": "parts/queue_state.html",
    "queue-rows": "parts/queue_rows.html",
}
_RECENT: Final = 25
_NOTICES: Final = 8
_SUBJECTS: Final = {"intent": 10, "version": 5}
"""Topics and AI versions that are shown: those with the most conversations."""
_FOUND: Final = 50
_LAST_PAGE: Final = 4_000
_SEARCHED: Final = 256


class QueueLine(NamedTuple):
    """One queue with what topics.yaml says of it."""

    queue: Queue
    state: QueueState
    presence: DeskPresence | None
    online: int
    """0 as well when the desk has been silent for too long."""
    silent: bool
    """Its desk said something once, too long ago."""
    open: bool
    opens_ms: int | None


def queues_for(site: Site, identity: Identity) -> list[str]:
    """Return the queues that the user may see, in the order of topics.yaml."""
    return [name for name in site.topics.queues if identity.sees([name])]


def queue_lines(
    site: Site, connection: sqlite3.Connection, names: Sequence[str], at_ms: int
) -> list[QueueLine]:
    """Return some queues as they stand."""
    presences = view_reads.presences(connection)
    states = view_reads.queue_states(connection, names, at_ms)
    return [_line(site, state, presences.get(state.queue, []), at_ms) for state in states]


def _together(said: list[DeskPresence], oldest_ms: int) -> DeskPresence | None:
    """Return what the desks of a queue say together; the latest report where all are too old."""
    if not said:
        return None
    latest = max(said, key=lambda one: one.at_ms)
    recent = [one for one in said if one.at_ms >= oldest_ms] or [latest]
    known = [one.free for one in recent if one.free is not None]
    return DeskPresence(
        latest.at_ms,
        sum(one.online for one in recent),
        sum(known) if len(known) == len(recent) else None,
        sorted({agent for one in recent for agent in one.agents}),
    )


def _line(site: Site, state: QueueState, said: list[DeskPresence], at_ms: int) -> QueueLine:
    queue = site.topics.queues[state.queue]
    presence = _together(said, at_ms - queue.presence_seconds * 1000)
    calendar = site.topics.calendar(state.queue)
    silent = presence is not None and at_ms - presence.at_ms > queue.presence_seconds * 1000
    opened = is_open(calendar, at_ms)
    return QueueLine(
        queue,
        state,
        presence,
        online=0 if presence is None or silent else presence.online,
        silent=silent,
        open=opened,
        opens_ms=None if opened else next_opening(calendar, at_ms),
    )


def system_state(site: Site) -> dict[str, Any]:
    """Return what the head of every live page says of the system."""
    return {
        "away_since": site.follower.away_since,
        "behind": site.follower.behind,
        "store_answers": site.samplers.store_answers,
        "policy": site.samplers.policy,
    }


def _rates_shown(rates: Sequence[Any]) -> dict[str, Any]:
    """Return the largest topics and versions, and how many of each are not among them."""
    of_kind = {kind: [rate for rate in rates if rate["kind"] == kind] for kind in _SUBJECTS}
    left_out = {kind: len(of_kind[kind]) - most for kind, most in _SUBJECTS.items()}
    return {
        "rates": [rate for kind, most in _SUBJECTS.items() for rate in of_kind[kind][:most]],
        "rates_left_out": {kind: number for kind, number in left_out.items() if number > 0},
    }


async def now_context(site: Site, identity: Identity) -> dict[str, Any]:
    """Return the content of the page "Now" for a user."""
    at_ms = now_ms()
    names = queues_for(site, identity)
    visible = identity.queues

    def read(connection: sqlite3.Connection) -> dict[str, Any]:
        course = view_reads.rate_course(connection, at_ms - DAY)
        rates = view_reads.rates_now(connection)
        return {
            "lines": queue_lines(site, connection, names, at_ms),
            "recent": view_reads.recent(connection, visible, at_ms - HOUR, _RECENT),
            "elsewhere": view_reads.elsewhere(connection),
            "rungs": view_reads.tallies(connection, "rung", at_ms - DAY),
            "outcomes": view_reads.tallies(connection, "outcome", at_ms - DAY),
            "reasons": view_reads.tallies(connection, "reason", at_ms - DAY),
            "opened": sum(view_reads.tallies(connection, "opened", at_ms - DAY).values()),
            "letters": view_reads.tallies(connection, "dead letter", at_ms - DAY),
            "unreadable": view_reads.tallies(connection, "unreadable", at_ms - DAY),
            "letter_rows": view_reads.dead_letters(connection, 5)
            if identity.role == "lead"
            else [],
            "notices": view_reads.notifications(connection, visible, _NOTICES),
            "overall": next((rate for rate in rates if rate["kind"] == "overall"), None),
            **_rates_shown(rates),
            "chart": rate_chart(course, at_ms),
        }

    return {
        **await site.view.read(read),
        **system_state(site),
        "identity": identity,
        "rule": identity.rule(site.topics, names),
        "lag": site.samplers.lag,
        "workers": site.samplers.workers,
    }


async def now(request: Request) -> Response:
    """Show "Now"."""
    site, identity = site_of(request), identity_of(request)
    context = await now_context(site, identity)
    return site.page(request, "now.html", {**context, "parts": NOW_PARTS})


async def now_stream(request: Request) -> Response:
    """Stream what changes of "Now": one rendering for all of a role and its queues."""
    site, identity = site_of(request), identity_of(request)
    seer = identity._replace(name="")

    async def render() -> dict[str, str]:
        return site.renderer.parts(NOW_PARTS, await now_context(site, seer))

    return streamed(site, ("now", seer), render)


# ---- one queue -----------------------------------------------------------------------------------


async def queue_context(site: Site, identity: Identity, name: str, page: int) -> dict[str, Any]:
    """Return what the page of a queue shows."""
    at_ms = now_ms()

    def read(connection: sqlite3.Connection) -> dict[str, Any]:
        (line,) = queue_lines(site, connection, [name], at_ms)
        return {
            "line": line,
            "rows": view_reads.waiting(connection, name, page * view_reads.PAGE, view_reads.PAGE),
            "held": view_reads.held(connection, [name], None, view_reads.PAGE),
        }

    return {
        **await site.view.read(read),
        **system_state(site),
        "identity": identity,
        "rule": identity.rule(site.topics, [name]),
        "page": page,
        "size": view_reads.PAGE,
        "calendar": site.topics.calendar(name),
    }


async def queue(request: Request) -> Response:
    """Show one queue: who waits, and what is in work."""
    site, identity = site_of(request), identity_of(request)
    name, page = _queue_name(site, identity, request), page_of(request)
    context = await queue_context(site, identity, name, page)
    return site.page(request, "queue.html", {**context, "parts": QUEUE_PARTS})


async def queue_stream(request: Request) -> Response:
    """Stream what changes on the page of a queue."""
    site, identity = site_of(request), identity_of(request)
    name, page = _queue_name(site, identity, request), page_of(request)
    seer = identity._replace(name="")

    async def render() -> dict[str, str]:
        return site.renderer.parts(QUEUE_PARTS, await queue_context(site, seer, name, page))

    return streamed(site, ("queue", seer, name, page), render)


def _queue_name(site: Site, identity: Identity, request: Request) -> str:
    name: str = request.path_params["queue"]
    # A queue that the user may not see does not exist for them.
    if name not in site.topics.queues or not identity.sees([name]):
        raise HTTPException(404, "There is no such queue.")
    return name


def page_of(request: Request) -> int:
    """Return the number of the page that is asked for, from 0."""
    asked = request.query_params.get("page", "0")
    return min(int(asked), _LAST_PAGE) if asked.isdecimal() and len(asked) < 10 else 0


# ---- policy and search ---------------------------------------------------------------------------


async def policy(request: Request) -> Response:
    """Show the policy in force, in plain words."""
    site = site_of(request)
    found = site.samplers.policy
    plain = None
    if found is not None:
        try:
            plain = plain_policy(found.text)
        except YamlFileError:
            # Of a version that this console does not read; its text is shown.
            plain = None
    return site.page(request, "policy.html", {**system_state(site), "plain": plain})


async def search(request: Request) -> Response:
    """Show the conversations that begin with what was typed."""
    site, identity = site_of(request), identity_of(request)
    asked = request.query_params.get("q", "").strip()[:_SEARCHED]
    rows = []
    if asked:
        rows = await site.view.read(
            lambda connection: view_reads.search(
                connection,
                asked,
                identity.queues,
                customers=identity.sees_customers,
                limit=_FOUND,
            )
        )
    in_store = False
    if asked and identity.queues is None and all(row["conversation_id"] != asked for row in rows):
        in_store = await site.stored(asked, last=1) is not None
    return site.page(
        request,
        "search.html",
        {
            **system_state(site),
            "asked": asked,
            "rows": rows,
            "in_store": in_store,
            "most": _FOUND,
            "rule": identity.rule(site.topics, queues_for(site, identity)),
        },
    )
