"""A desk in a page: it says who is there, claims what waits on its queue, and reports the end.

Run it after `handoff up`, in a shell with the printed export line:
python examples/desk.py premium_support kim
"""

import json
import os
import sys
import time
import uuid
from datetime import UTC, datetime

from confluent_kafka import Consumer, Producer

SERVERS = {"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP"]}
PRESENCE_S = 30  # topics.yaml's `presence_seconds` is the limit; after that the queue is skipped
PATIENCE_S = float(os.environ.get("EXAMPLE_PATIENCE_S", "inf"))

producer = Producer({**SERVERS, "acks": "all", "enable.idempotence": True})


def report(kind: str, key: str, **fields: object) -> None:
    """Write one event to `desk-events`, acknowledged by Kafka before this returns."""
    event = {
        "type": kind,
        "event_id": str(uuid.uuid4()),
        "occurred_at": datetime.now(UTC).isoformat(),
        **fields,
    }
    producer.produce("desk-events", key=key, value=json.dumps(event))
    if producer.flush(10):
        raise SystemExit("Kafka did not acknowledge a report within 10 seconds")


class Desk:
    """One person on one queue."""

    def __init__(self, queue: str, agent: str) -> None:
        self.queue = queue
        self.agent = agent
        # A real desk stores this: per escalation the greater (epoch, seq, revision) wins.
        self._seen: dict[str, tuple[int, int, int]] = {}

    def present(self) -> None:
        """Report that this person is there; a queue without reports is skipped."""
        presence = {"agents_online": 1, "free_slots": 3, "agents": [self.agent]}
        # Several desks may report for one queue: each has an id of its own.
        presence["desk_id"] = f"desk-{self.agent}"
        report("presence", self.queue, queue=self.queue, **presence)

    def act(self, kind: str, work: dict, **fields: object) -> None:
        """Report what this person did with an escalation, under the epoch of its message."""
        about = {name: work[name] for name in ("escalation_id", "conversation_id", "epoch")}
        about |= {"queue": self.queue, "agent_id": self.agent}
        report(kind, work["conversation_id"], **about, **fields)

    def take(self, message: dict) -> None:
        """Handle one message of the queue."""
        if message["type"] == "refused":  # the answer to one event of a desk
            if message.get("agent_id") == self.agent:
                print(f"refused: {message['reason']}", flush=True)
            return
        rank = (message["epoch"], message["seq"], message.get("revision", 0))
        if rank <= self._seen.get(message["escalation_id"], (-1, -1, -1)):
            return
        self._seen[message["escalation_id"]] = rank
        first = message.get("assignee")  # the person whom the customer knows goes first
        if first not in (None, self.agent):
            print(f"left to {first}", flush=True)
        elif message["type"] == "handoff":  # a customer waits: show the packet, ask for the case
            # A desk with a list takes the smallest `sort_at` first.
            print("why:  ", message["packet"]["why"]["text"])
            print("wants:", message["packet"]["wants"]["text"], flush=True)
            self.act("accepted", message)
        elif message["type"] == "claimed" and message["agent_id"] == self.agent:  # it is ours
            print("claimed by", self.agent, flush=True)
            self.act("replied", message)
            self.act("resolved", message, resolution="Invoice corrected", justified=True)
        elif message["type"] == "withdrawn":  # moved, taken back or ended: not ours any more
            print(f"withdrawn: {message['reason']}", flush=True)


def main() -> None:
    """Work on a queue until stopped."""
    if len(sys.argv) != 3:
        raise SystemExit("usage: desk.py QUEUE NAME, for example: desk.py premium_support kim")
    desk = Desk(sys.argv[1], sys.argv[2])
    consumer = Consumer(
        {**SERVERS, "group.id": f"desk-{desk.queue}", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([f"handoff-{desk.queue}"])
    until, next_presence = time.monotonic() + PATIENCE_S, 0.0
    while time.monotonic() < until:
        if time.monotonic() >= next_presence:
            desk.present()
            next_presence = time.monotonic() + PRESENCE_S
        message = consumer.poll(1)
        if message is not None and not message.error():
            desk.take(json.loads(message.value()))
    consumer.close()


if __name__ == "__main__":
    main()
