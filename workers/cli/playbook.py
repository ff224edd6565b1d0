"""`handoff playbook check`: whether a playbook can be used, and what is in it."""

from pathlib import Path
from typing import IO

import click

from workers.cli.common import (
    CliError,
    input_argument,
    json_option,
    print_json,
    read_topics,
    topics_option,
)


@click.group()
def playbook() -> None:
    """Check a playbook, which says what to do next."""


@playbook.command()
@input_argument
@topics_option
@json_option
def check(source: IO[bytes], topics: Path, as_json: bool) -> None:
    """Say whether the playbook in FILE can be used; - is standard input.

    The first problem is named with its line and what to do. Queues must exist in topics.yaml.
    Exit code: 0 it can be used, 1 it cannot.
    """
    from workers.contracts.yaml import YamlFileError
    from workers.handoff.playbook import load_playbook

    name = getattr(source, "name", "-")
    name = "standard input" if name in ("-", "<stdin>") else name
    try:
        loaded = load_playbook(source.read().decode("utf-8"), name, read_topics(topics).queues)
    except UnicodeDecodeError as error:
        raise CliError(f"{name}: not UTF-8 at byte {error.start}: save it as UTF-8") from None
    except YamlFileError as error:
        raise CliError(str(error)) from None
    if as_json:
        summary = {"file": name, "version": loaded.version, "hash": loaded.hash}
        print_json({**summary, "entries": len(loaded.entries)})
    else:
        click.echo(
            f"{name}: version {loaded.version} ({loaded.hash}) can be used: "
            f"{len(loaded.entries)} entries"
        )
