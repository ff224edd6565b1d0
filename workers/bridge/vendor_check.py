"""A dry run of a vendor file on one payload: nothing is sent or written."""

from typing import Any

from workers.bridge.vendor_intake import read_payload
from workers.contracts.topics import CONTROL, QUEUE_PREFIX
from workers.outbound.calls import Outgoing, calls_of, request_of
from workers.outbound.trees import Data, TreeError
from workers.outbound.vendor_file import Vendor
from workers.runtime.clock import now_ms


def checked(vendor: Vendor, payload: dict[str, Any], known: Data) -> dict[str, Any]:
    """Return the events of a webhook, or the calls that follow from a message of ours.

    `problems` are those for which the bridge would refuse it.
    """
    if "escalation_id" in payload and "queue" in payload and "seq" in payload:
        return _calls(vendor, QUEUE_PREFIX + str(payload["queue"]), payload, known)
    if "ai_may_reply" in payload:
        return _calls(vendor, CONTROL, payload, known)
    read = read_payload(vendor, payload, known, now_ms())
    return {
        "conversation_id": read.conversation_id,
        "events": [
            {"rule": made.rule, "topic": made.topic, "event": made.event} for made in read.events
        ],
        "noted": read.noted.known,
        "problems": [f"{refusal.reason}: {refusal.detail}" for refusal in read.refused],
    }


def _calls(vendor: Vendor, topic: str, message: dict[str, Any], known: Data) -> dict[str, Any]:
    conversation = str(message.get("conversation_id"))
    if vendor.conversation_id(conversation) is None:
        problem = f"conversation_id: not this vendor's, whose begin with {vendor.prefix}"
        return {"calls": [], "problems": [problem]}
    calls: list[dict[str, Any]] = []
    problems: list[str] = []
    for call in calls_of(vendor, topic):
        try:
            request = request_of(vendor, call, Outgoing(topic, conversation, message), known)
        except TreeError as error:
            problems.append(f"{call.call}: {error}")
            continue
        if request is not None:
            calls.append(
                {
                    "call": request.call,
                    "request": f"{request.method} {request.url}",
                    "headers": request.headers,
                    "body": None if request.body is None else request.body.decode(),
                }
            )
    return {"calls": calls, "problems": problems}
