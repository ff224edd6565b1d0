"""`handoff worker`: one kind of worker, or one process of each."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from workers.cli.common import (
    CliError,
    health_port_option,
    kafka_option,
    redis_option,
    topics_option,
)
from workers.cli.policy_option import policy_option
from workers.contracts.characters import escaped
from workers.data import data_path
from workers.settings import kafka_client_kwargs, load_settings

if TYPE_CHECKING:
    from workers.runtime.app import Agent

AGENTS: Final = ("escalation", "routing", "desk", "outcomes", "classifier")
WHEN_CONFIGURED: Final[dict[str, str]] = {
    "notifier": "HANDOFF_NOTIFIER",
    "tickets": "HANDOFF_TICKETS",
}
"""Agents that `all` starts only where their variable is set."""
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
QUIET_S: Final = 60.0
"""A process that ran for so long starts again without the pauses of those before."""
STOP_LIMIT_S: Final = 30.0
NOT_AGAIN: Final = (2, 65, 78)
"""Exit codes of what a restart does not mend: bad usage, dead letters, configuration."""

_WHICH: Final = (*AGENTS, *WHEN_CONFIGURED, "all")

logger = logging.getLogger("handoff")


@click.command()
@click.argument("which", metavar="|".join(_WHICH), type=click.Choice(_WHICH))
@kafka_option
@redis_option
@policy_option
@topics_option
@click.option(
    "--playbook",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Playbook of the next steps that people are told; the shipped one when absent.",
)
@click.option(
    "--from",
    "start",
    default="now",
    show_default=True,
    metavar="earliest|now|TIME",
    help="Where the very first start begins to publish decisions; TIME as in 2026-11-01T09:30:00Z.",
)
@click.option(
    "--observe",
    is_flag=True,
    help="Decide and publish decisions, but place nothing and tell no one.",
)
@click.option(
    "--dead-letter-limit/--no-dead-letter-limit",
    default=True,
    help="Stop when 100 events in a row, or a fifth of the last thousand, could not be read; "
    "unknown queues, escalations and versions and wrong clocks do not count.",
)
@health_port_option
@click.option(
    "--log-level",
    envvar="HANDOFF_LOG_LEVEL",
    default="INFO",
    type=click.Choice(("DEBUG", "INFO", "WARNING", "ERROR"), case_sensitive=False),
    help="Level of handoff's own log; libraries log warnings only.",
)
@click.pass_context
def worker(context: click.Context, /, which: str, **options: Any) -> None:
    """Run one kind of worker until it is told to stop, or one process of each.

    `notifier` needs a notifier.yaml, HANDOFF_NOTIFIER; `all` runs it where that is set.
    `tickets` needs the file of a ticket system, HANDOFF_TICKETS; `all` runs it where that is set.
    `all` starts a process again when it ends, unless its exit code says that starting it again
    cannot help (2, 65 or 78); exit code 70 means that a worker ended itself so that nothing is
    lost.
    """
    setup_logging(options["log_level"], which)
    if which == "all":
        context.exit(Supervisor(agent_commands(options)).run())
    run_agent(which, options)


def run_agent(which: str, options: dict[str, Any]) -> None:
    """Run one agent in this process."""
    from workers.errors import ConfigurationError
    from workers.runtime.process import run

    try:
        agent = make_agent(which, options)
        # Files with certificates and tokens are looked at here, where their absence can be told.
        kafka_client_kwargs(agent.settings)
    except ConfigurationError as error:
        raise CliError(str(error), error.exit_code) from None
    except ValueError as error:
        # Settings, files and times that are wrong say what and where.
        raise CliError(str(error), exit_code=2) from None
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(run(agent, options["health_port"]))


def make_agent(which: str, options: dict[str, Any]) -> "Agent":
    """Return the agent of this name, made from the command line and the environment."""
    from workers.runtime.app import Agent, Options

    settings = load_settings(
        kafka_bootstrap=options["kafka"],
        redis_url=options["redis"],
        observe=True if options["observe"] else None,
    )
    try:
        module = import_module(f"workers.agents.{which}.agent")
    except ModuleNotFoundError as error:
        if error.name not in (f"workers.agents.{which}", f"workers.agents.{which}.agent"):
            raise
        raise CliError(f"this installation has no {which} agent", exit_code=2) from None
    agent = module.make_agent(
        settings,
        Options(
            topics=options["topics"],
            policy=options["policy"].path,
            start=options["start"],
            dead_letter_limit=options["dead_letter_limit"],
            playbook=options["playbook"] or data_path("playbook.yaml"),
        ),
    )
    if not isinstance(agent, Agent):
        raise TypeError(f"workers.agents.{which}.make_agent returned {agent!r}")
    return agent


def setup_logging(level: str, which: str) -> None:
    """Write our messages to standard error, one line each; never what libraries say in detail.

    Their debug messages quote records. While Kafka is away its client says it once a minute.
    """
    from workers.runtime.kafka_log import OUTAGE

    handler = logging.StreamHandler()
    handler.setFormatter(
        OneLineFormatter(f"%(asctime)s %(levelname)s {which} %(name)s: %(message)s")
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    for one in logging.getLogger().handlers:
        one.addFilter(OUTAGE)
    for name in ("workers", "handoff"):
        logging.getLogger(name).setLevel(level.upper())


class OneLineFormatter(logging.Formatter):
    """Escapes what would begin a line or command a terminal: ids are what others send.

    The text of an exception that a library logs is left out, since it may quote a record; where it
    was raised is kept.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """Return the line."""
        return escaped(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's own name
        """Return the frames and the type of an exception."""
        kind, _, frames = ei
        return "".join(traceback.format_tb(frames)) + getattr(kind, "__name__", "")


def loop_factory() -> Any:
    """Return what makes the event loop: uvloop where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def agent_commands(options: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the command line of each agent that is installed, with these options."""
    arguments = ["--topics-file", str(options["topics"]), "--from", options["start"]]
    arguments += ["--log-level", options["log_level"], *options["policy"].arguments()]
    if options.get("playbook"):
        arguments += ["--playbook", str(options["playbook"])]
    if options["observe"]:
        arguments.append("--observe")
    if not options["dead_letter_limit"]:
        arguments.append("--no-dead-letter-limit")
    if options["kafka"]:
        arguments += ["--kafka", options["kafka"]]
    if options["redis"]:
        # Every user of the machine can read a command line, and so its password.
        os.environ["REDIS_URL"] = options["redis"]
    commands = {}
    for number, name in enumerate((*AGENTS, *WHEN_CONFIGURED)):
        if name in WHEN_CONFIGURED and not os.environ.get(WHEN_CONFIGURED[name]):
            continue
        if find_spec(f"workers.agents.{name}") is None:
            logger.warning("this installation has no %s agent", name)
            continue
        port = options["health_port"]
        health = [] if port is None else ["--health-port", str(port + number)]
        command = [sys.executable, "-m", "workers.cli", "worker", name]
        commands[name] = [*command, *arguments, *health]
    return commands


@dataclass
class _Child:
    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = 0.0
    due: float = field(default_factory=time.monotonic)

    def start(self) -> None:
        environment = {**os.environ, "HANDOFF_SUPERVISOR": str(os.getpid())}
        self.process = subprocess.Popen(self.command, env=environment)  # noqa: S603 - our own line
        self.started = time.monotonic()

    def ended(self) -> int | None:
        """Return the exit code of a process that has ended, once."""
        if self.process is None or (code := self.process.poll()) is None:
            return None
        self.process = None
        now = time.monotonic()
        quiet = now - self.started > QUIET_S
        self.pause = (
            FIRST_PAUSE_S if quiet or not self.pause else min(2 * self.pause, LONGEST_PAUSE_S)
        )
        self.due = now + self.pause
        return code


class Supervisor:
    """Starts one process of each agent, starts again what ends, and ends all on SIGTERM."""

    def __init__(self, commands: Mapping[str, list[str]]) -> None:
        self._children = [_Child(name, command) for name, command in commands.items()]
        self._stopping = False

    def run(self) -> int:
        """Return the exit code: 0 after SIGTERM or SIGINT, else that of what cannot go on."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, self._hangup)
        code = 0
        while not self._stopping:
            for child in self._children:
                if (ended := child.ended()) is not None:
                    logger.warning("%s ended with exit code %d", child.name, ended)
                    if ended in NOT_AGAIN:
                        code, self._stopping = ended, True
                if child.process is None and time.monotonic() >= child.due and not self._stopping:
                    child.start()
            time.sleep(0.1)
        return max(code, self._end())

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _hangup(self, *_: object) -> None:
        self._signal(signal.SIGHUP)

    def _signal(self, number: signal.Signals) -> None:
        for child in self._children:
            if child.process is not None and child.process.poll() is None:
                child.process.send_signal(number)

    def _end(self) -> int:
        """Stop every process in order, with kill -9 in the end; 1 if that was needed."""
        self._signal(signal.SIGTERM)
        until = time.monotonic() + STOP_LIMIT_S
        code = 0
        for child in self._children:
            if child.process is None:
                continue
            try:
                child.process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                logger.error("%s did not stop within %g s", child.name, STOP_LIMIT_S)
                child.process.kill()
                child.process.wait()
                code = 1
        return code
