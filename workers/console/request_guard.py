"""Checks on every request: host, origin, identity, rates; and headers of every answer."""

import json
import logging
import secrets
import time
from collections import OrderedDict
from http.cookies import SimpleCookie
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workers.console.access import LOOPBACK_LEAD, Admission, Identity

COOKIE: Final = "handoff_console"
SESSION_S: Final = 12 * 3600
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_SAFE: Final = frozenset({"GET", "HEAD"})
_OPEN: Final = ("/static/", "/sign-in", "/live")
"""Paths that are answered without sign-in: they reveal nothing."""
_MOST_BUCKETS: Final = 10_000
CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS: Final = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}

audit = logging.getLogger("workers.console.audit")


class Session(NamedTuple):
    """The content of a browser's signed cookie."""

    id: str
    digest: str | None = None
    """Digest of the token that they signed in with."""
    desk_name: str | None = None
    """Name under which the person works at the desk, if sign-in gives none."""


class Bucket:
    """So many requests at once, and so many more a second."""

    __slots__ = ("_at", "_burst", "_left", "_per_s")

    def __init__(self, burst: float, per_s: float) -> None:
        self._burst, self._per_s = burst, per_s
        self._left, self._at = burst, time.monotonic()

    def take(self) -> bool:
        """Take one; False when there is none."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


_RATES: Final = {"read": (400.0, 60.0), "write": (30.0, 4.0), "sign-in": (10.0, 0.1)}


class RateLimits:
    """A bucket per kind and caller; the callers that were seen longest ago are forgotten."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[tuple[str, str], Bucket] = OrderedDict()

    def take(self, kind: str, caller: str) -> bool:
        """Take one request of a kind; False when the caller has to wait."""
        key = (kind, caller)
        bucket = self._buckets.pop(key, None) or Bucket(*_RATES[kind])
        self._buckets[key] = bucket
        if len(self._buckets) > _MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return bucket.take()


class Sessions:
    """Signs and reads the cookie, and the tokens against forged forms that belong to it."""

    def __init__(self, secret: str) -> None:
        self._cookie = URLSafeTimedSerializer(secret, salt="session")
        self._csrf = URLSafeSerializer(secret, salt="csrf")

    def read(self, headers: Headers) -> Session | None:
        """Return the session of a request; None without one, or when it is not ours or too old."""
        cookies: SimpleCookie = SimpleCookie()
        try:
            cookies.load(headers.get("cookie", "")[:8192])
            return Session(*self._cookie.loads(cookies[COOKIE].value, max_age=SESSION_S))
        except (BadSignature, KeyError, TypeError, ValueError):
            return None
        except Exception:  # noqa: BLE001 - whatever a cookie can hold is no session
            return None

    def set_on(self, response: Response, session: Session, *, secure: bool) -> None:
        """Give a session to the browser."""
        response.set_cookie(
            COOKIE,
            self._cookie.dumps(list(session)),
            max_age=SESSION_S,
            httponly=True,
            samesite="strict",
            secure=secure,
        )

    def csrf(self, session: Session) -> str:
        """Return what the forms of a session carry."""
        return str(self._csrf.dumps(session.id))

    def is_ours(self, session: Session, token: str) -> bool:
        """Return True if a form was made for this session."""
        try:
            return secrets.compare_digest(str(self._csrf.loads(token)), session.id)
        except BadSignature:
            return False


class Guard:
    """Stands before everything; handlers find `identity` and `session` in the state."""

    def __init__(self, app: ASGIApp, admission: Admission, sessions: Sessions) -> None:
        self._app = app
        self._admission = admission
        self._sessions = sessions
        self._limits = RateLimits()
        self._on_loopback = admission.people is None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is refused, and pass on the rest; as ASGI has it."""
        if scope["type"] != "http":
            # There are no web sockets here.
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                if not scope["path"].startswith("/static/"):
                    headers["cache-control"] = "no-store"
            await send(message)

        refusal = self._admit(scope)
        await (refusal or self._app)(scope, receive, sending)

    def _admit(self, scope: Scope) -> Response | None:
        """Return what a request is refused with; None: it may pass."""
        request = Request(scope)
        headers, path = request.headers, request.url.path
        if self._on_loopback and not _is_local(headers.get("host", "")):
            return PlainTextResponse("This console answers on localhost only.\n", 421)
        if request.method not in _SAFE and not _same_origin(headers):
            return PlainTextResponse("This form came from another site.\n", 403)
        session = self._sessions.read(headers)
        identity = self._identify(request, session)
        scope.setdefault("state", {}).update(
            identity=identity, session=session, secure=not self._on_loopback
        )
        address = request.client.host if request.client else "?"
        who = address if identity is None or self._on_loopback else identity.name
        if path == "/sign-in" and request.method not in _SAFE:
            kind, who = "sign-in", address
        else:
            kind = "read" if request.method in _SAFE else "write"
        if self._on_loopback and kind == "write" and session is not None:
            who = session.id
        if not self._limits.take(kind, who):
            return PlainTextResponse(
                "Too many requests. Wait a moment.\n", 429, headers={"retry-after": "5"}
            )
        if identity is None and not path.startswith(_OPEN):
            is_page = "text/html" in headers.get("accept", "") and "hx-request" not in headers
            if request.method in _SAFE and is_page:
                return RedirectResponse("/sign-in", 303)
            return PlainTextResponse("Sign in first.\n", 401)
        return None

    def _identify(self, request: Request, session: Session | None) -> Identity | None:
        people = self._admission.people
        if people is None:
            return LOOPBACK_LEAD
        header = self._admission.user_header
        if header is not None and self._admission.is_proxy(
            request.client.host if request.client else None
        ):
            # A name given twice is one that the caller has added.
            names = request.headers.getlist(header)
            return people.by_name(names[0]) if len(names) == 1 else None
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            found = people.by_token(token.strip())
            return found[0] if found else None
        if session is not None and session.digest is not None:
            return people.by_digest(session.digest)
        return None


def new_session(digest: str | None = None, desk_name: str | None = None) -> Session:
    """Return a new session, unlike all others."""
    return Session(secrets.token_urlsafe(18), digest, desk_name)


def record(identity: Identity, what: str, **about: Any) -> None:
    """Write who did what into the audit log: one line for any ids."""
    told = {"who": identity.name, "role": identity.role, "did": what, **about}
    audit.info("%s", json.dumps(told))


def _is_local(host: str) -> bool:
    try:
        return urlsplit(f"//{host}").hostname in _LOCAL
    except ValueError:
        return False


def _same_origin(headers: Headers) -> bool:
    """Return True if the page that sent a form is ours; browsers say so in one of two headers."""
    origin = headers.get("origin")
    if origin is not None:
        try:
            return urlsplit(origin).netloc == headers.get("host")
        except ValueError:
            return False
    return headers.get("sec-fetch-site", "none") in ("same-origin", "none")
