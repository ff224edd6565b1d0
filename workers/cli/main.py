"""The `handoff` group, which imports a command's module only when that command is called."""

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.metadata import version
from typing import Any, Final

import click

from workers.errors import (
    EXIT_CLOSED_PIPE,
    EXIT_CODES,
    EXIT_CONFIGURATION,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    UnreadableInputError,
)

# Loading every command to print the overview would import Faust, so their summaries stand here.
COMMANDS: Final[dict[str, str]] = {
    "demo": "Play conversations through the whole system and show what happened.",
    "up": "Run the whole system until stopped, on embedded servers or on given ones.",
    "console": "Serve the console: what happens now, every conversation, a desk and a chat.",
    "worker": "Run one kind of worker, or one of each.",
    "bridge": "Take events over HTTP from systems without a Kafka client.",
    "tickets": "Check the file of a ticket system, and show what it would be sent.",
    "doctor": "Check settings, servers and policy, and say what to do.",
    "topics": "Compare topics.yaml with the cluster, or create what is missing.",
    "send": "Publish events from a file, each acknowledged.",
    "import": "Turn chat logs of many formats into events.",
    "replay": "Decide over recorded events again, and compare policies.",
    "detect": "Score texts for requests for a person and for frustration.",
    "explain": "Say why a conversation was or was not escalated.",
    "packet": "Print the packet that a person reads of a conversation.",
    "transcript": "Print the whole transcript of a conversation.",
    "outcomes": "Show how escalations ended, as figures.",
    "escalate": "For leads: hand a conversation over to a person.",
    "move": "For leads: move an escalation to another queue.",
    "claim": "For leads: give an escalation to a person.",
    "release": "For leads: take a conversation from its person, back to its queue.",
    "close": "For leads: end an escalation.",
    "offer": "For leads: ask the customer whether they want a person.",
    "prioritise": "For leads: set the priority of an escalation.",
    "ai": "For leads: switch a version of the AI agent off, or on again.",
    "audit": "Prove from the topics that nothing was lost or done twice.",
    "rebuild": "Delete all conversations from the store, and fold the log again.",
    "deadletters": "List records that could not be used, show one, or send them again.",
    "policy": "Check a policy file, or try it on dialogues.",
    "notices": "Check a notices.yaml, and print every line that customers may be told.",
    "notifier": "Check who is told of notifications, and try it.",
    "playbook": "Check a playbook, which tells the person who takes over what to do next.",
    "schemas": "Check, list or export the contracts of the topics.",
}


_RUNS_ON: Final = ("aiokafka", "faust-streaming", "redis")
_LACKING: Final = (
    "{} is not installed: there are wheels for CPython 3.11 to 3.14 on Linux with glibc and on "
    "macOS; on Windows use WSL; Alpine (musl) is not supported"
)


class Terminated(BaseException):
    """SIGTERM or SIGHUP has come: files are closed and temporary folders removed on the way out."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _failure(message: str, exit_code: int) -> click.ClickException:
    failure = click.ClickException(message)
    failure.exit_code = exit_code
    return failure


IN_LEAD: Final = ("escalate", "move", "claim", "release", "close", "offer", "prioritise")
"""Commands that share the module `lead`."""


def module_name(command: str) -> str:
    """Return the name of a command's module in workers.cli, which is also its object's name."""
    name = command.replace("-", "_")
    return f"{name}_" if name == "import" else name


class LazyGroup(click.Group):
    """A group whose commands are the modules beside it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the commands in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command of this name; None when there is none."""
        if cmd_name not in COMMANDS:
            return None
        name = module_name(cmd_name)
        module = "lead" if name in IN_LEAD else name
        try:
            command = getattr(import_module(f"workers.cli.{module}"), name)
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("workers"):
                raise
            raise _failure(_LACKING.format(error.name), EXIT_CONFIGURATION) from error
        if not isinstance(command, click.Command):
            raise TypeError(f"workers.cli.{module}.{name} is not a click command")
        return command

    def main(self, *arguments: Any, **extra: Any) -> Any:
        """Run the command line; a signal or a closed pipe ends it with a code and no message."""
        try:
            return super().main(*arguments, **extra)
        except KeyboardInterrupt:
            raise SystemExit(EXIT_INTERRUPTED) from None
        except BrokenPipeError:
            silence_output()
            raise SystemExit(EXIT_CLOSED_PIPE) from None

    def make_context(self, *arguments: Any, **extra: Any) -> click.Context:
        """Read the arguments; the reader of --help, too, may close the pipe early."""
        with _ended_from_outside():
            return super().make_context(*arguments, **extra)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; a file that cannot be used is one line, never a traceback."""
        with _ended_from_outside():
            try:
                return super().invoke(ctx)
            except UnreadableInputError as error:
                raise _failure(str(error), error.exit_code) from error
            except UnicodeDecodeError as error:
                text = f"a file is not UTF-8 at byte {error.start}: save it as UTF-8"
                raise _failure(text, EXIT_USAGE) from error
            except OSError as error:
                if isinstance(error, ConnectionError | TimeoutError) or error.strerror is None:
                    raise
                where = error.filename if error.filename is not None else "what is written"
                raise _failure(f"{where}: {error.strerror}", EXIT_USAGE) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the overview without loading a command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in EXIT_CODES.items()])


@contextmanager
def _ended_from_outside() -> Iterator[None]:
    """Turn Ctrl-C and a closed pipe into their exit codes before click calls both a failure."""
    try:
        yield
    except KeyboardInterrupt:
        raise click.exceptions.Exit(EXIT_INTERRUPTED) from None
    except click.Abort as error:
        # Click raises this for Ctrl-C, and for the end of input, while it asks something.
        raise click.exceptions.Exit(EXIT_INTERRUPTED) from error
    except BrokenPipeError:
        silence_output()
        raise click.exceptions.Exit(EXIT_CLOSED_PIPE) from None


def silence_output() -> None:
    """Discard further output once its reader is gone."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    python = f"{platform.python_implementation()} {platform.python_version()}"
    parts = ", ".join(f"{name} {version(name)}" for name in _RUNS_ON)
    machine = f"{platform.system()} {platform.machine()}"
    click.echo(f"handoff {version('warm-handoff')} on {python}, {machine}; {parts}")
    context.exit()


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version and what it runs on, and exit.",
)
def handoff() -> None:
    """Hand conversations over from an AI support agent to a person, with their whole context.

    Servers come from KAFKA_BOOTSTRAP and REDIS_URL or from --kafka and --redis.
    Start with: handoff demo
    """
