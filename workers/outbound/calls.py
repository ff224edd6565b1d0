"""Turns one of our messages into the requests that a vendor file asks for."""

from typing import Any, NamedTuple

import orjson

from workers.contracts.ids import derive
from workers.outbound.signatures import OutScheme, sign
from workers.outbound.trees import Data, fill, holds, render
from workers.outbound.vendor_file import Vendor, VendorCall, part_of


class Outgoing(NamedTuple):
    """One message of ours for a vendor."""

    topic: str
    conversation_id: str
    message: dict[str, Any]


class Request(NamedTuple):
    """One request, ready to be sent."""

    call: str
    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None
    done: tuple[int, ...]
    again: tuple[int, ...] = ()


def calls_of(vendor: Vendor, topic: str) -> tuple[VendorCall, ...]:
    """Return the calls that may follow from a message of a topic."""
    outbound = vendor.file.outbound
    if outbound is None:
        return ()
    return outbound.queue if part_of(topic) == "queue" else outbound.control


def request_of(vendor: Vendor, call: VendorCall, outgoing: Outgoing, known: Data) -> Request | None:
    """Return the request of one call; None when its condition does not hold.

    TreeError when a template does not fit the message.
    """
    outbound = vendor.file.outbound
    if outbound is None:
        return None
    data = data_of(vendor, call.call, outgoing, known)
    if not holds(call.when, data):
        return None
    headers = {
        name.lower(): render(value, data)
        for name, value in {**outbound.headers, **call.headers}.items()
    }
    body = None
    if call.json is not None:
        body = orjson.dumps(fill(call.json, data))
        headers["content-type"] = "application/json"
    if call.sign is not None and outbound.sign_with is not None:
        headers |= _signature(vendor, call.sign, outbound.sign_with, data["key"], body or b"")
    return Request(call.call, call.method, render(call.url, data), headers, body, call.done)


def _signature(
    vendor: Vendor, scheme: OutScheme, name: str, message_id: str, body: bytes
) -> dict[str, str]:
    if not vendor.has_secrets:
        return {"webhook-signature": f"<signed with {name}>"}
    return sign(scheme, vendor.secrets[name][0], message_id, body)


def data_of(vendor: Vendor, call: str, outgoing: Outgoing, known: Data) -> dict[str, Any]:
    """Return the names that a call's expressions and templates may use.

    `key` is the same each time this call of this message is made.
    """
    message = outgoing.message
    parts = [outgoing.topic, outgoing.conversation_id]
    parts += [str(message.get(name, "")) for name in ("type", "epoch", "seq", "revision")]
    return {
        **vendor.base,
        "message": message,
        "conversation_id": outgoing.conversation_id,
        "id": vendor.conversation_id(outgoing.conversation_id) or "",
        "known": known,
        "key": derive("call", vendor.name, call, *parts),
    }
