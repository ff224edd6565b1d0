"""A sweep: one policy with some of its numbers varied, every setting over the same log."""

import copy
import math
import re
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any, Final, NamedTuple

import msgspec
import orjson

from workers.contracts.yaml import YamlFileError, load_yaml, suggestion
from workers.conversation.partition_meta import policy_in
from workers.policy.document import Bands
from workers.replay.backtest import CandidatePolicy, Result
from workers.replay.counts import Tally
from workers.replay.report import AgreementRow, RateRow, agreement_of, rate_of

SETTINGS: Final = 1_000
"""Settings of one sweep at most."""
_AXIS: Final = re.compile(r"^([^=]+)=(-?[0-9.]+):(-?[0-9.]+):([0-9.]+)$")
_DIGITS: Final = 9


class Axis(NamedTuple):
    """One number of a policy and the values that it takes."""

    name: str
    path: tuple[str, ...]
    """A rule's name and the fields in it, or a field of the policy itself."""
    values: tuple[float, ...]


class SweepError(ValueError):
    """A sweep that cannot be run; the message says what and why."""


class Setting(msgspec.Struct, kw_only=True, frozen=True):
    """The result of one setting."""

    values: dict[str, float]
    overall: RateRow
    offered: int
    agreement: AgreementRow | None
    intents: list[RateRow]
    """The intents that have a band."""


class SweepSummary(msgspec.Struct, kw_only=True, frozen=True):
    """The output of `handoff replay --sweep --json`."""

    policy: str
    axes: dict[str, list[float]]
    events: int
    conversations: int
    duplicates: int
    refused: dict[str, int]
    settings: list[Setting]
    in_band: dict[str, list[dict[str, float]]]
    """The settings that reach the band, by `overall` and by intent."""


def axis_of(text: str) -> Axis:
    """Return the axis that an option names: RULE.FIELD…=FROM:TO:STEP, both ends included.

    Raise SweepError.
    """
    found = _AXIS.match(text.strip())
    if found is None:
        raise SweepError(f"{text!r} is no sweep: as in unsure.when.low_confidence_turns=1:4:1")
    name, *numbers = found.groups()
    try:
        low, high, step = map(float, numbers)
    except ValueError:
        raise SweepError(f"{text!r}: FROM:TO:STEP are numbers, as in 1:4:1") from None
    if step <= 0 or high < low:
        raise SweepError(f"{text!r}: STEP is more than 0, and TO is not less than FROM")
    count = math.floor((high - low) / step + 1e-9) + 1
    if count > SETTINGS:
        raise SweepError(f"{text!r}: {count:,} values; at most {SETTINGS:,}: make STEP larger")
    whole = all("." not in number for number in numbers)
    values = [round(low + n * step, _DIGITS) for n in range(count)]
    return Axis(name, tuple(name.split(".")), tuple(int(v) if whole else v for v in values))


def settings_of(axes: Sequence[Axis]) -> list[dict[str, float]]:
    """Return every setting: the values by the axes' names."""
    count = math.prod(len(axis.values) for axis in axes)
    if count > SETTINGS:
        raise SweepError(f"{count:,} settings; at most {SETTINGS:,}: make a step larger")
    names = [axis.name for axis in axes]
    combined = product(*(axis.values for axis in axes))
    return [dict(zip(names, values, strict=True)) for values in combined]


def candidates_of(base: CandidatePolicy, axes: Sequence[Axis]) -> tuple[CandidatePolicy, ...]:
    """Return the base policy with every setting; SweepError names what does not fit."""
    document = load_yaml(base.text or "", base.name)
    found = []
    for setting in settings_of(axes):
        data = copy.deepcopy(document.data)
        for axis in axes:
            _set(data, axis, setting[axis.name])
        named = ", ".join(f"{name}={value:g}" for name, value in setting.items())
        # JSON is YAML, too.
        text = orjson.dumps(data).decode()
        try:
            policy_in(text)
        except YamlFileError as error:
            raise SweepError(f"{named}: {error}") from None
        found.append(CandidatePolicy(name=named, text=text))
    return tuple(found)


def _set(data: dict[str, Any], axis: Axis, value: float) -> None:
    head, *rest = axis.path
    rules = {str(rule["rule"]): rule for rule in data["rules"]}
    if not rest:
        data[head] = value
        return
    place = rules.get(head, data.get(head))
    if not isinstance(place, dict):
        advice = suggestion(head, sorted(rules), "name a rule of the policy")
        raise SweepError(f"{axis.name}: {head!r}: no such rule: {advice}")
    for step in rest[:-1]:
        place = place.setdefault(step, {})
        if not isinstance(place, dict):
            raise SweepError(f"{axis.name}: {step!r} has no fields")
    place[rest[-1]] = value


def summarise_sweep(
    result: Result, name: str, axes: Sequence[Axis], bands: Bands, *, labelled: bool
) -> SweepSummary:
    """Put the counts of all settings side by side."""
    settings = [
        _setting(values, tally, bands, labelled=labelled)
        for values, tally in zip(settings_of(axes), result.tallies, strict=True)
    ]
    return SweepSummary(
        policy=name,
        axes={axis.name: list(axis.values) for axis in axes},
        events=result.events,
        conversations=settings[0].overall.conversations,
        duplicates=result.repeated,
        refused=dict(sorted(result.refused.items())),
        settings=settings,
        in_band={
            subject: [one.values for one in settings if _verdict(one, subject) == "in"]
            for subject in ("overall", *bands.intents)
        },
    )


def _setting(values: dict[str, float], tally: Tally, bands: Bands, *, labelled: bool) -> Setting:
    shares = tally.splits["intent"]
    return Setting(
        values=values,
        overall=rate_of("overall", tally.overall, bands.overall, bands),
        offered=tally.offered,
        agreement=agreement_of(tally.agreement, labelled=labelled),
        intents=[
            rate_of(name, shares[name], band, bands)
            for name, band in bands.intents.items()
            if name in shares
        ],
    )


def _verdict(setting: Setting, subject: str) -> str | None:
    rows: Iterable[RateRow] = (setting.overall, *setting.intents)
    return next((row.verdict for row in rows if row.subject == subject), None)
