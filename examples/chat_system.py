"""A chat system in a page: it reports what is said and obeys what it is told.

Run it after `handoff up`, in a shell with the printed export line: python examples/chat_system.py
"""

import json
import os
import time
import uuid
from datetime import UTC, datetime

from confluent_kafka import Consumer, Producer

SERVERS = {"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP"]}
PATIENCE_S = float(os.environ.get("EXAMPLE_PATIENCE_S", "30"))

# All producers must map a conversation to the same partition. Clients built on librdkafka
# need `partitioner` for what Java's client, aiokafka and `handoff send` do by themselves.
producer = Producer(
    {
        **SERVERS,
        "acks": "all",
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
    }
)


def report(conversation: str, **fields: object) -> None:
    """Write one event of a conversation, acknowledged by Kafka before this returns."""
    event = {
        "event_id": str(uuid.uuid4()),  # the same id again changes nothing
        "conversation_id": conversation,
        "occurred_at": datetime.now(UTC).isoformat(),
        **fields,
    }
    producer.produce("conversation-events", key=conversation, value=json.dumps(event))
    if producer.flush(10):
        raise SystemExit("Kafka did not acknowledge an event within 10 seconds")


class Controls:
    """The control messages of conversations: the greatest (epoch, seq) of each one holds."""

    def __init__(self) -> None:
        self._consumer = Consumer(
            {**SERVERS, "group.id": f"chat-{uuid.uuid4()}", "auto.offset.reset": "earliest"}
        )
        self._consumer.subscribe(["conversation-control"])
        # A real chat system stores this with the conversation.
        self.held: dict[str, dict] = {}
        self._shown: dict[str, dict] = {}

    def _obey(self, control: dict) -> None:
        """Keep a message unless it is a repeat, or older than what is held."""
        name = control["conversation_id"]
        known = self.held.get(name, {"epoch": -1, "seq": -1})
        if (control["epoch"], control["seq"]) > (known["epoch"], known["seq"]):
            self.held[name] = control

    def next(self, conversation: str) -> dict:
        """Return what holds in a conversation as soon as it is new."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            control = self.held.get(conversation)
            if control is not None and control is not self._shown.get(conversation):
                self._shown[conversation] = control
                return control
            message = self._consumer.poll(1)
            if message is not None and not message.error():
                self._obey(json.loads(message.value()))
        raise SystemExit(f"nothing was said about {conversation} within {PATIENCE_S:g} seconds")


def main() -> None:
    """Play two conversations: one asks for a person, one accepts the offer of one."""
    controls = Controls()
    run = uuid.uuid4().hex[:6]

    asks = f"example-asks-{run}"
    ada = {"id": "C-7", "name": "Ada Moreau", "tier": "premium"}
    aria = {"id": "aria", "version": "4.2", "confidence": 0.83, "intents": ["invoice_question"]}
    report(
        asks,
        role="customer",
        content="My invoice is wrong again.",
        customer=ada,
        channel="chat",
    )
    report(asks, role="ai_agent", content="I see a total of 80 euros. Is that it?", agent=aria)
    report(asks, role="customer", content="It should be 40. Let me talk to a person, please.")
    control = controls.next(asks)
    print(f"{asks}: bot may speak: {control['ai_may_reply']}, tell the customer: {control['text']}")

    offered = f"example-offered-{run}"
    report(offered, role="customer", content="The promo code does nothing.", channel="chat")
    report(offered, role="ai_agent", content="It needs a basket of 50 euros.", agent=aria)
    report(
        offered,
        role="customer",
        content="Nowhere does it say that. This is so frustrating, your site is a joke!",
    )
    control = controls.next(offered)
    print(f"{offered}: {control['kind']}: {control['text']}")
    if control["kind"] == "offer":  # the customer pressed the button "Yes, please"
        report(offered, type="offer_reply", accepted=True)
        control = controls.next(offered)
        print(f"{offered}: bot may speak: {control['ai_may_reply']}, owner: {control['owner']}")

    # From now on the bot of both conversations is silent until a message lets it speak again.
    while control["owner"] != "ai":
        control = controls.next(asks)
        print(f"{asks}: owner: {control['owner']}, tell the customer: {control['text']}")


if __name__ == "__main__":
    main()
