"""Versions of the AI agent that were switched off or on again, as a partition remembers them."""

from collections.abc import Iterable
from typing import Final

import msgspec

from workers.contracts.events import AiSwitch, SwitchedVersion
from workers.contracts.time import from_ms, to_ms

SWITCHES: Final = 100
"""Versions that are remembered at once; those that were switched on longest ago go first."""


class Switch(msgspec.Struct, array_like=True, frozen=True):
    """One version, whether it may go on, and who said so, when and why."""

    ai_version: str
    on: bool
    at: int
    reason: str = ""
    lead: str | None = None


Switches = tuple[Switch, ...]
"""At most one for each version, by name."""


def switch_of(event: AiSwitch) -> Switch:
    """Return what an `ai_switch` event says."""
    return Switch(event.ai_version, event.on, to_ms(event.occurred_at), event.reason, event.lead)


def carried(switches: Iterable[SwitchedVersion]) -> list[Switch]:
    """Return what a `policy` event carries."""
    return [Switch(one.ai_version, one.on, to_ms(one.at), one.reason, one.lead) for one in switches]


def to_carry(switches: Switches) -> tuple[SwitchedVersion, ...]:
    """Return what a `policy` event is to carry."""
    return tuple(
        SwitchedVersion(
            ai_version=one.ai_version,
            on=one.on,
            at=from_ms(one.at),
            reason=one.reason,
            lead=one.lead,
        )
        for one in switches
    )


def switched(known: Switches, new: Iterable[Switch]) -> Switches:
    """Return what is known after some more; of one version the latest word holds.

    An old word that comes again, or after a newer one, changes nothing.
    """
    latest = {one.ai_version: one for one in known}
    for one in new:
        before = latest.get(one.ai_version)
        if before is None or one.at > before.at:
            latest[one.ai_version] = one
    if len(latest) > SWITCHES:
        least_needed = sorted(latest.values(), key=lambda one: (not one.on, one.at))
        for one in least_needed[: len(latest) - SWITCHES]:
            del latest[one.ai_version]
    after = tuple(latest[name] for name in sorted(latest))
    return known if after == known else after


def switched_off(known: Switches) -> frozenset[str]:
    """Return the versions that must not go on."""
    return frozenset(one.ai_version for one in known if not one.on)


def switched_on_since(known: Switches, since_ms: int) -> frozenset[str]:
    """Return the versions that were switched on again after `since_ms`."""
    return frozenset(one.ai_version for one in known if one.on and one.at > since_ms)


def switches_before(events: Iterable[AiSwitch], later: Iterable[Switch]) -> Switches:
    """Return what held before the first of `events`; `later` is what was known after the last.

    A version that is switched on was off before: a switch always changes something.
    """
    first: dict[str, AiSwitch] = {}
    for event in events:
        first.setdefault(event.ai_version, event)
    held = [one for one in later if one.ai_version not in first]
    held += [
        Switch(name, on=False, at=to_ms(event.occurred_at) - 1)
        for name, event in first.items()
        if event.on
    ]
    return switched((), held)
