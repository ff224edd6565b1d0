"""Limits on what a change of a policy may do to a log: for the CI of a repository of policies."""

from typing import Annotated

import msgspec

from workers.contracts.events import Word
from workers.contracts.yaml import convert, load_yaml
from workers.policy.document import Band
from workers.replay.report import RateRow, Summary

AtMost = Annotated[int, msgspec.Meta(ge=0)]


class ExpectedBands(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Shares of escalated conversations within which the tried policy must stay."""

    overall: Band | None = None
    intents: dict[Word, Band] = {}

    def __post_init__(self) -> None:
        """Refuse a band that no share is in."""
        for name, band in (("overall", self.overall), *self.intents.items()):
            if band is not None and band[0] > band[1]:
                raise ValueError(f"{name}: {list(band)}: put the lower share first")


class Expectations(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Conditions that a report must meet; one that is absent may come out in any way."""

    bands: ExpectedBands = ExpectedBands()
    gained: AtMost | None = None
    """So many conversations at most that the tried policy escalates and the other does not."""
    lost: AtMost | None = None


def load_expectations(text: str, name: str) -> Expectations:
    """Return the expectations of a YAML text; YamlFileError says file, line and what to do."""
    return convert(load_yaml(text, name), Expectations)


def disappointed(expected: Expectations, summary: Summary) -> list[str]:
    """Return what is not as expected, one line each."""
    judged = summary.policies[0]
    intents = {row.subject: row for row in judged.splits["intent"]}
    failures = []
    if expected.bands.overall is not None:
        failures += _outside("overall", judged.overall, expected.bands.overall)
    for name, band in expected.bands.intents.items():
        failures += _outside(f"intent {name}", intents.get(name), band)
    for kind, most in (("gained", expected.gained), ("lost", expected.lost)):
        if most is None:
            continue
        if summary.change is None:
            failures.append(f"{kind}: nothing to compare with: name another policy by --against")
        elif (found := getattr(summary.change, kind)) > most:
            failures.append(f"{kind}: {found:,} conversations, at most {most:,} expected")
    return failures


def _outside(subject: str, row: RateRow | None, band: Band) -> list[str]:
    low, high = band
    expected = f"{low:.1%} to {high:.1%} expected"
    if row is None or row.rate is None:
        return [f"{subject}: no conversation in this log, {expected}"]
    if low <= row.escalated / row.conversations <= high:
        return []
    counts = f"{row.escalated:,} of {row.conversations:,}"
    return [f"{subject}: {row.rate:.1%} escalated ({counts}), {expected}"]
