"""What a partition remembers beside its conversations: the policy in force, and rates."""

import re
from collections.abc import Mapping
from functools import lru_cache
from json import JSONDecodeError
from typing import Final

import msgspec

from workers.contracts.events import PolicyInForce
from workers.contracts.time import to_ms
from workers.conversation.rates import Rates
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
"""How a text begins that a program wrote: a sweep has hundreds, and YAML is read slowly."""


def adopt(meta: PartitionMeta, event: PolicyInForce) -> PartitionMeta:
    """Return the meta after a `policy` event.

    A newer version is adopted, one that cannot be read is not.

    The version in force may only change whether it observes, so that a worker with an older file
    never turns the policy back.
    """
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
    return PartitionMeta(event.policy, policy.version, policy.hash, event.observe, at, meta.rates)


def version_order(version: str) -> tuple[tuple[int, int, str], ...]:
    """Return the key by which versions sort naturally, whatever their text.

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
    """Return the fields to write to the partition's `meta` hash.

    Only those that differ from `before`.
    """
    fields = {}
    rates, policy = meta.rates, msgspec.structs.replace(meta, rates=None)
    if before is None or policy != msgspec.structs.replace(before, rates=None):
        fields["policy"] = _ENCODER.encode(policy)
    if rates is not None and (before is None or rates is not before.rates):
        fields["rates"] = _ENCODER.encode(rates)
    return fields


def read_meta(fields: Mapping[str, bytes]) -> PartitionMeta | None:
    """Return the meta in the fields of the partition's `meta` hash.

    None when nothing is stored yet.
    """
    policy, rates = fields.get("policy"), fields.get("rates")
    if policy is None:
        return None
    meta = _DECODER.decode(policy)
    return meta if rates is None else msgspec.structs.replace(meta, rates=_RATES.decode(rates))
