"""`handoff import`: chat logs in the messages formats → events."""

import gzip
import time
import zlib
from typing import IO

import click

from workers.chatlogs.convert import import_conversation
from workers.chatlogs.files import read_logs
from workers.cli.common import CliError, input_argument, progress


@click.command("import")
@input_argument
@click.option(
    "--now", is_flag=True, help="Move all times so that each conversation ends now, for live use."
)
@click.pass_context
def import_(ctx: click.Context, source: IO[bytes], now: bool) -> None:
    """Turn the chat logs in FILE into events, one JSON object a line on standard output.

    Reads the OpenAI chat-completions and the Anthropic messages format: one conversation a line,
    or a JSON array of them, also gzipped; - is standard input. A conversation is an object with
    "messages" (and "id", "customer", "metadata", "system" as far as known) or the bare list.
    Times that a log does not have are made up, the same ones each time; times without a zone are
    taken as UTC. A live system takes them at their word: what happened long ago is long overdue.
    To play logs through one, use --now.

    What cannot be mapped is reported with its line and left out. Exit code: 0 everything was
    mapped, 1 something was left out.
    """
    name = getattr(source, "name", "-")
    name = "standard input" if name in ("-", "<stdin>") else name
    try:
        skipped = _import(source, name, time.time_ns() // 1_000_000 if now else None)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CliError(f"{name}: not a whole gzip file: {error}") from error
    ctx.exit(1 if skipped else 0)


def _import(source: IO[bytes], name: str, ends_ms: int | None) -> int:
    conversations = messages = events = skipped = 0
    seen: dict[str, str] = {}
    out = click.get_binary_stream("stdout")
    with progress("conversations") as advance:
        for position, (place, log, error) in enumerate(read_logs(source)):
            advance(1)
            if error is not None:
                _report(f"{name}:{place}: {error}")
                skipped += 1
                continue
            imported = import_conversation(log, position, ends_ms)
            first = seen.setdefault(imported.conversation_id, place)
            if first != place:
                _report(
                    f"{name}:{place}: conversation {imported.conversation_id}: the same id as on "
                    f"line {first}: left out; give it an id of its own"
                )
                skipped += 1
                continue
            for skip in imported.skipped:
                where = f" message {skip.message}:" if skip.message is not None else ""
                _report(f"{name}:{place}:{where} {skip.reason}: left out")
            conversations += bool(imported.events)
            messages += imported.messages
            events += len(imported.events)
            skipped += len(imported.skipped)
            out.writelines(event + b"\n" for event in imported.events)
    out.flush()
    _report(
        f"{conversations:,} conversations with {messages:,} messages: {events:,} events, "
        f"{skipped:,} left out"
    )
    return skipped


def _report(line: str) -> None:
    click.echo(line, err=True)
