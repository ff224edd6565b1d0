"""Charts of a backtest as SVG that runs nothing and is read without colours."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from xml.etree import ElementTree

from workers.policy.document import Band
from workers.replay.report import Judged, LoadRow
from workers.replay.svg_library import Style, pygal
from workers.replay.sweep import SweepSummary

_FONT: Final = "system-ui, sans-serif"
_STYLE: Final = Style(
    background="transparent",
    plot_background="#ffffff",
    foreground="#1c2430",
    foreground_strong="#1c2430",
    foreground_subtle="#667085",
    font_family=_FONT,
    label_font_size=13,
    major_label_font_size=13,
    legend_font_size=14,
    value_font_size=12,
    guide_stroke_color="#dfe3ea",
    major_guide_stroke_color="#dfe3ea",
    guide_stroke_dasharray="1,0",
    major_guide_stroke_dasharray="1,0",
    colors=("#2f4bd8", "#b54708", "#12805c", "#12805c", "#6b4fb3", "#1c2430"),
    opacity=0.85,
    transition="0s",
)
_DASHED: Final = {"width": 2, "dasharray": "7,4"}
_DOTTED: Final = {"width": 2, "dasharray": "2,4"}
_SOLID: Final = {"width": 3}
_DAYS: Final = 62
"""Days that a chart shows at most: the latest."""
_SVG: Final = "{http://www.w3.org/2000/svg}"
_SCRIPT: Final = f"{_SVG}script"


class Chart(NamedTuple):
    """A chart and what it shows."""

    title: str
    svg: str


def _settings(name: str, **more: Any) -> dict[str, Any]:
    return {
        "style": _STYLE, "js": [], "disable_xml_declaration": True, "width": 760, "height": 320,
        "show_x_guides": False, "legend_at_bottom": True, "truncate_legend": -1,
        "margin": 8, "classes": ("pygal-chart", name), **more,
    }  # fmt: skip


def _drawn(chart: Any, name: str, title: str) -> Chart:
    """Return a chart without scripts and without what differs from run to run."""
    chart.uuid = name
    tree = chart.render_tree()
    for parent in list(tree.iter()):
        for child in list(parent):
            if child.tag in (_SCRIPT, "script") or not isinstance(child.tag, str):
                parent.remove(child)
    tree.set("role", "img")
    tree.set("aria-label", title)
    text = ElementTree.tostring(tree, encoding="unicode")
    return Chart(title, re.sub(r"(</?)ns0:", r"\1", text).replace("xmlns:ns0", "xmlns"))


def rates_by_day(policies: Sequence[Judged], band: Band) -> Chart | None:
    """Return the share escalated by day of the first message, beside the band; None: one day."""
    days = sorted({row.subject for judged in policies for row in judged.splits["day"]})[-_DAYS:]
    if len(days) < 2:
        return None
    chart = pygal.Line(
        **_settings("by-day", x_label_rotation=30, x_labels_major_count=8,
                    show_minor_x_labels=False,
                    min_scale=4, include_x_axis=True)
    )  # fmt: skip
    chart.x_labels = days
    for judged, stroke in zip(policies, (_SOLID, _DASHED), strict=False):
        rates = {row.subject: row.rate for row in judged.splits["day"]}
        chart.add(
            judged.policy, [_percent(rates.get(day)) for day in days],
            stroke_style=stroke, show_dots=len(days) < 32,
        )  # fmt: skip
    for edge, name in zip(band, ("healthy from", "healthy to"), strict=True):
        chart.add(
            f"{name} {edge:.0%}", [100 * edge] * len(days), stroke_style=_DOTTED, show_dots=False
        )
    return _drawn(chart, "by-day", "Escalated, % of the conversations that began on that day")


def _percent(rate: float | None) -> float | None:
    return None if rate is None else round(100 * rate, 2)


def load_by_hour(judged: Judged) -> Chart | None:
    """Return the calls by the hour of the queues' own clocks, in and out of their hours."""
    hours = [f"{hour:02}" for hour in range(24)]
    if not judged.load:
        return None
    inside, outside = _by_hour(judged.load)
    chart = pygal.StackedBar(
        **_settings("by-hour", x_labels=hours)
    )  # fmt: skip
    chart.add("in the queue's hours", [inside.get(hour, 0) or None for hour in hours])
    chart.add(
        "while the queue is closed (outlined)",
        [{"value": outside.get(hour, 0), "style": "stroke:#1c2430;stroke-width:2"}
         if outside.get(hour) else None for hour in hours],
    )  # fmt: skip
    title = f"Calls for a person by the hour of the queue's clock, {judged.policy}"
    return _drawn(chart, "by-hour", title)


def _by_hour(load: Sequence[LoadRow]) -> tuple[Mapping[str, int], Mapping[str, int]]:
    inside: dict[str, int] = {}
    outside: dict[str, int] = {}
    for row in load:
        inside[row.hour] = inside.get(row.hour, 0) + row.in_hours
        outside[row.hour] = outside.get(row.hour, 0) + row.out_of_hours
    return inside, outside


def sweep_curve(summary: SweepSummary, band: Band) -> Chart:
    """Return the rate of every setting against what it catches, or against what it offers."""
    known = all(one.agreement is not None for one in summary.settings)
    title = "Escalated % (across) against caught % of those who needed a person (up)"
    if not known:
        title = "Escalated % (across) against conversations that were offered a person (up)"
    chart = pygal.XY(**_settings("sweep", stroke=False, dots_size=4, show_x_guides=True))
    points: dict[str, list[Any]] = {"in the band": [], "outside it": []}
    highest = 0.0
    for one in summary.settings:
        rate = _percent(one.overall.rate)
        found = one.agreement
        height = float(one.offered)
        if known and found is not None:
            height = _percent(found.recall) or 0.0
        highest = max(highest, height)
        low, high = band
        inside = one.overall.rate is not None and low <= one.overall.rate <= high
        label = ", ".join(f"{name}={value:g}" for name, value in one.values.items())
        points["in the band" if inside else "outside it"].append(
            {"value": (rate, height), "label": label}
        )
    for name, some in points.items():
        chart.add(f"{name} ({len(some):,} settings)", some, dots_size=6 if name[0] == "i" else 3)
    for edge, name in zip(band, ("healthy from", "healthy to"), strict=True):
        chart.add(
            f"{name} {edge:.0%}", [(100 * edge, 0), (100 * edge, highest or 1)],
            stroke=True, show_dots=False, stroke_style=_DOTTED,
        )  # fmt: skip
    return _drawn(chart, "sweep", title)
