"""A ticket system as data: the calls that make, change, close and look up a ticket."""

import pathlib
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

import msgspec

from workers.contracts.yaml import Document, Path, YamlFileError
from workers.outbound.mail import MailServer, mail_problems
from workers.outbound.trees import Data, Tree, expression_problems, problems
from workers.outbound.vendor_file import (
    Limits,
    Method,
    VendorName,
    read_checked,
    read_secrets,
)

Seconds = Annotated[float, msgspec.Meta(ge=0, le=3600)]
Statuses = tuple[Annotated[int, msgspec.Meta(ge=300, le=599)], ...]
_CALLS: Final = ("update", "comment", "close")


class TicketTree(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The ticket in `answer`; a null or empty id says that there is none."""

    id: Tree
    """The id by which the vendor's calls name the ticket."""
    number: Tree = None
    """Number by which people and the customer know the ticket; without one, its id serves."""
    url: Tree = None
    """The address at which people open it."""


class TicketMail(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A mail to a help desk that makes tickets of its mail; each field is a template."""

    to: str
    subject: str
    """On one line, with the ticket's number, by which the help desk joins what belongs together."""
    text: str
    reply_to: str | None = None
    """An address that people may answer; left out where it comes to nothing."""


class TicketCall(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One request to the ticket system: an HTTP call with a `url`, or a `mail`."""

    method: Method = "POST"
    url: str | None = None
    mail: TicketMail | None = None
    json: dict[str, Tree] | list[Tree] | None = None
    headers: dict[str, str] = {}
    done: Statuses = ()
    """Answers beside 2xx by which the call counts as made."""
    again: Statuses = ()
    """Answers after which it is made again, beside 401, 403, 408, 423, 425, 429 and 5xx."""


class CreateTicket(TicketCall, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The request that makes a ticket."""

    ticket: TicketTree
    key_hours: Annotated[float, msgspec.Meta(gt=0, le=720)] | None = None
    """The documented life of the idempotency key that `headers` carries, if the vendor has one."""
    refusal: str | None = None
    """JMESPath into the `answer` of a refusal: its kind in a word or two, never a customer's."""


class FindTicket(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A question whose answer says whether a request has its ticket already."""

    url: str
    ticket: TicketTree
    settle_seconds: Seconds = 30
    """Seconds after a try whose end is unknown until the vendor surely finds what that try made."""


class PollTicket(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A question whose answer says what has become of a ticket."""

    url: str
    every_seconds: Annotated[float, msgspec.Meta(gt=0, le=86_400)] = 120
    solved: str
    """JMESPath; it holds once a person has solved it."""
    agent: str | None = None
    """JMESPath to the id of that person."""


class TicketFile(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The file as it is written."""

    version: Literal[1]
    tickets: VendorName
    """The ticket system's name."""
    values: dict[str, Any] = {}
    secrets: dict[VendorName, str] = {}
    """Files that hold a secret each, relative to this file, or `env:NAME`."""
    headers: dict[str, str] = {}
    """Headers of every call."""
    limits: Limits = Limits()
    mail: MailServer | None = None
    """The server that sends the mail of calls."""
    find: FindTicket | None = None
    create: CreateTicket
    update: tuple[TicketCall, ...] = ()
    """Calls in order, after a later request for the same ticket; they open it again."""
    comment: tuple[TicketCall, ...] = ()
    """Calls in order, when the customer has written more."""
    close: tuple[TicketCall, ...] = ()
    """Calls in order, when the ticket is needed no more."""
    poll: PollTicket | None = None
    duplicates: Literal["possible"] | None = None
    """Said where a try whose end is unknown may make a second ticket."""


class TicketVendor:
    """A checked ticket system with its secrets; see `load_tickets`."""

    def __init__(self, file: TicketFile, secrets: dict[str, tuple[str, ...]]) -> None:
        self.file = file
        self.name = file.tickets
        self.base: Data = {
            "values": file.values,
            "secrets": {name: keys[0] for name, keys in secrets.items()},
        }
        """Names that every expression and template may use."""
        server = file.mail
        named = None if server is None else server.password
        self.mail_password = None if named is None else secrets[named][0]


def load_tickets(path: pathlib.Path, *, secrets: bool = True) -> TicketVendor:
    """Return the ticket system of a file; without its secrets they read as their names.

    Raises YamlFileError, `file:line: field: value: what to do`.
    """
    document, file = read_checked(path, TicketFile, _problems)
    return TicketVendor(file, read_secrets(document, path, file.secrets, hidden=not secrets))


def _problems(document: Document, file: TicketFile) -> Iterator[YamlFileError]:
    yield from problems(document, ("headers",), file.headers)
    yield from _call_problems(document, ("create",), file, file.create)
    yield from _tree_problems(document, ("create", "ticket"), file.create.ticket)
    yield from expression_problems(document, ("create", "refusal"), file.create.refusal)
    for part in _CALLS:
        for index, call in enumerate(getattr(file, part)):
            yield from _call_problems(document, (part, index), file, call)
    yield from mail_problems(document, file.mail, file.secrets)
    if file.find is not None:
        yield from problems(document, ("find", "url"), file.find.url)
        yield from _tree_problems(document, ("find", "ticket"), file.find.ticket)
    if file.poll is not None:
        yield from problems(document, ("poll", "url"), file.poll.url)
        yield from expression_problems(document, ("poll", "solved"), file.poll.solved)
        yield from expression_problems(document, ("poll", "agent"), file.poll.agent)
    known_again = file.find is not None or file.create.key_hours is not None
    if not known_again and file.duplicates is None:
        advice = "describe find or create.key_hours, or say duplicates: possible"
        yield document.error((), f"a ticket may be made twice: {advice}")
    if known_again and file.duplicates is not None:
        yield document.error(("duplicates",), "tickets are known again here: leave it out")


def _call_problems(
    document: Document, where: Path, file: TicketFile, call: TicketCall
) -> Iterator[YamlFileError]:
    if (call.url is None) == (call.mail is None):
        yield document.error(where, "give either url or mail")
    for part in ("url", "headers", "json"):
        yield from problems(document, (*where, part), getattr(call, part))
    if call.mail is None:
        return
    if file.mail is None:
        yield document.error((*where, "mail"), "name the server that sends it under mail")
    for part in ("to", "subject", "text", "reply_to"):
        yield from problems(document, (*where, "mail", part), getattr(call.mail, part))


def _tree_problems(document: Document, where: Path, tree: TicketTree) -> Iterator[YamlFileError]:
    for part in ("id", "number", "url"):
        yield from problems(document, (*where, part), getattr(tree, part))
