"""Redaction: what is hidden by which rule, what is left alone, and at what cost."""

import time

import pytest

from workers.contracts.decisions import QUOTE_LIMIT
from workers.redaction.redact import quote, redact

STANDARD = [
    (
        "My card is 4111 1111 1111 1111 exp 12/27 cvv 123",
        "My card is [card] exp [expiry] cvv [code]",
    ),
    ("amex 3782 822463 10005, please", "amex [card], please"),
    ("order 12345 4111-1111-1111-1111 thanks", "order 12345 [card] thanks"),
    ("on the phone I said 4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "on the phone I said [card]"),
    ("IBAN DE89 3704 0044 0532 0130 00 is mine", "IBAN [iban] is mine"),
    ("GB82WEST12345698765432.", "[iban]."),
    ("my password is hunter2, thanks", "my password is [password] thanks"),
    ("the password I use is sunshine", "the password I use is [password]"),
    ('{"password": "hun\\"ter2", "user": "y"}', '{"password": [password], "user": "y"}'),
    ("password: [sunshine]", "password: [password]"),
    ("Mein Passwort lautet geheim123.", "Mein Passwort lautet [password]"),
    ("mi contraseña es Luna2019", "mi contraseña es [password]"),
    ("Authorization: Bearer abcdefghijklmnop", "Authorization: [secret]"),
    ("export AWS=AKIAIOSFODNN7EXAMPLE", "export AWS=[secret]"),
    (
        "https://jo:pa55@shop.example/x?token=abcdef",
        "https://[secret]@shop.example/x?token=[secret]",
    ),
    ("the verification code is 482 913", "the verification code is [code]"),
    ("482913 is the code", "[code] is the code"),
    ("mein Bestätigungscode: 123456", "mein Bestätigungscode: [code]"),
    ("seed phrase is correct horse battery staple", "seed phrase is [secret]"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----!", "[secret]!"),
    ("-----BEGIN PRIVATE KEY-----\nMIIEabc", "[secret]"),
    ("SSN 123-45-6789, passport number X1234567", "SSN [id], passport number [id]"),
    ("sort code 20-00-00", "sort code [bank]"),
    ("use Zx81kQpLm0Rt7VbN2cXy5HjW-3dGfAe9 there", "use [secret] there"),
]
STRICT = [
    ("mail jo.doe+x@example.co.uk or jo at example dot com", "mail [email] or [email]"),
    ("call +49 (0)30 1234 5678 or 555-123-4567", "call [phone] or [phone]"),
    ("I live at 975 Sunset Drive, Suite 217, Austin", "I live at [address], Austin"),
    ("Hauptstraße 12, 12 rue de la Paix", "[address], [address]"),
    ("account number 12345678", "account number [number]"),
    ("from 10.0.0.1 and 2001:db8::1 at 12:30:45", "from [ip] and [ip] at 12:30:45"),
    ("born on 4/5/1990", "born on [birthdate]"),
    ("482913", "[code]"),
    ("the id is 123456789012", "the id is [number]"),
]
ORDINARY = [
    "And yes, Phoenix, AZ 85033 is the new zip code",
    "the field confirmation_of_existing_reservation_YAX4DR is set",
    "my password is not working and the password is wrong",
    "I forgot the password to my account",
    "error code 5012 on flight HAT069, booked 2024-05-20 2024-05-21",
    "It costs 1,200.50 for 2 adults, order #W2378156, 3 days on the way",
    "please pin the item, the boarding pass is lost",
]


@pytest.mark.parametrize(("text", "expected"), STANDARD)
def test_standard_hides_payment_data_and_credentials(text: str, expected: str) -> None:
    assert redact(text, "standard") == expected
    assert redact(expected, "standard") == expected


@pytest.mark.parametrize(("text", "expected"), STRICT)
def test_strict_hides_personal_data_too_and_standard_leaves_it(text: str, expected: str) -> None:
    assert redact(text, "strict") == expected
    assert redact(text, "standard") == text


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_words_and_numbers_stay(text: str) -> None:
    assert redact(text, "strict") == text


@pytest.mark.parametrize(("text", "_expected"), STANDARD + STRICT)
def test_none_changes_nothing(text: str, _expected: str) -> None:
    assert redact(text, "none") == text


def test_a_number_that_fails_the_check_digit_is_no_card() -> None:
    assert redact("4111 1111 1111 1112", "standard") == "4111 1111 1111 1112"


def test_numbers_side_by_side_are_no_card() -> None:
    text = "item 5758737025 - 500 ml glass"
    assert redact(text, "standard") == text


def test_a_quote_is_whole_words_around_the_span() -> None:
    text = (
        "This is the third time that I ask and it is ridiculous, "
        + "let me talk to a human now " * 5
    )
    start = text.index("ridiculous")
    shown = quote(text, start, start + len("ridiculous"))
    assert "ridiculous" in shown
    assert len(shown) <= QUOTE_LIMIT
    assert f" {shown} " in f" {text} "


def test_a_quote_is_one_line_and_survives_odd_spans() -> None:
    assert quote("talk\n\nto\ta   human", 0, 4) == "talk to a human"
    assert quote("", 0, 0) == ""
    assert quote("hi", 50, 60) == "hi"
    assert len(quote("a" * 300, 10, 20)) == QUOTE_LIMIT


@pytest.mark.parametrize(
    "bait",
    "a|1|1 |a@|a.|eyJ|password is |-----BEGIN |DE89 |://a:|12 Ab |calle a | at |pin "
    "|1.1.|seed phrase |a:|+1 |12-| |(1)|code ".split("|"),
)
def test_hostile_text_costs_linear_time(bait: str) -> None:
    def seconds(length: int) -> float:
        text = bait * (length // len(bait))
        spent = []
        for _ in range(3):
            started = time.process_time()
            redact(text, "strict")
            spent.append(time.process_time() - started)
        return min(spent)

    # Quadratic behaviour would be a factor of 100; the slack is for a busy machine.
    assert seconds(50_000) < 40 * max(seconds(5_000), 0.0005)
