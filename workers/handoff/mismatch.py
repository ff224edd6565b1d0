"""Things with another number or address than the customer gave."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from workers.contracts.handoffs import Statement
from workers.handoff.identifiers import Identifier
from workers.handoff.packet_findings import PacketFindings
from workers.handoff.tool_results import ToolFinding
from workers.handoff.view import PacketView
from workers.handoff.wording import clip

_SAME_DIGITS: Final = 7
"""Last digits by which two phone numbers are the same line."""
_DIGITS: Final = re.compile(r"\d")


class OtherNumber(NamedTuple):
    """A thing that was looked up or worked on, and the number that the customer gave."""

    name: str
    theirs: str
    own: Identifier
    finding: ToolFinding
    changed: bool


def mismatch(view: PacketView, found: PacketFindings) -> Statement | None:
    """Say that what was looked up or worked on has another number than the customer gave."""
    other = other_number(found)
    if other is None:
        return None
    words = {
        "name": clip(other.name, 2),
        "theirs": clip(other.theirs, 3),
        "given": other.own.value,
    }
    text = view.frame("work", "changed" if other.changed else "other", **words)
    return Statement(
        text=text, events=(other.finding.event_id, other.own.event_id), kind="mismatch"
    )


def other_number(found: PacketFindings) -> OtherNumber | None:
    """Return what was looked up or worked on and has another number than the customer gave.

    None where one of the things has their number, unless another was changed.
    """
    given = [one for one in found.identifiers if one.kind in ("phone", "email")]
    acted = {
        what
        for work in found.works
        if work.kind == "action" and work.status == "ok"
        for what in work.what
    }
    for own in given:
        others: list[tuple[str, str, ToolFinding]] = []
        mine: set[str] = set()
        for work in found.works:
            if work.kind != "check" or work.status != "ok" or work.profile != (own.kind == "email"):
                continue
            for name, finding in work.found.items():
                theirs = finding.phone if own.kind == "phone" else finding.email
                if not theirs or "[" in theirs:
                    continue
                if any(_same(theirs, one.value) for one in given):
                    mine.add(name)
                else:
                    others.append((name, theirs, finding))
        others.sort(key=lambda one: one[0] in acted)
        if others and (not mine or others[-1][0] in acted) and not mine & acted:
            name, theirs, finding = others[-1]
            return OtherNumber(name, theirs, own, finding, name in acted)
    return None


def _same(one: str, other: str) -> bool:
    if "@" in one:
        return one.lower() == other.lower()
    first, second = ("".join(_DIGITS.findall(text))[-_SAME_DIGITS:] for text in (one, other))
    return first == second


def is_of(finding: ToolFinding, phones: Sequence[str]) -> bool:
    """Return whether a record has one of some phone numbers."""
    return bool(finding.phone) and any(_same(finding.phone, one) for one in phones)
