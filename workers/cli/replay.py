"""`handoff replay`: decide over recorded events again, compare policies, and vary their numbers."""

import os
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from workers.cli.common import (
    CliError,
    json_option,
    kafka_option,
    plain_console,
    print_json,
    progress,
    topics_option,
)
from workers.cli.log_source import LogSource, planned, require_events
from workers.cli.policy_option import (
    VARIABLE,
    PolicyChoice,
    PolicyText,
    replay_policy_option,
    shipped,
)
from workers.cli.time_option import Moment
from workers.contracts.yaml import YamlFileError
from workers.handoff.wording import counted
from workers.policy import load_policy
from workers.replay.backtest import CandidatePolicy, Result
from workers.replay.event_sources import count_ahead
from workers.replay.expectations import Expectations, disappointed, load_expectations
from workers.replay.planning import OWN_POLICIES, Asked, Prepared
from workers.replay.processes import replay as run
from workers.replay.report import Summary, summarise
from workers.replay.sweep import Axis, SweepError, axis_of, candidates_of, summarise_sweep
from workers.replay.terminal_report import show, show_sweep

_File = click.Path(exists=True, dir_okay=False, path_type=Path)
_Out = click.Path(dir_okay=False, path_type=Path)


class _Outputs(NamedTuple):
    """The outputs of a replay."""

    decisions: Path | None
    html: Path | None
    as_json: bool


_SIZE = re.compile(r"([0-9]{1,6})([MG])")


def _bytes(context: click.Context, parameter: click.Parameter, given: str) -> int:  # noqa: ARG001
    found = _SIZE.fullmatch(given.strip().upper())
    if found is None or not int(found[1]):
        raise click.BadParameter(f"{given!r} is not a size: write it as 512M or 2G")
    return int(found[1]) << (20 if found[2] == "M" else 30)


@click.command()
@click.argument(
    "inputs", metavar="[FILE]...", nargs=-1, type=click.Path(exists=True, allow_dash=True)
)
@click.option("--topic", metavar="TOPIC", help="Read the log from Kafka: conversation-events.")
@click.option("--since", type=Moment(), help="With --topic: records from this Kafka timestamp on.")
@click.option("--until", type=Moment(), help="With --topic: records before this Kafka timestamp.")
@replay_policy_option
@click.option(
    "--against",
    type=click.Path(exists=True, path_type=Path),
    help="Another policy to compare with; default: the policy that the log says was in force.",
)
@click.option(
    "--labels",
    metavar="LABELS.jsonl",
    type=_File,
    help="File of labels, which conversations needed a person: lines of {conversation_id, "
    "escalate, event_id?, reason?}.",
)
@click.option(
    "--sweep",
    "sweeps",
    metavar="RULE.FIELD=FROM:TO:STEP",
    multiple=True,
    help="Vary a number of the policy, as in unsure.when.low_confidence_turns=1:4:1; repeatable.",
)
@click.option(
    "--expect",
    metavar="EXPECT.yaml",
    type=_File,
    help="Exit with 1 unless the bands and limits in this file hold.",
)
@click.option(
    "--decisions",
    metavar="OUT.jsonl",
    type=_Out,
    help="Write every decision, byte for byte as on escalation-decisions.",
)
@click.option(
    "--html", metavar="OUT.html", type=_Out, help="Write the report as one page that opens offline."
)
@click.option(
    "--memory",
    metavar="SIZE",
    default="1G",
    callback=_bytes,
    help="Memory for conversations, as in 512M or 2G (1G); the rest goes to disk.",
)
@topics_option
@kafka_option
@json_option
def replay(
    inputs: tuple[str, ...],
    topic: str | None,
    since: int | None,
    until: int | None,
    policy: PolicyChoice,
    against: Path | None,
    labels: Path | None,
    sweeps: tuple[str, ...],
    expect: Path | None,
    decisions: Path | None,
    html: Path | None,
    memory: int,
    topics: Path,
    kafka: str | None,
    as_json: bool,
) -> None:
    """Decide over recorded events again: files of events or the log itself.

    Files are JSONL, also gzipped or zstd, or Parquet with the fields of events as columns; - is
    standard input. Several files are read in order, as one log.

    The same code decides as in the live worker, so the same log gives the same decisions, byte for
    byte. After a decision that differs from the log's, the log's later events might not have
    happened: they are marked as hypothetical and count in no rate. Queues that a policy names must
    exist in topics.yaml. HANDOFF_POLICY replaces only the shipped default: policy events in the
    log still say which policy was in force.

    Exit code: 0 done, 1 a limit of --expect does not hold, 2 bad usage, 65 nothing is an event.
    """
    if bool(inputs) == bool(topic):
        raise CliError("give either files of events (or -) or --topic conversation-events", 2)
    if topic is None and (since is not None or until is not None):
        raise CliError("--since and --until choose records of --topic: files are read whole", 2)
    if sweeps and (against or expect or decisions):
        raise CliError("--sweep cannot be combined with --against, --expect or --decisions", 2)
    for output in (decisions, html):
        if output is not None:
            _require_writable(output)
    read = LogSource(inputs, topic, since, until, kafka)
    outputs = _Outputs(decisions, html, as_json)
    expected = None if expect is None else _expectations(expect)
    candidates = _candidates(policy, against, topics)
    default = _default(policy, topics)
    asked = Asked(
        keep_decisions=decisions is not None,
        labels=labels,
        topics=topics.read_text(encoding="utf-8"),
        memory=memory,
    )
    if sweeps:
        tried = candidates[0] if candidates[0].text is not None else CandidatePolicy(*default)
        _sweep(tried, sweeps, read, default, asked, outputs)
        return
    with planned(read, candidates, default, asked) as prepared:
        summary = _compare(prepared, read, outputs)
        _warn_of_times(prepared)
    require_events(summary.records, summary.events)
    if expected is not None:
        _hold(expected, summary)


def _run(prepared: Prepared, decisions: Path | None) -> Result:
    started = time.monotonic()
    with progress("replaying", prepared.records) as advance:
        result = run(prepared.plan, prepared.records, advance, decisions)
    seconds = time.monotonic() - started
    rate = f": {result.events / seconds:,.0f} events/s" if seconds else ""
    click.echo(f"{result.events:,} events in {seconds:.1f} s{rate}", err=True)
    return result


def _compare(prepared: Prepared, read: LogSource, outputs: _Outputs) -> Summary:
    result = _run(prepared, outputs.decisions)
    labelled = prepared.plan.labels is not None
    summary = summarise(result, prepared.judges(), labelled=labelled, inputs=read.names())
    if outputs.html is not None:
        from workers.replay.flip_details import chosen_of, details_of
        from workers.replay.html_report import render

        chosen = chosen_of(summary.changes)
        with progress("reading changed conversations again", len(chosen)) as advance:
            page = render(summary, details_of(prepared.plan, chosen, advance))
        outputs.html.write_text(page, encoding="utf-8")
    _print(summary, outputs, lambda: show(summary, plain_console()))
    return summary


def _sweep(
    base: CandidatePolicy,
    sweeps: Sequence[str],
    read: LogSource,
    default: PolicyText,
    asked: Asked,
    outputs: _Outputs,
) -> None:
    try:
        axes: list[Axis] = [axis_of(text) for text in sweeps]
        candidates = candidates_of(base, axes)
    except SweepError as error:
        raise CliError(str(error), exit_code=2) from None
    asked = asked._replace(brief=True)
    with planned(read, candidates, default, asked) as prepared:
        result = _run(prepared, None)
        _warn_of_times(prepared)
    bands = load_policy(base.text or "", base.name).bands
    labelled = prepared.plan.labels is not None
    summary = summarise_sweep(result, base.name, axes, bands, labelled=labelled)
    if outputs.html is not None:
        from workers.replay.html_report import render_sweep

        outputs.html.write_text(render_sweep(summary, bands), encoding="utf-8")
    _print(summary, outputs, lambda: show_sweep(summary, plain_console()))
    require_events(result.records, result.events)


def _print(summary: msgspec.Struct, outputs: _Outputs, show_it: Callable[[], None]) -> None:
    if outputs.as_json:
        print_json(msgspec.to_builtins(summary))
    else:
        show_it()


def _hold(expected: Expectations, summary: Summary) -> None:
    failures = disappointed(expected, summary)
    for failure in failures:
        click.echo(f"✗ {failure}", err=True)
    if failures:
        raise CliError(f"{len(failures)} of the expectations do not hold")


def _expectations(path: Path) -> Expectations:
    try:
        return load_expectations(path.read_text(encoding="utf-8"), str(path))
    except YamlFileError as error:
        raise CliError(str(error), exit_code=2) from None


def _warn_of_times(prepared: Prepared) -> None:
    """Say that files hold times ahead of now: they are decided, but no worker takes them."""
    paths = [Path(path) for path in prepared.plan.paths]
    if ahead := count_ahead(paths, time.time_ns() // 1_000_000):
        events = counted(ahead, "event")
        said = f"{events} of a time ahead of now: decided as told, but a worker refuses such"
        click.echo(said, err=True)


def _require_writable(output: Path) -> None:
    """Say before the run that what it finds cannot be written."""
    if not output.parent.is_dir():
        raise CliError(f"{output}: there is no folder {output.parent}", exit_code=2)
    if not os.access(output if output.exists() else output.parent, os.W_OK):
        raise CliError(f"{output}: may not be written", exit_code=2)


def _candidates(policy: PolicyChoice, against: Path | None, topics: Path) -> list[CandidatePolicy]:
    """Return the policy to try, named or the log's own, and the one to compare it with."""
    tried = CandidatePolicy(name=OWN_POLICIES, text=None)
    if policy.is_given:
        tried = CandidatePolicy(*policy.read(topics))
    if against is None:
        return [tried]
    return [tried, CandidatePolicy(*PolicyChoice(against, "--policy").read(topics))]


def _default(policy: PolicyChoice, topics: Path) -> PolicyText:
    """Return what holds where the log names no policy: HANDOFF_POLICY's, or the shipped one."""
    if policy.origin == VARIABLE:
        return policy.read(topics)
    return shipped().read(None)
