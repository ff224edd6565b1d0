"""A dry run of a ticket system's file on one request: nothing is sent or written."""

from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import msgspec

from workers.agents.tickets.ticket_texts import packet_words
from workers.contracts.tickets import Ticket
from workers.outbound.calls import Request
from workers.outbound.ticket_calls import call_made, data_of, question
from workers.outbound.ticket_file import TicketVendor
from workers.outbound.trees import Data, TreeError


def calls_for(vendor: TicketVendor, request: Ticket) -> dict[str, Any]:
    """Return the calls about a request as they would be made; `ticket` has 1 as id and number."""
    plain = msgspec.to_builtins(msgspec.structs.replace(request, packet=None))
    ticket = {"id": "1", "number": "1", "url": None}
    data = data_of(vendor, plain, ticket=ticket, **packet_words(request))
    calls: list[dict[str, Any]] = []
    problems: list[str] = []
    for name, make in _calls(vendor, data):
        try:
            made = make()
        except TreeError as error:
            problems.append(f"{name}: {error}")
            continue
        calls.append({"call": name, **_shown(made)})
    return {"calls": calls, "problems": problems}


def _shown(made: Request | EmailMessage) -> dict[str, Any]:
    if isinstance(made, Request):
        body = None if made.body is None else made.body.decode()
        return {"request": f"{made.method} {made.url}", "headers": made.headers, "body": body}
    headers = {name.lower(): str(value) for name, value in made.items()}
    return {"request": f"mail to {made['To']}", "headers": headers, "body": made.get_content()}


def _calls(vendor: TicketVendor, data: Data) -> Iterator[tuple[str, Any]]:
    file = vendor.file
    if file.find is not None:
        yield "find", _asking(vendor, "find", file.find.url, data)
    for name, calls in (
        ("create", (file.create,)),
        ("update", file.update),
        ("comment", file.comment),
        ("close", file.close),
    ):
        for call in calls:
            yield name, lambda name=name, call=call: call_made(vendor, name, call, data)
    if file.poll is not None:
        yield "poll", _asking(vendor, "poll", file.poll.url, data)


def _asking(vendor: TicketVendor, name: str, url: str, data: Data) -> Any:
    def asked() -> Request:
        return question(vendor, name, url, data)

    return asked
