"""Every reason for which a person takes over has a trigger, and says what it rests on."""

import pytest

from tests.support.fold_history import ANGRY, ASKS, CALM, POLICY, History
from workers.contracts.events import ToolCall
from workers.conversation.evidence import _SOURCES
from workers.policy.document import When


def _asks(h: History) -> None:
    h.customer(ASKS)


def _exception(h: History) -> None:
    h.customer()
    h.ai(asks="policy_exception")


def _tools(h: History) -> None:
    h.customer()
    for _ in range(3):
        h.tool("timeout")


def _context(h: History) -> None:
    h.customer()
    h.ai(context_tokens=90_000, context_limit=100_000)


def _promise(h: History) -> None:
    h.customer()
    h.ai("I'm transferring you to a human agent now.")


def _gives_up(h: History) -> None:
    h.customer()
    h.ai(asks="out_of_scope")


def _urgent(h: History) -> None:
    h.customer()
    h.ai(intents=("leaving",))


def _unsure(h: History) -> None:
    h.customer()
    h.ai("It may be the first option.", confidence=0.4)
    h.ai("Or perhaps the second option.", confidence=0.3)


def _loop(h: History) -> None:
    for _ in range(3):
        h.customer()
        h.ai("Please restart the router and check the green light again.")


def _stalled(h: History) -> None:
    h.customer()
    h.wait(6)


def _frustrated(h: History) -> None:
    h.customer(ANGRY)
    h.button(accepted=True)


def _person(h: History) -> None:
    h.customer()
    h.person()


@pytest.mark.parametrize(
    ("tell", "reason", "rule", "signal"),
    [
        (_asks, "explicit_request", "person", "requested_human"),
        (_exception, "policy_exception", "exception", "policy_exception"),
        (_tools, "tool_unavailable", "tools", "tool_failures"),
        (_context, "context_window_exceeded", "context", "context_used"),
        (_promise, "unkept_promise", "promised-a-person", "promised_person"),
        (_gives_up, "agent_uncertainty", "gives-up", "requested_escalation"),
        (_urgent, "priority_escalation", "urgent", "intents"),
        (_unsure, "agent_uncertainty", "unsure", "low_confidence_turns"),
        (_loop, "unproductive_loop", "loop", "repetition"),
        (_stalled, "stalled", "stalled", "stalled_minutes"),
        (_frustrated, "customer_frustration", "frustrated", "offer_accepted"),
        (_person, "human_initiative", None, None),
    ],
)
def test_every_reason_has_a_trigger(
    tell: object, reason: str, rule: str | None, signal: str | None
) -> None:
    h = History()
    assert callable(tell)
    tell(h)
    opened = h.last
    assert (opened.action, opened.reason, opened.rule) == (
        "escalate" if rule else "claim",
        reason,
        rule,
    )
    assert opened.escalation_id
    assert opened.opened_by == opened.trigger_event_id
    known = {event.event_id for event in h.events}
    assert {evidence.event_id for evidence in opened.evidence} <= known
    assert signal is None or signal in {evidence.signal for evidence in opened.evidence}
    assert sum(d.action in ("escalate", "claim") for d in h.decisions) == 1


def test_an_ordinary_conversation_raises_nothing() -> None:
    h = History()
    for _ in range(2):
        h.customer("Where is my parcel?", customer={"id": "k-1", "tier": "standard"})
        h.ai("It will arrive tomorrow.", confidence=0.9, context_tokens=10, context_limit=100)
        h.tool("ok")
    h.customer("Great, thanks, that is all.")
    h.wait(60)
    assert h.story == []


def test_a_decision_quotes_the_words_that_caused_it_redacted() -> None:
    h = History()
    h.customer("My card is 4111 1111 1111 1111. " + ASKS)
    (evidence,) = h.last.evidence
    assert "human" in (evidence.quote or "")
    assert "4111 1111" not in (evidence.quote or "")
    assert len(evidence.quote or "") <= 80


def test_a_decision_names_the_rules_that_nearly_held() -> None:
    h = History()
    h.customer()
    h.ai(context_tokens=80, context_limit=100)
    h.customer(ASKS)
    (miss,) = h.last.near_misses
    assert (miss.rule, miss.condition, miss.value, miss.needed) == (
        "context",
        "context_used",
        0.8,
        0.85,
    )


def test_tools_that_recover_are_no_reason() -> None:
    h = History()
    h.customer()
    for status in ("error", "timeout", "ok", "error", "denied"):
        h.tool(status)
    assert h.story == []
    h.tool("error")
    assert h.story == ["escalate tool_unavailable"]


def test_one_tool_that_never_works_is_a_reason_though_others_do() -> None:
    h = History()
    h.customer()
    for _ in range(2):
        h.tool("error", name="refund")
        h.tool("ok", name="lookup")
    assert h.story == []
    h.tool("error", name="refund")
    assert h.story == ["escalate tool_unavailable"]
    (tool,) = [tool for tool in h.last.facts.tools if tool.name == "refund"]
    assert (tool.calls, tool.failures, tool.status) == (3, 3, "error")


def test_the_same_call_again_and_again_is_a_loop() -> None:
    h = History()
    h.customer()
    for order in (1, 2, 1):
        h.ai("", tool_calls=(ToolCall(name="lookup", arguments={"order": order, "deep": True}),))
    assert h.story == []
    h.ai("", tool_calls=(ToolCall(name="lookup", arguments={"deep": True, "order": 1}),))
    assert h.story == ["escalate unproductive_loop"]


@pytest.mark.parametrize(("answers", "loops"), [(("same",) * 3, True), (("a", "b", "c"), False)])
def test_asking_a_tool_again_is_no_loop_while_it_answers_something_new(
    answers: tuple[str, ...], loops: bool
) -> None:
    h = History()
    h.customer()
    for number, answer in enumerate((*answers, answers[-1])):
        call = ToolCall(name="lookup", call_id=f"call-{number}", arguments={"parcel": 7})
        h.ai("", tool_calls=(call,))
        h.tool("ok", call_id=call.call_id, result={"status": answer})
    assert h.story == (["escalate unproductive_loop"] if loops else [])


def test_the_ais_own_tool_for_a_person_is_a_request() -> None:
    h = History(POLICY.replace("{requested_escalation: true}", "{tool_calls: [call_a_person]}"))
    h.customer()
    h.ai("", tool_calls=(ToolCall(name="lookup"),))
    assert h.story == []
    h.ai("", tool_calls=(ToolCall(name="lookup"), ToolCall(name="call_a_person")))
    assert h.story == ["escalate agent_uncertainty"]
    assert [one.signal for one in h.last.evidence] == ["tool_calls"]


def test_the_customers_own_repetition_is_a_loop() -> None:
    h = History()
    for please in ("", "Please!", "Again:"):
        assert h.story == []
        h.customer(f"{please} My invoice for February shows the wrong billing address.")
    assert h.story == ["escalate unproductive_loop"]


def test_something_new_takes_a_repetition_back() -> None:
    h = History()
    asked = "My invoice for February shows the wrong billing address."
    for text in (
        asked,
        asked + " Please!",
        "The parcel with the blue lamp arrived broken yesterday evening.",
        "Parcel with the blue lamp: arrived broken yesterday evening!",
    ):
        h.customer(text)
    assert h.story == []
    h.customer("Again, the parcel with the blue lamp arrived broken yesterday evening.")
    assert h.story == ["escalate unproductive_loop"]


def test_one_dip_of_confidence_is_no_reason() -> None:
    h = History()
    h.customer()
    for confidence in (0.9, 0.3, 0.8, 0.4, 0.9):
        h.ai(f"Answer number {confidence}.", confidence=confidence)
    assert h.story == []


def test_a_yes_to_the_ais_own_question_for_a_person_is_a_request() -> None:
    h = History()
    h.customer()
    h.ai("Would you like me to connect you to a human agent?")
    h.customer("Yes please")
    assert h.story == ["escalate explicit_request"]


def test_a_yes_to_another_question_is_none() -> None:
    h = History()
    h.customer()
    h.ai("Would you like me to connect you to a human agent? Or shall I change the address?")
    h.customer("Yes please")
    assert h.story == []


@pytest.mark.parametrize(
    "said",
    [
        "Is the amount right? If it isn't, I can connect you to a human agent.",
        "I can transfer you to a human agent."
        + " If all is correct, reply YES to exchange it." * 2,
        "I can connect you to a human agent. Rules bind them too. Or I cancel. What shall it be?",
        "Would you like me to connect you to a human agent?" + " Your order is on its way." * 4,
    ],
)
def test_a_yes_to_what_was_asked_beside_an_offer_is_none(said: str) -> None:
    h = History()
    h.customer()
    h.ai(said)
    h.customer("Yes, go ahead with the exchange to my address please, thank you.")
    assert h.story == []


@pytest.mark.parametrize(
    "said",
    [
        "I can connect you to a human agent. Would you like me to do that?",
        "If you prefer, I can transfer you to a human agent. Just say so!",
    ],
)
def test_a_yes_to_an_offer_in_two_sentences_is_a_request(said: str) -> None:
    h = History()
    h.customer()
    h.ai(said)
    h.customer("Yes please")
    assert h.story == ["escalate explicit_request"]


def test_a_customer_who_writes_again_into_silence_is_stalled_too() -> None:
    h = History()
    h.customer()
    h.after(7).customer("Hello?")
    assert h.story == ["escalate stalled"]


def test_an_answer_in_time_is_no_stall_and_a_tool_call_is_no_answer() -> None:
    h = History()
    h.customer()
    h.after(4).ai()
    assert h.state.deadlines == ()
    assert h.wait(20) == []
    h.customer("And the second question, when is it delivered?")
    h.after(4).ai("", tool_calls=(ToolCall(name="lookup"),))
    assert [d.reason for d in h.wait(2)] == ["stalled"]


def test_the_ai_is_told_once_and_decides() -> None:
    h = History()
    for n in range(7):
        h.customer(f"Question {n} about thing {n}")
        h.ai(f"Answer {n} about matter {n}")
    assert h.story == ["recommend unproductive_loop", "suppress cooldown"]
    assert h.last.owner == "ai"
    assert h.state.open is None


def test_routes_have_the_last_word_over_a_rules_target() -> None:
    h = History()
    h.customer(ASKS, customer={"id": "k", "tier": "premium"})
    assert (h.last.target_queue, h.last.claim_minutes, h.last.reply_minutes) == (
        "premium_support",
        60,
        5,
    )
    other = History()
    other.customer(CALM)
    other.ai(intents=("leaving",))
    assert other.last.target_queue == "retention"


def test_every_condition_on_what_happened_names_the_event_that_it_rests_on() -> None:
    # Who the customer is, what has not happened, a sum of others; found intents carry their own.
    silent = {"tier", "channel", "tenant", "locale", "solved_below", "weights", "at_least"}
    assert {*When.__struct_fields__} - silent - {"found_intents"} <= {*_SOURCES}
