"""Facts about a conversation in a decision, for the packet and for explanations.

Decisions are kept for months, and in the ledger for good: they hold people's words strictly
redacted, and no customer's name. Packets take both from the transcript.
"""

from typing import TYPE_CHECKING, overload

from workers.contracts.decisions import Earlier, Facts, Mood, ToolFact
from workers.contracts.events import Customer
from workers.contracts.time import DAY, from_ms
from workers.redaction.redact import redact

if TYPE_CHECKING:
    from workers.conversation.state import State, Tool


def facts_of(state: "State") -> Facts:
    """Return the facts after an event; built only when a decision is made."""
    episode = state.episode
    return Facts(
        turns=state.turns,
        history=state.history,
        unread=state.unread,
        started_at=from_ms(state.started_at),
        episode_started_at=from_ms(episode.started_at),
        customer=_customer(state),
        channel=state.channel,
        subject=_hidden(state.subject),
        ticket_id=state.ticket_id,
        tenant=state.tenant,
        customer_turns=episode.customer_turns,
        ai_turns=episode.ai_turns,
        first_request=episode.first_request,
        last_request=episode.last_request,
        intents=tuple([_hidden(intent) for intent in episode.intents])
        or tuple([one.intent for one in episode.noted_intents]),
        confidence=episode.confidences,
        tools=tuple([_tool(tool) for tool in episode.tools]),
        mood=tuple([Mood(event_id=event_id, score=score) for event_id, score in episode.mood]),
        ai_note=_hidden(episode.ai_note),
        desk_note=_hidden(state.desk_note),
        earlier=tuple(
            [
                Earlier(
                    escalation_id=ended.escalation_id,
                    reason=ended.reason,
                    outcome=ended.outcome,
                    ended_at=from_ms(ended.ended_at),
                    note=_hidden(ended.note),
                )
                for ended in state.earlier
            ]
        ),
        last_person=_last_person(state),
    )


def _last_person(state: "State") -> str | None:
    """Return who had the conversation lately, unless they have let go of this escalation."""
    if state.clock - state.last_person_at > DAY or (state.open and state.open.claimed_at):
        return None
    return state.last_person


@overload
def _hidden(text: str) -> str: ...
@overload
def _hidden(text: str | None) -> str | None: ...
def _hidden(text: str | None) -> str | None:
    return redact(text, "strict") if text else text


def _customer(state: "State") -> Customer | None:
    customer = Customer(
        id=_hidden(state.customer_id),
        tier=state.tier,
        locale=state.locale,
        dedicated_agent=state.dedicated_agent,
    )
    return None if customer == Customer() else customer


def _tool(tool: "Tool") -> ToolFact:
    return ToolFact(
        name=_hidden(tool.name),
        calls=max(tool.calls, tool.results),
        failures=tool.failures,
        status=tool.status,
        event_id=tool.event_id,
        error=tool.error,
    )
