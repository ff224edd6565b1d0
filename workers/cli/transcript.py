"""`handoff transcript`: the whole transcript of a conversation, from the store."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workers.cli.common import (
    CliError,
    json_option,
    log_partitions,
    naming_servers,
    print_json,
    redis_option,
    require_servers,
    settings_from,
    topics_option,
)
from workers.contracts.topics import EVENTS
from workers.handoff.wording import counted

if TYPE_CHECKING:
    from workers.contracts.decisions import Turn
    from workers.contracts.handoffs import PacketTurn
    from workers.settings import Settings


@click.command()
@click.argument("conversation")
@redis_option
@topics_option
@json_option
def transcript(conversation: str, redis: str | None, topics: Path, as_json: bool) -> None:
    """Print the whole transcript of CONVERSATION, its episodes and tool results included.

    It comes from the store and is not redacted: mind who can see it. Exit code: 0 printed,
    1 no such conversation.
    """
    settings = settings_from(redis=redis)
    require_servers(settings, kafka=False)
    partitions = log_partitions(topics)
    with naming_servers(settings):
        turns = asyncio.run(_read(settings, conversation, partitions))
    if not turns:
        raise CliError(f"no transcript of {conversation}: check the id; it is kept for 32 days")
    if as_json:
        import msgspec

        print_json([msgspec.to_builtins(turn) for turn in map(_shown, turns)])
    else:
        from workers.handoff.rendering import render_turns

        click.echo(
            f"{conversation}, {counted(len(turns), 'turn')}, {_shown(turns[0]).at:%Y-%m-%d} UTC"
        )
        click.echo(render_turns(map(_shown, turns)))


async def _read(settings: "Settings", conversation: str, partitions: int) -> "list[Turn]":
    from workers.contracts.decisions import Home
    from workers.stores.connection import connect
    from workers.stores.partition_store import whole_transcript

    redis = connect(settings)
    try:
        for partition in range(partitions):
            home = Home(topic=EVENTS, partition=partition)
            found = await whole_transcript(redis, settings.redis_prefix, home, conversation)
            if found:
                return found
        return []
    finally:
        await redis.aclose()


def _shown(turn: "Turn") -> "PacketTurn":
    from workers.contracts.handoffs import PacketTurn
    from workers.contracts.time import from_ms
    from workers.handoff.frames import frame
    from workers.handoff.history import history_text, is_history

    told = is_history(turn, frame(None))
    return PacketTurn(
        event_id=turn.event_id,
        role=turn.role,
        at=from_ms(turn.at),
        text=history_text(turn, frame(None)) if told else turn.content,
        episode=turn.episode,
        name=turn.name,
        status=turn.status,
        calls=turn.calls,
        arguments=turn.arguments,
        attachments=turn.attachments,
    )
