"""`handoff tickets`: what a ticket system's file makes of a request, without sending anything."""

from pathlib import Path
from typing import Any

import click

from workers.cli.common import CliError, print_json

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def tickets() -> None:
    """Check the file of a ticket system, in which `handoff worker tickets` makes tickets."""


@tickets.command()
@click.argument("ticket_file", metavar="FILE", type=_file)
@click.argument("requests", metavar="REQUEST…", nargs=-1, type=click.File("rb"))
def check(ticket_file: Path, requests: tuple[Any, ...]) -> None:
    """Read the file, and show the calls that follow from requests of support-tickets.

    A REQUEST is a file with the JSON of one record. Nothing is sent, and secrets are shown by
    their names.

    Exit code: 0 all calls can be made, 1 some cannot and are named, 2 bad usage.
    """
    from workers.agents.tickets.ticket_check import calls_for
    from workers.contracts.codec import decode_message
    from workers.contracts.rejections import Rejected
    from workers.contracts.tickets import Ticket
    from workers.contracts.yaml import YamlFileError
    from workers.outbound.ticket_file import load_tickets

    try:
        vendor = load_tickets(ticket_file, secrets=False)
    except YamlFileError as error:
        raise CliError(str(error), exit_code=2) from None
    results: list[dict[str, Any]] = []
    for request in requests:
        try:
            asked = decode_message(Ticket, request.read())
        except Rejected as rejected:
            raise CliError(f"{request.name}: {rejected}", exit_code=2) from None
        results.append({"request": request.name, **calls_for(vendor, asked)})
    print_json({"tickets": vendor.name, "requests": results})
    if any(result["problems"] for result in results):
        raise SystemExit(1)
