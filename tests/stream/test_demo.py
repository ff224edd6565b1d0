"""The demo, as a newcomer runs it."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import msgspec

from workers.cli.demo.checks import ConversationSummary, problems
from workers.cli.demo.data import Expect, load_conversations
from workers.contracts.decisions import Action, Decision, Facts, Home, Outcome

_AT = datetime(2026, 11, 1, tzinfo=UTC)


def test_the_demo_shows_everything_and_ends_well() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "workers.cli", "demo"],
        check=False,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    for text in (
        "takes it, knowing the whole conversation",
        "is refused: already claimed",
        "claim missed",
        "ticket refused",
        "What the person on",
        "others",
        "audit clean",
        f"all {len(load_conversations())} conversations came to what they should",
        "Where to look next",
    ):
        assert text in done.stdout, text
    assert done.stderr == ""


def decision(action: Action, outcome: Outcome | None = None) -> Decision:
    """Return a decision about a request for a person, on tier 2."""
    return Decision(
        decision_id=f"d-{action}",
        conversation_id="c",
        escalation_id="e",
        seq=1,
        epoch=1,
        episode=1,
        action=action,
        owner="ai",
        reason="explicit_request",
        outcome=outcome,
        policy_version="1",
        policy_hash="0",
        queue="tier_2_support",
        trigger_event_id="t",
        decided_at=_AT,
        home=Home(topic="conversation-events", partition=0),
        facts=Facts(turns=1, started_at=_AT, episode_started_at=_AT),
    )


def test_a_conversation_that_comes_to_something_else_is_told() -> None:
    conversation = load_conversations()[0]
    expect = Expect(
        needs="person", reason="explicit_request", queue="tier_2_support", outcome="resolved"
    )
    needed = replace(conversation, expect=expect)
    decided = [decision("escalate"), decision("claim"), decision("outcome", "resolved")]
    assert problems(ConversationSummary(needed, decided)) == []
    assert problems(ConversationSummary(needed, [])) == ["was not escalated"]
    for field, value, problem in (
        ("outcome", "expired", "outcome is resolved, not expired"),
        ("queue", None, "taken on is tier_2_support, not None"),
        ("shows", ("refused",), "refused did not happen"),
        ("needs", "nobody", "escalated although nobody is needed"),
    ):
        other = msgspec.structs.replace(expect, **{field: value})
        assert problems(ConversationSummary(replace(conversation, expect=other), decided)) == [
            problem
        ]
