"""`handoff notifier check` and `test`: whether a notifier.yaml can be used, and a route reached."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import click

from workers.cli.common import CliError
from workers.cli.output import print_columns
from workers.contracts.tickets import Notification
from workers.errors import EXIT_UNAVAILABLE

if TYPE_CHECKING:
    from workers.outbound.http_sending import Answer
    from workers.outbound.notifier_file import NotifierRoute, NotifierRoutes

_file = click.argument(
    "file",
    metavar="[FILE]",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="HANDOFF_NOTIFIER",
)


@click.group()
def notifier() -> None:
    """Check who is told of notifications, and try it."""


@notifier.command()
@_file
def check(file: Path) -> None:
    """Say whether the notifier.yaml in FILE (HANDOFF_NOTIFIER) can be used, and list its routes.

    Secrets are read and not printed. Exit code: 0 it can be used, 1 it cannot.
    """
    routes = _routes(file)
    rows = [
        [name, _when(route), _to(route), route.language, f"{route.every_minutes:g}"]
        for name, route in routes.by_name.items()
    ]
    print_columns(["route", "when", "to", "language", "every minutes"], rows)


@notifier.command()
@click.argument("route")
@_file
def test(route: str, file: Path) -> None:
    """Send a message to ROUTE of the notifier.yaml in FILE (HANDOFF_NOTIFIER); print the result.

    Exit code: 0 sent, 1 refused or no such route, 69 the server is unavailable.
    """
    routes = _routes(file)
    if route not in routes.by_name:
        raise CliError(f"{file}: no route {route!r}: there are {', '.join(routes.by_name)}")
    answer = asyncio.run(_send(routes, routes.by_name[route]))
    if answer.result == "done":
        click.echo(f"{route}: sent ({answer.why})")
        return
    code = EXIT_UNAVAILABLE if answer.result == "later" else 1
    raise CliError(f"{route}: {'not sent' if code != 1 else 'refused'}: {answer.why}", code)


def _routes(file: Path) -> "NotifierRoutes":
    from workers.contracts.yaml import YamlFileError
    from workers.outbound.notifier_file import load_notifier

    try:
        return load_notifier(file)
    except YamlFileError as error:
        raise CliError(str(error)) from None


async def _send(routes: "NotifierRoutes", route: "NotifierRoute") -> "Answer":
    from workers.outbound.messenger import Messenger

    messenger = Messenger(routes)
    try:
        return await messenger.send(route, [_sample()])
    finally:
        await messenger.close()


def _sample() -> Notification:
    return Notification(
        notification_id=str(uuid4()),
        kind="deadline_at_risk",
        occurred_at=datetime.now(UTC),
        text="This is a test by `handoff notifier test`: no one waits.",
        queue="test",
        conversation_id="test",
    )


def _when(route: "NotifierRoute") -> str:
    when = route.when
    parts = [*when.severity, *when.kinds, *when.queues]
    return ", ".join(parts) or "all"


def _to(route: "NotifierRoute") -> str:
    if route.webhook is not None:
        return f"webhook ({route.webhook.format})"
    return ", ".join(route.mail)
