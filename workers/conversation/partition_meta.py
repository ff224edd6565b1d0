"""The memory of a partition beside its conversations: policy, rates, versions switched off."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from json import JSONDecodeError
from typing import Final

import msgspec

from workers.contracts.events import AiSwitch, PartitionEvent, PolicyInForce
from workers.contracts.time import to_ms
from workers.conversation.rates import Rates
from workers.conversation.switches import (
    Switches,
    carried,
    switch_of,
    switched,
    switched_off,
    switches_before,
)
from workers.policy import Policy, PolicyError, load_policy, load_policy_json


class PartitionMeta(msgspec.Struct, array_like=True, frozen=True):
    """The policy in force in one partition, since when, and whether it only observes."""

    policy_text: str
    policy_version: str
    policy_hash: str
    observe: bool = False
    policy_at: int = 0
    rates: Rates | None = None
    """Shares of escalated conversations; never changed in place. None before the first."""
    rival: str = ""
    """The hash of another content that a worker has under the same version; empty: none is known.
    It is told anew each day for as long as there is one."""
    switches: Switches = ()
    """Versions of the AI agent that were switched off, or on again."""


def starting_meta(policy_text: str, observe: bool = False) -> PartitionMeta:
    """Return the meta before the first `policy` event, by the worker's own policy.

    Raise PolicyError where it cannot be.
    """
    policy = policy_in(policy_text)
    return PartitionMeta(policy_text, policy.version, policy.hash, observe)


@lru_cache(maxsize=1_024)
def policy_in(text: str) -> Policy:
    """Return the compiled policy of a text, which a `policy` event or a meta carries.

    Raise PolicyError where it cannot be.
    """
    if text.startswith(_JSON):
        try:
            return load_policy_json(text, "policy")
        except JSONDecodeError:
            pass
    return load_policy(text, "policy")


_JSON: Final = '{"'
"""The beginning of a text that a program wrote: a sweep has hundreds, and YAML is read slowly."""


def adopt(meta: PartitionMeta, event: PartitionEvent) -> PartitionMeta:
    """Return the meta after a `policy` or `ai_switch` event.

    A newer version of the policy is adopted, one that cannot be read is not.

    The version in force may only change whether it observes, so that a worker with an older file
    never turns the policy back. A switch that is not newer than what is known changes nothing.
    """
    return adopt_switches(meta if isinstance(event, AiSwitch) else _with_policy(meta, event), event)


def adopt_switches(meta: PartitionMeta, event: PartitionEvent) -> PartitionMeta:
    """Return the meta after the switches of an event alone: for a replay of another policy.

    The versions of the AI agent that are off stay off under any policy.
    """
    new = [switch_of(event)] if isinstance(event, AiSwitch) else carried(event.switches)
    return _with_switches(meta, switched(meta.switches, new))


def silenced_in(meta: PartitionMeta, policy: Policy) -> frozenset[str]:
    """Return the versions of the AI agent that must not go on: the policy's, and by switch."""
    return policy.silenced | switched_off(meta.switches)


def meta_before(events: Sequence[PartitionEvent], own: PartitionMeta) -> PartitionMeta:
    """Return what held in a partition before the first of these events of it, in their order.

    They end with the first policy event that can be read; without one it is `own`.
    """
    first = next((one for one in reversed(events) if isinstance(one, PolicyInForce)), None)
    meta = own if first is None else starting_meta(first.policy, first.observe)
    later = () if first is None else carried(first.switches)
    before = switches_before([one for one in events if isinstance(one, AiSwitch)], later)
    return _with_switches(meta, before)


def _with_switches(meta: PartitionMeta, switches: Switches) -> PartitionMeta:
    if switches == meta.switches:
        return meta
    return msgspec.structs.replace(meta, switches=switches)


def _with_policy(meta: PartitionMeta, event: PolicyInForce) -> PartitionMeta:
    at = to_ms(event.occurred_at)
    theirs, ours = version_order(event.policy_version), version_order(meta.policy_version)
    if theirs == ours and event.policy_hash == meta.policy_hash and at > meta.policy_at:
        return msgspec.structs.replace(meta, observe=event.observe, policy_at=at, rival="")
    if theirs == ours and event.policy_hash != meta.policy_hash:
        return msgspec.structs.replace(meta, rival=event.policy_hash)
    if theirs <= ours:
        return meta
    try:
        policy = policy_in(event.policy)
    except PolicyError:
        return meta
    if policy.version != event.policy_version:
        return meta
    return PartitionMeta(
        event.policy,
        policy.version,
        policy.hash,
        event.observe,
        at,
        meta.rates,
        switches=meta.switches,
    )


def version_order(version: str) -> tuple[tuple[int, int, str], ...]:
    """Return the key by which versions sort naturally; any text has one.

    Runs of the digits 0 to 9 compare as numbers; any other character is text.
    """
    return tuple(
        (0, int(part), "") if part[0] in "0123456789" else (1, 0, part)
        for part in _VERSION_PARTS.findall(version)
    )


# `int` refuses more than 4,300 digits: a longer run is several parts.
_VERSION_PARTS: Final = re.compile(r"[0-9]{1,1000}|[^0-9]+")

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(PartitionMeta)
_RATES = msgspec.msgpack.Decoder(Rates)


def meta_fields(meta: PartitionMeta, before: PartitionMeta | None = None) -> dict[str, bytes]:
    """Return the fields of the partition's `meta` hash that differ from `before`, to be written."""
    fields = {}
    rates, policy = meta.rates, msgspec.structs.replace(meta, rates=None)
    if before is None or policy != msgspec.structs.replace(before, rates=None):
        fields["policy"] = _ENCODER.encode(policy)
    if rates is not None and (before is None or rates is not before.rates):
        fields["rates"] = _ENCODER.encode(rates)
    return fields


def read_meta(fields: Mapping[str, bytes]) -> PartitionMeta | None:
    """Return the meta in the fields of the partition's `meta` hash; None if there is none yet."""
    policy, rates = fields.get("policy"), fields.get("rates")
    if policy is None:
        return None
    meta = _DECODER.decode(policy)
    return meta if rates is None else msgspec.structs.replace(meta, rates=_RATES.decode(rates))
