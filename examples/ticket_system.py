"""A ticket system in a page: it makes one ticket per request and says so, or says why not.

Run it after `handoff up`, in a shell with the printed export line: python examples/ticket_system.py
"""

import json
import os
import time
import uuid
from datetime import UTC, datetime

from confluent_kafka import Consumer, Producer

SERVERS = {"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP"]}
PATIENCE_S = float(os.environ.get("EXAMPLE_PATIENCE_S", "inf"))

producer = Producer({**SERVERS, "acks": "all", "enable.idempotence": True})
# A real ticket system keeps both: the number of each request, and the greatest (epoch, seq).
tickets: dict[str, str] = {}
seen: dict[str, tuple[int, int]] = {}


def answer(kind: str, request: dict, **fields: object) -> None:
    """Answer a request on `desk-events`, under its epoch."""
    event = {
        "type": kind,
        # Derived, so that a request that comes twice is answered once.
        "event_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{kind} {request['ticket_request_id']}")),
        "occurred_at": datetime.now(UTC).isoformat(),
        **{name: request[name] for name in ("escalation_id", "conversation_id", "queue", "epoch")},
        **fields,
    }
    producer.produce("desk-events", key=request["conversation_id"], value=json.dumps(event))
    if producer.flush(10):
        raise SystemExit("Kafka did not acknowledge an answer within 10 seconds")


def take(request: dict) -> None:
    """Make the ticket of a request, or close it when the escalation no longer needs it."""
    rank = (request["epoch"], request["seq"])
    if rank <= seen.get(request["escalation_id"], (-1, -1)):
        return
    seen[request["escalation_id"]] = rank
    key = request["ticket_request_id"]
    if request["type"] == "withdrawn":
        if key in tickets:
            print(f"{tickets[key]}: closed, no longer needed", flush=True)
        return
    if not request["subject"].strip():
        answer("ticket_refused", request, reason="a ticket needs a subject")
        return
    tickets.setdefault(key, f"T-{1000 + len(tickets)}")
    print(f"{tickets[key]} for {request['queue']}: {request['subject']}", flush=True)
    # `ticket_url`, where people open it, may be said as well.
    answer("ticketed", request, ticket_id=tickets[key])


def main() -> None:
    """Make tickets until stopped."""
    consumer = Consumer({**SERVERS, "group.id": "my-tickets", "auto.offset.reset": "earliest"})
    consumer.subscribe(["support-tickets"])
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        message = consumer.poll(1)
        if message is not None and not message.error():
            take(json.loads(message.value()))
    consumer.close()


if __name__ == "__main__":
    main()
