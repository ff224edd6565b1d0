"""Offers of a person: the customer accepts, refuses, or lets them lapse."""

from typing import Final

from workers.contracts.events import OfferReply
from workers.conversation.evidence import CurrentWords, evidence_of
from workers.conversation.rules import consider, open_escalation, signals_of
from workers.conversation.state import Offer, drop_due
from workers.conversation.step_context import StepContext
from workers.detection import THRESHOLD, CustomerFindings
from workers.policy import RuleSignal


def offer_reply(run: StepContext, event: OfferReply) -> None:
    """Apply the button; pressed after the offer lapsed it is the customer's word all the same."""
    if run.state.owner != "ai":
        return
    if not event.accepted:
        decline(run, None)
    elif run.state.episode.offer is not None:
        accept(run, None)
    else:
        signals = signals_of(run.state)
        signals.requested_human = 1.0
        consider(run, signals)


ANSWER_LIMIT: Final = 40
"""Characters of an answer to an offer once the AI has gone on speaking."""


def asks(findings: CustomerFindings) -> float:
    """Return the score of a message as a request for a person; 0 if it is doubtful."""
    request = findings.requested_human
    return request.score if request is not None and request.score >= THRESHOLD else 0.0


def takes_offer(offer: Offer, said: CurrentWords, findings: CustomerFindings) -> bool:
    """Return True if a message accepts the offer: by an unambiguous yes, or a request."""
    if asks(findings):
        return True
    return findings.accepts is not None and findings.refuses is None and _is_meant(offer, said)


def refuses_offer(offer: Offer, said: CurrentWords, findings: CustomerFindings) -> bool:
    """Return True if a message refuses the offer: by an unambiguous no, or as no longer needed."""
    refused = findings.refuses is not None or findings.withdraws is not None
    return refused and _is_meant(offer, said)


def _is_meant(offer: Offer, said: CurrentWords) -> bool:
    return not offer.ai_spoke or (not offer.ai_asked and len(said.text) <= ANSWER_LIMIT)


def accept(run: StepContext, said: CurrentWords | None) -> None:
    """Escalate by the rule that offered."""
    offer = run.state.episode.offer
    if offer is None:
        return
    found = RuleSignal("offer_accepted", 1.0)
    if said is not None and isinstance(said.findings, CustomerFindings) and asks(said.findings):
        found = RuleSignal("requested_human", asks(said.findings))
    evidence = evidence_of([found], run.state.episode, run.event.event_id, said)
    open_escalation(
        run,
        (offer.key,),
        reason=offer.reason,
        rule=offer.rule,
        target_queue=offer.target,
        claim_minutes=offer.claim_minutes,
        reply_minutes=offer.reply_minutes,
        cause="offer_accepted",
        evidence=evidence,
    )


def decline(run: StepContext, said: CurrentWords | None) -> None:
    """Keep declinable rules silent in this episode; said once, when an offer was refused."""
    episode = run.state.episode
    offer, episode.offer, episode.declined = episode.offer, None, True
    drop_due(run.state, "offer")
    if offer is None or offer.key in episode.silenced:
        return
    episode.silenced = (*episode.silenced, offer.key)
    run.emit(
        "suppress",
        reason=offer.reason,
        rule=offer.rule,
        cause="declined",
        target_queue=offer.target,
        evidence=evidence_of([RuleSignal("declined", 1.0)], episode, run.event.event_id, said),
    )
