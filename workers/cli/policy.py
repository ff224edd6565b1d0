"""`handoff policy check`: whether a policy can be used, and what is in it."""

from pathlib import Path
from typing import IO, Any

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
def policy() -> None:
    """Check a policy file."""


@policy.command()
@input_argument
@topics_option
@json_option
def check(source: IO[bytes], topics: Path, as_json: bool) -> None:
    """Say whether the policy in FILE can be used; - is standard input.

    The first problem is named with its line and what to do. Queues must exist in topics.yaml.
    Exit code: 0 it can be used, 1 it cannot.
    """
    from workers.contracts.yaml import YamlFileError
    from workers.policy import load_policy

    name = getattr(source, "name", "-")
    name = "standard input" if name in ("-", "<stdin>") else name
    queues = read_topics(topics).queues
    try:
        loaded = load_policy(source.read().decode("utf-8"), name, queues)
    except UnicodeDecodeError as error:
        raise CliError(f"{name}: not UTF-8 at byte {error.start}: save it as UTF-8") from None
    except YamlFileError as error:
        raise CliError(str(error)) from None
    summary = {
        "file": name,
        "version": loaded.version,
        "hash": loaded.hash,
        "rules": [_described(rule) for rule in loaded.base.rules],
        "routes": len(loaded.base.routes),
        "overrides": len(loaded.overrides),
    }
    if as_json:
        print_json(summary)
    else:
        _print(summary)


def _described(rule: Any) -> dict[str, str]:
    return {
        "rule": rule.name,
        "does": rule.mode,
        "class": "mandatory" if rule.mandatory else "declinable",
        "reason": rule.reason,
        "when": ", ".join(condition.name for condition in rule.conditions),
        "target_queue": rule.target,
    }


def _print(summary: dict[str, Any]) -> None:
    click.echo(
        f"{summary['file']}: version {summary['version']} ({summary['hash']}) can be used: "
        f"{len(summary['rules'])} rules, {summary['routes']} routes, "
        f"{summary['overrides']} overrides"
    )
    columns = list(summary["rules"][0])
    rows = [columns, *[list(rule.values()) for rule in summary["rules"]]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())
