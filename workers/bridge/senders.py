"""The file of senders: systems that may post, and what each may post."""

import hashlib
import pathlib
import re
from collections.abc import Collection, Iterator
from typing import Annotated, Final, Literal

import msgspec

from workers.contracts.desks import REQUIRED
from workers.contracts.events import EVENT_TYPES, OWN_TYPES
from workers.contracts.topics import QueueName
from workers.contracts.yaml import Document, Path, YamlFileError, convert, load_yaml, suggestion

CHAT_TYPES: Final = tuple(kind for kind in EVENT_TYPES if kind not in OWN_TYPES)
"""Types that a chat system or an AI agent may report; our own agents' types are excluded."""
DESK_TYPES: Final = ("presence", *REQUIRED)
"""Types that desks report; a lead's events need our signature, which no sender has."""
_TYPES: Final = (*CHAT_TYPES, *DESK_TYPES)
_SHA256: Final = re.compile("[0-9a-f]{64}")
_ADVICE: Final = "write the 64 hexadecimal digits that `handoff bridge token` prints"
_NAME: Final = "use small letters, digits, - and _, a letter first"


class Sender(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A system that posts, and the types that it may write."""

    sender: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]{0,63}$", description=_NAME)]
    token_sha256: str | None = None
    """The token itself is only with the sender."""
    webhook_secret_file: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    """Holds the keys of its Standard Webhooks, one a line; any of them verifies."""
    events: tuple[str, ...] = ()
    """Types that it may write."""
    queues: tuple[QueueName, ...] = ()
    """Queues whose desk events it may write."""
    follows_control: bool = False
    """True for a sender that may read `conversation-control`."""


class SendersFile(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The file as it is written."""

    version: Literal[1]
    senders: tuple[Sender, ...]


class Senders:
    """The checked senders; see `load_senders`."""

    def __init__(self, file: SendersFile) -> None:
        self._by_digest = {
            sender.token_sha256: sender for sender in file.senders if sender.token_sha256
        }
        self._by_name = {sender.sender: sender for sender in file.senders}

    def by_token(self, token: str) -> Sender | None:
        """Return the sender of a token; hashes are compared, so that timing reveals nothing."""
        return self._by_digest.get(token_sha256(token))

    def by_name(self, name: str) -> Sender | None:
        """Return the sender of this name."""
        return self._by_name.get(name)

    def __iter__(self) -> Iterator[Sender]:
        return iter(self._by_name.values())


NOBODY: Final = Senders(SendersFile(version=1, senders=()))


def token_sha256(token: str) -> str:
    """Return the hash of a token, as the file of senders has it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def load_senders(text: str, name: str, queues: Collection[str]) -> Senders:
    """Return the senders of a file; `name` is the file's, `queues` those of topics.yaml.

    Raises YamlFileError, `file:line: field: value: what to do`.
    """
    document = load_yaml(text, name)
    file = convert(document, SendersFile)
    for problem in _problems(document, file, queues):
        raise problem
    return Senders(file)


def _problems(
    document: Document, file: SendersFile, queues: Collection[str]
) -> Iterator[YamlFileError]:
    names: set[str] = set()
    tokens: set[str] = set()
    for index, sender in enumerate(file.senders):
        where = ("senders", index)
        if sender.sender in names:
            yield document.error((*where, "sender"), "named twice: keep one")
        names.add(sender.sender)
        if sender.token_sha256 and not _SHA256.fullmatch(sender.token_sha256):
            yield document.error((*where, "token_sha256"), _ADVICE)
        if sender.token_sha256 in tokens:
            yield document.error((*where, "token_sha256"), "is another sender's: give each its own")
        if sender.token_sha256 is not None:
            tokens.add(sender.token_sha256)
        elif sender.webhook_secret_file is None:
            advice = "token_sha256 and webhook_secret_file are both missing: give one"
            yield document.error(where, advice)
        yield from _right_problems(document, where, sender, queues)


def _right_problems(
    document: Document, where: Path, sender: Sender, queues: Collection[str]
) -> Iterator[YamlFileError]:
    if not sender.events and not sender.follows_control:
        yield document.error((*where, "events"), "missing: name what it may write")
    for place, kind in enumerate(sender.events):
        if kind not in _TYPES:
            yield document.error((*where, "events", place), suggestion(kind, _TYPES))
    for place, queue in enumerate(sender.queues):
        if queue not in queues:
            yield document.error((*where, "queues", place), suggestion(queue, sorted(queues)))
    desk = next((kind for kind in sender.events if kind in DESK_TYPES), None)
    if desk and not sender.queues:
        yield document.error((*where, "queues"), f"missing: {desk} is an event of a queue")


class SecretFileError(ValueError):
    """A file with webhook keys cannot be used; the message names it and never quotes it."""


_KEY: Final = re.compile(r"whsec_[A-Za-z0-9+/]{24,}={0,2}")


def read_keys(file: str, base: pathlib.Path) -> tuple[str, ...]:
    """Return the Standard Webhooks keys in a file, one a line; a relative name is beside `base`."""
    path = base.parent / file
    try:
        lines = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise SecretFileError(f"{path}: cannot be read: {why}") from None
    if not lines:
        raise SecretFileError(f"{path}: empty: put one key a line into it, as in whsec_…")
    for number, line in enumerate(lines, start=1):
        if not _KEY.fullmatch(line):
            raise SecretFileError(
                f"{path}:{number}: no key: write whsec_ and at least 18 bytes in base64"
            )
    return tuple(lines)
