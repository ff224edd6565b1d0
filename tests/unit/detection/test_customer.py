"""Findings in one customer turn: the contract of each, by example."""

import pytest

from workers.detection import (
    FRUSTRATION_THRESHOLD,
    THRESHOLD,
    CustomerFindings,
    Finding,
    read_customer,
)


def score(finding: Finding | None) -> float:
    return finding.score if finding else 0.0


@pytest.mark.parametrize(
    "text",
    [
        "agent",
        "HUMAN!!!",
        "representative please",
        "I want to talk to a human",
        "i wnat to speek wiht a reprsentative",
        "Can I speak to someone about this?",
        "Is there anybody there?",
        "get me your manager",
        "Please escalate this.",
        "I don't want to talk to a bot",
        "how do i reach a real person",
        "The router is dead since Monday and I've tried everything. Could somebody call me?",
        "No. Human.",
        "If you can't do it, let me talk to your supervisor.",
        "quiero hablar con una persona",
        "Verbinden Sie mich bitte mit einem Mitarbeiter.",
        "je voudrais parler à un conseiller",
        "quero falar com um atendente",
        "vorrei parlare con un operatore",
        "ik wil een medewerker spreken",
        "no, necesito un agente",
        "no no no i said representative",
        "ich will keinen Bot",
    ],
)
def test_asks_for_a_person(text: str) -> None:
    assert score(read_customer(text).requested_human) >= THRESHOLD


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The agent at the store told me I could return it.",
        "I spoke to a representative yesterday and she was lovely.",
        "My real estate agent needs the contract.",
        "How do I add an agent to my helpdesk?",
        "When does the escalation rule fire?",
        "human resources sent me here",
        "Don't transfer me to anyone.",
        "I don't need a human, just the code.",
        "Can I cancel without talking to someone?",
        "are you a bot or a real person?",
        "The letter says 'talk to an agent', why?",
        "Transfer 200 dollars to my savings.",
        "a table for four people",
        "let me talk to my wife first",
        "What is the number of customer service?",
        "¿cuántas personas caben?",
        "Ich brauche keinen Mitarbeiter, danke.",
        "no necesito un agente",
        "hola, no quiero un agente",
        "non voglio un operatore",
        "não quero um atendente",
        "ik wil geen medewerker",
        "non c'è bisogno di un operatore",
        "Send the return label by SMS to the phone number on file.",
    ],
)
def test_does_not_ask_for_a_person(text: str) -> None:
    assert score(read_customer(text).requested_human) < THRESHOLD


@pytest.mark.parametrize(
    "text",
    [
        "This is ridiculous.",
        "Your support is useless!!",
        "I've told you three times already!",
        "I am rather disappointed in how this was handled.",
        "Thanks for nothing.",
        "Nobody ever calls back.",
        "How hard can it be to send a parcel?",
        "I give up.",
        "WHY DOES NOBODY ANSWER ME",
        "Das ist eine Frechheit!",
        "pésimo servicio",
    ],
)
def test_is_frustrated(text: str) -> None:
    assert score(read_customer(text).frustrated) >= FRUSTRATION_THRESHOLD


@pytest.mark.parametrize(
    "text",
    [
        "My order hasn't arrived yet.",
        "I'm not angry, just asking.",
        "Damn, that was fast!",
        "stupid question: where is the serial number?",
        "My boss is furious with me, I need the invoice.",
        "I'd like to report a scam email.",
        "Thank you so much, great help!",
        "HELP my card was stolen",
    ],
)
def test_is_not_frustrated(text: str) -> None:
    assert score(read_customer(text).frustrated) < FRUSTRATION_THRESHOLD


def test_frustration_comes_in_degrees() -> None:
    mild = read_customer("I'm a bit annoyed.").frustrated
    strong = read_customer("This is ridiculous, your support is useless!! I'm furious.").frustrated
    assert score(mild) < score(strong)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("accepts", "yes please"),
        ("accepts", "Yes, transfer me."),
        ("accepts", "go ahead"),
        ("accepts", "ja bitte"),
        ("refuses", "no thanks"),
        ("refuses", "No, I'd rather continue with you."),
        ("refuses", "please don't transfer me"),
        ("refuses", "nein danke"),
        ("withdraws", "never mind, it works now, no need for an agent"),
        ("withdraws", "I no longer need a representative."),
        ("withdraws", "forget the agent, it's working"),
        ("solved", "That worked, thanks!"),
        ("solved", "Perfect, that's all I needed."),
        ("solved", "danke, es funktioniert jetzt"),
    ],
)
def test_answers(field: str, text: str) -> None:
    assert score(getattr(read_customer(text), field)) >= THRESHOLD


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("accepts", "okay, but how?"),
        ("accepts", "I'm not sure."),
        ("refuses", "No, the other order."),
        ("refuses", "I don't want the blue one."),
        ("withdraws", "please cancel my order"),
        ("withdraws", "forget it, I want a human"),
        ("solved", "that didn't work"),
        ("solved", "Is it solved?"),
        ("solved", "Thanks, and what about my second order?"),
        ("solved", "Great, another error."),
    ],
)
def test_is_no_such_answer(field: str, text: str) -> None:
    assert score(getattr(read_customer(text), field)) < THRESHOLD


def test_the_span_is_the_words_that_caused_it() -> None:
    text = "Ça ne marche pas — so please, TALK to a Human?"
    found = read_customer(text).requested_human
    assert found is not None
    assert text[found.start : found.end] == "TALK to a Human"


def test_the_grey_zone_is_doubtful() -> None:
    assert read_customer("Who do I talk to about a wrong charge?").doubtful
    assert not read_customer("I want a human").doubtful
    assert not read_customer("Where is my order?").doubtful


def test_a_request_at_the_end_of_a_very_long_turn_is_found() -> None:
    text = "The order number is 4711. " * 2000 + "Now let me talk to a human."
    found = read_customer(text).requested_human
    assert found is not None
    assert text[found.start : found.end] == "talk to a human"


def test_an_ordinary_turn_has_no_findings() -> None:
    assert read_customer("I'd like to change the delivery address of the red lamp, order 15.") == (
        CustomerFindings()
    )
