"""A lead's hand: `handoff escalate`, `move`, `claim`, `release`, `close`, `offer`, `prioritise`."""

import asyncio
import os
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import click
import msgspec

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
from workers.contracts.codec import decode_message
from workers.contracts.decisions import Decision
from workers.contracts.desks import DeskEvent, LeadEvent
from workers.contracts.ids import ownership_event_id
from workers.contracts.rejections import Rejected
from workers.contracts.signing import Secrets
from workers.contracts.topics import DECISIONS, DESKS

if TYPE_CHECKING:
    from workers.contracts.ledger import LedgerRecord
    from workers.kafka.publishing import Record
    from workers.settings import Settings

POLL_S: Final = 0.2

Command = Callable[..., None]
Option = Callable[[Command], Command]


def lead_options(argument: Option, *own: Option, awaited: str) -> Option:
    """Return a decorator that adds what every command of a lead takes, and the command's own."""
    options: tuple[Option, ...] = (
        argument,
        click.option("--reason", required=True, help="Why; it is recorded."),
        click.option(
            "--lead",
            default=lambda: os.environ.get("USER", ""),
            show_default="$USER",
            help="Who you are; it is recorded.",
        ),
        *own,
        click.option(
            "--within", default=30.0, show_default=True, help=f"Seconds to wait for {awaited}."
        ),
        kafka_option,
        redis_option,
        json_option,
    )

    def decorated(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorated


def lead_of(given: dict[str, Any]) -> str:
    """Return who acts; CliError when that is not said."""
    lead: str = given["lead"]
    if not lead:
        raise CliError("--lead: missing: say who you are", exit_code=2)
    return lead


_shared = lead_options(
    click.argument("conversation"),
    click.option("--id", "event_id", help="Id of the event; pass the same one to repeat safely."),
    awaited="the decision",
)
_to = click.option("--to", "to_queue", metavar="QUEUE", help="Queue; else the policy's default.")


@click.command()
@_shared
@_to
def escalate(to_queue: str | None, **given: Any) -> None:
    """Hand CONVERSATION over to a person, even if no rule asks for it."""
    _by_hand("escalated", given, to_queue=to_queue)


@click.command()
@_shared
@click.option("--to", "to_queue", metavar="QUEUE", required=True, help="The queue to move it to.")
def move(to_queue: str, **given: Any) -> None:
    """Move the open escalation of CONVERSATION to another queue."""
    _by_hand("moved", given, to_queue=to_queue)


@click.command()
@_shared
@click.option("--for", "agent_id", metavar="PERSON", required=True, help="The person who gets it.")
def claim(agent_id: str, **given: Any) -> None:
    """Give the open escalation of CONVERSATION to a person, even if another person has it."""
    _by_hand("accepted", given, agent_id=agent_id)


@click.command()
@_shared
def release(**given: Any) -> None:
    """Take CONVERSATION from the person who has it, back to its queue."""
    _by_hand("released", given)


@click.command()
@_shared
def close(**given: Any) -> None:
    """End the open escalation of CONVERSATION, outcome closed."""
    _by_hand("closed", given)


@click.command()
@_shared
@_to
def offer(to_queue: str | None, **given: Any) -> None:
    """Ask the customer of CONVERSATION whether they want a person."""
    _by_hand("offered", given, to_queue=to_queue)


@click.command()
@_shared
@click.option("--priority", type=click.IntRange(1, 5), required=True, help="1 is the most urgent.")
def prioritise(priority: int, **given: Any) -> None:
    """Set the priority of the open escalation of CONVERSATION."""
    _by_hand("prioritised", given, priority=priority)


def _by_hand(kind: str, given: dict[str, Any], **fields: Any) -> None:
    """Send the event, print the decision that it became.

    Exit code: 0 it was done, 1 it was refused or nothing was decided in time, 2 bad usage.
    """
    lead_of(given)
    settings = settings_from(kafka=given["kafka"], redis=given["redis"])
    require_servers(settings)
    event_id = given["event_id"] or str(uuid4())
    with naming_servers(settings):
        decision = asyncio.run(_send_and_wait(kind, event_id, given, fields, settings))
    if decision is None:
        raise CliError(
            f"nothing was decided within {given['within']:g} s; --id {event_id} repeats it safely, "
            "handoff deadletters list says if it was refused"
        )
    if given["as_json"]:
        print_json(msgspec.to_builtins(decision))
    else:
        click.echo(_told(decision))
    raise SystemExit(1 if decision.action == "refuse" else 0)


def _told(decision: Decision) -> str:
    what = decision.outcome or decision.target_queue or ""
    if decision.action == "refuse":
        what = (decision.cause or "").replace("_", " ")
    elif decision.action == "update":
        what = f"priority {decision.priority}"
    elif decision.action == "claim":
        what = f"by {decision.person}"
    about = f", escalation {decision.escalation_id}" if decision.escalation_id else ""
    return f"{decision.conversation_id}: {decision.action} {what}{about}, seq {decision.seq}"


async def _send_and_wait(
    kind: str, event_id: str, given: dict[str, Any], fields: dict[str, Any], settings: "Settings"
) -> Decision | None:
    from workers.kafka.reader import partitions_of, ranges_of, reading

    name: str = given["conversation"]
    event = await _event(kind, event_id, given, fields, settings)
    async with reading(settings) as consumer:
        partitions, desks = [await partitions_of(consumer, [one]) for one in (DECISIONS, DESKS)]
        for topic, found in ((DECISIONS, partitions), (DESKS, desks)):
            if not found:
                raise CliError(f"no topic {topic}: handoff topics apply creates it")
        consumer.assign(partitions)
        for tp, held in (await ranges_of(consumer, partitions)).items():
            # A repeated request has its decision already: it is looked for from the beginning.
            consumer.seek(tp, held.start if given["event_id"] else held.end)
        await publish(settings, [_record(event, name, len(desks), settings)])
        cause, until = ownership_event_id(event_id), time.monotonic() + given["within"]
        while time.monotonic() < until:
            found = await consumer.getmany(timeout_ms=round(POLL_S * 1000))
            for record in (one for records in found.values() for one in records):
                if record.key == name.encode() and (made := _decision(record.value, cause)):
                    return made
    return None


def _record(
    event: DeskEvent | LeadEvent, name: str, partitions: int, settings: "Settings"
) -> "Record":
    from workers.kafka.publishing import partition_of, signed_record

    # A signature is bound to a partition: the one that the key's hash would choose.
    partition = partition_of(name, partitions)
    return signed_record(DESKS, partition, name, event, Secrets(settings.signing_keys))


def _decision(value: bytes | None, cause: str) -> Decision | None:
    try:
        decision = decode_message(Decision, value)
    except Rejected:
        return None
    return decision if decision.trigger_event_id == cause else None


async def _event(
    kind: str, event_id: str, given: dict[str, Any], fields: dict[str, Any], settings: "Settings"
) -> DeskEvent | LeadEvent:
    common: dict[str, Any] = {
        "type": kind,
        "event_id": event_id,
        "occurred_at": datetime.now(UTC),
        "conversation_id": given["conversation"],
        "force": True,
        "lead": given["lead"],
        "reason": given["reason"],
    }
    if kind != "accepted":
        return LeadEvent(**common, **fields)
    record = await _ledger_record(given["conversation"], settings)
    if record is None or record.escalation_id is None or record.outcome is not None:
        raise CliError(
            f"{given['conversation']}: no escalation is open: handoff escalate opens one"
        )
    return DeskEvent(
        **common,
        **fields,
        escalation_id=record.escalation_id,
        queue=record.queue or "",
        epoch=record.epoch,
    )


async def _ledger_record(name: str, settings: "Settings") -> "LedgerRecord | None":
    from workers.stores.connection import connect
    from workers.stores.ledger_store import LedgerStore

    redis = connect(settings)
    try:
        return (await LedgerStore(redis, settings.redis_prefix).find(name)).record
    finally:
        await redis.aclose()


async def publish(settings: "Settings", records: Iterable["Record"]) -> None:
    """Publish in order; returns when Kafka has acknowledged every record."""
    from aiokafka import AIOKafkaProducer

    from workers.kafka.publishing import publish_all
    from workers.settings import kafka_client_kwargs

    producer = AIOKafkaProducer(**kafka_client_kwargs(settings), acks="all")
    await producer.start()
    try:
        await publish_all(producer, records)
    finally:
        await producer.stop()
