"""An AI version that the policy silences hands its conversations over, none on its own."""

from tests.support.fold_history import POLICY, History
from workers.contracts.decisions import Decision
from workers.contracts.events import AgentTurn, Message

SILENCED = POLICY.replace("version: test.1", 'version: test.2\nsilenced: ["7"]')


def silenced(*, observe: bool = False) -> History:
    """Return a conversation of version 7, which is then switched off."""
    h = History(observe=observe)
    h.customer()
    h.ai()
    h.in_force(SILENCED, "test.2", "0" * 12, observe=observe)
    return h


def is_taken_over(made: list[Decision]) -> bool:
    return [(one.action, one.reason, one.rule) for one in made] == [
        ("escalate", "ai_silenced", None)
    ]


def test_the_next_message_of_the_customer_goes_to_a_person() -> None:
    h = silenced()
    [made] = h.customer()
    assert is_taken_over([made])
    assert (made.target_queue, made.owner) == ("tier_2_support", "pending")
    assert [one.signal for one in made.evidence] == ["ai_silenced"]


def test_so_does_the_next_turn_of_that_version() -> None:
    assert is_taken_over(silenced().ai())


def test_another_version_goes_on() -> None:
    h = silenced()
    other = AgentTurn(id="bot", version="8")
    turn = Message(**h.envelope(), role="ai_agent", content="Which address?", agent=other)
    assert h.apply(turn) == []
    assert h.customer() == []


def test_it_is_mandatory() -> None:
    h = History()
    h.customer("This is ridiculous, the worst service ever, I am absolutely furious with you.")
    h.ai()
    h.customer("No thanks.")
    h.in_force(SILENCED, "test.2", "0" * 12)
    assert is_taken_over(h.customer())


def test_time_alone_moves_nobody() -> None:
    assert silenced().wait(60) == []


def test_a_person_who_gives_it_back_gets_it_again_until_it_is_switched_on() -> None:
    h = silenced()
    h.customer()
    h.route()
    h.desk("accepted")
    h.desk("returned", reason="solved")
    assert is_taken_over(h.customer())
    h.route()
    h.desk("accepted")
    h.desk("returned", reason="solved")
    h.in_force(POLICY.replace("test.1", "test.3"), "test.3", "1" * 12)
    assert h.customer() == []


def test_while_observing_it_is_said_once() -> None:
    h = silenced(observe=True)
    assert is_taken_over(h.customer())
    assert "ai_silenced" not in [one.reason for one in h.customer()]
