"""Passwords and one-time codes under the short names that people type, and what looks like them."""

import pytest

from workers.redaction.redact import redact


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("pass: Winter2024!", "Winter2024!"),
        ("user anna, ww: kaas44", "kaas44"),
        ("il tuo codice è 771204", "771204"),
        ("o seu código é 771204", "771204"),
        ("mein Code ist 771 204", "771 204"),
        ("my code is 771204", "771204"),
        ("Your code: G-771204", "G-771204"),
        ("2FA 771 204", "771 204"),
    ],
)
def test_a_short_name_is_enough(text: str, secret: str) -> None:
    assert secret not in redact(text, "standard")


@pytest.mark.parametrize(
    "text",
    [
        "boarding pass: LH400A",
        "my zip code is 12345",
        "2fa enabled since 2024",
        "the error code is 50012",
        "ticket G-7712",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert redact(text, "standard") == text
