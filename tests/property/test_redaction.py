"""Redaction over generated secrets: none survives, wherever a quote is cut."""

import re
import string

from hypothesis import given
from hypothesis import strategies as st

from workers.contracts.decisions import QUOTE_LIMIT
from workers.redaction.redact import quote, redact

WORDS = "please help the refund never came and I want someone to look at it today".split()
filler = st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join)
digits = st.text("0123456789", min_size=14, max_size=14)


def _check_digit(number: str) -> str:
    total = 0
    for position, character in enumerate(reversed(number)):
        value = int(character) * (2 if position % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


@st.composite
def card(draw: st.DrawFn) -> str:
    body = draw(st.sampled_from("3456")) + draw(digits)
    number = body + _check_digit(body)
    separator = draw(st.sampled_from(["", " ", "-", ".", " - ", "\u00a0"]))
    return separator.join(re.findall("....", number))


@st.composite
def iban(draw: st.DrawFn) -> str:
    account = draw(st.text("0123456789", min_size=18, max_size=18))
    check = 98 - int(account + "131400") % 97
    plain = f"DE{check:02}{account}"
    return draw(st.sampled_from([plain, " ".join(re.findall(".{1,4}", plain))]))


@st.composite
def credential(draw: st.DrawFn) -> str:
    value = draw(st.text(string.ascii_letters + string.digits, min_size=8, max_size=24)) + "7x"
    told = draw(
        st.sampled_from(["my password is {}", "password: {}", 'api_key="{}"', "PIN code {}"])
    )
    return told.format("4071829" if told.startswith("PIN") else value)


@st.composite
def email(draw: st.DrawFn) -> str:
    local = draw(st.text(string.ascii_lowercase + string.digits + "._+", min_size=1, max_size=30))
    return f"{local}z@{draw(st.sampled_from(['mail.example', 'a.co.uk', 'x-y.example.org']))}"


def _pieces(secret: str) -> set[str]:
    """Return the pieces of a secret that must not show: six characters in a row, no separators."""
    value = re.split(r" is |: |=|code ", secret)[-1]
    plain = re.sub(r"[\W_]", "", value.split("@")[0])
    return {plain[at : at + 6] for at in range(max(1, len(plain) - 5)) if len(plain) >= 6}


@given(filler, st.one_of(card(), iban(), credential(), email()), filler, st.data())
def test_no_part_of_a_secret_is_quoted(
    before: str, secret: str, after: str, data: st.DataObject
) -> None:
    text = f"{before} {secret} {after}"
    start = data.draw(st.integers(0, len(text)))
    shown = quote(text, start, data.draw(st.integers(start, len(text))))
    plain = re.sub(r"[\W_]", "", shown)
    assert not [piece for piece in _pieces(secret) if piece in plain]


@given(st.text(max_size=400), st.integers(0, 400), st.integers(0, 400))
def test_a_quote_is_short_on_one_line_and_deterministic(text: str, start: int, length: int) -> None:
    shown = quote(text, start, start + length)
    assert len(shown) <= QUOTE_LIMIT
    assert shown == " ".join(shown.split())
    assert shown == quote(text, start, start + length)


@given(st.text(max_size=400))
def test_strict_hides_at_least_what_standard_hides(text: str) -> None:
    kept = re.sub(r"\[\w+\]", "\x00", redact(text, "strict")).split("\x00")
    standard = redact(text, "standard")
    assert all(part in standard for part in kept)
