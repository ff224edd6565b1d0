"""Turns a decision into the record of what came of it."""

from typing import Final

from workers.contracts.decisions import Decision
from workers.contracts.outcomes import OutcomeKind, OutcomeRecord

_ENDS: Final = ("return", "outcome")


def outcome_of(decision: Decision) -> OutcomeRecord | None:
    """Return what a report needs of a decision; None when it opens, offers, ends and rates nothing.

    The claim of a person who speaks first opens an escalation, too.
    """
    kind = _kind(decision)
    if kind is None:
        return None
    facts, ended = decision.facts, kind == "ended"
    where = ended or kind == "rated"
    return OutcomeRecord(
        decision_id=decision.decision_id,
        kind=kind,
        conversation_id=decision.conversation_id,
        escalation_id=decision.escalation_id,
        decided_at=decision.decided_at,
        reason=decision.reason,
        rule=decision.rule,
        policy_version=decision.policy_version,
        policy_hash=decision.policy_hash,
        ai_agent=decision.ai_agent,
        intents=facts.intents,
        tier=facts.customer.tier if facts.customer is not None else None,
        tenant=facts.tenant,
        channel=facts.channel,
        queue=decision.queue if where else decision.target_queue,
        place=decision.place if ended else None,
        tried=decision.tried if ended else (),
        level=decision.level,
        outcome=decision.outcome,
        opened_at=decision.opened_at,
        claimed_at=decision.claimed_at if ended else None,
        replied_at=decision.replied_at if ended else None,
        claim_minutes=decision.claim_minutes,
        predicted_wait=decision.predicted_wait,
        transfers=decision.transfers,
        justified=decision.justified if ended else None,
        csat=decision.csat,
        observe=decision.observe,
    )


def _kind(decision: Decision) -> OutcomeKind | None:
    if decision.outcome is not None and decision.action in _ENDS:
        return "ended"
    if decision.action == "escalate":
        return "escalated"
    if decision.action == "claim" and decision.reason == "human_initiative":
        # Only the claim that opened it: a later one, after a transfer, has another trigger.
        return "escalated" if decision.trigger_event_id == decision.opened_by else None
    if decision.action == "offer":
        return "offered"
    if decision.action == "rate":
        return "rated"
    if decision.action == "suppress" and decision.cause == "declined":
        # A rule that stays silent in an episode with a declined offer has other evidence.
        return "declined" if [one.signal for one in decision.evidence] == ["declined"] else None
    return None
