"""The `handoff` group, which imports a command's module only when that command is called."""

from importlib import import_module
from typing import Final

import click

from workers.errors import UnreadableInputError

# Loading every command to print the overview would import Faust, so their summaries stand here.
COMMANDS: Final[dict[str, str]] = {
    "demo": "Play conversations through the whole system and show what happened.",
    "up": "Run the whole system until stopped, on embedded servers or on given ones.",
    "worker": "Run one kind of worker, or one of each.",
    "topics": "Compare topics.yaml with the cluster, or create what is missing.",
    "send": "Publish events from a file, each acknowledged.",
    "import": "Turn chat logs in the messages format into events.",
    "replay": "Decide over recorded events again, and compare policies.",
    "detect": "Score texts for requests for a person and for frustration.",
    "explain": "Say why a conversation was or was not escalated.",
    "transcript": "Print the whole transcript of a conversation.",
    "audit": "Prove from the topics that nothing was lost or done twice.",
    "rebuild": "Fold the log into an empty store.",
    "deadletters": "List events that could not be read, show one, or send them again.",
    "policy": "Check a policy file.",
    "schemas": "Check, list or export the contracts of the topics.",
}


EXIT_USAGE: Final = 2


def _failure(message: str, exit_code: int) -> click.ClickException:
    failure = click.ClickException(message)
    failure.exit_code = exit_code
    return failure


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
        command = getattr(import_module(f"workers.cli.{name}"), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"workers.cli.{name}.{name} is not a click command")
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; a file that cannot be used is one line, never a traceback."""
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
            where = f"{error.filename}: " if error.filename is not None else ""
            raise _failure(f"{where}{error.strerror}", EXIT_USAGE) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the overview without loading a command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="warm-handoff", prog_name="handoff")
def handoff() -> None:
    """Hand conversations over from an AI support agent to a person, with their whole context.

    Servers come from KAFKA_BOOTSTRAP and REDIS_URL or from --kafka and --redis.
    Start with: handoff demo
    """
