"""`handoff policy check` and `test`: whether a policy can be used, and decides as it must."""

import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
import orjson

from workers.cli.common import (
    CliError,
    input_argument,
    json_option,
    logs_option,
    own_lists,
    print_json,
    progress,
    read_topics,
    topics_option,
)
from workers.cli.output import print_columns
from workers.cli.policy_option import PolicyChoice, policy_option
from workers.errors import EXIT_DEAD_LETTERS
from workers.handoff.wording import counted, one_line

if TYPE_CHECKING:
    from workers.policy import Policy
    from workers.replay.scenarios import ScenarioVerdict


@click.group()
def policy() -> None:
    """Check a policy file, or try it on dialogues."""


@policy.command()
@input_argument
@logs_option(
    "Say which rules and intents never occur in this file of events, too; may be repeated."
)
@topics_option
@json_option
def check(source: IO[bytes], logs: tuple[str, ...], topics: Path, as_json: bool) -> None:
    """Say whether the policy in FILE can be used; - is standard input.

    The first problem is named with its line and what to do. Queues must exist in topics.yaml.
    Exit code: 0 it can be used, 1 it cannot, or a rule of it can never hold.
    """
    from workers.contracts.yaml import YamlFileError
    from workers.policy import doubts, load_policy, with_words

    name = _name(source)
    queues = read_topics(topics).queues
    try:
        text = with_words(source.read().decode("utf-8"), own_lists())
        loaded = load_policy(text, name, queues)
    except UnicodeDecodeError as error:
        raise CliError(f"{name}: not UTF-8 at byte {error.start}: save it as UTF-8") from None
    except YamlFileError as error:
        raise CliError(str(error)) from None
    doubtful = doubts(text, name)
    summary = {
        "file": name,
        "version": loaded.version,
        "hash": loaded.hash,
        "rules": [_described(rule) for rule in loaded.base.rules],
        "routes": len(loaded.base.routes),
        "overrides": len(loaded.overrides),
        "doubts": doubtful,
    }
    if logs:
        summary["log"] = _unused(loaded, text, logs)
    if as_json:
        print_json(summary)
    else:
        _print(summary)
    for doubt in doubtful:
        click.echo(doubt, err=True)
    raise SystemExit(1 if doubtful else 0)


def _unused(policy: "Policy", text: str, logs: tuple[str, ...]) -> dict[str, Any]:
    """Return what of a policy never occurs in files of events."""
    from workers.agents.classifier.prompt import intents_of
    from workers.chatlogs.event_files import local_files
    from workers.replay.backtest import CandidatePolicy
    from workers.replay.planning import Asked, plan_files
    from workers.replay.processes import replay

    with local_files(logs) as paths, tempfile.TemporaryDirectory(prefix="handoff-check-") as folder:
        decisions = Path(folder) / "decisions.jsonl"
        prepared = plan_files(
            paths, [CandidatePolicy("policy", text)], text, Asked(keep_decisions=True)
        )
        with progress("replaying", prepared.records) as advance:
            result = replay(prepared.plan, prepared.records, advance, decisions)
        with decisions.open("rb") as lines:
            held = {orjson.loads(line).get("rule") for line in lines}
    if not result.events:
        raise CliError(f"{', '.join(logs)}: there is no event in it", EXIT_DEAD_LETTERS)
    tally = result.tallies[0]
    named = {*intents_of(text), *policy.bands.intents}
    return {
        "events": result.events,
        "conversations": tally.overall.conversations,
        "rules_that_never_held": [r.name for r in policy.base.rules if r.name not in held],
        "intents_that_never_occur": sorted(named - tally.splits["intent"].keys()),
    }


@policy.command()
@input_argument
@policy_option
@topics_option
@json_option
def test(source: IO[bytes], policy: PolicyChoice, topics: Path, as_json: bool) -> None:
    """Decide over the dialogues in FILE and show those that do not end as expected.

    Those of the shipped policy are in policies/scenarios/default.yaml; docs/backtest.md has the
    fields. Exit code: 0 all end as expected, 1 some do not, 2 bad usage.
    """
    from workers.contracts.yaml import YamlFileError
    from workers.replay.scenarios import load_scenarios, play

    name = _name(source)
    text = policy.read(topics).text
    try:
        verdicts = [play(one, text) for one in load_scenarios(source.read().decode("utf-8"), name)]
    except YamlFileError as error:
        raise CliError(str(error), exit_code=2) from None
    failed = [verdict for verdict in verdicts if verdict.problem is not None]
    if as_json:
        import msgspec

        print_json(msgspec.to_builtins(verdicts))
    else:
        for verdict in failed:
            _print_failure(verdict)
        click.echo(f"{len(verdicts) - len(failed)} of {len(verdicts)} scenarios as they must be")
    if failed:
        raise click.exceptions.Exit(1)


def _name(source: IO[bytes]) -> str:
    name = getattr(source, "name", "-")
    return "standard input" if name in ("-", "<stdin>") else str(name)


def _print_failure(verdict: "ScenarioVerdict") -> None:
    title = f" ({verdict.title})" if verdict.title else ""
    click.echo(one_line(f"✗ {verdict.id}{title}: {verdict.problem}"))
    for number, turn in enumerate(verdict.turns, start=1):
        signals = ", ".join(f"{name} {value:g}" for name, value in turn.signals.items())
        click.echo(one_line(f"  {number:>3} {turn.kind}: {turn.text}"))
        if signals:
            click.echo(f"        {signals}")
        for miss in turn.near_misses:
            click.echo(
                one_line(
                    f"        nearly {miss.rule}: {miss.condition} {miss.value:g}"
                    f" of {miss.needed:g}"
                )
            )
        for made in turn.decisions:
            to = f" → {made.target_queue}" if made.target_queue else ""
            why = made.cause or made.reason
            click.echo(one_line(f"      → {made.action} by {made.rule} ({why}){to}"))
    click.echo()


def _described(rule: Any) -> dict[str, str]:
    return {
        "rule": rule.name,
        "does": rule.mode,
        "class": "mandatory" if rule.mandatory else "declinable",
        "reason": rule.reason,
        "when": ", ".join(condition.name for condition in rule.conditions),
        "target_queue": rule.target,
    }


def _print(summary: dict[str, Any]) -> None:
    click.echo(
        f"{summary['file']}: version {summary['version']} ({summary['hash']}) can be used: "
        f"{counted(len(summary['rules']), 'rule')}, {counted(summary['routes'], 'route')}, "
        f"{counted(summary['overrides'], 'override')}"
    )
    columns = tuple(summary["rules"][0])
    print_columns(columns, [tuple(rule.values()) for rule in summary["rules"]])
    if (told := summary.get("log")) is None:
        return
    events = counted(told["events"], "event")
    click.echo(f"In {events} of {counted(told['conversations'], 'conversation')}:")
    for key in ("rules_that_never_held", "intents_that_never_occur"):
        click.echo(f"{key.replace('_', ' ')}: {', '.join(told[key]) or 'none'}")
