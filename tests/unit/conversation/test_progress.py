"""A conversation that moves on is no loop, however alike its questions are."""

import pytest

from tests.support.fold_history import History

THINGS = (
    "oak table", "brass lamp", "wool rug", "corner shelf", "folding chair", "garden bench",
    "round mirror", "desk lamp", "coat rack",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Friday")


@pytest.mark.parametrize(
    ("asks", "answers"),
    [
        (
            "Could you please tell me when the {0} from my order will be delivered to my address?",
            "The {0} from your order will be delivered to your address on {2}. Anything else?",
        ),
        (
            "What is the status of order number {1}4471 that I placed last month please?",
            "Order number {1}4471 that you placed last month was shipped on {2} by our carrier.",
        ),
        ("How much is gate {1} rented for today?", "Gate {1} is rented for 40 euros today."),
    ],
)
def test_nine_questions_of_one_form_each_answered_are_no_loop(asks: str, answers: str) -> None:
    h = History()
    for number, thing in enumerate(THINGS, 1):
        h.customer(asks.format(thing, number))
        h.ai(answers.format(thing, number, DAYS[number % 3]))
    h.customer("Great, thank you, that's all I needed.")
    assert "loop" not in [one.rule for one in h.decisions]


@pytest.mark.parametrize(
    "answer",
    [
        "Please use the link in the mail that we have sent to reset it.",
        # The form of an answer to something new, about nothing that the customer named.
        "Your request number 11 is on its way to the people who can look at it.",
    ],
)
def test_the_same_question_without_an_answer_is_a_loop(answer: str) -> None:
    h = History()
    for words in ("still", "today still", "honestly still"):
        h.customer(f"I {words} cannot log in with the new password from your mail.")
        h.ai(answer)
    assert [one.reason for one in h.decisions] == ["unproductive_loop"]
