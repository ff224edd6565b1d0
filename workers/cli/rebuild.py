"""`handoff rebuild`: fold the log into an empty store."""

import asyncio
import sys
from pathlib import Path

import click

from workers.cli.common import (
    CliError,
    json_option,
    kafka_option,
    naming_servers,
    print_json,
    progress,
    redis_option,
    require_servers,
    settings_from,
    topics_option,
)
from workers.cli.policy_option import PolicyChoice, policy_option
from workers.handoff.wording import counted


@click.command()
@kafka_option
@redis_option
@policy_option
@topics_option
@click.option("--yes", is_flag=True, help="Do not ask before the store is emptied.")
@json_option
def rebuild(
    kafka: str | None,
    redis: str | None,
    policy: PolicyChoice,
    topics: Path,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    """Delete all conversations from Redis and fold the log again.

    For a damaged store, or a log that was truncated, created anew or given another number of
    partitions. Stop the escalation workers first. Of published records only the latest decision of
    every open escalation is published again. A log that ends before the committed offset is read
    from its start, and the ids stay the same.
    """
    settings = settings_from(kafka, redis)
    chosen = policy.read(topics)
    require_servers(settings)
    if not yes and not _confirmed():
        raise CliError("nothing was changed")
    from workers.agents.escalation import offline_rebuild
    from workers.conversation.partition_meta import starting_meta
    from workers.errors import WorkerStop

    click.echo(f"policy: {chosen.name}", err=True)
    with naming_servers(settings):
        try:
            own = starting_meta(chosen.text, settings.observe)
            offsets = asyncio.run(offline_rebuild.committed_offsets(settings))
            with progress("folding", sum(one.offset for one in offsets.values())) as advance:
                done = asyncio.run(offline_rebuild.rebuild(settings, own, offsets, advance))
        except WorkerStop as stop:
            raise CliError(f"{stop} (stop every escalation worker first)", stop.exit_code) from None
    if as_json:
        print_json([row._asdict() for row in done])
        return
    for row in done:
        if row.begins_at is not None:
            click.echo(
                f"partition {row.partition}: the log ends before what was handled, it was cut or "
                f"made anew: the workers begin it at offset {row.begins_at}"
            )
            continue
        click.echo(
            f"partition {row.partition}: {counted(row.records, 'record')} folded, "
            f"{counted(row.republished, 'decision')} about open escalations published again"
        )
    if not done:
        click.echo("Nothing was ever committed, so there is nothing to rebuild: start a worker.")


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        raise CliError("standard input is no terminal to confirm it at: pass --yes", exit_code=2)
    return click.confirm("Empty the states of all conversations and fold the log again?")
