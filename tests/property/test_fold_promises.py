"""Promises that hold in every history, for any events in any order."""

import msgspec
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.fold_history import History, is_placing
from tests.support.random_histories import POLICIES, Beat, beats, play
from workers.contracts.codec import encode
from workers.contracts.decisions import Decision
from workers.conversation.partition_meta import policy_in
from workers.conversation.state import decode_state, encode_state, next_due
from workers.conversation.step_context import MOVING

BOUND = settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
policies = st.sampled_from(sorted(POLICIES))


class Watch:
    """Looks at a history after each of its events."""

    def __init__(self, policy: str) -> None:
        self.mandatory = {
            rule.name: rule.mandatory for rule in policy_in(POLICIES[policy]).base.rules
        }
        self.seen = 0
        self.owner = "ai"
        self.seq = -1
        self.epoch = 0
        self.open: str | None = None
        self.placing: str | None = None
        self.ended: set[str] = set()
        self.declined_in = -1

    def __call__(self, h: History) -> None:
        """Check what the last event added."""
        for decision in h.decisions[self.seen :]:
            self._sequence(decision)
            if not decision.observe:
                self._life(decision)
            self._silence(decision)
            assert decision.trigger_event_id == h.events[-1].event_id
            assert len(encode(decision)) < 16_000
        self.seen = len(h.decisions)
        self._state(h)

    def _sequence(self, decision: Decision) -> None:
        assert decision.seq > self.seq
        moves = not decision.observe and (
            decision.action in MOVING
            or (decision.action == "move" and decision.cause != "ticketed")
        )
        assert decision.epoch == (decision.seq if moves else self.epoch)
        self.seq, self.epoch = decision.seq, decision.epoch

    def _life(self, decision: Decision) -> None:
        """At most one escalation is open, and each ends in exactly one outcome."""
        escalation = decision.escalation_id
        if decision.action in ("escalate", "offer", "recommend"):
            assert self.owner in ("ai", "closed"), "raised while a person is awaited or owns"
        if decision.action == "escalate" or (decision.action == "claim" and self.open is None):
            assert self.open is None
            assert escalation not in self.ended
            assert decision.opened_by == decision.trigger_event_id
            self.open = escalation
        elif decision.action in ("move", "claim", "transfer", "return", "outcome", "update"):
            assert escalation == self.open
        if decision.action == "update" and decision.lead is None:
            assert (decision.owner, decision.place) == ("pending", "queue")
        assert (decision.outcome is not None) == (decision.action in ("return", "outcome"))
        if decision.outcome is not None:
            assert escalation is not None
            self.ended.add(escalation)
            self.open = None
        if self.open is not None and decision.action not in ("refuse", "suppress", "rate"):
            assert decision.reason is not None
            assert decision.owner in ("pending", "person")
        if is_placing(decision):
            assert decision.target_queue
        self.owner = decision.owner

    def _silence(self, decision: Decision) -> None:
        """Once a person was declined, declinable rules say nothing more in that episode."""
        by_rule = decision.cause is None and decision.reason != "ai_silenced"
        if decision.action in ("escalate", "offer", "recommend") and by_rule:
            assert decision.rule is not None
            if decision.episode == self.declined_in:
                assert self.mandatory[decision.rule]
        if decision.cause == "declined":
            self.declined_in = decision.episode

    def _state(self, h: History) -> None:
        state = h.state
        assert (state.open is not None) == (state.owner in ("pending", "person"))
        assert (state.open.id if state.open else None) == self.open
        assert decode_state("c", encode_state(state)) == state
        assert state.entries == len(h.turns)
        assert (h.blob is None) or len(h.blob) <= 2048
        assert len({kind for kind, _ in state.deadlines}) == len(state.deadlines)
        if state.open is not None:
            assert state.open.placing is not None or next_due(state) is not None, "open for ever"


_BEGUN_WITHOUT_A_MESSAGE = [
    Beat("route", 0, 0, 0),
    Beat("button", 1, 0, 0),
    Beat("desk", 21, 0, 0),
    Beat("customer", 0, 0, 45_000),
]
"""A button asks for a person, who passes the case on; the first message comes a month later."""


@BOUND
@example(_BEGUN_WITHOUT_A_MESSAGE, "default")
@given(beats, policies)
def test_every_history_keeps_the_promises(told: list[Beat], policy: str) -> None:
    h = play(told, policy, after_each=Watch(policy))
    ids = [msgspec.msgpack.decode(turn)[0] for turn in h.turns]
    assert len(set(ids)) == len(ids)


@BOUND
@given(beats, policies)
def test_observing_changes_nothing_for_anybody(told: list[Beat], policy: str) -> None:
    h = play(told, policy, observe=True, after_each=Watch(policy))
    assert {d.owner for d in h.decisions} <= {"ai", "closed"}
    assert {d.epoch for d in h.decisions} <= {0}
    passing = ("suppress", "refuse", "rate")
    ours = [d for d in h.decisions if d.action not in passing and d.lead is None]
    fired = [(d.episode, d.rule or d.reason) for d in ours]
    assert len(fired) == len(set(fired))


@BOUND
@given(beats)
def test_evidence_cites_events_that_happened(told: list[Beat]) -> None:
    h = play(told)
    ids = {event.event_id for event in h.events}
    for decision in h.decisions:
        assert {evidence.event_id for evidence in decision.evidence} <= ids
        facts = decision.facts
        cited = {tool.event_id for tool in facts.tools} | {mood.event_id for mood in facts.mood}
        assert cited | ({facts.first_request, facts.last_request} - {None}) <= ids
        assert all(len(e.quote or "") <= 80 for e in decision.evidence)
