"""Signatures of our agents' events, so that no other producer can forge them."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace

SIGNATURE_HEADER = "handoff-signature"


@dataclass(frozen=True)
class Secrets:
    """The keys of the signature: the first signs, any of them verifies, none means unsigned.

    With a topic and partition they sign and verify what stands there: a record that somebody copies
    into another partition is not signed.
    """

    keys: tuple[bytes, ...] = ()
    topic: str = ""
    partition: int | None = None

    def __repr__(self) -> str:
        return f"Secrets({len(self.keys)} keys)"

    def __bool__(self) -> bool:
        return bool(self.keys)

    def at(self, topic: str, partition: int) -> "Secrets":
        """Return the same keys for the records of one partition."""
        return replace(self, topic=topic, partition=partition) if self.keys else self


def signature_headers(secrets: Secrets, key: bytes, value: bytes) -> list[tuple[str, bytes]]:
    """Return the headers to produce an event of our own types with; empty when there is no key."""
    if not secrets:
        return []
    return [(SIGNATURE_HEADER, _signature(secrets.keys[0], _signed(secrets, key, value)))]


def is_signed(
    secrets: Secrets, key: bytes, value: bytes, headers: Sequence[tuple[str, bytes | None]]
) -> bool:
    """Return True if one of the keys made the first signature in `headers`, of `key` and `value`.

    Where `secrets` name a partition, the signature is of that as well; one of key and value alone,
    as it was until 0.1, is still taken. A header may hold anything, null too, and there may be any
    number of them: one is read.
    """
    given = next((signature for name, signature in headers if name == SIGNATURE_HEADER), None)
    if given is None:
        return False
    forms = [_signed(secrets, key, value)]
    if secrets.partition is not None:
        forms.append(_signed_anywhere(key, value))
    return any(
        hmac.compare_digest(_signature(secret, signed), given)
        for secret in secrets.keys
        for signed in forms
    )


def _signed(secrets: Secrets, key: bytes, value: bytes) -> bytes:
    if secrets.partition is None:
        return _signed_anywhere(key, value)
    # The other form begins with the length of a key: no key is as long as this says.
    place = f"at {secrets.topic}/{secrets.partition}".encode()
    return b"\xff" * 8 + len(place).to_bytes(8, "big") + place + _signed_anywhere(key, value)


def _signed_anywhere(key: bytes, value: bytes) -> bytes:
    # The length keeps a byte that moves from the key to the value from going unnoticed.
    return len(key).to_bytes(8, "big") + key + value


def _signature(secret: bytes, signed: bytes) -> bytes:
    return hmac.digest(secret, signed, "sha256").hex().encode()
