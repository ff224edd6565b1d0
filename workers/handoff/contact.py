"""The check that the person who answers a ticket knows how to reach the customer."""

from collections.abc import Sequence
from typing import Final, Literal

from workers.contracts.decisions import Decision, Turn
from workers.contracts.ledger import Plan
from workers.redaction.contact_details import Ways, ways_in

Way = Literal["email", "phone"]
_ASKED: Final[tuple[Way, ...]] = ("email", "phone")
_READ: Final = 20
"""The customer's last turns that are read for an address or number."""


def ways_to_ask(decision: Decision, plan: Plan, transcript: Sequence[Turn]) -> tuple[Way, ...]:
    """Return what to ask a customer for, for whom `plan` asks a ticket; empty where one is known.

    `transcript` is the conversation's up to the decision. What the chat system or the customers
    themselves have said of it counts.
    """
    if plan.place != "ticket" or decision.observe:
        return ()
    said = [turn for turn in transcript if turn.role == "customer"]
    if said and (said[-1].customer_email or said[-1].customer_phone):
        return ()
    nothing = Ways(None, None)
    given = any(ways_in(turn.content) != nothing for turn in said[-_READ:])
    return () if given else _ASKED
