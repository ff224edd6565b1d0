"""`handoff topics`: topics.yaml against the cluster."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workers.cli.common import (
    CliError,
    json_option,
    kafka_option,
    naming_servers,
    print_json,
    read_topics,
    require_servers,
    settings_from,
    topics_option,
)
from workers.cli.output import print_columns
from workers.handoff.wording import counted

if TYPE_CHECKING:
    from workers.contracts.topics import Topic
    from workers.kafka.topic_diff import Difference


@click.group()
def topics() -> None:
    """Compare topics.yaml with the cluster, or create what is missing."""


@topics.command("list")
@topics_option
@json_option
def list_topics(topics: Path, as_json: bool) -> None:
    """Print what topics.yaml declares, the topics of the queues included."""
    declared = read_topics(topics)
    rows = [_row(topic) for topic in declared.topics.values()]
    if as_json:
        print_json(rows)
        return
    print_columns(
        ("topic", "partitions", "kept", "key", "schema"),
        [
            (row["topic"], str(row["partitions"]), _kept(row), row["key"], row["schema"])
            for row in rows
        ],
    )


def _kept(row: dict[str, Any]) -> str:
    days = row["retention_days"]
    return "latest per key" if days is None else f"{days} days"


def _row(topic: "Topic") -> dict[str, Any]:
    import msgspec

    row: dict[str, Any] = msgspec.to_builtins(topic)
    return {"topic": row.pop("topic"), **row}


@topics.command()
@kafka_option
@topics_option
@json_option
def check(kafka: str | None, topics: Path, as_json: bool) -> None:
    """Compare partitions and configuration of every declared topic with the cluster.

    The embedded broker has 4 partitions per topic and no configuration; that is as it should be.
    Exit code: 0 they agree, 1 they differ, 2 bad usage.
    """
    declared = read_topics(topics)
    settings = settings_from(kafka=kafka)
    require_servers(settings, redis=False)
    from workers.kafka.admin import ClusterError, compare

    try:
        with naming_servers(settings):
            found = asyncio.run(compare(settings, declared))
    except ClusterError as error:
        raise CliError(str(error)) from error
    if as_json:
        print_json({"differences": [difference._asdict() for difference in found]})
    else:
        _print(found)
        if not found:
            click.echo(f"{len(declared.topics)} topics are as {topics} declares them")
    raise SystemExit(1 if found else 0)


@topics.command()
@kafka_option
@topics_option
@json_option
def apply(kafka: str | None, topics: Path, as_json: bool) -> None:
    """Create the declared topics that are missing; existing topics are left alone.

    Exit code: 0 the cluster is as declared, 1 something still differs, 2 bad usage.
    """
    declared = read_topics(topics)
    settings = settings_from(kafka=kafka)
    require_servers(settings, redis=False)
    from workers.kafka.admin import ClusterError
    from workers.kafka.admin import apply as create_missing

    try:
        with naming_servers(settings):
            created, rest = asyncio.run(create_missing(settings, declared))
    except ClusterError as error:
        raise CliError(str(error)) from error
    if as_json:
        differences = [difference._asdict() for difference in rest]
        print_json({"created": created, "differences": differences})
    else:
        for name in created:
            click.echo(
                f"{name}: created with {counted(declared.topics[name].partitions, 'partition')}"
            )
        _print(rest)
        there = len(declared.topics) - len(created)
        click.echo(f"{counted(len(created), 'topic')} created, {there} there already")
    raise SystemExit(1 if rest else 0)


def _print(found: "list[Difference]") -> None:
    for difference in found:
        click.echo(str(difference), err=True)
