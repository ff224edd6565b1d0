"""`escalation-outcomes`: what came of each escalation and offer, for reports."""

from typing import Annotated, Literal

import msgspec

from workers.contracts.decisions import AiAgent, Outcome, PredictedWait, Reason
from workers.contracts.events import Count, Csat, Id, Place, Word
from workers.contracts.time import Instant

OutcomeKind = Literal["escalated", "offered", "declined", "ended", "rated"]


class OutcomeRecord(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One escalation opened, ended or rated, or one offer made or declined; it quotes no person.

    Readers drop repeats by `decision_id`.
    """

    version: Literal[1] = 1
    decision_id: Id
    kind: OutcomeKind
    conversation_id: Id
    escalation_id: Id | None = None
    decided_at: Instant
    reason: Reason | None = None
    rule: Word | None = None
    policy_version: Word
    policy_hash: Word
    ai_agent: AiAgent = AiAgent()
    intents: tuple[Word, ...] = ()
    tier: Word | None = None
    tenant: Word | None = None
    channel: Word | None = None
    queue: Word | None = None
    """The queue at the end; for one that was opened or offered, the queue that the policy wants."""
    place: Place | None = None
    tried: tuple[Word, ...] = ()
    level: Count = 0
    outcome: Outcome | None = None
    """Outcome, on the record of an end."""
    opened_at: Instant | None = None
    claimed_at: Instant | None = None
    replied_at: Instant | None = None
    claim_minutes: Annotated[float, msgspec.Meta(ge=0)] | None = None
    """The policy's limit for the claim; None: the queue's own."""
    predicted_wait: PredictedWait | None = None
    """Estimated wait, on an end that was claimed, where the queue's past allowed an estimate."""
    transfers: Count = 0
    justified: bool | None = None
    csat: Csat | None = None
    """Rating from 1 to 5, the best; on `rated` only."""
    observe: bool = False
    """The worker only observed: no customer was handed over."""
