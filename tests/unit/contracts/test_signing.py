"""Signatures among whatever headers a record has."""

from unittest import mock

import pytest

from workers.contracts import signing
from workers.contracts.signing import SIGNATURE_HEADER, Secrets, is_signed, signature_headers

SECRETS = Secrets((b"new", b"old"))


def test_any_of_the_keys_verifies() -> None:
    assert is_signed(SECRETS, b"k", b"v", signature_headers(Secrets((b"old",)), b"k", b"v"))
    assert not is_signed(SECRETS, b"k", b"w", signature_headers(SECRETS, b"k", b"v"))


@pytest.mark.parametrize("given", [None, b"", b"\xff\x00", "\u00b2".encode(), b"0" * 100_000])
def test_a_signature_that_is_none_is_refused(given: bytes | None) -> None:
    assert not is_signed(SECRETS, b"k", b"v", [(SIGNATURE_HEADER, given)])


def test_only_one_signature_is_read() -> None:
    headers = [(SIGNATURE_HEADER, b"")] * 25_000
    with mock.patch.object(signing, "_signature", return_value=b"x") as signed:
        assert not is_signed(SECRETS, b"k", b"v", headers)
    assert signed.call_count == len(SECRETS.keys)
