"""The option that names a policy, for every command that takes one."""

import os
from pathlib import Path
from typing import Final, Literal, NamedTuple

import click

from workers.cli.common import CliError, settings_from
from workers.data import data_path

VARIABLE: Final = "HANDOFF_POLICY"
Origin = Literal["--policy", "HANDOFF_POLICY", "shipped"]


class PolicyText(NamedTuple):
    """A policy that was read and can be used."""

    name: str
    """Its file, and what named it unless that is the command line."""
    text: str


class PolicyChoice(NamedTuple):
    """A policy file or folder, and its origin: the command line, the environment or neither."""

    path: Path
    origin: Origin

    @property
    def is_given(self) -> bool:
        """Return True if the command line names it; it then outranks those that a log names."""
        return self.origin == "--policy"

    def read(self, topics: Path | None) -> PolicyText:
        """Return the policy, the newest usable one of a folder; CliError (2) says what is wrong.

        With `topics`, the path of topics.yaml, one that names a queue that is not there is refused.
        """
        from workers.agents.shared.policy_source import PolicySource
        from workers.contracts.yaml import YamlFileError
        from workers.errors import ConfigurationError

        try:
            words = settings_from().words
            source = PolicySource(self.path, observe=False, topics=topics, words=words)
        except (ConfigurationError, YamlFileError) as error:
            raise CliError(str(error), exit_code=2) from None
        file = source.file
        names = {
            "--policy": str(file),
            VARIABLE: f"{file} ({VARIABLE})",
            "shipped": file.name,
        }
        return PolicyText(names[self.origin], source.own.policy_text)

    def arguments(self) -> list[str]:
        """Return what hands the choice on to a worker, which reads the environment itself."""
        return ["--policy", str(self.path)] if self.is_given else []


def shipped() -> PolicyChoice:
    """Return the default policy."""
    return PolicyChoice(data_path("policies") / "default.yaml", "shipped")


def _chosen(
    context: click.Context,  # noqa: ARG001 - click's signature
    parameter: click.Parameter,  # noqa: ARG001
    path: Path | None,
) -> PolicyChoice:
    if path is not None:
        return PolicyChoice(path, "--policy")
    named = os.environ.get(VARIABLE)
    if not named:
        return shipped()
    # Read here and not by click, whose error would blame an option that was not given.
    if not Path(named).exists():
        raise CliError(f"{VARIABLE}={named}: there is no such file or folder", exit_code=2)
    return PolicyChoice(Path(named), VARIABLE)


policy_option = click.option(
    "--policy",
    type=click.Path(exists=True, path_type=Path),
    callback=_chosen,
    help="Policy file, or a folder of them; else HANDOFF_POLICY, else the shipped default.yaml.",
)
"""For workers: the policy that is named holds. It passes a PolicyChoice, never None."""

replay_policy_option = click.option(
    "--policy",
    type=click.Path(exists=True, path_type=Path),
    callback=_chosen,
    help="Policy file, or a folder of them, to decide by; without it the policies of the log's own "
    "policy events; without these HANDOFF_POLICY, else the shipped default.yaml.",
)
"""For recorded events, which may say themselves what was in force: ask `is_given`."""
