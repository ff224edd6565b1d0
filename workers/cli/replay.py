"""`handoff replay`: decide over recorded events again, and compare policies."""

import tempfile
import time
from pathlib import Path

import click
import msgspec
from rich import box
from rich.table import Table

from workers.chatlogs.sources import local_files
from workers.cli.common import (
    CliError,
    json_option,
    kafka_option,
    naming_servers,
    plain_console,
    print_json,
    progress,
    require_servers,
    settings_from,
    topics_option,
)
from workers.cli.policy_option import (
    VARIABLE,
    PolicyChoice,
    PolicyText,
    replay_policy_option,
    shipped,
)
from workers.cli.time_option import Moment
from workers.errors import EXIT_DEAD_LETTERS
from workers.handoff.wording import one_line
from workers.replay.backtest import Candidate
from workers.replay.planning import Prepared, plan_files, plan_topic
from workers.replay.processes import replay as run
from workers.replay.report import Judged, RateRow, Summary, summarise

_SHOWN = 15


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
    help="Another policy to compare with: who is escalated only by one of the two?",
)
@click.option(
    "--decisions",
    metavar="OUT.jsonl",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write every decision, byte for byte as on escalation-decisions.",
)
@click.option(
    "--html",
    metavar="OUT.html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write one page with rates, differences and every escalation's evidence.",
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
    decisions: Path | None,
    html: Path | None,
    topics: Path,
    kafka: str | None,
    as_json: bool,
) -> None:
    """Decide over recorded events again: files of events (JSONL, also .gz, or -) or the log itself.

    The same code decides as in the live worker, so the same log gives the same decisions, byte for
    byte. What happened after a decision that comes out differently is still what the log says.
    Queues that a policy names must exist in topics.yaml. HANDOFF_POLICY takes the place of the
    shipped default alone: a log that has policy events says itself what was in force.
    """
    if bool(inputs) == bool(topic):
        raise CliError("give either files of events (or -) or --topic conversation-events", 2)
    for output in (decisions, html):
        if output is not None and not output.parent.is_dir():
            raise CliError(f"{output}: there is no folder {output.parent}", exit_code=2)
    started = time.monotonic()
    candidates = _candidates(policy, against, topics)
    default = _default(policy, topics)
    keep = decisions is not None or html is not None
    if topic is None:
        with local_files(inputs) as paths:
            prepared = plan_files(
                paths, candidates, default.text, default_name=default.name, keep_decisions=keep
            )
            summary = _run(prepared, decisions, html, started)
    else:
        settings = settings_from(kafka=kafka)
        require_servers(settings, redis=False)
        with naming_servers(settings):
            prepared = plan_topic(
                settings, topic, candidates, default.text, default_name=default.name,
                since_ms=since, until_ms=until, keep_decisions=keep,
            )  # fmt: skip
            if not prepared.plan.homes:
                raise CliError(f"{topic}: no such topic at {settings.kafka_bootstrap}")
            summary = _run(prepared, decisions, html, started)
    if as_json:
        print_json(msgspec.to_builtins(summary))
    else:
        _show(summary)
    if summary.records and not summary.events:
        raise CliError(f"none of the {summary.records:,} lines is an event", EXIT_DEAD_LETTERS)


def _candidates(policy: PolicyChoice, against: Path | None, topics: Path) -> list[Candidate]:
    """Return what is tried: a policy that is named, or what the log says; and what against."""
    tried = Candidate(name="the log's own policies", text=None)
    if policy.is_given:
        tried = Candidate(*policy.read(topics))
    if against is None:
        return [tried]
    return [tried, Candidate(*PolicyChoice(against, "--policy").read(topics))]


def _default(policy: PolicyChoice, topics: Path) -> PolicyText:
    """Return what holds where the log names no policy: HANDOFF_POLICY's, or the shipped one."""
    if policy.origin == VARIABLE:
        return policy.read(topics)
    return shipped().read(None)


def _run(prepared: Prepared, decisions: Path | None, html: Path | None, started: float) -> Summary:
    with tempfile.TemporaryDirectory(prefix="handoff-html-") as folder:
        if html is not None and decisions is None:
            decisions = Path(folder) / "decisions.jsonl"
        with progress("replaying", prepared.records) as advance:
            result = run(prepared.plan, prepared.records, advance, decisions)
        summary = summarise(result, prepared.judges(), time.monotonic() - started)
        if html is not None and decisions is not None:
            from workers.replay.html_report import render

            html.write_text(render(summary, decisions), encoding="utf-8")
    return summary


def _show(summary: Summary) -> None:
    console = plain_console()
    for refused in summary.refusals[:_SHOWN]:
        where = f"{refused.where}: {refused.reason}: {refused.detail}"
        console.print(one_line(where), style="yellow", soft_wrap=True)
    refused_total = sum(summary.refused.values())
    console.print(
        f"{summary.events:,} events of {summary.conversations:,} conversations"
        f" ({summary.duplicates:,} sent again, {refused_total:,} refused)"
        f" in {summary.seconds:.1f} s: {summary.events_per_second:,} events/s"
    )
    for judged in summary.policies:
        console.print()
        console.print(_rates(judged))
        console.print(_breakdown(judged))
    if summary.changed is not None:
        console.print(_differences(summary))


def _rates(judged: Judged) -> Table:
    version = f" {judged.version} ({judged.hash})" if judged.version else ""
    table = Table(title=f"{judged.policy}{version}", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("escalated")
    for name in ("conversations", "escalated", "rate", "band"):
        table.add_column(name, justify="right")
    table.add_column("")
    _rate_row(table, "overall", judged.overall)
    for rate in judged.intents[:_SHOWN]:
        _rate_row(table, f"intent {rate.subject}", rate)
    for rate in judged.ai_versions[:_SHOWN]:
        _rate_row(table, f"AI version {rate.subject}", rate)
    return table


def _rate_row(table: Table, name: str, rate: RateRow) -> None:
    band = "" if rate.band is None else f"{rate.band[0]:.0%} to {rate.band[1]:.0%}"
    share = "" if rate.rate is None else f"{rate.rate:.1%}"
    verdict = {None: "", "in": "healthy"}
    table.add_row(
        one_line(name), f"{rate.conversations:,}", f"{rate.escalated:,}", share, band,
        verdict.get(rate.verdict, rate.verdict),
    )  # fmt: skip


def _breakdown(judged: Judged) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(justify="left", style="dim")
    table.add_column()
    for name, counts in (
        ("reasons", judged.reasons),
        ("rules", judged.rules),
        ("queues", judged.queues),
        ("outcomes", judged.outcomes),
        ("decisions", judged.actions),
    ):
        table.add_row(name, ", ".join(f"{key} {n:,}" for key, n in counts.items()) or "none")
    return table


def _differences(summary: Summary) -> Table:
    counts = ", ".join(f"{kind} {n:,}" for kind, n in (summary.changed or {}).items())
    first, second = (judged.policy for judged in summary.policies)
    table = Table(
        title=f"{first} against {second}: {counts or 'no conversation changes'}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    for name in ("conversation", "", first, second):
        table.add_column(name)
    for one in summary.changes[:_SHOWN]:
        table.add_row(
            one_line(one.conversation_id),
            one.kind,
            _escalated(one.reason, one.queue, one.event_id),
            _escalated(one.other_reason, one.other_queue, one.other_event_id),
        )
    return table


def _escalated(reason: str | None, queue: str | None, event_id: str | None) -> str:
    if reason is None:
        return ""
    return one_line(f"{reason}{f' → {queue}' if queue else ''} at {event_id}")
