"""`handoff up`: the whole system, until stopped."""

import asyncio
import os
import socket
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from workers.cli.common import (
    CliError,
    health_port_option,
    kafka_option,
    naming_servers,
    read_topics,
    redis_option,
    require_servers,
    settings_from,
    topics_option,
)
from workers.cli.console import CONSOLE_PORT
from workers.cli.policy_option import PolicyChoice, policy_option
from workers.cli.up_presence import watch_presence
from workers.contracts.topics import Topics
from workers.data import data_path
from workers.embedded import EmbeddedKafka, EmbeddedRedis, ServerError
from workers.embedded.child import free_ports
from workers.embedded.workers import EMBEDDED_SETTINGS

_AGENTS = 5
_READY_POLL_S = 0.2


@click.command()
@kafka_option
@redis_option
@policy_option
@topics_option
@health_port_option
@click.option(
    "--play", is_flag=True, help="Play the demo's conversations over and over, to be watched."
)
@click.pass_context
def up(
    context: click.Context,
    /,
    kafka: str | None,
    redis: str | None,
    policy: PolicyChoice,
    topics: Path,
    health_port: int | None,
    play: bool,
) -> None:
    """Run the whole system until stopped: broker, store, a worker of each kind, and the console.

    Without --kafka or --redis (KAFKA_BOOTSTRAP, REDIS_URL) that server is embedded: in memory, on
    loopback, gone at the end. On a Kafka of yours missing topics are created first.
    The line to paste into other shells goes to standard output; everything else goes to standard
    error. Ctrl-C or SIGTERM ends everything in order.
    """
    if play and context.get_parameter_source("topics") is not ParameterSource.DEFAULT:
        raise CliError("--play brings its own topics.yaml: leave out --topics-file", 2)
    with ExitStack() as folders:
        if play:
            topics = _stage(folders)
        _run(kafka, redis, policy, topics, health_port, play=play)


def _stage(stack: ExitStack) -> Path:
    """Return the topics.yaml of the demo, in which things happen while one watches."""
    from workers.cli.demo.data import load_stage

    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="handoff-up-")))
    file = folder / "topics.yaml"
    file.write_text(load_stage().topics(data_path("topics.yaml").read_text(encoding="utf-8")))
    return file


def _run(
    kafka: str | None,
    redis: str | None,
    policy: PolicyChoice,
    topics: Path,
    health_port: int | None,
    *,
    play: bool,
) -> None:
    declared = read_topics(topics)
    click.echo(f"policy: {policy.read(topics).name}", err=True)
    with ExitStack() as stack:
        exports = _servers(stack, kafka, redis, declared)
        os.environ.update(exports)
        click.echo("export " + " ".join(f"{name}={value}" for name, value in exports.items()))
        _say_what_next()
        first = health_port or _free_ports(_AGENTS)[0]
        ports = range(first, first + _AGENTS)
        # Everything works without the classifier.
        _say_when_ready(ports[:-1], lambda: watch_presence(settings_from(), declared, _say))
        embedded = "KAFKA_FETCH_MAX_WAIT_MS" in exports
        raise SystemExit(_work(policy, topics, ports, embedded=embedded, play=play))


def _servers(
    stack: ExitStack, kafka: str | None, redis: str | None, topics: Topics
) -> dict[str, str]:
    """Start what is not given; return the variables by which everything finds the servers."""
    settings = settings_from(kafka=kafka, redis=redis)
    named = {"kafka": settings.kafka_bootstrap is not None, "redis": settings.redis_url is not None}
    require_servers(settings, **named)
    try:
        exports = {}
        if settings.kafka_bootstrap is None:
            broker = stack.enter_context(EmbeddedKafka())
            broker.ensure_topics(topics.topics)
            exports = {"KAFKA_BOOTSTRAP": broker.bootstrap, **EMBEDDED_SETTINGS}
        else:
            _apply(kafka, topics)
            exports = {"KAFKA_BOOTSTRAP": settings.kafka_bootstrap}
        if settings.redis_url is None:
            exports["REDIS_URL_FILE"] = str(stack.enter_context(EmbeddedRedis()).url_file)
        elif urlsplit(settings.redis_url).password is None:
            exports["REDIS_URL"] = settings.redis_url
        else:
            os.environ["REDIS_URL"] = settings.redis_url
            click.echo("REDIS_URL has a password and is not printed", err=True)
    except ServerError as error:
        raise CliError(str(error)) from error
    return exports


def _apply(kafka: str | None, topics: Topics) -> None:
    from workers.kafka.admin import ClusterError, apply

    settings = settings_from(kafka=kafka)
    try:
        with naming_servers(settings):
            created, differences = asyncio.run(apply(settings, topics))
    except ClusterError as error:
        raise CliError(str(error)) from error
    for name in created:
        click.echo(f"{name}: created", err=True)
    for difference in differences:
        click.echo(f"differs from topics.yaml: {difference}", err=True)


def _say_what_next() -> None:
    click.echo(
        "In another shell, after the line above:\n"
        "  python examples/desk.py tier_2_support kim          a desk, so that someone is online\n"
        "  handoff import --now LOGS.jsonl | handoff send -    send conversations through it\n"
        "  handoff audit                                       what was decided, what is open\n"
        "  handoff explain CONVERSATION                        why, turn by turn\n"
        "Ctrl-C ends everything.",
        err=True,
    )


def _free_ports(count: int) -> list[int]:
    try:
        return free_ports(count)
    except ServerError as error:
        raise CliError(str(error)) from error


def _say(line: str) -> None:
    click.echo(line, err=True)


def _say_when_ready(ports: Sequence[int], then: Callable[[], None]) -> None:
    def watch() -> None:
        started = time.monotonic()
        for port in ports:
            while not is_ready(port):
                time.sleep(_READY_POLL_S)
        _say(f"the workers are ready after {time.monotonic() - started:.1f} s")
        then()

    threading.Thread(target=watch, daemon=True).start()


def is_ready(port: int) -> bool:
    """Ask a worker's health address whether its partitions are placed."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=1):
            return True
    except (OSError, HTTPException):
        # HTTPException: before a server listens, a connection may meet itself, and hear itself.
        return False


def _work(
    policy: PolicyChoice, topics: Path, ports: Sequence[int], *, embedded: bool, play: bool
) -> int:
    """Run workers and console until told to stop; return the exit code."""
    from workers.cli.worker import Supervisor, agent_commands, setup_logging

    level = os.environ.get("HANDOFF_LOG_LEVEL", "INFO")
    setup_logging(level, "up")
    commands = agent_commands(
        {
            "topics": topics,
            "policy": policy,
            # An embedded log is empty, so that its first event is the first to decide about.
            "start": "earliest" if embedded else "now",
            "log_level": level,
            "health_port": ports[0],
            "observe": False,
            "dead_letter_limit": True,
            "kafka": None,
            "redis": None,
        }
    )
    ours = [sys.executable, "-m"]
    health = ",".join(f"http://127.0.0.1:{port}" for port in ports)
    commands["console"] = [
        *(*ours, "workers.cli", "console", "--topics-file", str(topics)),
        *("--workers", health, "--listen", f"127.0.0.1:{_console_port()}"),
    ]
    if play:
        commands["play"] = [*ours, "workers.cli.demo.loop", str(topics)]
    return Supervisor(commands).run()


def _console_port() -> int:
    """Return the console's own port, or a free one if it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", CONSOLE_PORT))
        except OSError:
            return _free_ports(1)[0]
        return CONSOLE_PORT
