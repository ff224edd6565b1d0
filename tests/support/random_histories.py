"""Random histories of one conversation, with everything that can happen to it in any order."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st

from tests.support.fold_history import ANGRY, ASKS, CALM, POLICY, History
from workers.contracts.events import Lead, Message, ToolCall
from workers.contracts.time import MINUTE, from_ms
from workers.conversation.state import next_due
from workers.data import data_path

POLICIES: Final = {
    "test": POLICY,
    "default": data_path("policies/default.yaml").read_text(),
    "basic": data_path("policies/basic.yaml").read_text(),
}
SAYS: Final = (
    CALM,
    ASKS,
    ASKS,
    ANGRY,
    "Yes please",
    "No thanks.",
    "Never mind, I found it myself.",
    "Great, thanks, that solved it.",
    "My invoice for February shows the wrong billing address and tax number.",
    "Is there anybody there?",
)
ANSWERS: Final = (
    "Which address should it be?",
    "I'm transferring you to a human agent now.",
    "Would you like me to connect you to a human agent?",
    "Please restart the router and check the green light again.",
    "",
)
QUEUES: Final = ("tier_2_support", "billing", "premium_support", "legal")
DESK: Final = (
    *("accepted", "replied", "transferred", "returned", "resolved"),
    *("rated", "abandoned", "ticketed", "ticket_refused"),
)
PAUSES: Final = (0, 0, 0, 0, 0, 0, 1, 4, 12, 35, -30, 700, 45_000)


class Beat(NamedTuple):
    """One event to come: its kind and three numbers that it is made from."""

    kind: str
    a: int
    b: int
    pause: int


def _customer(h: History, a: int, b: int) -> None:
    fields: dict[str, Any] = {}
    if b % 4 == 0:
        tier = ("standard", "premium", "gold")[b % 3]
        fields = {"customer": {"id": "k-1", "tier": tier, "locale": "de-DE"}, "channel": "chat"}
    h.customer(SAYS[a % len(SAYS)], **fields)


def _ai(h: History, a: int, b: int) -> None:
    agent: dict[str, Any] = {}
    if b % 2:
        agent |= {"confidence": (b % 10) / 10, "context_tokens": b, "context_limit": 20}
    if b % 5 == 0:
        agent["intents"] = (("leaving", "billing_problem", "greeting")[b % 3],)
    if b % 7 == 0:
        agent["epoch"] = max(0, h.state.epoch - (b % 2))
    if b % 6 == 0:
        agent["asks"] = ("policy_exception", "unsure")[a % 2]
    text = ANSWERS[a % len(ANSWERS)]
    if b % 3 == 0 or not text:
        agent["tool_calls"] = (ToolCall(name="lookup", arguments={"order": b % 2}),)
    h.ai(text, **agent)


def _tool(h: History, a: int, b: int) -> None:
    h.tool(("error", "ok", "timeout", "denied")[a % 4], ("lookup", "refund")[b % 2])


def _system(h: History, a: int, b: int) -> None:  # noqa: ARG001
    h.apply(Message(**h.envelope(), role="system", content="The chat was moved."))


def _route(h: History, a: int, b: int) -> None:
    placing = [d for d in h.decisions if d.action in ("escalate", "transfer", "move")]
    if placing:
        place = ("queue", "queue", "ticket", "ticket", "contact")[a % 5]
        answered = placing[-1 if b % 8 else a % len(placing)]
        h.route(
            QUEUES[b % 4],
            place,
            decision=answered,
            claim_minutes=(-5, 10, 30)[a % 3],
            update_minutes=(None, 3, 12)[b % 3],
            warn_share=(None, 0.8)[b % 2],
            assignee=(None, None, "anna")[b % 3],
            assigned_until=from_ms(h.now + 2 * MINUTE) if b % 3 == 2 else None,
        )


def _desk(h: History, a: int, b: int) -> None:
    opened = [d.escalation_id for d in h.decisions if d.escalation_id]
    if opened:
        action = DESK[a % len(DESK)]
        h.desk(
            action,
            (max(0, h.state.epoch - 1), h.state.epoch, h.state.epoch, 2**53 - 1)[a % 4],
            escalation_id=opened[-1 if b % 4 else 0],
            queue=((h.state.open and h.state.open.queue) or QUEUES[0]) if a % 5 else QUEUES[b % 4],
            to_queue=QUEUES[b % 4],
            agent_id=("anna", "ben")[b % 2],
            note="Please see the second order." if b % 5 == 0 else None,
            csat=1 + b % 5 if action == "rated" else None,
        )


def _deadline(h: History, a: int, b: int) -> None:  # noqa: ARG001
    due = next_due(h.state)
    if due is not None:
        h.now = max(h.now, due)
        h.deadline(due)


def _signal(h: History, a: int, b: int) -> None:
    about = h.state.episode.last_request or "e-0"
    h.signal(about, requested_human=(a % 11) / 10, frustrated=(b % 11) / 10, intents=("leaving",))


def _lead(h: History, a: int, b: int) -> None:
    actions = ("escalated", "moved", "prioritised", "released", "closed", "offered", "accepted")
    action: Any = actions[a % len(actions)]
    if action == "accepted":
        if not any(d.escalation_id for d in h.decisions if d.action in ("escalate", "claim")):
            return
        force: dict[str, Any] = {"force": True, "lead": "mara", "reason": "she knows the case"}
        h.desk("accepted", agent_id=("anna", "ben")[b % 2], **force)
        return
    h.apply(
        Lead(
            **h.envelope(),
            type="lead",
            action=action,
            desk_event_id=f"l-{len(h.events)}",
            lead="mara",
            reason="on the phone",
            to_queue=QUEUES[b % 4] if action == "moved" or b % 3 else None,
            priority=1 + b % 5 if action == "prioritised" else None,
        )
    )


def _switch(h: History, a: int, b: int) -> None:
    """Mostly off and on in turn; now and then an old word comes again."""
    before = h.now
    h.now = max(1, h.now - (0, 0, 0, 90_000)[b % 4])
    h.switch(on=bool(a % 2), version=("7", "7", "8")[b % 3])
    h.now = before


ACTIONS: Final[dict[str, Callable[[History, int, int], object]]] = {
    "customer": _customer,
    "ai": _ai,
    "tool": _tool,
    "person": lambda h, a, b: h.person(("anna", "ben")[a % 2]),  # noqa: ARG005
    "button": lambda h, a, b: h.button(accepted=bool(a % 2)),  # noqa: ARG005
    "close": lambda h, a, b: h.close(),  # noqa: ARG005
    "system": _system,
    "route": _route,
    "desk": _desk,
    "deadline": _deadline,
    "signal": _signal,
    "lead": _lead,
    "switch": _switch,
}
# Rare ones would otherwise end most histories early.
_OFTEN: Final = ("customer", "ai", "route", "route", "desk", "desk", "tool", "deadline")

_beat: Final = st.builds(
    Beat,
    st.sampled_from((*_OFTEN, *_OFTEN, *ACTIONS)),
    st.integers(0, 60),
    st.integers(0, 60),
    st.sampled_from(PAUSES),
)
# Long ones get far, short ones are what a failure shrinks to.
beats: Final = st.lists(_beat, max_size=8) | st.lists(_beat, min_size=25, max_size=60)


def play(
    told: list[Beat],
    policy: str = "test",
    *,
    observe: bool = False,
    conversation_id: str = "c-1",
    after_each: Callable[[History], None] | None = None,
) -> History:
    """The history of some beats under a policy, each answering to what was decided so far."""
    h = History(POLICIES[policy], observe=observe, conversation_id=conversation_id)
    for beat in told:
        h.after(beat.pause)
        h.now = max(h.now, 1)
        ACTIONS[beat.kind](h, beat.a, beat.b)
        if after_each is not None:
            after_each(h)
    return h
