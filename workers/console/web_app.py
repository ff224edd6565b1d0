"""The console's addresses, and what answers on each."""

from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from workers.console import chat_page, conversation_page, desk_page, now_page
from workers.console.request_guard import Guard, new_session, record
from workers.console.site import Site, session_of, site_of

_STATIC: Final = Path(__file__).with_name("static")
_LONGEST_TOKEN: Final = 512


def web_app(site: Site) -> Starlette:
    """Return the application; `site` is started and ended by the caller."""
    app = Starlette(
        routes=[
            Route("/", now_page.now),
            Route("/queue/{queue}", now_page.queue),
            Route("/conversation", conversation_page.conversation),
            Route("/policy", now_page.policy),
            Route("/search", now_page.search),
            Route("/stream/now", now_page.now_stream),
            Route("/stream/queue/{queue}", now_page.queue_stream),
            Route("/stream/conversation", conversation_page.conversation_stream),
            *desk_page.ROUTES,
            *chat_page.ROUTES,
            Route("/sign-in", _sign_in, methods=["GET", "POST"]),
            Route("/sign-out", _sign_out, methods=["POST"]),
            Route("/live", _live),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ],
        middleware=[Middleware(Guard, admission=site.admission, sessions=site.sessions)],
        exception_handlers={HTTPException: _refused},
    )
    app.state.site = site
    return app


async def _live(_: Request) -> Response:
    return PlainTextResponse("alive\n")


async def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    said = error.detail if isinstance(error, HTTPException) else "That did not work."
    if (status, said) == (404, "Not Found"):
        said = "There is no such page."
    is_page = (
        "text/html" in request.headers.get("accept", "") and "hx-request" not in request.headers
    )
    if request.state.identity is None or not is_page:
        return PlainTextResponse(f"{said}\n", status)
    response = site_of(request).page(request, "error.html", {"status": status, "said": said})
    response.status_code = status
    return response


async def _sign_in(request: Request) -> Response:
    site = site_of(request)
    people = site.admission.people
    if people is None or request.state.identity is not None:
        return RedirectResponse("/", 303)
    wrong = None
    if request.method == "POST":
        form = await site.form(request)
        found = people.by_token(form.get("token", "")[:_LONGEST_TOKEN])
        if found is not None:
            identity, digest = found
            record(identity, "signed in")
            answer = RedirectResponse("/", 303)
            site.sessions.set_on(answer, new_session(digest), secure=request.state.secure)
            return answer
        wrong = "Nobody has this token."
    session = session_of(request) or new_session()
    html = site.renderer.page("sign_in.html", {"csrf": site.sessions.csrf(session), "wrong": wrong})
    response = Response(html, 401 if wrong else 200, media_type="text/html")
    site.sessions.set_on(response, session, secure=request.state.secure)
    return response


async def _sign_out(request: Request) -> Response:
    site = site_of(request)
    await site.form(request)
    answer = RedirectResponse("/sign-in", 303)
    site.sessions.set_on(answer, new_session(), secure=request.state.secure)
    return answer
