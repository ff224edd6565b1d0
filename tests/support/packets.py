"""A conversation as the fold would hand it to the packet, for the tests of `workers.handoff`."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from workers.contracts.decisions import Decision, Evidence, Facts, Home, Mood, ToolFact, Turn
from workers.contracts.events import Customer
from workers.contracts.time import from_ms, to_ms

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
LINES: Sequence[tuple[str, str]] = (
    (
        "customer",
        "Hi there! My booking QX7PLM to Porto on Friday was cancelled and I need a new flight.",
    ),
    ("ai_agent", "I'm sorry about that. I can see QX7PLM. Let me look for seats on Friday."),
    ("tool", "Error: gateway timed out"),
    ("ai_agent", "The rebooking service is slow right now, one moment please."),
    ("customer", "I have to be there by 14:00, my sister gets married at 16:00."),
    ("tool", "Error: gateway timed out"),
    ("ai_agent", "I could not reach the rebooking service. Would you like to try later?"),
    ("customer", "Later? This is ridiculous. Let me talk to a human please."),
)


def turns(lines: Sequence[tuple[str, str]] = LINES) -> tuple[Turn, ...]:
    """The lines as a transcript, 20 seconds apart, with event ids e0, e1 and so on."""
    start = to_ms(START)
    return tuple(
        Turn(
            f"e{index}",
            start + index * 20_000,
            role,
            text,
            1,
            "rebook_flight" if role == "tool" else None,
            ("timeout" if text.startswith("Error") else "ok") if role == "tool" else None,
        )
        for index, (role, text) in enumerate(lines)
    )


def facts(transcript: Sequence[Turn], **changes: Any) -> Facts:
    """Facts that belong to the transcript, with `changes`."""
    customer = [turn.event_id for turn in transcript if turn.role == "customer"]
    made = Facts(
        turns=len(transcript),
        started_at=START,
        episode_started_at=START,
        customer=Customer(id="C-1042", name="Mia Li", tier="gold", locale="en-GB"),
        channel="chat",
        customer_turns=len(customer),
        ai_turns=sum(turn.role == "ai_agent" for turn in transcript),
        first_request=customer[0] if customer else None,
        last_request=customer[-1] if customer else None,
        intents=("rebooking",),
        tools=(
            ToolFact(
                name="rebook_flight",
                calls=2,
                failures=2,
                status="timeout",
                event_id="e5",
                error="Error: gateway timed out",
            ),
        )
        if len(transcript) > 5
        else (),
        mood=(Mood(event_id="e7", score=0.7),) if len(transcript) > 7 else (),
    )
    return msgspec.structs.replace(made, **changes)


def decision(known: Facts, transcript: Sequence[Turn], **changes: Any) -> Decision:
    """An escalation caused by the last turn, at its time, with `changes`."""
    cause = transcript[-1].event_id if transcript else "elsewhere"
    at = from_ms(transcript[-1].at) if transcript else START + timedelta(minutes=5)
    made = Decision(
        decision_id="d1",
        conversation_id="c1",
        escalation_id="x1",
        seq=1,
        epoch=1,
        episode=1,
        action="escalate",
        owner="pending",
        reason="explicit_request",
        rule="asks-for-a-person",
        policy_version="1",
        policy_hash="0" * 12,
        evidence=(
            Evidence(
                event_id=cause,
                signal="requested_human",
                score=0.9,
                quote="This is ridiculous. Let me talk to a human please.",
            ),
        ),
        trigger_event_id=cause,
        opened_by=cause,
        decided_at=at,
        home=Home(topic="conversation-events", partition=0),
        facts=known,
    )
    return msgspec.structs.replace(made, **changes)
