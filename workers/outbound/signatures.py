"""Schemes by which webhooks are signed: each is code with a name, which vendor files use."""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

from standardwebhooks import Webhook, WebhookVerificationError

TOLERANCE_S: Final = 300
"""The greatest age of a signature, and how far ahead it may lie."""

InScheme = Literal["chatwoot", "standard_webhooks", "token_in_address"]
"""`token_in_address` is for vendors that sign nothing: knowing the address suffices to post."""
OutScheme = Literal["standard_webhooks"]


class UnprovenError(ValueError):
    """A webhook is not proven to be the vendor's; the message says why and quotes no secret."""


class Post(NamedTuple):
    """A webhook as it came."""

    body: bytes
    headers: Mapping[str, str]
    """With names in small letters."""
    token: str
    """The secret in the address, or nothing."""


def verify(scheme: InScheme, secrets: Sequence[str], post: Post, now_s: float) -> None:
    """Raise UnprovenError unless one of the secrets made the signature, and lately."""
    _VERIFY[scheme](secrets, post, now_s)


def sign(scheme: OutScheme, secret: str, message_id: str, body: bytes) -> dict[str, str]:
    """Return the headers that prove that a body is ours."""
    if scheme != "standard_webhooks":
        raise AssertionError(scheme)
    moment = datetime.now(UTC)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, moment, body.decode()),
    }


def secret_problem(scheme: str, secret: str) -> str | None:
    """Return what is wrong with a secret for a scheme, or None; the secret is not quoted."""
    if scheme != "standard_webhooks":
        return None
    try:
        Webhook(secret)
    except Exception:  # noqa: BLE001 - the library raises what base64 raises, and its own
        return "no key of Standard Webhooks: whsec_ and base64"
    return None


def _chatwoot(secrets: Sequence[str], post: Post, now_s: float) -> None:
    given = post.headers.get("x-chatwoot-signature", "")
    stamp = post.headers.get("x-chatwoot-timestamp", "")
    if not given or not stamp:
        raise UnprovenError("X-Chatwoot-Signature and X-Chatwoot-Timestamp: missing")
    if not stamp.isdecimal() or len(stamp) > 15 or abs(now_s - int(stamp)) > TOLERANCE_S:
        raise UnprovenError("X-Chatwoot-Timestamp: more than five minutes from now")
    signed = stamp.encode() + b"." + post.body
    for secret in secrets:
        made = "sha256=" + hmac.digest(secret.encode(), signed, "sha256").hex()
        if hmac.compare_digest(made.encode(), given.encode("utf-8", "replace")):
            return
    raise UnprovenError("X-Chatwoot-Signature: not made with our secret")


def _standard(secrets: Sequence[str], post: Post, now_s: float) -> None:  # noqa: ARG001
    problem = "Invalid signature"
    for secret in secrets:
        try:
            Webhook(secret).verify(post.body, dict(post.headers), json_parse=False)
        except WebhookVerificationError as error:
            problem = str(error)
        except ValueError:
            # A signature or a body of another form than the specification's.
            continue
        else:
            return
    raise UnprovenError(f"webhook-signature: {problem}")


def _token(secrets: Sequence[str], post: Post, now_s: float) -> None:  # noqa: ARG001
    given = hashlib.sha256(post.token.encode("utf-8", "replace")).digest()
    for secret in secrets:
        if hmac.compare_digest(hashlib.sha256(secret.encode()).digest(), given):
            return
    raise UnprovenError("the token in the address is not ours")


_VERIFY: Final[dict[str, Callable[[Sequence[str], Post, float], None]]] = {
    "chatwoot": _chatwoot,
    "standard_webhooks": _standard,
    "token_in_address": _token,
}
