"""`handoff outcomes`: what came of escalations, as figures."""

import asyncio
from typing import TYPE_CHECKING, Final

import click

from workers.cli.audit import duration
from workers.cli.common import (
    CliError,
    json_option,
    kafka_option,
    logs_option,
    naming_servers,
    plain_console,
    print_json,
    progress,
    require_servers,
    settings_from,
)
from workers.cli.policy_option import shipped
from workers.cli.time_option import Moment
from workers.errors import EXIT_CONFIGURATION
from workers.handoff.wording import one_line
from workers.outcomes import (
    DIMENSIONS,
    OutcomeCounts,
    OutcomeReport,
    as_data,
    conversation_figures,
    mean_of,
    report_of,
    share,
    times,
)
from workers.outcomes.outcome_counts import BY_PERSON, TOO_FEW

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from workers.replay.outcomes_of_log import LogOutcomes
    from workers.settings import Settings

_SHOWN: Final = 20
_COLUMNS: Final = (
    *("escalated", "ended", "resolved", "satisfied", "to claim", "to reply", "bounced"),
)
_WAIT_COLUMNS: Final = ("claimed", "in range", "width", "wait", "not estimated")


def _names(
    context: click.Context,  # noqa: ARG001 - click's signature
    parameter: click.Parameter,  # noqa: ARG001
    value: str | None,
) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name for name in (value or "").split(",") if name))
    for name in names:
        if name not in DIMENSIONS:
            known = ", ".join(DIMENSIONS)
            raise click.BadParameter(f"{name!r} is none of {known}")
    return names


@click.command("outcomes")
@logs_option(
    "Replay this file of events, or - (repeatable, read in order), instead of reading Kafka."
)
@click.option(
    "--topic", metavar="TOPIC", help="Replay the log itself: conversation-events on Kafka."
)
@kafka_option
@click.option("--since", type=Moment(), help="Only what was decided from this time on.")
@click.option(
    "--by",
    metavar="NAME[,…]",
    callback=_names,
    help=f"Split by these, each by itself: {', '.join(DIMENSIONS)}.",
)
@json_option
def outcomes(
    logs: tuple[str, ...],
    topic: str | None,
    kafka: str | None,
    since: int | None,
    by: tuple[str, ...],
    as_json: bool,
) -> None:
    """Print how escalations ended: resolved or not, how fast, offers taken, who came back.

    Reads escalation-outcomes up to where it ends now; the outcomes worker writes it. Repeats are
    counted once. With --log or --topic it replays the log instead, which gives the same figures
    and more: the share of conversations that people took, and those that should have had a person
    and had none. docs/outcomes.md defines each figure.
    """
    if logs and topic:
        raise CliError("give either --log or --topic", 2)
    if logs or topic:
        found = _replayed(logs, topic, kafka, since, by)
        if found.refused:
            click.echo(f"{found.refused:,} records are no events and are left out", err=True)
        _print(found.report, found, as_json=as_json)
        return
    settings = settings_from(kafka=kafka)
    require_servers(settings, redis=False)
    with naming_servers(settings):
        report, unread = asyncio.run(_read(settings, since, by))
    if unread:
        click.echo(f"{unread:,} records could not be read and are left out", err=True)
    _print(report, None, as_json=as_json)


def _print(report: OutcomeReport, log: "LogOutcomes | None", *, as_json: bool) -> None:
    if as_json:
        data = as_data(report)
        if log is not None:
            data["log"] = conversation_figures(log.conversations, log.bands.overall)
        print_json(data)
    else:
        show(report, plain_console(), log)


def _replayed(
    logs: tuple[str, ...],
    topic: str | None,
    kafka: str | None,
    since: int | None,
    by: tuple[str, ...],
) -> "LogOutcomes":
    from workers.cli.log_source import LogSource, planned, require_events
    from workers.replay.backtest import CandidatePolicy
    from workers.replay.outcomes_of_log import ASKED, outcomes_of_log
    from workers.replay.planning import OWN_POLICIES

    own = [CandidatePolicy(name=OWN_POLICIES, text=None)]
    source = LogSource(logs, topic, since=None, until=None, kafka=kafka)
    with (
        planned(source, own, shipped().read(None), ASKED) as prepared,
        progress("replaying", prepared.records) as advance,
    ):
        found = outcomes_of_log(prepared, advance, by, since)
    require_events(found.records, found.events)
    return found


async def _read(
    settings: "Settings", since: int | None, by: tuple[str, ...]
) -> tuple[OutcomeReport, int]:
    """Return the report, and how many records are not ours to read."""
    from workers.contracts.codec import decode_message
    from workers.contracts.outcomes import OutcomeRecord
    from workers.contracts.rejections import Rejected
    from workers.contracts.topics import OUTCOMES
    from workers.kafka.reader import partitions_of, ranges_of, read, reading

    records: list[OutcomeRecord] = []
    unread = 0
    async with reading(settings) as consumer:
        ranges = await ranges_of(consumer, await partitions_of(consumer, [OUTCOMES]))
    if not ranges:
        raise CliError(
            f"the cluster has no topic {OUTCOMES}: run handoff topics apply", EXIT_CONFIGURATION
        )
    total = sum(found.end - found.start for found in ranges.values())
    with progress("reading outcomes", total) as advance:
        async for _, run in read(settings, ranges):
            advance(len(run))
            for record in run:
                try:
                    found = decode_message(OutcomeRecord, record.value)
                except Rejected:
                    unread += 1
                    continue
                records.append(found)
    return report_of(records, by, since), unread


def show(report: OutcomeReport, console: "Console", log: "LogOutcomes | None" = None) -> None:
    """Print a report for a person: the whole, then one table for each split."""
    from rich import box
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    lines = _lines(report.total)
    if log is not None:
        lines = [*_log_lines(log), *lines]
    for name, text in lines:
        table.add_row(name, text)
    console.print(table)
    for name, groups in report.groups.items():
        split = Table(title=f"by {name}", title_justify="left", box=box.SIMPLE_HEAD)
        for header in (name, *_COLUMNS):
            split.add_column(header, justify="left" if header == name else "right")
        ordered = sorted(groups.items(), key=lambda item: (-item[1].escalated, item[0]))
        for value, counts in ordered[:_SHOWN]:
            split.add_row(
                one_line(value), f"{counts.escalated:,}", f"{counts.ended:,}",
                _percent(counts.ends[BY_PERSON], counts.ended),
                _percent(counts.satisfied, counts.csat.total()),
                _median(counts.to_claim_s), _median(counts.to_reply_s),
                _percent(counts.bounced, counts.escalated),
            )  # fmt: skip
        console.print(split)
        if len(ordered) > _SHOWN:
            more = f"  … and {len(ordered) - _SHOWN:,} more; --json lists all"
            console.print(more, style="dim")
    if report.waits:
        console.print(_waits(report))
    console.print(f"* of fewer than {TOO_FEW}", style="dim")


def _lines(counts: OutcomeCounts) -> list[tuple[str, str]]:
    """Return the figures of the whole, by name, as a person reads them."""
    ends = ", ".join(f"{name} {number:,}" for name, number in counts.ends.most_common())
    judged = counts.justified + counts.unjustified
    in_time = counts.claimed_in_time + counts.claimed_late
    levels = ", ".join(f"{level}: {n:,}" for level, n in sorted(counts.levels.items()))
    lines = [
        ("escalated", f"{counts.escalated:,}"),
        ("ended", f"{counts.ended:,} ({ends})" if ends else "0"),
        ("resolved by people", _interval(counts.ends[BY_PERSON], counts.ended)),
        ("found justified", _interval(counts.justified, judged)),
        ("satisfied customers", _rated(counts)),
        ("opened to claimed", _spread(counts.to_claim_s)),
        ("opened to first reply", _spread(counts.to_reply_s)),
        ("claimed in time", _interval(counts.claimed_in_time, in_time)),
        ("back within 7 days", _interval(counts.bounced, counts.escalated)),
        ("by level at the end", levels or "none"),
        ("sent on by people", f"{counts.transferred:,}"),
        ("waited for a ticket", f"{counts.ticketed:,}"),
        ("offers", f"{counts.offered:,}"),
        ("offers declined", _interval(counts.declined, counts.offered)),
    ]
    return lines + ([("only observed", f"{counts.observed:,}")] if counts.observed else [])


def _waits(report: OutcomeReport) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(title="predicted waits", title_justify="left", box=box.SIMPLE_HEAD)
    for header in ("queue", *_WAIT_COLUMNS):
        table.add_column(header, justify="left" if header == "queue" else "right")
    ordered = sorted(report.waits.items(), key=lambda item: (-item[1].claimed, item[0]))
    for queue, counts in ordered[:_SHOWN]:
        estimated = len(counts.waits_s)
        table.add_row(
            one_line(queue), f"{counts.claimed:,}", _percent(counts.within, estimated),
            _median(counts.widths_s), _median(counts.waits_s),
            _percent(counts.claimed - estimated, counts.claimed),
        )  # fmt: skip
    return table


def _log_lines(log: "LogOutcomes") -> list[tuple[str, str]]:
    counts, (low, high) = log.conversations, log.bands.overall
    taken = _interval(counts.escalated, counts.conversations)
    return [
        ("conversations", f"{counts.conversations:,}"),
        ("handed over", f"{taken}, healthy is {low:.0%} to {high:.0%}"),
        ("solved by the AI", f"{counts.solved:,}"),
        ("came back", _interval(counts.back, counts.solved)),
        ("closed without a person", f"{counts.closed:,}"),
        ("while unanswered", _interval(counts.unanswered, counts.closed)),
        ("while angry", _interval(counts.angry, counts.closed)),
    ]


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.0%}{'*' if whole < TOO_FEW else ''}" if whole else "-"


def _interval(part: int, whole: int) -> str:
    found = share(part, whole)
    if not whole:
        return "-"
    return f"{_percent(part, whole)} of {whole:,} ({found['low']:.0%} to {found['high']:.0%})"


def _rated(counts: OutcomeCounts) -> str:
    number = counts.csat.total()
    said = _interval(counts.satisfied, number)
    return f"{said}, mean {mean_of(counts.csat)} of 5" if number else said


def _median(seconds: list[int]) -> str:
    median = times(seconds)["median"]
    return "-" if median is None else duration(median)


def _spread(seconds: list[int]) -> str:
    found = times(seconds)
    if found["median"] is None or found["p90"] is None:
        return "-"
    return f"median {duration(found['median'])}, p90 {duration(found['p90'])} of {found['of']:,}"
