"""The result of a replay as one HTML page that needs nothing else."""

import base64
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from workers.handoff.packet import volume
from workers.policy.document import Band, Bands
from workers.replay.charts import load_by_hour, rates_by_day, sweep_curve
from workers.replay.counts import Split
from workers.replay.first_decisions import KINDS, First, Flip
from workers.replay.flip_details import FlipDetail
from workers.replay.page_summary import in_three_sentences, sweep_in_words, turns_in_words
from workers.replay.recorded_run import other_detection
from workers.replay.report import RateRow, Summary
from workers.replay.sweep import SweepSummary

DETAIL_BYTES: Final = 800_000
"""Bytes at least for the turns and packets of changed conversations; the others are listed."""
ROW_BYTES: Final = 900_000
"""Bytes at most for the list of the others; those that are left out then are counted. What a short
list does not need goes to the turns and packets."""
SUBJECTS: Final = 500
"""Rows of one split that a page has at most."""
_WORDS: Final = 60
_SPLITS: Final[dict[Split, str]] = {
    "intent": "intent", "ai_version": "AI version", "tier": "tier", "channel": "channel",
    "language": "language", "tenant": "tenant", "day": "day", "hour": "hour (UTC)",
}  # fmt: skip


def render(summary: Summary, details: Sequence[FlipDetail]) -> str:
    """Return the page of a replay; everything from the log is escaped, and nothing is loaded."""
    told = _that_fit(details, ROW_BYTES - _row_bytes(summary.changes))
    listed = {detail.flip.conversation_id for detail in told}
    rows, left_out = _more(summary, listed)
    first, *others = summary.policies
    return _page(
        summary=summary,
        sentences=in_three_sentences(summary),
        first=first,
        other=others[0] if others else None,
        by_day=rates_by_day(summary.policies, first.overall.band or (0, 1)),
        by_hour=load_by_hour(first),
        splits=[
            row for split, name in _SPLITS.items() for row in _split_rows(split, name, summary)
        ],
        rules=_rule_rows(summary),
        details=told,
        more=rows,
        left_out=left_out + summary.changes_left_out,
        other_detection=other_detection(summary.recorded_detections),
        kinds=KINDS,
        turns=turns_in_words(summary.turns_earlier),
        volume=volume,
        sweep=None,
    )


def render_sweep(summary: SweepSummary, bands: Bands) -> str:
    """Return the page of a sweep."""
    return _page(
        sweep=summary,
        sentences=sweep_in_words(summary, bands),
        curve=sweep_curve(summary, bands.overall),
        band=bands.overall,
        summary=None,
    )


def _page(**values: Any) -> str:
    folder = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = _percent
    environment.filters["band"] = _band
    script = (folder / "html_report.js").read_text(encoding="utf-8")
    digest = base64.b64encode(sha256(script.encode()).digest()).decode()
    page = environment.get_template("html_report.html")
    return page.render(script=Markup(script), digest=digest, **values)  # noqa: S704 - our own file


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _band(band: Band | None, digits: int = 0) -> str:
    return "" if band is None else f"{band[0]:.{digits}%} to {band[1]:.{digits}%}"


def _that_fit(details: Sequence[FlipDetail], spare: int) -> list[FlipDetail]:
    told, room = [], DETAIL_BYTES + max(0, spare)
    for detail in details:
        room -= sum(len(turn.text) + len(turn.signals) + 250 for turn in detail.turns) + 2_500
        if room < 0:
            break
        told.append(detail)
    return told


def _more(summary: Summary, listed: set[str]) -> tuple[Markup, int]:
    """Return the changed conversations without details as JSON, and how many don't fit either."""
    names: dict[str, int] = {"": 0}
    rows: list[tuple[Any, ...]] = []
    room, left_out = ROW_BYTES, 0
    for flip in summary.changes:
        if flip.conversation_id in listed:
            continue
        row = _row(flip, names)
        room -= _bytes_of(flip)
        if room < 0:
            left_out += 1
        else:
            rows.append(row)
    data = orjson.dumps({"kinds": KINDS, "names": list(names), "rows": rows}).decode()
    # Inside a script element only these could end it or begin a comment.
    safe = data.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(safe), left_out  # noqa: S704 - escaped by hand for JSON


def _row_bytes(flips: Sequence[Flip]) -> int:
    return sum(map(_bytes_of, flips))


def _bytes_of(flip: Flip) -> int:
    return len(flip.conversation_id) + len(_words(flip).encode()) + 24


def _words(flip: Flip) -> str:
    return next((one.words for one in (flip.tried, flip.other) if one and one.words), "")[:_WORDS]


def _row(flip: Flip, names: dict[str, int]) -> tuple[Any, ...]:
    def told(first: First | None, offer: Any) -> tuple[int, int]:
        if flip.kind == "offer":
            name = "" if offer is None else f"offer by {offer.rule}"
            return names.setdefault(name, len(names)), 0 if offer is None else offer.turn
        if first is None:
            return 0, 0
        name = f"{first.rule or first.reason} → {first.queue}"
        return names.setdefault(name, len(names)), first.turn

    return (
        flip.conversation_id, KINDS.index(flip.kind), *told(flip.tried, flip.tried_offer),
        *told(flip.other, flip.other_offer), _words(flip),
    )  # fmt: skip


def _split_rows(
    split: Split, name: str, summary: Summary
) -> list[tuple[str, RateRow, RateRow | None]]:
    others = {row.subject: row for one in summary.policies[1:] for row in one.splits[split]}
    rows = summary.policies[0].splits[split][:SUBJECTS]
    return [(name, row, others.get(row.subject)) for row in rows]


def _rule_rows(summary: Summary) -> list[tuple[str, str, list[int]]]:
    rows = []
    for what in ("rules", "reasons", "queues", "offers", "outcomes", "hypothetical"):
        counts = [getattr(judged, what) for judged in summary.policies]
        for name in dict.fromkeys(name for some in counts for name in some):
            label = {"offers": "offer by rule", "hypothetical": "hypothetical"}.get(
                what, what.rstrip("s")
            )
            rows.append((label, name, [some.get(name, 0) for some in counts]))
    return rows
