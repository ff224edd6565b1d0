"""Signatures among whatever headers a record has, bound to the partition that it was written to."""

from unittest import mock

import pytest

from workers.contracts import signing
from workers.contracts.signing import SIGNATURE_HEADER, Secrets, is_signed, signature_headers
from workers.contracts.topics import EVENTS

SECRETS = Secrets((b"new", b"old"))
HERE = SECRETS.at(EVENTS, 1)


def test_any_of_the_keys_verifies() -> None:
    assert is_signed(SECRETS, b"k", b"v", signature_headers(Secrets((b"old",)), b"k", b"v"))
    assert not is_signed(SECRETS, b"k", b"w", signature_headers(SECRETS, b"k", b"v"))


@pytest.mark.parametrize(
    "there", [SECRETS.at(EVENTS, 2), SECRETS.at("other", 1), SECRETS.at(EVENTS, 11), SECRETS]
)
def test_a_record_that_is_copied_elsewhere_is_not_signed(there: Secrets) -> None:
    headers = signature_headers(HERE, b"k", b"v")
    assert is_signed(HERE, b"k", b"v", headers)
    assert is_signed(Secrets((b"other", b"new")).at(EVENTS, 1), b"k", b"v", headers)
    assert not is_signed(HERE, b"k", b"w", headers)
    assert not is_signed(there, b"k", b"v", headers)


def test_what_was_signed_without_its_place_is_still_taken() -> None:
    assert is_signed(HERE, b"k", b"v", signature_headers(SECRETS, b"k", b"v"))


def test_no_key_signs_nowhere() -> None:
    assert signature_headers(Secrets().at(EVENTS, 1), b"k", b"v") == []


@pytest.mark.parametrize("given", [None, b"", b"\xff\x00", "\u00b2".encode(), b"0" * 100_000])
@pytest.mark.parametrize("secrets", [SECRETS, HERE])
def test_a_signature_that_is_none_is_refused(secrets: Secrets, given: bytes | None) -> None:
    assert not is_signed(secrets, b"k", b"v", [(SIGNATURE_HEADER, given)])


def test_only_one_signature_is_read() -> None:
    headers = [(SIGNATURE_HEADER, b"")] * 25_000
    with mock.patch.object(signing, "_signature", return_value=b"x") as signed:
        assert not is_signed(SECRETS, b"k", b"v", headers)
    assert signed.call_count == len(SECRETS.keys)
