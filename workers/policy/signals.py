"""Signals: a policy's view of a conversation at one event."""

import msgspec


class Signals(msgspec.Struct):
    """The signals that rules and routes may ask about; the fold fills them in for each event.

    Scores are 0 to 1. Those of `this event` are 0 at every other event, the rest stand until
    something changes them.
    """

    requested_human: float = 0.0
    """This event: the customer asks for a person."""
    frustrated: float = 0.0
    """This event: the customer is frustrated with the service."""
    promised_person: float = 0.0
    """This event: the AI agent tells the customer that a person is coming."""
    requested_escalation: str | None = None
    """This event: the AI agent asks for a person, for this reason."""
    tool_calls: tuple[str, ...] = ()
    """This event: the tools that the AI agent calls."""
    text: str = ""
    """This event: the customer's words."""
    stalled_minutes: float = 0.0
    """Minutes for which the customer has been waiting for an answer."""
    mood: float = 0.0
    """Frustration of the customer's messages in this episode, each earlier one by half."""
    solved: float = 0.0
    """The customer or the AI agent said that the problem is solved."""
    turns: int = 0
    """Messages of the customer and of the AI agent in this episode."""
    confidences: tuple[float, ...] = ()
    """The AI agent's last ones, at most eight, oldest first."""
    context_used: float = 0.0
    """Share of the AI agent's context window that is full."""
    tool_failures: int = 0
    """Failures in a row, of one tool or of all together, without one success since."""
    repeated_by_ai: int = 0
    repeated_by_customer: int = 0
    repeated_by_tool: int = 0
    """Number of calls of the same tool with the same arguments beyond the first."""
    intents: tuple[str, ...] = ()
    """Intents of this episode, as the AI agent or the classifier named them."""
    found_intents: tuple[str, ...] = ()
    """Intents that detection found in this episode; none where any was named."""
    ai_answered: bool = False
    """This event: the AI agent answers with words, and could have named an intent."""
    tier: str | None = None
    channel: str | None = None
    tenant: str | None = None
    locale: str | None = None


POLICY_EXCEPTION = "policy_exception"
"""The reason by which an AI agent asks for something that its own rules do not allow."""
FOUND_INTENTS = "found_intents"
"""The signal of intents that detection found in the customer's words."""


def slope(values: tuple[float, ...]) -> float:
    """Return the change per step of the line of least squares; 0 for fewer than two values."""
    n = len(values)
    if n < 2:
        return 0.0
    middle = (n - 1) / 2
    spread = n * (n * n - 1) / 12
    return sum([(i - middle) * value for i, value in enumerate(values)]) / spread
