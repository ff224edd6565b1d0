"""`handoff import`: chat logs of many systems → events."""

import gzip
import hashlib
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from io import BufferedReader
from typing import IO, Any, NamedTuple

import click
import orjson

from workers.chatlogs.content_blocks import read_content
from workers.chatlogs.convert import Imported, import_conversation, named_id
from workers.chatlogs.files import ParsedChat, read_logs
from workers.chatlogs.foreign_files import TEXT, kind_of
from workers.chatlogs.log_ids import is_of_request
from workers.chatlogs.shapes import is_event, names, read_shape
from workers.chatlogs.tables import Columns, read_table
from workers.cli.common import CliError, input_argument, progress
from workers.errors import EXIT_DEAD_LETTERS, EXIT_FINDINGS
from workers.handoff.wording import counted

_HEAD = 4096
_FEW = 3
"""Complaints that are listed even where nothing could be read."""
_NO_JSON = "not JSON"
_NO_MESSAGES = "no list of messages"
_OTHER_JSON = "JSON of no known format"
_READABLE = (
    "nothing is read; it takes chat logs as JSON, one conversation a line or an array of them, or "
    "CSV with --columns; --format forces a format, --all lists every line"
)
SHOWN = 20
"""Complaints that are listed unless all are asked for."""


@click.command("import")
@input_argument
@click.option(
    "--now", is_flag=True, help="Move all times so that each conversation ends now, for live use."
)
@click.option(
    "--format",
    "shape",
    type=click.Choice([*names(), "csv"]),
    help="Read every log as this format, instead of telling it by its shape.",
)
@click.option(
    "--columns",
    metavar="NAME=COLUMN,…",
    help="Columns of a CSV file (conversation, role, content, time, name), as in "
    "conversation=Chat,role=From.",
)
@click.option("--all", "every", is_flag=True, help=f"List every problem, not only {SHOWN}.")
@click.pass_context
def import_(
    ctx: click.Context,
    source: IO[bytes],
    now: bool,
    shape: str | None,
    columns: str | None,
    every: bool,
) -> None:
    """Turn the chat logs in FILE into events, one JSON object a line on standard output.

    Reads OpenAI chat, Responses and Assistants, Anthropic messages, ShareGPT, LangChain, Langfuse,
    Vercel AI, Chatwoot, Zendesk, Intercom and Twilio, told apart by their shape, and CSV with
    --columns. A file has one conversation per line, or is a JSON array of them or one JSON value;
    it may be gzipped; - is standard input. Requests that repeat one conversation's history become
    one conversation.

    Missing times are derived, the same in each run; times without a zone are taken as UTC. A
    live system trusts these times, so that old conversations have overdue deadlines at once: use
    --now for events that go to a live system.

    Entries that cannot be mapped are reported with their line and left out. Exit code: 0
    everything was mapped, 1 something was left out or its time made up, 65 nothing could be read.
    """
    name = getattr(source, "name", "-")
    name = "standard input" if name in ("-", "<stdin>") else name
    ends_ms = time.time_ns() // 1_000_000 if now else None
    run = _Run(name, shape, ends_ms, SHOWN if not every else None)
    head = source.peek(_HEAD) if isinstance(source, BufferedReader) else b""
    try:
        if columns is not None or shape == "csv":
            logs = read_table(source, Columns.parse(columns))
        else:
            logs = read_logs(source)
        with progress("conversations") as advance:
            for position, log in enumerate(run.gathered(logs) if now else logs):
                advance(1)
                run.add(position, log)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise run.failure(f"not a whole gzip file: {error}") from error
    except ValueError as error:
        raise run.failure(str(error)) from error
    run.finish(head)
    ctx.exit(65 if not run.events and run.complaints else 1 if run.complaints else 0)


class _Imported(NamedTuple):
    """A conversation that was imported, and a digest of every beginning of its messages."""

    place: str
    digests: list[bytes]


class _Run:
    """One import: the events that it writes, and the problems that it reports."""

    def __init__(
        self, name: str, shape: str | None, ends_ms: int | None, shown: int | None
    ) -> None:
        self._name, self._shape, self._ends_ms, self._shown = name, shape, ends_ms, shown
        self._out = click.get_binary_stream("stdout")
        self._known: dict[str, _Imported] = {}
        self._histories: dict[bytes, str] = {}
        self._last = b""
        self._shapes: Counter[str] = Counter()
        self._messages = 0
        self._grown = 0
        self._made_up: Counter[str] = Counter()
        self._foreign: set[str] = set()
        self._held: list[str] = []
        self.events = 0
        self.complaints = 0

    def gathered(self, logs: Iterator[ParsedChat]) -> Iterator[ParsedChat]:
        """Yield the longest of what repeats a history: times are moved by a conversation's end."""
        kept: dict[str, ParsedChat] = {}
        for position, log in enumerate(logs):
            named = None if log.error is not None else named_id(log.log)
            key = str(position) if named is None else f"id {named}"
            before = kept.get(key)
            if before is None or len(_turns(log.log)) > len(_turns(before.log)):
                self._grown += before is not None
                kept[key] = log
        yield from kept.values()

    def add(self, position: int, parsed: ParsedChat) -> None:
        """Write the events of one log, or of what it adds to one that was written."""
        place, log, error = parsed
        if error is not None:
            self._complain(f"{self._name}:{place}: {error}")
            return
        if is_event(log) and not self.events:
            raise CliError(
                f"{self._name}:{place}: these are events already: give the file to "
                "`handoff replay` or `handoff send`",
                exit_code=65,
            )
        try:
            shape, log = read_shape(log, self._shape)
        except ValueError as unreadable:
            self._complain(f"{self._name}:{place}: {unreadable}: left out")
            return
        self._write(place, shape, position, log)

    def _write(self, place: str, shape: str, position: int, log: Any) -> None:
        digests = [*_digests(_turns(log))]
        named = named_id(log)
        nameless = self._ends_ms is None and bool(digests)
        nameless = nameless and (named is None or is_of_request(named))
        if nameless and (found := self._history_of(digests, named)) is not None:
            whole = log if isinstance(log, dict) else {"messages": log}
            log = {**whole, "conversation_id": found}
        imported = import_conversation(log, position, self._ends_ms)
        if nameless:
            self._remember(digests, imported.conversation_id)
        known = self._known.get(imported.conversation_id)
        begin = 0
        if known is not None:
            if _is_beginning(digests, known.digests):
                self._grown += 1
                return
            if not _is_beginning(known.digests, digests):
                self._complain(
                    f"{self._name}:{place}: conversation {imported.conversation_id}: the same id "
                    f"as on line {known.place}: left out; give it an id of its own"
                )
                return
            begin = imported.ends[len(known.digests) - 1]
            self._grown += 1
        self._report(place, imported, known)
        if imported.events and known is None:
            self._shapes[shape] += 1
        self._messages += imported.messages - (0 if known is None else len(known.digests))
        self._out.writelines(event + b"\n" for event in imported.events[begin:])
        self.events += len(imported.events) - begin
        self._tell_held()
        if digests:
            first = place if known is None else known.place
            self._known[imported.conversation_id] = _Imported(first, digests)

    def _history_of(self, digests: list[bytes], named: str | None) -> str | None:
        """Return the conversation whose history a log without an id repeats or goes on with.

        A first turn alone does not tell a history, unless it is that of the log before; requests
        with ids of their own are of one history only if one of them goes further.
        """
        if named is None and self._last in digests:
            return self._histories.get(self._last)
        found = (self._histories.get(key) for key in digests[:0:-1])
        first = next((one for one in found if one is not None), None)
        if first is None or named is None:
            return first
        return first if len(self._known[first].digests) != len(digests) else None

    def _remember(self, digests: list[bytes], conversation_id: str) -> None:
        self._last = digests[-1]
        self._histories |= dict.fromkeys(digests, conversation_id)

    def _report(self, place: str, imported: Imported, known: _Imported | None) -> None:
        for skip in imported.skipped:
            if known is not None and (skip.message or 0) <= len(known.digests):
                continue
            where = f" message {skip.message}:" if skip.message is not None else ""
            left = "" if skip.kept else ": left out"
            made_up = None if not skip.kept else "id" if skip.message is None else "time"
            self._complain(f"{self._name}:{place}:{where} {skip.reason}{left}", made_up)

    def _complain(self, line: str, made_up: str | None = None) -> None:
        self.complaints += 1
        known = (one for one in (_NO_JSON, _NO_MESSAGES) if f": {one}" in line)
        self._foreign.add(next(known, ""))
        if made_up is not None:
            self._made_up[made_up] += 1
        if self._shown is None or self.complaints <= self._shown:
            # Held until there is an event: a file of something else is one sentence.
            self._held.append(line)
        if self.events or self._shown is None:
            self._tell_held()

    def failure(self, problem: str) -> CliError:
        """Return the error for a file that cannot be read on, with what was read so far."""
        code = EXIT_FINDINGS if self.events else EXIT_DEAD_LETTERS
        if self.events:
            problem += f": {counted(self.events, 'event')} from before that are written"
        return CliError(f"{self._name}: {problem}", code)

    def _tell_held(self) -> None:
        for line in self._held:
            click.echo(line, err=True)
        self._held = []

    def finish(self, head: bytes) -> None:
        """Say what it came to; `head` is how the file begins."""
        self._out.flush()
        if not self.events and self._shown is not None:
            kind = kind_of(head) if self._foreign == {_NO_JSON} else _OTHER_JSON
            known = self._foreign in ({_NO_JSON}, {_NO_MESSAGES})
            if known and (self.complaints > _FEW or kind not in (TEXT, _OTHER_JSON)):
                click.echo(f"{self._name}: {kind}: {_READABLE}", err=True)
                return
        self._tell_held()
        if self._shown is not None and self.complaints > self._shown:
            more = self.complaints - self._shown
            click.echo(f"and {more:,} more; --all lists them", err=True)
        shapes = ", ".join(f"{count:,} {name}" for name, count in self._shapes.most_common())
        said = (
            f"{counted(sum(self._shapes.values()), 'conversation')} with "
            f"{counted(self._messages, 'message')}: {counted(self.events, 'event')}, "
            f"{self.complaints - self._made_up.total():,} left out"
        )
        for what, number in self._made_up.items():
            said += f", {counted(number, what)} {'made up' if what == 'time' else 'doubtful'}"
        click.echo(f"{said} ({shapes})" if shapes else said, err=True)
        if self._grown:
            click.echo(
                f"{counted(self._grown, 'log')} repeated a conversation's history: the longest is "
                "taken",
                err=True,
            )


def _turns(log: Any) -> list[Any]:
    messages = log.get("messages") if isinstance(log, dict) else log
    return messages if isinstance(messages, list) else []


def _digests(messages: list[Any]) -> Iterator[bytes]:
    """Yield for each message what tells it and everything before it from other histories.

    Instructions to the AI agent are passed over, as many name the time of the request.
    """
    so_far = hashlib.sha256()
    for message in messages:
        if not isinstance(message, dict):
            said = message
        elif message.get("role") in ("system", "developer"):
            yield so_far.digest()[:8]
            continue
        else:
            parts = read_content(message.get("content"))
            calls = [*parts.calls, *parts.results, message.get("tool_calls") or None]
            said = [message.get("role"), parts.text.strip(), calls]
        so_far.update(orjson.dumps(said, option=orjson.OPT_NON_STR_KEYS, default=str))
        yield so_far.digest()[:8]


def _is_beginning(part: list[bytes], whole: list[bytes]) -> bool:
    return 0 < len(part) <= len(whole) and whole[len(part) - 1] == part[-1]
