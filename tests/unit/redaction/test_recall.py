"""Secrets are hidden, by kind, and the numbers that a person must read are left."""

import pytest

from benchmarks import redaction as benchmark
from tests.support.privacy_texts import ORDINARY, TEXTS, parts
from workers.contracts.topics import Redaction
from workers.redaction.redact import redact

CREDENTIALS = (
    "card",
    "iban",
    "national id",
    "passport",
    "password",
    "one-time code",
    "key or token",
)


def _found(kind: str, rule: Redaction) -> list[str]:
    """Return the texts of which every secret is gone."""
    found = []
    for marked in TEXTS[kind]:
        text, secrets = parts(marked)
        left = redact(text, rule)
        if not any(secret in left for secret in secrets):
            found.append(marked)
    return found


@pytest.mark.parametrize("kind", TEXTS)
def test_strict_hides_nine_of_ten_of_every_kind(kind: str) -> None:
    found = _found(kind, "strict")
    missed = set(TEXTS[kind]) - set(found)
    assert len(found) >= 0.9 * len(TEXTS[kind]), missed


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_standard_hides_payment_data_credentials_and_ids(kind: str) -> None:
    found = _found(kind, "standard")
    assert len(found) >= 0.85 * len(TEXTS[kind]), set(TEXTS[kind]) - set(found)


@pytest.mark.parametrize("rule", ["standard", "strict"])
def test_order_invoice_and_parcel_numbers_are_left(rule: Redaction) -> None:
    changed = [text for text in ORDINARY if redact(text, rule) != text]
    assert len(changed) <= 3, changed


def test_the_texts_of_the_benchmark_are_found() -> None:
    written = [text for text in benchmark.texts() if text.kind != benchmark.ORDINARY]
    assert len(written) >= 300
    missed = [text.text for text in written if not text.is_right("strict")]
    assert len(missed) <= 0.03 * len(written), missed


def test_ordinary_texts_of_the_benchmark_are_left() -> None:
    ordinary = [text for text in benchmark.texts() if text.kind == benchmark.ORDINARY]
    changed = [text.text for text in ordinary if not text.is_right("strict")]
    assert len(changed) <= 3 / 40 * len(ordinary), changed
