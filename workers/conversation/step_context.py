"""One application of `step`: the state it makes, and the effects so far."""

from collections.abc import Set
from typing import Any, Final

from workers.contracts import ids
from workers.contracts.decisions import (
    Action,
    AiAgent,
    ClassificationRequest,
    Decision,
    Home,
)
from workers.contracts.events import Event
from workers.contracts.tickets import Notification
from workers.contracts.time import from_ms
from workers.conversation.facts import facts_of
from workers.conversation.state import Escalation, State
from workers.detection import DETECTION_VERSION
from workers.policy import Policy, PolicyView

Effect = Decision | ClassificationRequest | Notification

MOVING: Final = frozenset({"escalate", "claim", "transfer", "return", "outcome"})
"""Actions that change owner or place; a `move` does unless it only reports the ticket's number."""
TOLD: Final = frozenset({"claim", "transfer", "return", "outcome"})
"""Actions that become an entry of the transcript's history; placements are told by `routed`."""


class StepContext:
    """The event at hand and what it does; `state` and its episode belong to this run alone."""

    __slots__ = ("effects", "event", "home", "observe", "policy", "silenced", "state", "view")

    def __init__(
        self,
        state: State,
        event: Event,
        policy: Policy,
        home: Home,
        observe: bool,
        silenced: Set[str],
    ) -> None:
        self.state = state
        self.event = event
        self.policy = policy
        self.home = home
        self.observe = observe
        self.silenced = silenced
        self.effects: list[Effect] = []
        self.view: PolicyView
        self.look()

    def look(self) -> None:
        """Take the view of the policy for this customer as far as they are known now."""
        state = self.state
        self.view = self.policy.view_for(state.tenant, state.tier, state.channel)

    def emit(
        self,
        action: Action,
        escalation: Escalation | None = None,
        *,
        observe: bool = False,
        **fields: Any,
    ) -> int:
        """Add a decision about `escalation`, or about none, and return its seq.

        The state's owner is the one after the decision; `fields` outrank the escalation's.
        """
        state, event = self.state, self.event
        state.seq = max(state.seq + 1, state.clock)
        moves = action in MOVING or (action == "move" and fields.get("cause") != "ticketed")
        if moves and not observe:
            state.epoch = state.seq
        if action in TOLD and not observe:
            state.history += 1
        if escalation is not None:
            fields = {**_about(escalation), **fields}
        subject = fields.get("escalation_id") or event.conversation_id
        self.effects.append(
            Decision(
                decision_id=ids.decision_id(subject, action, state.seq),
                conversation_id=event.conversation_id,
                seq=state.seq,
                epoch=state.epoch,
                episode=state.number,
                action=action,
                owner=state.owner,
                policy_version=self.policy.version,
                policy_hash=self.policy.hash,
                detection_version=DETECTION_VERSION,
                trigger_event_id=event.event_id,
                decided_at=from_ms(state.clock),
                ai_agent=AiAgent(id=state.ai_id, version=state.ai_version),
                home=self.home,
                observe=observe,
                facts=facts_of(state),
                **fields,
            )
        )
        return state.seq


def _about(escalation: Escalation) -> dict[str, Any]:
    return {
        "escalation_id": escalation.id,
        "reason": escalation.reason,
        "rule": escalation.rule,
        "score": escalation.score,
        "level": escalation.level,
        "target_queue": escalation.target,
        "queue": escalation.queue,
        "place": escalation.place,
        "tried": escalation.tried,
        "claim_minutes": escalation.claim_minutes,
        "reply_minutes": escalation.reply_minutes,
        "opened_by": escalation.opened_by,
        "opened_at": from_ms(escalation.opened_at),
        "person": escalation.person,
        "ticket_id": escalation.ticket_id,
        "claimed_at": from_ms(escalation.claimed_at) if escalation.claimed_at else None,
        "replied_at": from_ms(escalation.replied_at) if escalation.replied_at else None,
        "transfers": escalation.hops,
        "priority": escalation.priority,
    }
