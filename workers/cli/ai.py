"""`handoff ai`: switch a version of the AI agent off, on again, or list what is off."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from workers.cli.common import (
    CliError,
    json_option,
    kafka_option,
    naming_servers,
    print_json,
    redis_option,
    require_servers,
    settings_from,
)
from workers.cli.lead import POLL_S, lead_of, lead_options, publish
from workers.cli.output import print_columns
from workers.contracts.signing import Secrets
from workers.contracts.time import from_ms
from workers.contracts.topics import EVENTS
from workers.conversation.partition_meta import PartitionMeta, policy_in
from workers.conversation.switches import Switch
from workers.handoff.wording import counted

if TYPE_CHECKING:
    from workers.settings import Settings
    from workers.stores.rates_store import RatesStore

_shared = lead_options(click.argument("ai_version", metavar="VERSION"), awaited="the workers")


@click.group()
def ai() -> None:
    """Switch a version of the AI agent off, or on again."""


@ai.command()
@_shared
def off(**given: Any) -> None:
    """Switch VERSION of the AI agent off.

    A person takes over at the next message of the customer or turn of that version; a conversation
    in which neither writes is not moved. Exit code: 0 it is off, 1 not all workers have applied
    it in time.
    """
    _switch(given, on=False)


@ai.command()
@_shared
def on(**given: Any) -> None:
    """Switch VERSION of the AI agent on again; escalations stay with their people.

    Exit code: 0 it is on, 1 it was not off, or not all workers have applied it in time.
    """
    _switch(given, on=True)


@ai.command("list")
@kafka_option
@redis_option
@json_option
def list_(kafka: str | None, redis: str | None, as_json: bool) -> None:
    """List the versions that are switched off, since when, by whom and why."""
    settings = settings_from(kafka=kafka, redis=redis)
    require_servers(settings)
    with naming_servers(settings):
        metas = asyncio.run(_known(settings))
    rows = [_row(one, "switch") for one in _latest(metas).values() if not one.on]
    silenced = {version: meta for meta in metas for version in policy_in(meta.policy_text).silenced}
    rows += [
        _row(Switch(version, on=False, at=meta.policy_at), f"policy {meta.policy_version}")
        for version, meta in silenced.items()
    ]
    if as_json:
        print_json(rows)
    elif rows:
        print_columns(list(rows[0]), [[value or "" for value in row.values()] for row in rows])
    else:
        click.echo("no version of the AI agent is switched off")


def _row(one: Switch, by: str) -> dict[str, str | None]:
    since = f"{from_ms(one.at):%Y-%m-%dT%H:%M:%SZ}" if one.at else None
    who = {"lead": one.lead, "reason": one.reason or None}
    return {"version": one.ai_version, "since": since, "by": by, **who}


def _switch(given: dict[str, Any], *, on: bool) -> None:
    version, lead = given["ai_version"], lead_of(given)
    if not 1 <= len(version) <= 128 or not 1 <= len(given["reason"]) <= 1000:
        raise CliError("VERSION has 1 to 128 characters, --reason 1 to 1000", exit_code=2)
    settings = settings_from(kafka=given["kafka"], redis=given["redis"])
    require_servers(settings)
    switch = Switch(version, on=on, at=0, reason=given["reason"], lead=lead)
    with naming_servers(settings):
        told, of = asyncio.run(_switch_and_wait(settings, switch, given["within"]))
    if given["as_json"]:
        print_json({"version": version, "on": on, "partitions": of, "taken_over": told})
    else:
        what = "on" if on else "off"
        click.echo(f"AI version {version} is {what} in {told} of {counted(of, 'partition')}")
    if told < of:
        raise CliError(
            f"not all workers have it within {given['within']:g} s: it is on the log, where the "
            "others will read it; handoff ai list shows which versions are off"
        )


@asynccontextmanager
async def _rates_store(settings: "Settings") -> AsyncIterator[tuple["RatesStore", int]]:
    """Yield the store of the partitions' metadata, and how many partitions the log has."""
    from workers.kafka.reader import partitions_of, reading
    from workers.stores.connection import connect
    from workers.stores.rates_store import RatesStore

    async with reading(settings) as consumer:
        of = len(await partitions_of(consumer, [EVENTS]))
    if not of:
        raise CliError(f"no topic {EVENTS}: handoff topics apply creates it")
    redis = connect(settings)
    try:
        yield RatesStore(redis, settings.redis_prefix, EVENTS, of), of
    finally:
        await redis.aclose()


async def _metas(store: "RatesStore") -> list[PartitionMeta]:
    """Return each partition's metadata; nothing while one is folded again."""
    return await store.metas() or []


async def _known(settings: "Settings") -> list[PartitionMeta]:
    async with _rates_store(settings) as (store, _):
        return await _metas(store)


def _latest(metas: Sequence[PartitionMeta]) -> dict[str, Switch]:
    found = sorted((one for meta in metas for one in meta.switches), key=lambda one: one.at)
    return {one.ai_version: one for one in found}


async def _switch_and_wait(settings: "Settings", switch: Switch, within: float) -> tuple[int, int]:
    """Put a switch onto the log and wait until the workers have it.

    Return how many partitions have it in the end, and how many there are.
    """
    from workers.agents.shared.switch_event import switch_records, time_of_switch

    async with _rates_store(settings) as (store, of):
        known = await _metas(store)
        if switch.on:
            _require_off(switch.ai_version, known)
        at = time_of_switch(known, switch.ai_version, round(time.time() * 1000))
        switch = Switch(switch.ai_version, switch.on, at, switch.reason, switch.lead)
        secrets = Secrets(settings.signing_keys)
        await publish(settings, switch_records(EVENTS, of, switch, str(uuid4()), secrets))
        until = time.monotonic() + within
        while True:
            told = sum(switch in meta.switches for meta in await _metas(store))
            if told == of or time.monotonic() > until:
                return told, of
            await asyncio.sleep(POLL_S)


def _require_off(version: str, metas: Sequence[PartitionMeta]) -> None:
    known = _latest(metas).get(version)
    if known is not None and not known.on:
        return
    by = next((m for m in metas if version in policy_in(m.policy_text).silenced), None)
    if by is not None:
        raise CliError(
            f"policy {by.policy_version} silences {version}: take it out of `silenced` there, "
            "with a newer version"
        )
    raise CliError(f"{version} is not switched off: handoff ai list shows what is")
