"""`handoff audit`: prove from the topics that nothing was lost or done twice."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workers.cli.common import (
    CliError,
    json_option,
    kafka_option,
    naming_servers,
    plain_console,
    print_json,
    progress,
    read_topics,
    redis_option,
    require_servers,
    settings_from,
    topics_option,
)
from workers.errors import EXIT_CONFIGURATION
from workers.handoff.wording import one_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from workers.audit.audit_report import Report, WindowRate
    from workers.contracts.topics import Topics
    from workers.settings import Settings

_SHOWN = 20
_NAMED = 3


@click.command()
@kafka_option
@redis_option
@topics_option
@click.option(
    "--placed-within",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="Report decisions that were not carried out within this time.",
)
@json_option
def audit(
    kafka: str | None, redis: str | None, topics: Path, placed_within: float, as_json: bool
) -> None:
    """Prove from the topics that nothing was lost or done twice, and list open escalations.

    Reads every topic up to its present end; the workers may go on running, and records in flight
    are no finding. With Redis named it also compares the store's marks.

    Exit code: 0 clean, 1 findings, 69 a server is not reachable, 78 the cluster lacks topics.
    """
    settings = settings_from(kafka=kafka, redis=redis)
    declared = read_topics(topics)
    require_servers(settings, redis=settings.redis_url is not None)
    with naming_servers(settings):
        report = asyncio.run(_read(settings, declared, placed_within))
    if as_json:
        import msgspec

        print_json(msgspec.to_builtins(report))
    else:
        show(report)
    raise SystemExit(0 if report.clean else 1)


async def _read(settings: "Settings", declared: "Topics", placed_within: float) -> "Report":
    from workers.audit.topic_scan import LiveAudit, MissingTopicsError
    from workers.contracts.signing import Secrets

    try:
        reading = LiveAudit(settings, declared, Secrets(settings.signing_keys), placed_within)
        total = await reading.begin()
        with progress("reading topics", total) as advance:
            return await reading.run(advance)
    except MissingTopicsError as error:
        raise CliError(str(error), EXIT_CONFIGURATION) from error


def show(report: "Report") -> None:
    """Print a report for a person; also used by the demo."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from workers.audit.audit_report import place_name

    console = plain_console()
    console.print(_accounting(report))
    if report.open:
        table = Table(
            title=f"Open escalations ({report.counts['open']:,}), oldest first",
            title_justify="left",
            box=box.SIMPLE_HEAD,
        )
        for name in ("conversation", "reason", "level", "age", "owner", "place", "rung", "due in"):
            table.add_column(name, overflow="fold")
        for one in report.open[:_SHOWN]:
            where = one.person or place_name(one)
            table.add_row(
                one_line(one.conversation_id), one.reason, str(one.level), duration(one.age_s),
                one.owner, one_line(where), "" if one.rung is None else str(one.rung),
                "" if one.due_in_s is None else duration(one.due_in_s),
            )  # fmt: skip
        console.print(table)
        _more(console, len(report.open), report.counts["open"])
    judged = [rate for rate in report.rates if rate.verdict != "few"]
    if judged:
        console.print(_rates(judged))
        _more(console, len(judged), len(judged))
    for kind, number in report.findings_by_kind.items():
        console.print(f"✗ {kind}: {number:,}", style="red")
    for finding in report.findings[:_SHOWN]:
        told = f"{finding.kind} {finding.conversation_id or ''}: {finding.detail}"
        console.print(f"  {one_line(told)}")
    _more(console, len(report.findings), sum(report.findings_by_kind.values()))
    if report.clean:
        clean = ("✓ audit clean", "green")
        console.print(Text.assemble(clean, ": nothing lost, nothing twice"))
    else:
        console.print("✗ audit not clean", style="red")


def _more(console: "Console", listed: int, total: int) -> None:
    """Say how many rows are not shown, and how many of them `--json` lists."""
    if total > _SHOWN:
        rest = f"the first {listed:,}" if listed < total else "all"
        console.print(f"  … and {total - _SHOWN:,} more; --json lists {rest}", style="dim")


def _accounting(report: "Report") -> "Table":
    from rich.table import Table

    counts = report.counts
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(justify="left", style="dim")
    table.add_column()
    rate = report.escalation_rate
    share = "" if rate is None else f" ({rate:.0%} of conversations)"
    ended = ", ".join(f"{name} {number:,}" for name, number in report.outcomes.items())
    letters = ", ".join(f"{name} {number:,}" for name, number in report.dead_letters.items())
    lines = {
        "events on the log": f"{counts['events']:,}, {counts['duplicates']:,} of them sent again",
        "not yet applied": f"{counts['not_yet_applied']:,}",
        "dead-lettered": f"{counts['dead_letters']:,}" + (f" ({letters})" if letters else ""),
        "conversations": f"{counts['conversations']:,}",
        "decisions": f"{counts['decisions']:,}" + _by_lead(counts["by_lead"]),
        "escalations": f"{counts['escalations']:,}{share}",
        "ended": ended or "none",
        "open": f"{counts['open']:,}",
        "packets, tickets": f"{counts['packets']:,}, {counts['tickets']:,}",
        "messages to chat systems": f"{counts['control']:,}",
        "published again": f"{counts['repeats']:,}, all under the same id",
    }
    if report.flooding:
        names, number = one_line(", ".join(report.flooding[:_NAMED])), counts["flooding"]
        if number > _NAMED:
            names += f" … and {number - _NAMED:,} more"
        lines["said too much to be read"] = f"{number:,} ({names})"
    for name, text in lines.items():
        table.add_row(name, text)
    if not report.exact:
        table.add_row("", "duplicates and rates are estimates from a sample")
    return table


def _by_lead(count: int) -> str:
    return f", {count:,} by a lead's hand" if count else ""


def _rates(rates: "list[WindowRate]") -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(
        title="Escalated in the policy's window", title_justify="left", box=box.SIMPLE_HEAD
    )
    for name in ("", "conversations", "escalated", "share", "healthy", ""):
        table.add_column(name, justify="left" if not name else "right")
    for rate in rates[:_SHOWN]:
        healthy = f"{rate.low:.0%} to {rate.high:.0%}"
        verdict = "" if rate.verdict == "in" else rate.verdict.replace("_", " ")
        table.add_row(
            one_line(rate.subject), f"{rate.conversations:,}", f"{rate.escalated:,}",
            f"{rate.share:.1%}", healthy, verdict,
        )  # fmt: skip
    return table


def duration(seconds: int) -> str:
    """Write seconds as a person says them: 45 s, 12 min, 3.5 h, 2.1 d; late ones with a minus."""
    size, sign = abs(seconds), "-" if seconds < 0 else ""
    if size < 90:
        return f"{sign}{size} s"
    if size < 90 * 60:
        return f"{sign}{size // 60} min"
    if size < 36 * 3600:
        return f"{sign}{size / 3600:.1f} h"
    return f"{sign}{size / 86400:.1f} d"
