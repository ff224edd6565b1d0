"""Parts that several commands share: options, errors, input, JSON and progress."""

import re
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import orjson

from workers.data import data_path
from workers.errors import EXIT_CONFIGURATION, EXIT_UNAVAILABLE
from workers.settings import Settings, SettingsError, load_settings, redis_address

if TYPE_CHECKING:
    from rich.console import Console

    from workers.contracts.topics import Topics

kafka_option = click.option(
    "--kafka",
    envvar="KAFKA_BOOTSTRAP",
    metavar="HOST:PORT[,…]",
    help="Kafka's bootstrap servers (KAFKA_BOOTSTRAP).",
)
# The variable is not named to click, which would print a password in it with an error.
redis_option = click.option("--redis", metavar="URL", help="Redis or Valkey (REDIS_URL).")
topics_option = click.option(
    # The old name looks too much like the --topic of other options.
    "--topics-file",
    "--topics",
    "topics",
    envvar="HANDOFF_TOPICS",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=lambda: data_path("topics.yaml"),
    help="topics.yaml (HANDOFF_TOPICS); the shipped one when absent.",
)
health_port_option = click.option(
    "--health-port",
    envvar="HANDOFF_HEALTH_PORT",
    type=click.IntRange(1, 65_529),
    help="Serve /live, /ready and /metrics on this port of the loopback address; "
    "of several workers, on this and the next six.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def logs_option(help_: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return an option of files of events, `--log`, repeatable, as `logs`."""
    path = click.Path(exists=True, dir_okay=False, allow_dash=True)
    return click.option("--log", "logs", metavar="FILE", multiple=True, type=path, help=help_)


input_argument = click.argument("source", metavar="FILE", type=click.File("rb"))
"""One input file, or `-` for standard input, opened in binary as `source`."""

_PROGRESS_AFTER_S: Final = 2.0
_WIDTH: Final = 140
# By name, because a command without servers must not load their clients.
_UNREACHABLE: Final = {
    ("redis", "ConnectionError"),
    ("redis", "TimeoutError"),
    ("aiokafka", "KafkaConnectionError"),
    ("aiokafka", "KafkaTimeoutError"),
    ("aiokafka", "NodeNotReadyError"),
    ("workers", "ReadError"),
}


class CliError(click.ClickException):
    """A message for the person at the terminal; ends the command with its exit code."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def settings_from(kafka: str | None = None, redis: str | None = None) -> Settings:
    """Return the environment's settings under the options given; CliError (2) when wrong."""
    try:
        return load_settings(kafka_bootstrap=kafka, redis_url=redis)
    except SettingsError as error:
        raise CliError(str(error), exit_code=2) from None


def require_servers(settings: Settings, *, kafka: bool = True, redis: bool = True) -> None:
    """Raise CliError unless the servers a command needs are named and accept a connection."""
    if kafka:
        if settings.kafka_bootstrap is None:
            raise CliError(_unnamed("Kafka", "KAFKA_BOOTSTRAP", "--kafka HOST:PORT"), exit_code=2)
        _require_one("Kafka", [_host_port(part) for part in settings.kafka_bootstrap.split(",")])
    if redis:
        if settings.redis_url is None:
            raise CliError(_unnamed("Redis", "REDIS_URL", "--redis URL"), exit_code=2)
        address = redis_address(settings.redis_url)
        _require_one("Redis", [address if address.startswith("/") else _host_port(address)])


def _unnamed(server: str, variable: str, option: str) -> str:
    return f"no {server}: set {variable} or pass {option} (handoff up starts one and prints both)"


def _host_port(address: str) -> tuple[str, int]:
    host, _, port = address.strip().rpartition(":")
    if not host or not _PORT.fullmatch(port) or int(port) > _LAST_PORT:
        raise CliError(f"{address!r} is not HOST:PORT", exit_code=2)
    return host.strip("[]"), int(port)


_BOM: Final = b"\xef\xbb\xbf"
_PORT: Final = re.compile(r"[0-9]{1,5}")
_LAST_PORT: Final = 65_535


def _require_one(server: str, addresses: list[tuple[str, int] | str]) -> None:
    problems = []
    for address in addresses:
        shown = address if isinstance(address, str) else f"{address[0]}:{address[1]}"
        try:
            _connect(address)
        except OSError as error:
            problems.append(f"{server} at {shown} is not reachable: {error.strerror or error}")
        else:
            return
    raise CliError("; ".join(problems), EXIT_UNAVAILABLE)


def _connect(address: tuple[str, int] | str) -> None:
    if isinstance(address, str):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(address)
    else:
        socket.create_connection(address, timeout=5).close()


def own_lists() -> str:
    """Return the deployment's own word lists, which HANDOFF_WORDS names, as a policy has them."""
    from workers.data import own_words

    try:
        return own_words(settings_from().words)
    except ValueError as error:
        raise CliError(str(error), EXIT_CONFIGURATION) from None


def read_topics(file: Path) -> "Topics":
    """Return the checked topics.yaml; CliError (2) with file and line when it is bad."""
    from workers.contracts.yaml import YamlFileError
    from workers.runtime import topics_file

    try:
        return topics_file.read_topics(file)
    except YamlFileError as error:
        raise CliError(str(error), exit_code=2) from None


def log_partitions(topics: Path) -> int:
    """Return how many partitions the log has; chat systems differ in which one they pick."""
    from workers.contracts.topics import EVENTS

    return read_topics(topics).topics[EVENTS].partitions


@contextmanager
def naming_servers(settings: Settings) -> Iterator[None]:
    """Turn a connection error of a Kafka or Redis client inside into a CliError with its address.

    Errors of other kinds pass through; wrap the part of a command that talks to servers.
    """
    try:
        yield
    except Exception as error:
        module, name = type(error).__module__.partition(".")[0], type(error).__name__
        if (module, name) not in _UNREACHABLE:
            raise
        server = (
            f"Redis at {redis_address(settings.redis_url or '')}"
            if module == "redis"
            else f"Kafka at {settings.kafka_bootstrap}"
        )
        raise CliError(f"{server} is not reachable: {error}", EXIT_UNAVAILABLE) from error


def numbered_lines(source: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, stripped, with their numbers from 1."""
    for number, line in enumerate(source, start=1):
        if stripped := line.strip().removeprefix(_BOM):
            yield number, stripped


def plain_console() -> "Console":
    """Return a console for words of others: brackets and colons in them are no markup.

    It is 140 columns wide where the output is no terminal.
    """
    width = None if sys.stdout.isatty() else _WIDTH
    return piped_console(markup=False, emoji=False, width=width)


def piped_console(**options: Any) -> "Console":
    """Return a console that raises BrokenPipeError when its reader is gone; Rich's exits with 1."""
    from rich.console import Console

    class PipedConsole(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return PipedConsole(highlight=False, **options)


def print_json(value: Any) -> None:
    """Print one JSON value on standard output, indented, keys in the order given."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2))


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show on standard error how far a command has come; yields `advance(count)`.

    A terminal gets a bar that disappears at the end; anything else a line every few seconds
    once the command has taken longer than two.
    """
    if sys.stderr.isatty():
        with _bar(what, total) as advance:
            yield advance
    else:
        yield _Lines(what, total).advance


@contextmanager
def _bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

    columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)


class _Lines:
    """Progress for a log: one plain line now and then."""

    def __init__(self, what: str, total: int | None) -> None:
        self.what = what
        self.of = "" if total is None else f" of {total:,}"
        self.done = 0
        self.next_at = time.monotonic() + _PROGRESS_AFTER_S

    def advance(self, count: int) -> None:
        """Count, and write a line when it is time."""
        self.done += count
        now = time.monotonic()
        if now >= self.next_at:
            self.next_at = now + 5 * _PROGRESS_AFTER_S
            click.echo(f"{self.what}: {self.done:,}{self.of}", err=True)
