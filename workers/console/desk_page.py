"""The desk: who waits, the packet, and everything that a person does with a conversation."""

import sqlite3
from typing import Any, Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from workers.console import view_reads
from workers.console.access import Identity
from workers.console.chat_system import is_ours, said_in
from workers.console.conversation_page import involved_in, packet_of
from workers.console.event_sender import NotSent
from workers.console.now_page import queues_for, system_state
from workers.console.request_guard import new_session, record
from workers.console.site import Site, identity_of, session_of, site_of
from workers.console.streaming import streamed
from workers.contracts.decisions import Home
from workers.contracts.topics import EVENTS

_LIST_PARTS: Final = {
    "now-state": "parts/state.html",
    "desk-presence": "parts/desk_presence.html",
    "desk-list": "parts/desk_list.html",
}
_CASE_PARTS: Final = {
    "desk-stands": "parts/desk_stands.html",
    "c-packet": "parts/packet.html",
    "desk-talk": "parts/desk_talk.html",
    "desk-acts": "parts/desk_acts.html",
}
DESK_PARTS: Final = {**_LIST_PARTS, **_CASE_PARTS}
_LISTED: Final = 50
_TURNS: Final = 60
_LONGEST_NAME: Final = 60
_LONGEST_TEXT: Final = 4_000
_QUICK_S: Final = 0.2
"""Between two renderings of one person's desk: a claim shows well within a second."""
_MINE: Final = frozenset({"replied", "transferred", "returned", "resolved", "abandoned"})


def desk_name_of(request: Request, identity: Identity) -> str | None:
    """Return the name under which a person works; None: none was given yet."""
    if site_of(request).admission.people is not None:
        return identity.name
    session = session_of(request)
    return None if session is None else session.desk_name


async def desk_context(
    site: Site, identity: Identity, person: str, chosen: str | None
) -> dict[str, Any]:
    """Return what the desk of one person shows, with one escalation opened."""
    worker = site.room.worker(person)
    allowed = queues_for(site, identity)
    queues = [queue for queue in worker.queues if queue in allowed]

    def read(connection: sqlite3.Connection) -> dict[str, Any]:
        row = None if chosen is None else view_reads.escalation(connection, chosen)
        found: dict[str, Any] = {
            "waiting": view_reads.waiting_on(connection, queues, _LISTED),
            "mine": view_reads.held(connection, allowed, person, _LISTED),
            "current": row,
            "decisions": [],
            "refusal": None,
        }
        if row is not None:
            found["decisions"] = view_reads.decisions_of(
                connection, row["conversation_id"], 0, _LISTED
            )
            found["refusal"] = view_reads.refusal(connection, row["escalation_id"], person)
        return found

    found = await site.view.read(read)
    row = found["current"]
    if row is not None and not identity.sees(involved_in([row], found["decisions"])):
        row = found["current"] = None
    rule = identity.rule(
        site.topics, allowed if row is None else involved_in([row], found["decisions"])
    )
    return {
        **found,
        **system_state(site),
        "identity": identity,
        "person": person,
        "worker": worker,
        "allowed": allowed,
        "all_queues": list(site.topics.queues),
        "queues": queues,
        "rule": rule,
        "list_rule": identity.rule(site.topics, queues or allowed),
        "handoff": packet_of(row),
        "is_mine": row is not None and row["claimed_by"] == person and row["outcome"] is None,
        "is_free": row is not None
        and row["claimed_by"] is None
        and row["outcome"] is None
        and row["place"] == "queue",
        "speaks_here": row is not None and is_ours(row["conversation_id"]),
        "said": [] if row is None else await _said(site, row),
    }


async def _said(site: Site, row: Any) -> list[Any]:
    home = None
    if row["home_part"] is not None:
        home = Home(topic=EVENTS, partition=row["home_part"])
    stored = await site.stored(row["conversation_id"], _TURNS, home)
    return [] if stored is None else said_in(stored.turns, for_customer=False)


async def desk(request: Request) -> Response:
    """Show the user's desk."""
    site, identity = site_of(request), _may_work(request)
    person = desk_name_of(request, identity)
    if person is None:
        return site.page(request, "desk_name.html", {**system_state(site), "wrong": None})
    chosen = request.query_params.get("case") or None
    context = await desk_context(site, identity, person, chosen)
    if context["handoff"] is not None:
        record(identity, "opened", desk=person, packet=chosen)
    context |= {"chosen": chosen, "wrong": None}
    return site.page(request, "desk.html", context)


async def desk_stream(request: Request) -> Response:
    """Stream what changes at one person's desk, who is there as long as this is open."""
    site, identity = site_of(request), _may_work(request)
    person = _named(request, identity)
    chosen = request.query_params.get("case") or None
    names = DESK_PARTS if chosen else _LIST_PARTS
    session = session_of(request)
    csrf = "" if session is None else site.sessions.csrf(session)

    async def render() -> dict[str, str]:
        context = await desk_context(site, identity, person, chosen)
        shown = names if context["current"] is not None else _LIST_PARTS
        return site.renderer.parts(shown, {**context, "csrf": csrf, "chosen": chosen})

    key = ("desk", identity, person, chosen, csrf)
    return streamed(site, key, render, _QUICK_S, site.room.worker(person))


async def take_name(request: Request) -> Response:
    """Remember the name that a person gives at the desk, if sign-in gives none."""
    site, identity = site_of(request), _may_work(request)
    form = await site.form(request)
    name = " ".join(form.get("name", "").split())[:_LONGEST_NAME]
    if not name or not name.isprintable():
        context = {**system_state(site), "wrong": "Say a name, of at most 60 letters."}
        return site.page(request, "desk_name.html", context)
    answer = RedirectResponse("/desk", 303)
    if site.admission.people is None:
        known = session_of(request) or new_session()
        site.sessions.set_on(answer, known._replace(desk_name=name), secure=request.state.secure)
    record(identity, "came to the desk", desk=name)
    return answer


async def set_presence(request: Request) -> Response:
    """Come or go, with the queues that are ticked."""
    site, identity = site_of(request), _may_work(request)
    person = _named(request, identity)
    form = await site.form(request)
    allowed = queues_for(site, identity)
    queues = tuple(queue for queue in allowed if queue in form["queues"].split())
    present = form.get("present") == "yes"
    if present and not queues:
        context = await desk_context(site, identity, person, None)
        wrong = "Tick at least one queue, then say that you are here."
        return site.page(request, "desk.html", {**context, "chosen": None, "wrong": wrong})
    try:
        await site.room.set_presence(person, queues, present=present)
    except NotSent as error:
        raise HTTPException(503, str(error)) from None
    site.hub.wake()
    record(identity, "present" if present else "away", desk=person, queues=list(queues))
    return RedirectResponse("/desk", 303)


async def act(request: Request) -> Response:
    """Act on an escalation as every desk does: by an event."""
    site, identity = site_of(request), _may_work(request)
    person = _named(request, identity)
    form = await site.form(request)
    row = await site.view.read(
        lambda connection: view_reads.escalation(connection, form.get("case", ""))
    )
    if row is None or row["queue"] is None or not identity.sees([row["queue"]]):
        raise HTTPException(404, "There is no such escalation.")
    kind = form.get("action", "")
    fields = _fields(site, kind, form)
    if kind in _MINE and row["claimed_by"] != person:
        return site.page(request, "parts/outcome.html", {"text": "It is not yours.", "bad": True})
    try:
        if kind == "replied" and is_ours(row["conversation_id"]):
            await site.chat.say_as_person(row["conversation_id"], person, fields.pop("text"))
        fields.pop("text", None)
        await site.room.act(person, kind, row, fields)
    except NotSent as error:
        return site.page(request, "parts/outcome.html", {"text": str(error), "bad": True})
    except msgspec.ValidationError as error:
        raise HTTPException(400, str(error)) from None
    record(identity, kind, desk=person, packet=row["escalation_id"])
    return site.page(request, "parts/outcome.html", {"text": _DONE[kind], "bad": False})


_DONE: Final = {
    "accepted": "Asked for it.",
    "replied": "Sent.",
    "transferred": "Handed on.",
    "returned": "Given back to the AI agent.",
    "resolved": "Solved.",
    "abandoned": "Ended: the customer left.",
    "rated": "Rated.",
}


def _fields(site: Site, kind: str, form: dict[str, str]) -> dict[str, Any]:
    """Return the fields of a desk event of this kind; HTTPException 400 names what is missing."""
    if kind not in _DONE:
        raise HTTPException(400, "There is no such action.")
    fields: dict[str, Any] = {}
    note = form.get("note", "").strip()[:_LONGEST_TEXT] or None
    if kind == "replied":
        fields["text"] = form.get("text", "").strip()[:_LONGEST_TEXT]
        _require(fields["text"] or form.get("spoke") == "elsewhere", "Write a reply first.")
    elif kind == "transferred":
        fields = {"to_queue": form.get("to_queue"), "note": note}
        _require(fields["to_queue"] in site.topics.queues, "Choose a queue.")
    elif kind == "returned":
        fields = {"reason": form.get("reason", "").strip()[:1000], "note": note}
        _require(fields["reason"], "Say why it goes back to the AI agent.")
    elif kind == "resolved":
        fields["resolution"] = form.get("resolution", "").strip()[:_LONGEST_TEXT] or None
        fields["justified"] = {"yes": True, "no": False}.get(form.get("justified", ""))
    elif kind == "rated":
        _require(form.get("csat") in ("1", "2", "3", "4", "5"), "Choose 1 to 5.")
        fields["csat"] = int(form["csat"])
    return fields


def _require(given: object, otherwise: str) -> None:
    if not given:
        raise HTTPException(400, otherwise)


def _may_work(request: Request) -> Identity:
    identity = identity_of(request)
    if not identity.may_work:
        raise HTTPException(403, "Viewers watch; they do not work at the desk.")
    return identity


def _named(request: Request, identity: Identity) -> str:
    person = desk_name_of(request, identity)
    if person is None:
        raise HTTPException(403, "Say your name at the desk first.")
    return person


ROUTES: Final = [
    Route("/desk", desk),
    Route("/stream/desk", desk_stream),
    Route("/desk/name", take_name, methods=["POST"]),
    Route("/desk/presence", set_presence, methods=["POST"]),
    Route("/desk/act", act, methods=["POST"]),
]
