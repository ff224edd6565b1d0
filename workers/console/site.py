"""Objects that every page needs, made once for a console."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from workers.console.access import Admission, Identity
from workers.console.chat_system import ChatSystem
from workers.console.desk_room import DeskRoom
from workers.console.event_sender import EventSender
from workers.console.live_parts import Hub
from workers.console.page_rendering import Renderer
from workers.console.request_guard import Session, Sessions, new_session
from workers.console.system_samples import Samplers
from workers.console.topic_follower import TopicFollower
from workers.console.view_file import ViewFile
from workers.contracts.decisions import Home
from workers.contracts.topics import EVENTS, Topics
from workers.settings import Settings
from workers.stores.conversation_reads import Stored, read_conversation

_FORM_FIELDS = 40
_FORM_BYTES = 64 * 1024
_STORE_S = 3.0


@dataclass
class Site:
    """The parts of a running console."""

    settings: Settings
    topics: Topics
    view: ViewFile
    follower: TopicFollower
    samplers: Samplers
    redis: Redis | None
    hub: Hub
    sessions: Sessions
    admission: Admission
    sender: EventSender
    room: DeskRoom
    chat: ChatSystem
    renderer: Renderer = field(default_factory=Renderer)

    @property
    def partitions(self) -> int:
        """Return the number of partitions that the log may have; the store is asked for each."""
        return self.topics.topics[EVENTS].partitions

    async def stored(
        self, conversation_id: str, last: int, home: Home | None = None
    ) -> Stored | None:
        """Return what the store has of a conversation, with its last turns.

        None if it has nothing or does not answer; `samplers.store_answers` tells which.
        """
        if self.redis is None:
            return None
        try:
            async with asyncio.timeout(_STORE_S):
                return await read_conversation(
                    self.redis,
                    self.settings.redis_prefix,
                    EVENTS,
                    self.partitions if home is None else [home.partition],
                    conversation_id,
                    last,
                )
        except (RedisError, OSError, TimeoutError):
            self.samplers.store_answers = False
            return None

    def page(self, request: Request, template: str, context: dict[str, Any]) -> Response:
        """Return a page with the parts that all pages share; start a session if there is none."""
        identity, session = identity_of(request), session_of(request)
        fresh = session or new_session()
        html = self.renderer.page(
            template,
            {
                "identity": identity,
                "csrf": self.sessions.csrf(fresh),
                "session": fresh,
                "path": request.url.path,
                "signs_in": self.admission.people is not None,
                **context,
            },
        )
        response = HTMLResponse(html)
        if session is None:
            self.sessions.set_on(response, fresh, secure=request.state.secure)
        return response

    async def form(self, request: Request) -> dict[str, str]:
        """Return the fields of a form that a page of ours sent; HTTPException otherwise."""
        length = request.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > _FORM_BYTES:
            raise HTTPException(413, "too long")
        async with request.form(max_files=0, max_fields=_FORM_FIELDS) as form:
            fields = {name: str(value) for name, value in form.multi_items()}
            queues = [str(value) for value in form.getlist("queue")]
        session = session_of(request)
        if session is None or not self.sessions.is_ours(session, fields.pop("csrf", "")):
            raise HTTPException(403, "This form is too old. Load the page again.")
        return {**fields, "queues": " ".join(queues)}


def site_of(request: Request) -> Site:
    """Return the console that a request came to."""
    site: Site = request.app.state.site
    return site


def identity_of(request: Request) -> Identity:
    """Return the user; the guard lets no one else reach the pages."""
    identity: Identity | None = request.state.identity
    if identity is None:
        raise HTTPException(401)
    return identity


def session_of(request: Request) -> Session | None:
    """Return the session of the user's browser, if it has one."""
    session: Session | None = request.state.session
    return session
