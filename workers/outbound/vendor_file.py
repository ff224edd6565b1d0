"""A vendor as data: what its webhooks become, and which calls follow from our messages."""

import os
import pathlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from workers.contracts.topics import QUEUE_PREFIX
from workers.contracts.yaml import Document, Path, YamlFileError, convert, load_yaml, suggestion
from workers.outbound.signatures import InScheme, OutScheme, secret_problem
from workers.outbound.trees import Data, Tree, expression_problems, problems, render

_NAME: Final = "use small letters, digits, - and _, a letter first"
VendorName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]{0,63}$", description=_NAME)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=60)]
Topic = Literal["conversation-events", "desk-events"]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
F = TypeVar("F", bound=msgspec.Struct)
_VARIABLE: Final = "env:"
_OWN_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")


class Signature(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The way in which a webhook of the vendor proves itself."""

    scheme: InScheme
    secret: str
    """Name of one of the secrets."""


class VendorRule(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One event that follows from some payloads."""

    rule: VendorName
    when: str | None = None
    """JMESPath; it holds for any value but null, false and empty ones."""
    write: Topic
    event: dict[str, Tree]


class Inbound(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Rules for the vendor's webhooks; every rule that holds writes its event, in order."""

    signature: Signature
    conversation: str
    """JMESPath to the conversation's id in our topics; null where a payload is of none."""
    note: dict[VendorName, Tree] = {}
    """Notes to keep of the conversation, for `known`."""
    note_at: str | None = None
    """JMESPath to the seconds at which that was so. As webhooks come in any order, a note older
    than `known.noted_at` is not kept."""
    rules: Annotated[tuple[VendorRule, ...], msgspec.Meta(min_length=1)]


class VendorCall(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One request to the vendor."""

    call: VendorName
    when: str | None = None
    method: Method = "POST"
    url: str
    json: dict[str, Tree] | list[Tree] | None = None
    headers: dict[str, str] = {}
    sign: OutScheme | None = None
    done: tuple[Annotated[int, msgspec.Meta(ge=300, le=599)], ...] = ()
    """Answers beside 2xx by which the call counts as made, as one that was made before."""


class Limits(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Limits of the vendor: its rates, and how long it is waited for."""

    per_second: Annotated[float, msgspec.Meta(gt=0, le=1000)] = 10
    at_once: Annotated[int, msgspec.Meta(ge=1, le=256)] = 8
    timeout_seconds: Seconds = 10
    give_up_minutes: Annotated[float, msgspec.Meta(gt=0, le=10_080)] = 60
    """Minutes of retries until a message becomes a dead letter."""


class Outbound(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The calls that follow from our messages."""

    conversations: str
    """Template of the beginning of the vendor's conversation ids; the rest is `id`."""
    headers: dict[str, str] = {}
    """Headers of every call."""
    sign_with: str | None = None
    """Name of the secret that signs."""
    limits: Limits = Limits()
    control: tuple[VendorCall, ...] = ()
    """Calls after a message of conversation-control."""
    queue: tuple[VendorCall, ...] = ()
    """Calls after a message of a handoff-<queue> topic."""


class PresenceQuestion(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A question whose answer says who is online for a queue."""

    url: str
    online: str
    """JMESPath into `answer`: a number."""
    agents: str | None = None
    """JMESPath into `answer`: their ids."""


class VendorPresence(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Presence by the vendor's own word or, where it has none, by ours."""

    every_seconds: Annotated[int, msgspec.Meta(ge=5, le=600)] = 30
    queues: str
    """JMESPath to a mapping of queues to what the vendor calls them."""
    ask: PresenceQuestion | None = None
    agents_online: Annotated[int, msgspec.Meta(ge=0, le=10_000)] | None = None
    """Presence to report where the vendor cannot be asked."""


class VendorFile(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The file as it is written."""

    version: Literal[1]
    vendor: VendorName
    values: dict[str, Any] = {}
    """Values that differ from one installation to the next, for expressions and templates."""
    secrets: dict[VendorName, str] = {}
    """Files that hold a secret each, one a line where several are valid, relative to this file; or
    `env:NAME` for a variable of the environment."""
    inbound: Inbound | None = None
    outbound: Outbound | None = None
    presence: VendorPresence | None = None


class Vendor:
    """A checked vendor file with its secrets; see `load_vendor`."""

    def __init__(
        self, file: VendorFile, secrets: dict[str, tuple[str, ...]], *, has_secrets: bool = True
    ) -> None:
        self.file = file
        self.name = file.vendor
        self.secrets = secrets
        self.has_secrets = has_secrets
        """False: they read as their names, to be shown."""
        self.base: Data = {
            "values": file.values,
            "secrets": {name: keys[0] for name, keys in secrets.items()},
        }
        """Names that every expression and template may use."""
        self.prefix = (
            "" if file.outbound is None else render(file.outbound.conversations, self.base)
        )
        """The beginning of the ids of its conversations."""

    def conversation_id(self, conversation: str) -> str | None:
        """Return the vendor's own id of a conversation; None when it is another's.

        It becomes a part of addresses, so an id that could change the address is not the vendor's.
        """
        if self.file.outbound is None or not conversation.startswith(self.prefix):
            return None
        own = conversation.removeprefix(self.prefix)
        return own if _OWN_ID.fullmatch(own) else None


def load_vendor(path: pathlib.Path, *, secrets: bool = True) -> Vendor:
    """Return the vendor that a file describes; without its secrets they read as their names.

    Raises YamlFileError, `file:line: field: value: what to do`.
    """
    document, file = read_checked(path, VendorFile, _problems)
    held = read_secrets(document, path, file.secrets, hidden=not secrets)
    if secrets:
        _require_keys(document, file, held)
    vendor = Vendor(file, held, has_secrets=secrets)
    if file.outbound is not None and not vendor.prefix:
        raise document.error(("outbound", "conversations"), "empty: every conversation would match")
    return vendor


def read_checked(
    path: pathlib.Path,
    kind: type[F],
    problems_of: Callable[[Document, F], Iterator[YamlFileError]],
) -> tuple[Document, F]:
    """Return a file of YAML as a type, with its document; raise the first of its problems."""
    document = load_yaml(path.read_text(encoding="utf-8"), str(path))
    file = convert(document, kind)
    for problem in problems_of(document, file):
        raise problem
    return document, file


def read_secrets(
    document: Document, path: pathlib.Path, secrets: Mapping[str, str], *, hidden: bool
) -> dict[str, tuple[str, ...]]:
    """Return the values of each secret of a file at `path`; `hidden` ones read as their names.

    Raises YamlFileError where a file or a variable cannot be read; no secret is quoted.
    """
    if hidden:
        return {name: (f"<{name}>",) for name in secrets}
    return {name: _read(document, path, name, given) for name, given in secrets.items()}


def _read(document: Document, path: pathlib.Path, name: str, given: str) -> tuple[str, ...]:
    if given.startswith(_VARIABLE):
        held = tuple(os.environ.get(given.removeprefix(_VARIABLE), "").split())
        if not held:
            advice = f"the variable is not set: put the secret into {given[len(_VARIABLE) :]}"
            raise document.error(("secrets", name), advice)
        return held
    file = path.parent / given
    try:
        lines = tuple(file.read_text(encoding="utf-8").split())
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise document.error(("secrets", name), f"cannot be read: {why}") from None
    if not lines:
        raise document.error(("secrets", name), "the file is empty: put the secret into it")
    return lines


def _require_keys(document: Document, file: VendorFile, held: dict[str, tuple[str, ...]]) -> None:
    uses: list[tuple[str, str]] = []
    if file.inbound is not None:
        uses.append((file.inbound.signature.scheme, file.inbound.signature.secret))
    if file.outbound is not None and file.outbound.sign_with is not None:
        uses.append(("standard_webhooks", file.outbound.sign_with))
    for scheme, name in uses:
        for secret in held[name]:
            if problem := secret_problem(scheme, secret):
                raise document.error(("secrets", name), f"the file holds {problem}")


def _problems(document: Document, file: VendorFile) -> Iterator[YamlFileError]:
    if file.inbound is None and file.outbound is None and file.presence is None:
        yield document.error((), "nothing to do: describe inbound, outbound or presence")
    yield from _inbound_problems(document, file)
    yield from _outbound_problems(document, file)
    yield from _presence_problems(document, file)


def _inbound_problems(document: Document, file: VendorFile) -> Iterator[YamlFileError]:
    inbound = file.inbound
    if inbound is None:
        return
    where: Path = ("inbound",)
    yield from unnamed_secret(
        document, (*where, "signature", "secret"), inbound.signature.secret, file.secrets
    )
    yield from expression_problems(document, (*where, "conversation"), inbound.conversation)
    yield from problems(document, (*where, "note"), inbound.note)
    yield from expression_problems(document, (*where, "note_at"), inbound.note_at)
    for index, rule in enumerate(inbound.rules):
        place = (*where, "rules", index)
        yield from expression_problems(document, (*place, "when"), rule.when)
        yield from problems(document, (*place, "event"), rule.event)


def _outbound_problems(document: Document, file: VendorFile) -> Iterator[YamlFileError]:
    outbound = file.outbound
    if outbound is None:
        return
    where: Path = ("outbound",)
    yield from problems(document, (*where, "conversations"), outbound.conversations)
    yield from problems(document, (*where, "headers"), outbound.headers)
    yield from unnamed_secret(document, (*where, "sign_with"), outbound.sign_with, file.secrets)
    for part, calls in (("control", outbound.control), ("queue", outbound.queue)):
        names: set[str] = set()
        for index, call in enumerate(calls):
            place = (*where, part, index)
            if call.call in names:
                yield document.error((*place, "call"), "named twice: keep one")
            names.add(call.call)
            yield from _call_problems(document, place, call, outbound)


def _call_problems(
    document: Document, place: Path, call: VendorCall, outbound: Outbound
) -> Iterator[YamlFileError]:
    yield from expression_problems(document, (*place, "when"), call.when)
    yield from problems(document, (*place, "url"), call.url)
    yield from problems(document, (*place, "headers"), call.headers)
    yield from problems(document, (*place, "json"), call.json)
    if call.sign is not None and outbound.sign_with is None:
        yield document.error((*place, "sign"), "name the secret in outbound.sign_with")


def _presence_problems(document: Document, file: VendorFile) -> Iterator[YamlFileError]:
    presence = file.presence
    if presence is None:
        return
    yield from expression_problems(document, ("presence", "queues"), presence.queues)
    if (presence.ask is None) == (presence.agents_online is None):
        yield document.error(("presence",), "give either ask or agents_online")
    if presence.ask is not None:
        if file.outbound is None:
            yield document.error(("presence", "ask"), "needs outbound, for its headers and limits")
        yield from problems(document, ("presence", "ask", "url"), presence.ask.url)
        yield from expression_problems(document, ("presence", "ask", "online"), presence.ask.online)
        yield from expression_problems(document, ("presence", "ask", "agents"), presence.ask.agents)


def unnamed_secret(
    document: Document, path: Path, name: str | None, secrets: Collection[str]
) -> Iterator[YamlFileError]:
    """Yield an error for a name at `path` that is none of the secrets; None names nothing."""
    if name is not None and name not in secrets:
        advice = suggestion(name, sorted(secrets), "name it under secrets, with its file")
        yield document.error(path, advice)


def part_of(topic: str) -> Literal["control", "queue"]:
    """Return which calls follow from a message of this topic."""
    return "queue" if topic.startswith(QUEUE_PREFIX) else "control"
