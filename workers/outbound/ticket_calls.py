"""Turns a request for a ticket into the ticket system's calls, and its answers into the ticket."""

from collections.abc import Mapping
from email.message import EmailMessage
from typing import Any, NamedTuple

import msgspec
import orjson

from workers.contracts.ids import derive
from workers.outbound.calls import Request
from workers.outbound.ticket_file import TicketCall, TicketTree, TicketVendor
from workers.outbound.ticket_mail import mail_of
from workers.outbound.trees import Data, TreeError, evaluate, fill, holds, render

_TAG_DIGITS = 20
"""Digits of a tag: Freshdesk's have at most 32 characters."""


class VendorTicket(NamedTuple):
    """A ticket as its system names it."""

    id: str
    number: str
    url: str | None


def key_of(vendor: TicketVendor, ticket_request_id: str) -> str:
    """Return the idempotency key under which a request's ticket is made, the same each time."""
    return derive("ticket-call", vendor.name, ticket_request_id)


def data_of(vendor: TicketVendor, request: Mapping[str, Any], **more: Any) -> Data:
    """Return the names about a request that the file's expressions and templates may use.

    `more` is `text` and `markdown`, and what there is of `ticket`, `answer` and `requester`.
    """
    request_id = str(request.get("ticket_request_id", ""))
    key = key_of(vendor, request_id)
    tag = f"handoff-{key.replace('-', '')[:_TAG_DIGITS]}"
    return {**vendor.base, "request": request, "key": key, "tag": tag, "requester": None, **more}


def call_made(
    vendor: TicketVendor, name: str, call: TicketCall, data: Data
) -> Request | EmailMessage:
    """Return one call, ready to be sent; TreeError when a template does not fit the data."""
    if call.mail is not None and vendor.file.mail is not None:
        return mail_of(vendor.file.mail, name, call.mail, data)
    return _request(vendor, name, call, data)


def _request(vendor: TicketVendor, name: str, call: TicketCall, data: Data) -> Request:
    headers = {
        header.lower(): render(value, data)
        for header, value in {**vendor.file.headers, **call.headers}.items()
    }
    body = None
    if call.json is not None:
        body = orjson.dumps(fill(call.json, data))
        headers["content-type"] = "application/json"
    url = render(call.url or "", data)
    return Request(name, call.method, url, headers, body, call.done, call.again)


def question(vendor: TicketVendor, name: str, url: str, data: Data) -> Request:
    """Return the GET of `find` or `poll`; TreeError as of `call_made`."""
    return _request(vendor, name, TicketCall(method="GET", url=url), data)


def answer_of(body: bytes) -> Any:
    """Return the JSON of an answer; None when it is none."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None


def ticket_in(tree: TicketTree, data: Data) -> VendorTicket | None:
    """Return the ticket that an answer names; None when it names none or does not fit the file."""
    try:
        own = _text(fill(tree.id, data))
        if own is None:
            return None
        number = _text(fill(tree.number, data)) or own
        return VendorTicket(own[:256], number[:256], _web(_text(fill(tree.url, data))))
    except TreeError:
        return None


def refusal_of(expression: str | None, body: bytes) -> str | None:
    """Return the kind of a refusal as its answer says it, in one short line."""
    if expression is None:
        return None
    try:
        found = evaluate(expression, {"answer": answer_of(body)})
    except TreeError:
        return None
    return " ".join(found.split())[:100] if isinstance(found, str) else None


def is_solved(vendor: TicketVendor, data: Data) -> bool:
    """Return whether a poll's answer says that a person has solved the ticket."""
    poll = vendor.file.poll
    try:
        return poll is not None and holds(poll.solved, data)
    except TreeError:
        return False


def agent_in(vendor: TicketVendor, data: Data) -> str | None:
    """Return who has solved the ticket, if a poll's answer says so."""
    poll = vendor.file.poll
    if poll is None or poll.agent is None:
        return None
    try:
        found = _text(evaluate(poll.agent, data))
    except TreeError:
        return None
    return None if found is None else found[:256]


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, bool | dict | list):
        return None
    return str(value).strip() or None


def _web(address: str | None) -> str | None:
    if address is None or len(address) > 1000:
        return None
    return address if address.startswith(("https://", "http://")) else None
