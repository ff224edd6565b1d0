"""Servers that play the documented ticket APIs of Zendesk, Freshdesk and GitHub, and refuse alike.

Shapes, limits and refusals are those of developer.zendesk.com (Tickets, Idempotency),
developers.freshdesk.com/api (Tickets, Filter Tickets, Notes) and docs.github.com/rest/issues.
"""

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar, Final

from ruamel.yaml import YAML
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from workers.data import data_path

SECRET: Final = "secret-of-the-help-desk"
USER: Final = "handoff@example.com"

Fault = Callable[[Request], Awaitable[Response | None]]
"""The answer that is given instead; None: the system's own."""
Refusal = tuple[int, Any]


class HelpDesk:
    """The common part of the three: tickets by number, and what goes wrong."""

    name: str
    values: ClassVar[dict[str, Any]]
    app: Starlette

    def __init__(self) -> None:
        self.tickets: dict[int, dict[str, Any]] = {}
        self.notes: dict[int, list[str]] = {}
        """The notes that the team reads under each ticket, oldest first."""
        self.asked: list[str] = []
        self.refused: list[Any] = []
        self.fault: Fault | None = None
        self.groups = {36}
        self.after: Callable[[str], Awaitable[None]] | None = None
        """Run once something was done, before it is answered."""

    @property
    def only(self) -> dict[str, Any]:
        """Return the one ticket that there is."""
        (ticket,) = self.tickets.values()
        return ticket

    def file(self, folder: Path, url: str, **changes: Any) -> Path:
        """Copy the shipped file, filled in as docs/tickets.md says, with short waits."""
        yaml = YAML()
        document = yaml.load(data_path("vendors") / f"{self.name}.yaml")
        document["values"] |= {self._address: url, **self.values}
        document["limits"] |= {"per_second": 1000, "timeout_seconds": 2}
        document["find"]["settle_seconds"] = 1
        document["poll"]["every_seconds"] = 0.1
        (name,) = document["secrets"]
        document["secrets"][name] = "secret"
        (folder / "secret").write_text(SECRET)
        for part, change in changes.items():
            document[part] |= change
        yaml.dump(document, folder / f"{self.name}.yaml")
        return folder / f"{self.name}.yaml"

    _address = "base_url"

    def _routes(self, *routes: tuple[str, str, Callable[..., Any]]) -> Starlette:
        def route(path: str, method: str, handler: Callable[..., Any]) -> Route:
            async def handle(request: Request) -> Response:
                return await self._handled(request, f"{method} {path}", handler)

            return Route(path, handle, methods=[method])

        return Starlette(routes=[route(*one) for one in routes])

    async def _handled(self, request: Request, what: str, handler: Callable[..., Any]) -> Response:
        self.asked.append(what)
        if self.fault is not None and (instead := await self.fault(request)) is not None:
            return instead
        if request.headers.get("authorization") != self._login():
            return JSONResponse({"error": "Couldn't authenticate you"}, 401)
        try:
            given = await request.json() if request.method in ("POST", "PUT", "PATCH") else {}
        except ClientDisconnect:
            return Response(status_code=499)
        status, body = handler(request, given)
        if status >= 400:
            self.refused.append(body)
        if self.after is not None:
            await self.after(what)
        return JSONResponse(body, status)

    def _login(self) -> str:
        raise NotImplementedError

    def solve(self, number: int) -> None:
        """Have a person solve a ticket."""
        raise NotImplementedError

    def is_open(self, number: int) -> bool:
        """Return whether people still have to do with a ticket."""
        raise NotImplementedError


class Zendesk(HelpDesk):
    """Zendesk's Tickets API; keys are kept two hours, and a closed ticket takes nothing."""

    name = "zendesk"
    values: ClassVar[dict[str, Any]] = {"user": USER, "groups": {"billing": 36}}

    def __init__(self) -> None:
        super().__init__()
        self._keys: dict[str, tuple[Any, int]] = {}
        self.app = self._routes(
            ("/api/v2/tickets", "POST", self._create),
            ("/api/v2/tickets", "GET", self._list),
            ("/api/v2/tickets/{id:int}", "GET", self._show),
            ("/api/v2/tickets/{id:int}", "PUT", self._update),
        )

    def _login(self) -> str:
        return "Basic " + base64.b64encode(f"{USER}/token:{SECRET}".encode()).decode()

    def _create(self, request: Request, given: Any) -> Refusal:
        key = request.headers.get("idempotency-key")
        if key in self._keys:
            before, number = self._keys[key]
            if before != given:
                problem = "Request parameters don't match the given idempotency key"
                return 400, {"error": "IdempotentRequestError", "description": problem}
            return 201, {"ticket": self.tickets[number]}
        ticket = given.get("ticket", {})
        details = self._details(ticket)
        if not (ticket.get("comment") or {}).get("body"):
            details["base"] = [{"description": "Description: cannot be blank"}]
        if "@" not in (ticket.get("requester") or {}).get("email", ""):
            details["requester"] = [{"description": "Requester: Email is not properly formatted"}]
        if details:
            return _record_invalid(details)
        number = len(self.tickets) + 1
        self.notes[number] = [ticket["comment"]["body"]]
        kept = {name: value for name, value in ticket.items() if name != "comment"}
        self.tickets[number] = {"id": number, "status": "new", "assignee_id": None, **kept}
        if key is not None:
            self._keys[key] = (given, number)
        return 201, {"ticket": self.tickets[number]}

    def _details(self, ticket: dict[str, Any]) -> dict[str, Any]:
        details: dict[str, Any] = {}
        if ticket.get("priority") not in (None, "urgent", "high", "normal", "low"):
            details["priority"] = [{"description": "Priority: is not included in the list"}]
        if ticket.get("group_id") not in (None, *self.groups):
            details["group"] = [{"description": "Group: is invalid"}]
        if ticket.get("status") not in (None, "new", "open", "pending", "hold", "solved"):
            details["status"] = [{"description": "Status: is invalid"}]
        return details

    def _list(self, request: Request, _given: Any) -> Refusal:
        own = request.query_params.get("external_id")
        found = [one for one in self.tickets.values() if one.get("external_id") == own]
        return 200, {"tickets": found, "count": len(found)}

    def _show(self, request: Request, _given: Any) -> Refusal:
        ticket = self.tickets.get(request.path_params["id"])
        return (404, {"error": "RecordNotFound"}) if ticket is None else (200, {"ticket": ticket})

    def _update(self, request: Request, given: Any) -> Refusal:
        ticket = self.tickets.get(request.path_params["id"])
        if ticket is None:
            return 404, {"error": "RecordNotFound"}
        change = given["ticket"]
        details = self._details(change)
        if ticket["status"] == "closed":
            details["status"] = [{"description": "Status: closed prevents ticket update"}]
        if details:
            return _record_invalid(details)
        if "comment" in change:
            self.notes[ticket["id"]].append(change["comment"]["body"])
            assert change["comment"]["public"] is False, "the customer would be mailed it"
        ticket |= {name: value for name, value in change.items() if name != "comment"}
        return 200, {"ticket": ticket}

    def solve(self, number: int) -> None:
        """Have an agent solve a ticket."""
        self.tickets[number] |= {"status": "solved", "assignee_id": 7}

    def is_open(self, number: int) -> bool:
        """Return whether it is neither solved nor closed."""
        return self.tickets[number]["status"] not in ("solved", "closed")


class Freshdesk(HelpDesk):
    """Freshdesk's ticket API; its filter finds a ticket only some time after it was made."""

    name = "freshdesk"
    values: ClassVar[dict[str, Any]] = {"groups": {"billing": 36}}
    indexed_s = 0.5

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[int, float] = {}
        self.app = self._routes(
            ("/api/v2/tickets", "POST", self._create),
            ("/api/v2/search/tickets", "GET", self._search),
            ("/api/v2/tickets/{id:int}", "GET", self._show),
            ("/api/v2/tickets/{id:int}", "PUT", self._update),
            ("/api/v2/tickets/{id:int}/notes", "POST", self._note),
        )

    def _login(self) -> str:
        return "Basic " + base64.b64encode(f"{SECRET}:X".encode()).decode()

    def _create(self, _request: Request, given: Any) -> Refusal:
        missing = [
            {"field": name, "message": "It should be a/an String", "code": "missing_field"}
            for name in ("subject", "description", "email", "status", "priority", "source")
            if not given.get(name)
        ]
        if missing or (errors := self._errors(given)):
            return 400, {"description": "Validation failed", "errors": missing or errors}
        number = len(self.tickets) + 1
        self.notes[number] = [given["description"]]
        self.tickets[number] = {"id": number, "responder_id": None, **given}
        self._made[number] = time.monotonic()
        return 201, self.tickets[number]

    def _errors(self, given: dict[str, Any]) -> list[dict[str, str]]:
        allowed = {"status": (2, 3, 4, 5), "priority": (1, 2, 3, 4), "source": (1, 2, 3, 7, 9, 10)}
        wrong = [
            name for name, values in allowed.items() if given.get(name, values[0]) not in values
        ]
        if any(len(tag) > 32 for tag in given.get("tags", ())):
            wrong.append("tags")
        if given.get("group_id", 36) != 36:
            wrong.append("group_id")
        return [{"field": name, "code": "invalid_value"} for name in wrong]

    def _search(self, request: Request, _given: Any) -> Refusal:
        query = request.query_params["query"]
        if not (query.startswith("\"tag:'") and query.endswith("'\"")):
            return 400, {"description": "Validation failed"}
        found = [
            ticket
            for number, ticket in self.tickets.items()
            if query[6:-2] in ticket["tags"]
            and time.monotonic() - self._made[number] > self.indexed_s
        ]
        return 200, {"total": len(found), "results": found}

    def _show(self, request: Request, _given: Any) -> Refusal:
        ticket = self.tickets.get(request.path_params["id"])
        return (404, None) if ticket is None else (200, ticket)

    def _update(self, request: Request, given: Any) -> Refusal:
        ticket = self.tickets.get(request.path_params["id"])
        if ticket is None:
            return 404, None
        if errors := self._errors(given):
            return 400, {"description": "Validation failed", "errors": errors}
        ticket |= given
        return 200, ticket

    def _note(self, request: Request, given: Any) -> Refusal:
        if request.path_params["id"] not in self.tickets:
            return 404, None
        if not given.get("body"):
            return 400, {"description": "Validation failed"}
        assert given["private"] is True, "the customer would be mailed it"
        self.notes[request.path_params["id"]].append(given["body"])
        return 201, {"body": given["body"]}

    def solve(self, number: int) -> None:
        """Have an agent resolve a ticket."""
        self.tickets[number] |= {"status": 4, "responder_id": 7}

    def is_open(self, number: int) -> bool:
        """Return whether it is neither resolved nor closed."""
        return self.tickets[number]["status"] not in (4, 5)


class GitHub(HelpDesk):
    """GitHub's issues of one repository."""

    name = "github"
    values: ClassVar[dict[str, Any]] = {"repository": "acme/support"}
    _address = "api_url"

    def __init__(self) -> None:
        super().__init__()
        base = "/repos/acme/support/issues"
        self.app = self._routes(
            (base, "POST", self._create),
            (base, "GET", self._list),
            (base + "/{id:int}", "GET", self._show),
            (base + "/{id:int}", "PATCH", self._update),
            (base + "/{id:int}/comments", "POST", self._comment),
        )

    def _login(self) -> str:
        return f"Bearer {SECRET}"

    def _create(self, _request: Request, given: Any) -> Refusal:
        if not given.get("title") or len(given.get("body", "")) > 65_536:
            return 422, {"message": "Validation Failed", "errors": [{"code": "missing_field"}]}
        number = len(self.tickets) + 1
        url = f"https://github.com/acme/support/issues/{number}"
        issue = {"number": number, "state": "open", "html_url": url, "closed_by": None, **given}
        issue["labels"] = [{"name": label} for label in given["labels"]]
        self.tickets[number] = issue
        self.notes[number] = [given["body"]]
        return 201, issue

    def _list(self, request: Request, _given: Any) -> Refusal:
        label = {"name": request.query_params["labels"]}
        newest = sorted(self.tickets.values(), key=lambda issue: -issue["number"])
        return 200, [issue for issue in newest if label in issue["labels"]][:100]

    def _show(self, request: Request, _given: Any) -> Refusal:
        issue = self.tickets.get(request.path_params["id"])
        return (404, {"message": "Not Found"}) if issue is None else (200, issue)

    def _update(self, request: Request, given: Any) -> Refusal:
        issue = self.tickets.get(request.path_params["id"])
        if issue is None:
            return 404, {"message": "Not Found"}
        if given.get("state") not in (None, "open", "closed"):
            return 422, {"message": "Validation Failed"}
        issue |= given
        return 200, issue

    def _comment(self, request: Request, given: Any) -> Refusal:
        if request.path_params["id"] not in self.tickets:
            return 404, {"message": "Not Found"}
        self.notes[request.path_params["id"]].append(given["body"])
        return 201, {"body": given["body"]}

    def solve(self, number: int) -> None:
        """Have somebody close an issue."""
        self.tickets[number] |= {"state": "closed", "closed_by": {"login": "ana"}}

    def is_open(self, number: int) -> bool:
        """Return whether the issue is open."""
        return bool(self.tickets[number]["state"] == "open")


def _record_invalid(details: dict[str, Any]) -> Refusal:
    described = {"error": "RecordInvalid", "description": "Record validation errors"}
    return 422, {**described, "details": details}


async def hang(_request: Request) -> Response | None:
    """Answer nothing for longer than anybody waits; a fault."""
    await asyncio.sleep(3)
    return None
