"""One AI turn's words about a person: a promise, an offer, or neither."""

import pytest

from workers.detection import THRESHOLD, Finding, read_agent


def score(finding: Finding | None) -> float:
    return finding.score if finding else 0.0


@pytest.mark.parametrize(
    "text",
    [
        "I'm connecting you to an agent now.",
        "YOU ARE BEING TRANSFERRED TO A HUMAN AGENT. PLEASE HOLD ON.",
        "I can't change this, so I will transfer you to a specialist.",
        "An agent will contact you within 24 hours.",
        "Let me get a colleague for you. A supervisor will take over.",
        "I've escalated your case to our billing team.",
        "Ich verbinde Sie jetzt mit einem Mitarbeiter.",
        "Le paso con un agente humano.",
        "Thanks for your feedback, I will transfer you to a colleague.",
        "Thanks for the idea. I will forward your case to our support team.",
    ],
)
def test_promises_a_person(text: str) -> None:
    found = read_agent(text)
    assert score(found.promises_person) >= THRESHOLD
    assert score(found.offers_person) < THRESHOLD


@pytest.mark.parametrize(
    "text",
    [
        "I have forwarded your suggestion to our product team.",
        "I've noted your idea and will send it to the product team.",
        "Ich leite Ihre Anregung an unser Team weiter.",
    ],
)
def test_feedback_that_is_handed_on_promises_nobody(text: str) -> None:
    found = read_agent(text)
    assert found.promises_person is None
    assert found.offers_person is None


@pytest.mark.parametrize(
    "text",
    [
        "Would you like me to transfer you to a human agent?",
        "If you like, I can connect you with a person.",
        "Shall I get a colleague?",
        "Let me know if you'd prefer to speak to a person.",
        "I can't change the name myself, but I can transfer you to an agent. Shall I?",
        "Möchten Sie mit einem Mitarbeiter sprechen?",
        "Want me to loop in a teammate?",
        "Would it help to talk to one of our agents?",
        "Soll Sie ein Kollege zurückrufen?",
        "Möchten Sie, dass ich Sie verbinde?",
        "Voulez-vous qu'un conseiller vous rappelle ?",
        "Puis-je vous mettre en relation avec un collègue ?",
        "¿Quiere que un agente le llame?",
        "¿Quiere que le comunique con un agente?",
        "Vuole che chiami un collega?",
        "Posso passarla a un consulente?",
        "Wilt u dat ik u doorverbind met een collega?",
        "Gostaria que um atendente entrasse em contato?",
    ],
)
def test_offers_a_person(text: str) -> None:
    found = read_agent(text)
    assert score(found.offers_person) >= THRESHOLD
    assert score(found.promises_person) < THRESHOLD


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I'm sorry, I can't transfer you to a human agent.",
        "Transfers to a human agent aren't possible right now.",
        "I've transferred 50 dollars to your savings account.",
        "Connecting your phone to the wifi takes three steps.",
        "The agent you talked to yesterday issued a refund.",
        "The driver will contact you before the delivery.",
        "To add an agent to your workspace open Settings.",
        "Is there anything else I can help you with?",
        "Should I have the courier call you when someone is home?",
        "Souhaitez-vous une chambre pour une personne ?",
        "¿Desea un asiento para otra persona?",
        "Möchten Sie einen weiteren Mitarbeiter anlegen?",
        "Wilt u de medewerker een beoordeling geven?",
    ],
)
def test_neither_promises_nor_offers(text: str) -> None:
    found = read_agent(text)
    assert score(found.promises_person) < THRESHOLD
    assert score(found.offers_person) < THRESHOLD


def test_a_promise_at_the_end_of_a_very_long_turn_is_found() -> None:
    text = "Your order has three items. " * 500 + "I'm connecting you to an agent now."
    found = read_agent(text).promises_person
    assert found is not None
    assert "connecting you to an agent" in text[found.start : found.end]
