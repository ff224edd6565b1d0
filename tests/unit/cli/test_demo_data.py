"""The demo's conversations: what each is said to come to is what the shipped policy makes of it."""

from collections import Counter, deque
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest

from tests.support.packet_checks import require_carried, require_honest
from workers.cli.demo.data import (
    SHOWN,
    WAITS,
    Broken,
    Conversation,
    Desk,
    PresenceStep,
    Say,
    WaitStep,
    load_conversations,
    load_stage,
)
from workers.contracts.codec import Raw, decode_event
from workers.contracts.decisions import Decision, Home, Reason, Turn
from workers.contracts.events import Deadline, Event, Ownership, Routed
from workers.contracts.rejections import Rejected
from workers.contracts.time import from_ms, to_ms
from workers.contracts.topics import Topics, load_topics
from workers.conversation.state import State, next_due
from workers.conversation.step import step
from workers.conversation.transcript import turns_of
from workers.data import data_path
from workers.handoff.notices import Notices
from workers.handoff.packet import build_packet, words_before_transcript
from workers.policy import load_policy
from workers.routing.availability import LastPresence, Load
from workers.routing.plan import is_placing, plan

NOW = 1_793_000_000_000
HOME = Home(topic="conversation-events", partition=0)
CONVERSATIONS = load_conversations()
POLICY = load_policy(data_path("policies/default.yaml").read_text(), "default.yaml")
TOPICS = load_topics(
    load_stage().topics(data_path("topics.yaml").read_text()), "topics.yaml on stage"
)


class Playing:
    """One conversation on the fold and the ladder, without servers: all that is decided."""

    def __init__(self, conversation: Conversation, topics: Topics) -> None:
        self.conversation, self.topics = conversation, topics
        self.state, self.clock = State(), NOW
        self.seen: deque[str] = deque()
        self.decisions: list[Decision] = []
        self.placed: list[tuple[str, str | None, tuple[str, ...]]] = []
        self.turns: list[Turn] = []
        self.packets: list[int] = []
        self.ids: set[str] = set()
        self.rejected = 0
        self.repeated = 0
        full = conversation.expect.shows == ("overflow_full",)
        online = {
            queue: LastPresence(NOW, len(stage), None, frozenset(stage))
            for queue in topics.queues
            for stage in [load_stage().online(queue)]
        }
        self.load = Load(NOW, {"billing": 1} if full else {}, online)

    def play(self) -> None:
        for index, one in enumerate(self.conversation.steps):
            if isinstance(one, WaitStep):
                if one.of is None:
                    self.wait(one.seen)
            elif isinstance(one, Desk):
                self.desk(index, one)
            elif isinstance(one, PresenceStep):
                presence = {**self.load.presence, one.queue: LastPresence(NOW, len(one.online))}
                self.load = Load(NOW, self.load.waiting, presence)
            else:
                ahead = round(one.ahead_s * 1000) if isinstance(one, Say) else 0
                self.clock = max(self.clock, NOW) + 500
                for value in self.conversation.records(index, self.clock - ahead):
                    self.deliver(value)

    def deliver(self, value: bytes) -> None:
        raw = Raw(self.conversation.id.encode(), value, (), self.clock)
        try:
            event = decode_event(raw)
        except Rejected:
            self.rejected += 1
            return
        if event.event_id in self.ids:
            self.repeated += 1
            return
        self.ids.add(event.event_id)
        self.apply(event)

    def apply(self, event: Event) -> None:
        earlier, before = self.state, self.state.owner
        self.state, effects = step(self.state, event, POLICY, HOME)
        self.turns += turns_of(event, earlier, self.state, effects)
        for effect in effects:
            if isinstance(effect, Decision):
                self.decided(effect)
        if before != "ai" and self.state.owner == "ai":
            self.seen.append("ai")

    def decided(self, decision: Decision) -> None:
        self.decisions.append(decision)
        seen = {"offer": "offer", "claim": "joined", "refuse": "refused"}.get(decision.action)
        if decision.outcome == "withdrawn":
            seen = "withdrawn"
        if seen:
            self.seen.append(seen)
        planned = plan(decision, self.topics, self.load, self.clock)
        if decision.action in ("offer", "claim", "return"):
            assert Notices().notice(decision, planned)
        if not is_placing(decision) or planned.place is None:
            return
        packet = build_packet(decision.facts, self.turns, decision, "standard")
        self.packets.append(words_before_transcript(packet))
        require_honest(packet)
        require_carried(packet, decision)
        reasons = tuple(skip.reason for skip in planned.skipped)
        self.placed.append((planned.place, planned.queue, reasons))
        self.seen.append("packet" if planned.place == "queue" else planned.place)
        self.apply(
            Routed(
                type="routed",
                event_id=f"r-{decision.decision_id}",
                conversation_id=decision.conversation_id,
                occurred_at=decision.decided_at,
                decision_id=decision.decision_id,
                escalation_id=decision.escalation_id or "",
                seq=decision.seq,
                place=planned.place,
                queue=planned.queue or "ticket",
                rung=planned.rung,
                skipped=planned.skipped,
                claim_due_at=planned.claim_due_at,
                reply_minutes=planned.reply_minutes,
                expires_at=planned.expires_at,
            )
        )

    def wait(self, wanted: str) -> None:
        """Look for what is awaited; let time pass when only that can bring it."""
        if wanted not in self.seen:
            due = next_due(self.state)
            assert due is not None, f"waits for {wanted} for ever; saw {list(self.seen)}"
            assert due < self.clock + 60_000, f"would wait {due - self.clock} ms for {wanted}"
            self.pass_deadlines(due)
        assert wanted in self.seen, f"waits for {wanted}; saw {list(self.seen)}"
        while self.seen.popleft() != wanted:
            pass

    def pass_deadlines(self, until: int) -> None:
        self.clock = max(self.clock, until)
        event = Deadline(
            type="deadline",
            event_id=f"d-{until}",
            conversation_id=self.conversation.id,
            occurred_at=from_ms(self.clock),
            due_at=from_ms(until),
        )
        self.apply(event)

    def desk(self, index: int, one: Desk) -> None:
        escalation = next(d for d in reversed(self.decisions) if d.escalation_id)
        self.clock += 500
        self.apply(
            Ownership(
                type="ownership",
                event_id=f"o-{index}",
                conversation_id=self.conversation.id,
                occurred_at=from_ms(self.clock),
                action=one.action,
                escalation_id=escalation.escalation_id or "",
                desk_event_id=f"desk-{index}",
                epoch=self.state.epoch,
                queue=(self.placed[-1][1] or "ticket") if self.placed else "tier_2_support",
                **one.fields,
            )
        )

    @property
    def shown(self) -> set[str]:
        """Return the features of the product that this conversation shows."""
        found = {f"overflow_{r.removesuffix('_online')}" for _, _, rs in self.placed for r in rs}
        found |= {place for place, _, _ in self.placed if place != "queue"}
        found |= {"refused" for d in self.decisions if d.action == "refuse"}
        found |= {"returned" for d in self.decisions if d.action == "return"}
        found |= {"transferred" for d in self.decisions if d.action == "transfer"}
        found |= {"claim_missed" for d in self.decisions if d.cause == "claim_missed"}
        found |= {"level_raised" for d in self.decisions if d.cause == "mandatory_rule"}
        found |= {"withdrawn" for d in self.decisions if d.outcome == "withdrawn"}
        found |= {"offer_accepted" for d in self.decisions if d.cause == "offer_accepted"}
        found |= {"offer_declined" for d in self.decisions if d.cause == "declined"}
        found |= {"duplicates"} if self.repeated else set()
        found |= {"malformed"} if self.rejected else set()
        found |= {"stale_ai_turn" for turn in self.turns if turn.status == "stale"}
        return found


@pytest.fixture(params=CONVERSATIONS, ids=lambda conversation: conversation.id)
def played(request: pytest.FixtureRequest) -> Playing:
    playing = Playing(request.param, TOPICS)
    playing.play()
    return playing


def test_it_comes_to_what_it_says(played: Playing) -> None:
    expect = played.conversation.expect
    escalated = [d for d in played.decisions if d.action == "escalate"]
    ends = [d for d in played.decisions if d.outcome]
    claims = [d.queue for d in played.decisions if d.action == "claim"]
    if expect.needs == "nobody":
        assert not escalated
    else:
        assert [d.reason for d in escalated] == [expect.reason]
        assert [d.outcome for d in ends] == [expect.outcome]
        assert claims[-1:] == ([expect.queue] if expect.queue else [])
    assert set(expect.shows) - {"redacted"} <= played.shown
    assert all(words <= 120 for words in played.packets)


def test_every_message_is_an_event_of_the_contract() -> None:
    for conversation in CONVERSATIONS:
        for index, one in enumerate(conversation.steps):
            if isinstance(one, Broken):
                with pytest.raises(Rejected):
                    _decoded(conversation, index)
            elif not isinstance(one, WaitStep | Desk | PresenceStep):
                assert _decoded(conversation, index)


def _decoded(conversation: Conversation, index: int) -> list[Event]:
    key = conversation.id.encode()
    return [decode_event(Raw(key, value, (), NOW)) for value in conversation.records(index, NOW)]


def test_together_they_show_everything_and_most_need_nobody() -> None:
    assert len(CONVERSATIONS) >= 26
    assert len({one.id for one in CONVERSATIONS}) == len(CONVERSATIONS)
    expects = [one.expect for one in CONVERSATIONS]
    calm = sum(expect.needs == "nobody" for expect in expects)
    assert calm / len(expects) >= 0.6, "most need no person: add one to settled.yaml"
    by_hand = {"human_initiative", "lead_request", "ai_silenced"}
    assert {e.reason for e in expects if e.reason} == set(get_args(Reason)) - by_hand
    assert {shown for e in expects for shown in e.shows} == set(SHOWN)
    assert len({one.industry for one in CONVERSATIONS}) >= 12
    languages = Counter((one.customer.locale or "en")[:2] for one in CONVERSATIONS)
    assert {"en", "de", "fr", "es", "it", "pt", "nl"} <= set(languages)


def test_waits_name_what_exists() -> None:
    ids = {one.id for one in CONVERSATIONS}
    for conversation in CONVERSATIONS:
        for one in _steps(conversation, WaitStep):
            assert one.seen in WAITS
            assert one.of is None or one.of in ids
        for desk in _steps(conversation, Desk):
            assert desk.fields.get("agent_id") in {None, *load_stage().people}
        for presence in _steps(conversation, PresenceStep):
            assert presence.queue in TOPICS.queues


def _steps(conversation: Conversation, kind: Any) -> Iterator[Any]:
    return (one for one in conversation.steps if isinstance(one, kind))


def test_messages_are_dated_back_from_the_end_in_their_order() -> None:
    for conversation in CONVERSATIONS:
        ahead = [one.ahead_s for one in conversation.steps if isinstance(one, Say)]
        assert ahead == sorted(ahead, reverse=True), conversation.id
        assert ahead[-1] == 0.0 or conversation.expect.reason == "stalled", conversation.id
        assert ahead[0] >= 7, f"{conversation.id}: too few messages before the first other step"


def test_the_stage_changes_only_what_it_names() -> None:
    shipped = load_topics(data_path("topics.yaml").read_text(), "topics.yaml")
    assert TOPICS.topics == shipped.topics
    changed = load_stage().queues
    for name, queue in shipped.queues.items():
        if name not in changed:
            assert TOPICS.queues[name] == queue
    assert TOPICS.queues["billing"].max_waiting == 1
    assert to_ms(from_ms(NOW)) == NOW
    assert msgspec.to_builtins(TOPICS.queues["tier_2_support"])["max_waiting"] > 1
