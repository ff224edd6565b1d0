"""Signatures of the events that only our own agents write, so that nobody else can."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

SIGNATURE_HEADER = "handoff-signature"


@dataclass(frozen=True)
class Secrets:
    """The keys of the signature: the first signs, any of them verifies, none means unsigned."""

    keys: tuple[bytes, ...] = ()

    def __repr__(self) -> str:
        return f"Secrets({len(self.keys)} keys)"

    def __bool__(self) -> bool:
        return bool(self.keys)


def signature_headers(secrets: Secrets, key: bytes, value: bytes) -> list[tuple[str, bytes]]:
    """Return the headers to produce an event of our own types with; empty when there is no key."""
    if not secrets:
        return []
    return [(SIGNATURE_HEADER, _signature(secrets.keys[0], key, value))]


def is_signed(
    secrets: Secrets, key: bytes, value: bytes, headers: Sequence[tuple[str, bytes | None]]
) -> bool:
    """Return True if one of the keys made the first signature in `headers`, of `key` and `value`.

    A header may hold anything, null too, and there may be any number of them: one is read.
    """
    given = next((signature for name, signature in headers if name == SIGNATURE_HEADER), None)
    return given is not None and any(
        hmac.compare_digest(_signature(secret, key, value), given) for secret in secrets.keys
    )


def _signature(secret: bytes, key: bytes, value: bytes) -> bytes:
    # The length keeps a byte that moves from the key to the value from going unnoticed.
    signed = len(key).to_bytes(8, "big") + key + value
    return hmac.digest(secret, signed, "sha256").hex().encode()
