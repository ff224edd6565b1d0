"""The words that tickets carry: the packet, and what the customer has said since."""

import asyncio
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis

from workers.contracts.handoffs import PacketTurn
from workers.contracts.tickets import Ticket
from workers.contracts.time import from_ms
from workers.contracts.topics import Topics
from workers.handoff.frames import frame
from workers.handoff.markdown import markdown_turns, render_markdown
from workers.handoff.rendering import render_text, render_turns
from workers.redaction.redact import redact
from workers.stores.connection import persist
from workers.stores.conversation_reads import read_turns_from

_MOST_TURNS: Final = 200
_TURN_LIMIT: Final = 4_000
"""Characters of one turn in a comment."""


class NewWords(NamedTuple):
    """The customer's words since the ticket heard of them last; no words where there are none."""

    told: int
    """Entries of the transcript that it has heard of then."""
    text: str
    markdown: str


def packet_words(request: Ticket) -> dict[str, Any]:
    """Return the packet as plain text and as Markdown, and who asks.

    `requester` has the customer's `email` and `name`; it is None where no address is known or
    the queue's redaction hides it.
    """
    packet = request.packet
    if packet is None:
        return {"text": request.subject, "markdown": request.subject, "requester": None}
    customer, requester = packet.customer, None
    if customer is not None and customer.email and "@" in customer.email:
        requester = {"email": customer.email, "name": customer.name or customer.email}
    text, markdown = render_text(packet), render_markdown(packet)
    return {"text": text, "markdown": markdown, "requester": requester}


class TicketTexts:
    """Reads transcripts as tickets show them."""

    def __init__(self, redis: Redis, prefix: str, address: str, topics: Topics) -> None:
        self._redis = redis
        self._prefix = prefix
        self._address = address
        self._topics = topics

    async def since(self, request: Ticket, told: int) -> NewWords:
        """Return what the customer has said after `told` entries, by the queue's redaction."""
        home, name = request.home, request.conversation_id
        turns = await persist(
            lambda: read_turns_from(self._redis, self._prefix, home, name, told, _MOST_TURNS),
            self._address,
        )
        queue = self._topics.queues.get(request.queue)
        rule = "strict" if queue is None else queue.redaction
        said = []
        for turn in turns:
            if turn.role == "customer":
                text = redact(turn.content, rule, _TURN_LIMIT)
                said.append(
                    PacketTurn(
                        event_id=turn.event_id,
                        role=turn.role,
                        at=from_ms(turn.at),
                        text=text,
                        episode=turn.episode,
                    )
                )
                # Hundreds of long messages take seconds: other tickets are not to wait for them.
                await asyncio.sleep(0)
        words = frame(None if request.packet is None else request.packet.language)
        end = told + len(turns)
        if not said:
            return NewWords(end, "", "")
        return NewWords(end, render_turns(said, words), markdown_turns(said, words))
