"""notifier.yaml: the recipients of notifications, by mail or webhook."""

import pathlib
from collections.abc import Collection, Iterator
from typing import Annotated, Final, Literal

import msgspec

from workers.contracts.tickets import Notification, NotificationKind
from workers.contracts.topics import Language
from workers.contracts.yaml import Document, Path, YamlFileError
from workers.outbound.mail import MailServer, mail_problems
from workers.outbound.signatures import secret_problem
from workers.outbound.trees import Data, problems
from workers.outbound.vendor_file import (
    Limits,
    VendorName,
    read_checked,
    read_secrets,
    unnamed_secret,
)

Severity = Literal["urgent", "normal", "low"]
URGENT: Final = frozenset(
    {"deadline_at_risk", "expired", "not_handed_over", "ai_not_ready", "dead_letter_limit"}
)
LOW: Final = frozenset({"rate_in_band", "moved"})


class RouteMatch(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The notifications that a route is for; an absent field matches all."""

    kinds: tuple[NotificationKind, ...] = ()
    queues: tuple[str, ...] = ()
    severity: tuple[Severity, ...] = ()


class Webhook(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """An address that takes posts of JSON."""

    url: str
    """A template, since the addresses of Slack and Teams are secrets: `{{ secrets.slack }}`."""
    format: Literal["standard", "slack", "teams"] = "standard"
    sign_with: str | None = None
    """Name of the secret that signs the standard form, as Standard Webhooks has it."""


class NotifierRoute(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Some people, and the notifications that they get."""

    route: VendorName
    when: RouteMatch = RouteMatch()
    language: Language = "en"
    every_minutes: Annotated[float, msgspec.Meta(ge=0, le=1440)] = 5
    """Minutes between one message and the next, which holds all that came meanwhile."""
    mail: tuple[Annotated[str, msgspec.Meta(pattern=r"^[^@\s]+@[^@\s]+$")], ...] = ()
    webhook: Webhook | None = None


class NotifierFile(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The file as it is written."""

    version: Literal[1]
    secrets: dict[VendorName, str] = {}
    """Files that hold a secret each, relative to this file, or `env:NAME`."""
    link: str | None = None
    """Template of the address at which a desk shows a conversation."""
    mail: MailServer | None = None
    limits: Limits = Limits()
    """Limits of each webhook; `give_up_minutes` counts for mail, too."""
    routes: Annotated[tuple[NotifierRoute, ...], msgspec.Meta(min_length=1)]


class NotifierRoutes:
    """A checked notifier.yaml with its secrets; see `load_notifier`."""

    def __init__(self, file: NotifierFile, secrets: dict[str, tuple[str, ...]]) -> None:
        self.file = file
        self.by_name = {route.route: route for route in file.routes}
        self.secrets = {name: keys[0] for name, keys in secrets.items()}
        self.base: Data = {"secrets": self.secrets}
        """Names that the addresses' templates may use."""

    def of(self, notification: Notification) -> list[NotifierRoute]:
        """Return the routes that a notification goes to, in the file's order."""
        return [route for route in self.file.routes if _holds(route.when, notification)]


def severity_of(notification: Notification) -> Severity:
    """Return how urgent a notification is."""
    if notification.kind in URGENT:
        return "urgent"
    return "low" if notification.kind in LOW else "normal"


def _holds(when: RouteMatch, notification: Notification) -> bool:
    return (
        (not when.kinds or notification.kind in when.kinds)
        and (not when.queues or notification.queue in when.queues)
        and (not when.severity or severity_of(notification) in when.severity)
    )


def load_notifier(path: pathlib.Path, *, secrets: bool = True) -> NotifierRoutes:
    """Return the routes of a file; without its secrets they read as their names.

    Raises YamlFileError, `file:line: field: value: what to do`.
    """
    document, file = read_checked(path, NotifierFile, _problems)
    held = read_secrets(document, path, file.secrets, hidden=not secrets)
    if secrets:
        _require_keys(document, file, held)
    return NotifierRoutes(file, held)


def _problems(document: Document, file: NotifierFile) -> Iterator[YamlFileError]:
    if file.link is not None:
        yield from problems(document, ("link",), file.link)
    yield from mail_problems(document, file.mail, file.secrets)
    names: set[str] = set()
    for index, route in enumerate(file.routes):
        place = ("routes", index)
        if route.route in names:
            yield document.error((*place, "route"), "named twice: keep one")
        names.add(route.route)
        if bool(route.mail) == (route.webhook is not None):
            yield document.error(place, "give either mail or webhook; two ways are two routes")
        if route.mail and file.mail is None:
            yield document.error((*place, "mail"), "name the server that sends it under mail")
        if route.webhook is not None:
            where = (*place, "webhook")
            yield from _webhook_problems(document, where, route.webhook, file.secrets)


def _webhook_problems(
    document: Document, place: Path, webhook: Webhook, secrets: Collection[str]
) -> Iterator[YamlFileError]:
    yield from problems(document, (*place, "url"), webhook.url)
    where = (*place, "sign_with")
    yield from unnamed_secret(document, where, webhook.sign_with, secrets)
    if webhook.sign_with is not None and webhook.format != "standard":
        yield document.error(where, "only the standard format is signed: leave it out")


def _require_keys(document: Document, file: NotifierFile, held: dict[str, tuple[str, ...]]) -> None:
    for route in file.routes:
        name = None if route.webhook is None else route.webhook.sign_with
        if name is not None and (problem := secret_problem("standard_webhooks", held[name][0])):
            raise document.error(("secrets", name), f"the file holds {problem}")
