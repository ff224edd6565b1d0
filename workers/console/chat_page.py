"""A customer's window of the console's own chat system, and what the system makes of it beside."""

import sqlite3
from typing import Any, Final
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from workers.console import view_reads
from workers.console.access import Identity
from workers.console.ai_agents import Line
from workers.console.chat_system import ChatLine, holds, is_ours, new_conversation_id, said_in
from workers.console.conversation_page import conversation_context
from workers.console.event_sender import NotSent
from workers.console.now_page import system_state
from workers.console.site import Site, identity_of, site_of
from workers.console.streaming import streamed

CHAT_PARTS: Final = {
    "now-state": "parts/state.html",
    "chat-said": "parts/chat_said.html",
    "chat-offer": "parts/chat_offer.html",
    "chat-behind": "parts/chat_behind.html",
}
_TURNS: Final = 200
_CONTROLS: Final = 100
_LONGEST: Final = 4_000
_LONGEST_NAME: Final = 80
_QUICK_S: Final = 0.3


async def chat_context(site: Site, identity: Identity, conversation_id: str) -> dict[str, Any]:
    """Return what the window shows, and what is behind it."""

    def read(connection: sqlite3.Connection) -> tuple[Any, Any]:
        told = view_reads.controls_of(connection, conversation_id, _CONTROLS)
        return told, holds(connection, conversation_id)

    told, held = await site.view.read(read)
    stored = await site.stored(conversation_id, _TURNS)
    said = [] if stored is None else said_in(stored.turns, for_customer=True)
    said += [ChatLine(row["at"], "notice", row["text"]) for row in told if row["text"]]
    said.sort(key=lambda one: one.at)
    behind: dict[str, Any] = {"items": [], "current": None, "stands": None, "missing": []}
    if stored is not None:
        try:
            behind |= await conversation_context(site, identity, conversation_id, None)
        except HTTPException:
            # It is on a queue that this person may not see; the customer's side stays.
            behind["missing"] = ["It is on a queue that you may not see."]
    return {
        **behind,
        **system_state(site),
        "identity": identity,
        "rule": behind.get("rule", "strict"),
        "conversation_id": conversation_id,
        "said": said,
        "held": held,
        "ai_name": site.chat.ai_name,
    }


async def begin(request: Request) -> Response:
    """Ask who the customer is."""
    site, _ = site_of(request), _may_chat(request)
    return site.page(request, "chat_begin.html", {**system_state(site)})


async def start(request: Request) -> Response:
    """Begin a conversation; nothing is on the log before the customer writes."""
    site, _ = site_of(request), _may_chat(request)
    form = await site.form(request)
    name = " ".join(form.get("name", "").split())[:_LONGEST_NAME] or "Robin Falk"
    tier = form.get("tier", "")
    query = "&tier=premium" if tier == "premium" else ""
    return RedirectResponse(f"/chat/{new_conversation_id()}?name={quote(name)}{query}", 303)


async def window(request: Request) -> Response:
    """Show the customer's window."""
    site, identity = site_of(request), _may_chat(request)
    conversation_id = _conversation_id(request)
    context = await chat_context(site, identity, conversation_id)
    return site.page(
        request,
        "chat.html",
        {
            **context,
            "name": request.query_params.get("name", "")[:_LONGEST_NAME],
            "tier": request.query_params.get("tier", "")[:_LONGEST_NAME],
        },
    )


async def chat_stream(request: Request) -> Response:
    """Stream what is said in one conversation, and what is made of it."""
    site, identity = site_of(request), _may_chat(request)
    conversation_id = _conversation_id(request)
    seer = identity._replace(name="")

    async def render() -> dict[str, str]:
        return site.renderer.parts(CHAT_PARTS, await chat_context(site, seer, conversation_id))

    return streamed(site, ("chat", seer, conversation_id), render, _QUICK_S)


async def say(request: Request) -> Response:
    """Take what the customer types."""
    site, _ = site_of(request), _may_chat(request)
    conversation_id = _conversation_id(request)
    form = await site.form(request)
    text = form.get("text", "").strip()[:_LONGEST]
    if not text:
        raise HTTPException(400, "Write something first.")
    name = form.get("name", "").strip()[:_LONGEST_NAME]
    customer: dict[str, Any] = {"id": f"customer-{conversation_id[-6:]}"}
    customer |= {"name": name} if name else {}
    customer |= {"tier": "premium"} if form.get("tier") == "premium" else {}
    stored = await site.stored(conversation_id, _TURNS)
    history = [
        Line(one.role, one.text)
        for one in ([] if stored is None else said_in(stored.turns, for_customer=True))
    ]
    return await _sent(
        site, request, site.chat.say_as_customer(conversation_id, text, customer, history)
    )


async def answer_offer(request: Request) -> Response:
    """Take the button that the customer presses under an offer."""
    site, _ = site_of(request), _may_chat(request)
    conversation_id = _conversation_id(request)
    accepted = (await site.form(request)).get("accepted") == "yes"
    return await _sent(site, request, site.chat.answer_offer(conversation_id, accepted=accepted))


async def _sent(site: Site, request: Request, sending: Any) -> Response:
    try:
        await sending
    except NotSent as error:
        answer = site.page(request, "parts/outcome.html", {"text": str(error), "bad": True})
        answer.status_code = 503
        return answer
    return site.page(request, "parts/outcome.html", {"text": "", "bad": False})


def _may_chat(request: Request) -> Identity:
    identity = identity_of(request)
    if not identity.may_work:
        raise HTTPException(403, "Viewers watch; the chat is for trying it.")
    return identity


def _conversation_id(request: Request) -> str:
    conversation_id: str = request.path_params["conversation"]
    if not is_ours(conversation_id) or len(conversation_id) > 64 or not conversation_id.isascii():
        raise HTTPException(404, "There is no such conversation.")
    return conversation_id


ROUTES: Final = [
    Route("/chat", begin),
    Route("/chat", start, methods=["POST"]),
    Route("/chat/{conversation}", window),
    Route("/chat/{conversation}/say", say, methods=["POST"]),
    Route("/chat/{conversation}/offer", answer_offer, methods=["POST"]),
    Route("/stream/chat/{conversation}", chat_stream),
]
