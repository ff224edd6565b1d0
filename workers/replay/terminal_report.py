"""The report of a replay for a terminal."""

from collections.abc import Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

from workers.handoff.wording import counted, one_line
from workers.replay.counts import Split
from workers.replay.first_decisions import First, FirstOffer, Flip
from workers.replay.intervals import Interval
from workers.replay.recorded_run import other_detection
from workers.replay.report import Judged, RateRow, Summary, counts_line
from workers.replay.sweep import SweepSummary

_SHOWN: Final = 15
_SPLITS: Final[tuple[tuple[Split, str], ...]] = (
    ("intent", "intent"),
    ("ai_version", "AI version"),
    ("tier", "tier"),
    ("channel", "channel"),
    ("language", "language"),
    ("tenant", "tenant"),
)


def show(summary: Summary, console: Console) -> None:
    """Print a report; rows that do not fit are counted."""
    for refused in summary.refusals[:_SHOWN]:
        where = f"{refused.where}: {refused.reason}: {refused.detail}"
        console.print(one_line(where), style="yellow", soft_wrap=True)
    _more(console, len(summary.refusals), sum(summary.refused.values()), "records refused")
    refused_total = sum(summary.refused.values())
    console.print(
        f"{counted(summary.events, 'event')} of {counted(summary.conversations, 'conversation')}"
        f" ({summary.duplicates:,} sent again, {refused_total:,} refused"
        f"{f', {summary.late:,} out of order' if summary.late else ''})"
    )
    if (other := other_detection(summary.recorded_detections)) is not None:
        console.print(other, style="yellow", soft_wrap=True)
    for judged in summary.policies:
        console.print()
        _rates(judged, console)
        console.print(_breakdown(judged))
    if summary.change is not None:
        console.print()
        _differences(summary, console)


def _more(console: Console, listed: int, total: int, what: str) -> None:
    shown = min(listed, _SHOWN)
    if total > shown:
        console.print(f"… and {total - shown:,} more {what} (--json and --html list them)")


def _rates(judged: Judged, console: Console) -> None:
    version = f" {judged.version} ({judged.hash})" if judged.version else ""
    table = Table(title=f"{judged.policy}{version}", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("escalated")
    for name in ("conversations", "escalated", "rate", "95 % interval", "band"):
        table.add_column(name, justify="right")
    table.add_column("")
    _rate_row(table, "overall", judged.overall)
    left = 0
    for split, name in _SPLITS:
        rows = judged.splits[split]
        for rate in rows[:_SHOWN]:
            _rate_row(table, f"{name} {rate.subject}", rate)
        left += max(0, len(rows) - _SHOWN)
    console.print(table)
    if left:
        console.print(f"… and {left:,} more rows (--json and --html list them)")


def _rate_row(table: Table, name: str, rate: RateRow) -> None:
    band = "" if rate.band is None else f"{rate.band[0]:.0%} to {rate.band[1]:.0%}"
    share = "" if rate.rate is None else f"{rate.rate:.1%}"
    verdict = {None: "", "in": "healthy"}.get(rate.verdict, rate.verdict or "")
    if rate.not_ready:
        verdict = "not ready"
    table.add_row(
        one_line(name), f"{rate.conversations:,}", f"{rate.escalated:,}", share,
        _interval(rate.interval), band, verdict,
    )  # fmt: skip


def _interval(interval: Interval | None) -> str:
    return "" if interval is None else f"{interval[0]:.1%} to {interval[1]:.1%}"


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
        table.add_row(name, one_line(counts_line(counts)))
    of = judged.overall.conversations
    share = f" ({judged.offered / of:.1%})" if of else ""
    asked = f"{counted(judged.offered, 'conversation')}{share}: {counts_line(judged.offers)}"
    if judged.answers:
        asked += f"; {counts_line(judged.answers)}"
    table.add_row("offers", one_line(asked) if judged.offered else "none")
    if judged.stepped_in:
        table.add_row("uncalled", f"a person spoke in {judged.stepped_in:,} conversations")
    if (found := judged.agreement) is not None:
        table.add_row(
            found.source,
            f"{found.needed:,} of {found.judged:,} needed a person: {found.caught:,} caught "
            f"({found.early:,} too early, {found.late:,} too late), {found.missed:,} missed, "
            f"{found.false_alarms:,} false alarms; precision {_percent(found.precision)}, "
            f"recall {_percent(found.recall)}",
        )
    outside = sum(row.out_of_hours for row in judged.load)
    if outside:
        table.add_row("closed", f"{outside:,} escalations to queues outside their hours")
    if judged.silent_rules:
        table.add_row("never", one_line(f"rules {', '.join(judged.silent_rules)}"))
    if judged.absent_intents:
        table.add_row("", one_line(f"intents {', '.join(judged.absent_intents)}"))
    if judged.hypothetical:
        table.add_row(
            "hypothetical",
            f"{counts_line(judged.hypothetical)}: after the log and the policy had parted; "
            "not counted",
        )
    return table


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{share:.1%}"


def _differences(summary: Summary, console: Console) -> None:
    change, first, second = summary.change, *(one.policy for one in summary.policies)
    if change is None:
        return
    counts = counts_line(summary.changed or {})
    title = f"{first} against {second}: " + (
        "no conversation changes" if counts == "none" else counts
    )
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("conversation", "", first, second, "the customer's words"):
        table.add_column(name)
    for one in summary.changes[:_SHOWN]:
        table.add_row(
            one_line(one.conversation_id), _kind(one), _tells(one, one.tried, one.tried_offer),
            _tells(one, one.other, one.other_offer), one_line(_words(one)),
        )  # fmt: skip
    console.print(table)
    total = len(summary.changes) + summary.changes_left_out
    _more(console, len(summary.changes), total, "conversations")
    if change.difference is not None and change.interval is not None:
        low, high = change.interval
        console.print(
            f"escalated: {change.gained - change.lost:+,} of {change.conversations:,} conversations"
            f", {change.difference:+.1%} (95 % interval {low:+.1%} to {high:+.1%})"
        )


def _kind(flip: Flip) -> str:
    if flip.turns_earlier is not None:
        return f"{flip.kind} by {abs(flip.turns_earlier)}"
    return flip.kind


def _tells(flip: Flip, first: First | None, offer: FirstOffer | None) -> str:
    if flip.kind == "offer":
        return "" if offer is None else one_line(f"offer by {offer.rule} at turn {offer.turn}")
    if first is None:
        return ""
    where = f"{first.reason}{f' → {first.queue}' if first.queue else ''} at turn {first.turn}"
    return one_line(f"({where}, hypothetical)" if first.hypothetical else where)


def _words(flip: Flip) -> str:
    firsts: Sequence[First | None] = (flip.tried, flip.other)
    return next((one.words for one in firsts if one is not None and one.words), "")


def show_sweep(summary: SweepSummary, console: Console) -> None:
    """Print what every setting of a sweep came to."""
    refused = sum(summary.refused.values())
    console.print(
        f"{counted(summary.events, 'event')} of {counted(summary.conversations, 'conversation')}"
        f" ({summary.duplicates:,} sent again, {refused:,} refused)"
    )
    table = Table(title=summary.policy, title_justify="left", box=box.SIMPLE_HEAD)
    for name in (*summary.axes, "escalated", "rate", "95 % interval", "offered"):
        table.add_column(name, justify="right")
    known = any(one.agreement is not None for one in summary.settings)
    for name in ("caught", "missed", "false alarms") if known else ():
        table.add_column(name, justify="right")
    table.add_column("")
    for one in summary.settings:
        row = [f"{value:g}" for value in one.values.values()]
        share = "" if one.overall.rate is None else f"{one.overall.rate:.1%}"
        row += [f"{one.overall.escalated:,}", share, _interval(one.overall.interval)]
        row.append(f"{one.offered:,}")
        found = one.agreement
        if found is not None:
            row += [f"{found.caught:,}", f"{found.missed:,}", f"{found.false_alarms:,}"]
        elif known:
            row += ["", "", ""]
        verdict = one.overall.verdict or ""
        table.add_row(*row, "healthy" if verdict == "in" else verdict)
    console.print(table)
    for subject, settings in summary.in_band.items():
        listed = "; ".join(_setting(values) for values in settings[:_SHOWN])
        more = f"; … and {len(settings) - _SHOWN:,} more" if len(settings) > _SHOWN else ""
        console.print(one_line(f"in the band of {subject}: {listed or 'no setting'}{more}"))


def _setting(values: dict[str, float]) -> str:
    return ", ".join(f"{name}={value:g}" for name, value in values.items())
