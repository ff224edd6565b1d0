"""Only what the customer wrote is read, in whatever form its characters come."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fold_history import History
from workers.contracts.characters import comparable, position
from workers.detection import THRESHOLD, read_customer
from workers.detection.written import own_words

ASKS = "please let me talk to a human"
QUOTED = [
    "It works now.\n\nOn Tue, 1 Jul 2025 at 10:00, Bot <bot@shop.example> wrote:\n" + ASKS,
    "It works now.\n\nAm 1. Juli 2025 um 10:00 schrieb Bot <bot@shop.example>:\n" + ASKS,
    "It works now.\n\nLe mar. 1 juil. 2025 à 10:00, Bot a écrit :\n" + ASKS,
    "It works now.\n> " + ASKS,
    "It works now.\n-----Original Message-----\nFrom: Bot\n" + ASKS,
    "It works now.\n\nFrom: Bot <bot@shop.example>\nSent: Monday\nTo: me\n" + ASKS,
    "It works now.\n-- \nA. Smith\nTalk to a human: call an agent",
    "It works now.\n\nKind regards,\nA. Smith\nI am your agent, talk to a human",
    "Bot: Would you like to speak with an agent?\nMe: no",
    "The invoice is attached.\n\nThanks,\nAna Diaz\nCustomer Service Manager",
    "The form.\n\nBest,\nJohn Miller\nSenior Support Agent | Acme\nTalk to a human: 555 0100",
    "10:02 Bot: Would you like to speak with an agent?\n10:03 Me: no",
    "Assistant (10:02): shall I transfer you to a human agent?\nIt works now.",
]


def _asks(text: str) -> bool:
    found = read_customer(text).requested_human
    return found is not None and found.score >= THRESHOLD


@pytest.mark.parametrize("text", QUOTED)
def test_what_others_wrote_is_no_request(text: str) -> None:
    assert not _asks(text)
    assert len(own_words(text)) == len(text)


def test_what_stands_before_a_quotation_is_one() -> None:
    assert _asks(f"{ASKS}\n\nOn Tue, 1 Jul 2025 at 10:00, Bot wrote:\n> It works.")
    assert _asks(f"Hi,\n{ASKS}\n\nKind regards,\nAda")
    # Thanks alone end nothing: what follows them is no name with a role under it.
    assert _asks(f"Thanks\nTom\n{ASKS}")
    assert _asks("Thanks!\nHuman please")


@pytest.mark.parametrize(
    "form",
    [
        lambda text: unicodedata.normalize("NFD", text),
        lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
        lambda text: text.replace(" ", "\u00a0"),
        lambda text: text.replace(" ", " \u200b"),
        lambda text: text.replace("é", "&eacute;").replace("ó", "&#243;"),
    ],
    ids=["decomposed", "full width", "hard blanks", "zero width", "entities"],
)
@pytest.mark.parametrize(
    "text",
    [
        "quiero hablar con una persona, ¿es posible? atención",
        "je voudrais parler à un conseiller s'il vous plaît, c'est pressé",
        "ich möchte mit einem Mitarbeiter sprechen",
        "I want to speak to a human",
    ],
)
def test_a_request_is_heard_in_every_form_of_its_letters(form: object, text: str) -> None:
    assert callable(form)
    assert _asks(text)
    assert _asks(form(text))


@given(st.text(max_size=60))
def test_positions_lead_back(text: str) -> None:
    plain, moves = comparable(text)
    places = [position(moves, at) for at in range(len(plain) + 1)]
    assert places == sorted(places)
    assert 0 <= places[0] <= places[-1] <= len(text)


def test_a_request_in_the_middle_of_a_long_mail_is_heard() -> None:
    filler = "The parcel was meant to come on the tenth and the shop is closed on Sundays. "
    for before, after in ((80, 80), (5, 400), (400, 5)):
        text = filler * before + ASKS + ". " + filler * after
        found = read_customer(text).requested_human
        assert found is not None
        assert found.score >= THRESHOLD
        assert text[found.start : found.end] in text


def _after(ai: str, customer: str) -> list[str]:
    h = History()
    h.customer("My bill is wrong.")
    h.ai(ai, confidence=0.9)
    h.customer(customer)
    return [f"{one.action} {one.reason}" for one in h.decisions]


@pytest.mark.parametrize(
    ("ai", "customer"),
    [
        ("It comes on Friday. If you'd like a human agent, just let me know.", "ok thanks"),
        ("You can ask for a human at any time.", "okay"),
        ("Did you book with us or through an agent?", "through an agent"),
        ("Is the account for a company or a person?", "a person"),
        ("Who gave you this price?", "a sales rep"),
        ("What is your job title?", "customer service manager"),
        ("Which department do you work in?", "customer support"),
        ("How did you place the order?", "by phone with an agent"),
        ("Did you speak with someone already?", "yes, an agent"),
        ("Quel est votre métier ?", "conseiller"),
    ],
)
def test_an_answer_is_no_request(ai: str, customer: str) -> None:
    assert _after(ai, customer) == []


@pytest.mark.parametrize(
    ("ai", "customer"),
    [
        ("Would you like me to connect you to a human agent?", "\U0001f44d"),
        ("Would you like me to connect you to a human agent?", "\u2705"),
        ("Would you like me to connect you to a human agent?", "ok"),
        ("You can ask for a human at any time.", "yes please"),
        ("¿Quiere que le comunique con un agente?", "\U0001f44d!"),
        ("Wilt u met een medewerker spreken?", "oké"),
        ("Would you like to chat with the bot or a person?", "a person"),
        ("How can I help you today?", "agent please"),
        ("Who gave you this price?", "I want to talk to a manager"),
    ],
)
def test_an_acceptance_or_a_request_is_one(ai: str, customer: str) -> None:
    assert _after(ai, customer) == ["escalate explicit_request"]


@pytest.mark.parametrize(
    "text",
    [
        "¿me podrían llamar esta tarde?",
        "que me llamen, por favor",
        "pouvez-vous me rappeler demain ?",
        "merci de me faire rappeler",
        "können Sie mich bitte zurückrufen?",
        "ich bitte um Rückruf",
        "potete richiamarmi?",
        "vorrei essere richiamato",
        "kunt u me terugbellen?",
        "podem me ligar amanhã?",
        "¿me marcan más tarde?",
        "je souhaite qu'on me rappelle",
        "merci de me rappeler ce soir",
        "melden Sie sich bitte telefonisch bei mir",
        "gradirei essere contattata al telefono",
        "wilt u me even bellen?",
        "gostaria de receber uma ligação",
        "can you escalate that for me please",
        "necesito a alguien que me explique la factura",
        "ich brauche jemanden, der mir hilft",
        "mi passi una persona",
        "could you escalate this for me",
        "pásame con un agente",
    ],
)
def test_a_callback_is_a_request_in_every_language(text: str) -> None:
    assert _asks(text)


@pytest.mark.parametrize(
    "text",
    [
        "no me llamen",
        "I need to talk to somebody who owns this bike",
        "il y a une personne qui l'utilise chez nous",
        "may I bring another person",
        "i want to become an agent",
        "mein Nachbar ruft mich an",
        "me llaman cada día de una agencia",
        "ich brauche niemanden, der mir hilft",
    ],
)
def test_others_people_and_refusals_are_no_request(text: str) -> None:
    assert not _asks(text)
