"""A lead's hand: through the desk agent onto the log, and by the commands, on real servers."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.stream.test_desk import letters, reported
from tests.support.routing_builders import NOW, SECOND, decision, later, queue, topics
from tests.support.routing_harness import Bench, bench_on, decision_home, handle, route
from tests.support.system import System
from workers.cli.lead import publish
from workers.cli.main import handoff
from workers.contracts.codec import Raw, decode_event
from workers.contracts.deadletters import read_dead_letter
from workers.contracts.decisions import ByLead
from workers.contracts.desks import LeadEvent
from workers.contracts.events import Lead, Ownership
from workers.contracts.handoffs import Handoff
from workers.contracts.signing import Secrets
from workers.contracts.time import from_ms
from workers.contracts.topics import DEAD_LETTERS, EVENTS
from workers.embedded import EmbeddedKafka
from workers.kafka.publishing import Record
from workers.kafka.reader import partitions_of, ranges_of, read, reading
from workers.settings import Settings
from workers.stores.partition_store import base_key

WORLD = topics(queue("billing"), queue("tier_2"))
SECRET = "a secret of the tests"
OURS = Secrets((SECRET.encode(),))


@pytest.fixture
async def bench(kafka: EmbeddedKafka, settings: Settings) -> AsyncIterator[Bench]:
    """Return servers where our own events are signed."""
    async with bench_on(kafka, settings, WORLD, SECRET) as bench:
        yield bench


def by_hand(kind: Any = "closed", **given: Any) -> LeadEvent:
    fields: dict[str, Any] = {
        "event_id": f"lead-{kind}",
        "occurred_at": from_ms(NOW - SECOND),
        "conversation_id": "c-1",
        "force": True,
        "lead": "mara",
        "reason": "on the phone",
    }
    return LeadEvent(type=kind, **{**fields, **given})


async def on_the_log(bench: Bench) -> list[tuple[int, Lead | Ownership]]:
    found = []
    for record in await bench.records(EVENTS):
        raw = Raw(record.key, record.value, record.headers, record.timestamp)
        event = decode_event(raw, OURS.at(EVENTS, record.partition))
        if isinstance(event, Lead | Ownership):
            found.append((record.partition, event))
    return found


async def test_it_goes_where_the_ledger_has_the_conversation(bench: Bench) -> None:
    async with bench.router() as router:
        await route(router, decision())
    async with bench.desk() as agent:
        await handle(agent, by_hand("prioritised", priority=1), secrets=OURS)
    [(partition, event)] = await on_the_log(bench)
    assert partition == decision().home.partition
    assert isinstance(event, Lead)
    assert (event.action, event.lead, event.reason, event.priority) == (
        *("prioritised", "mara", "on the phone"),
        1,
    )


async def test_without_an_escalation_it_goes_where_its_state_is(bench: Bench) -> None:
    prefix = bench.settings.redis_prefix
    await bench.redis.set(f"{prefix}:partitions:{EVENTS}", 4)
    await bench.redis.set(f"{base_key(prefix, decision_home(3))}s:c-1", b"state")
    async with bench.desk() as agent:
        await handle(agent, by_hand("escalated"), secrets=OURS)
    [(partition, event)] = await on_the_log(bench)
    assert (partition, event.action) == (3, "escalated")


async def test_a_conversation_that_nobody_knows_is_a_dead_letter_that_says_so(bench: Bench) -> None:
    async with bench.desk() as agent:
        await handle(agent, by_hand("escalated", conversation_id="c-9"), secrets=OURS)
    assert await letters(bench) == [("unknown_conversation", "desk")]
    assert await on_the_log(bench) == []


async def test_it_must_be_signed_and_name_a_queue_that_exists(bench: Bench) -> None:
    async with bench.router() as router:
        await route(router, decision())
    forged = by_hand("closed"), reported(force=True, lead="mara", reason="mine now")
    async with bench.desk() as agent:
        await handle(agent, *forged)
        await handle(agent, *forged, secrets=Secrets((b"another",)))
        await handle(agent, by_hand("moved", to_queue="nowhere"), secrets=OURS)
    assert await letters(bench) == [("unsigned", "desk")] * 4 + [("unknown_queue", "desk")]
    assert await on_the_log(bench) == []


async def test_another_priority_sends_the_packet_again(bench: Bench) -> None:
    one = decision()
    lead = ByLead(id="mara", reason="on the phone")
    hurry = later(one, "update", epoch=one.epoch, cause="lead", lead=lead, priority=1)
    refused = later(
        one, "refuse", seq=hurry.seq + 1, epoch=one.epoch, cause="wrong_epoch", priority=1
    )
    async with bench.router() as router:
        await route(router, one, hurry, refused)
    packets = [message for message in await bench.queue("billing") if isinstance(message, Handoff)]
    assert [(one.seq, one.revision, one.priority) for one in packets] == [
        (one.seq, 0, 3),
        (hurry.seq, 1, 1),
        (refused.seq, 1, 1),
    ]
    assert packets[0].packet == packets[1].packet


def run(system: System, *arguments: str) -> Result:
    return run_plain(system, *arguments, "--lead", "mara", "--reason", "on the phone")


def run_plain(system: System, *arguments: str) -> Result:
    return CliRunner().invoke(handoff, arguments, env=system.environment)


def test_the_commands_do_it_and_say_what_was_decided(tmp_path: Path) -> None:
    async def said(system: System) -> None:
        async with system.outside() as outside:
            for name in ("tier_2_support", "legal"):
                presence: dict[str, Any] = {
                    "type": "presence",
                    "event_id": f"p-{name}",
                    "queue": name,
                }
                presence |= {"occurred_at": _now(), "agents_online": 1}
                await outside.report(presence)
            event = {"event_id": "e-1", "conversation_id": "c-lead", "occurred_at": _now()}
            await outside.say({**event, "role": "customer", "content": "Where is my parcel?"})
        await system.settled()

    with System(tmp_path) as system:
        asyncio.run(said(system))
        opened = run(system, "escalate", "c-lead", "--id", "l-1", "--json")
        assert opened.exit_code == 0, opened.output + system.logs()
        first = json.loads(opened.stdout)
        assert (first["action"], first["reason"], first["lead"]["id"]) == (
            *("escalate", "lead_request"),
            "mara",
        )
        again = run(system, "escalate", "c-lead", "--id", "l-1", "--json")
        assert json.loads(again.stdout) == first, "an id may be given again"
        asyncio.run(system.settled())
        for command, says in (
            (("prioritise", "c-lead", "--priority", "1"), "update priority 1"),
            (("claim", "c-lead", "--for", "anna"), "claim by anna"),
            (("release", "c-lead"), "move tier_2_support"),
            (("close", "c-lead"), "outcome closed"),
        ):
            done = run(system, *command)
            assert done.exit_code == 0, done.output + system.logs()
            assert says in done.stdout
            asyncio.run(system.settled())
        refused = run(system, "close", "c-lead")
        assert (refused.exit_code, "refuse ended" in refused.stdout) == (1, True)
        report = asyncio.run(system.audit())
        assert report.clean, report.findings
        assert (report.outcomes, report.counts["by_lead"]) == ({"closed": 1}, 6)
        asyncio.run(_copy_a_routed(system))
        _switch_off_and_on(system)


async def _copy_a_routed(system: System) -> None:
    """A record that our own agents signed for one partition is refused in another."""
    async with reading(system.settings) as consumer:
        log = await ranges_of(consumer, await partitions_of(consumer, [EVENTS]))
    every = [one async for _, run in read(system.settings, log) for one in run]
    routed = next(one for one in every if b'"type":"routed"' in (one.value or b""))
    there = (routed.partition + 1) % len(log)
    copied = Record(EVENTS, routed.key, routed.value, there, routed.headers)
    await publish(system.settings, [copied])
    await system.settled()
    async with reading(system.settings) as consumer:
        ranges = await ranges_of(consumer, await partitions_of(consumer, [DEAD_LETTERS]))
    letters = [
        read_dead_letter(Raw(one.key, one.value, one.headers, one.timestamp))
        async for _, run in read(system.settings, ranges)
        for one in run
    ]
    found = [(one.reason, one.origin.partition) for one in letters if one is not None]
    assert found == [("unsigned", there)]


def _switch_off_and_on(system: System) -> None:
    """Version 4.2 talks, is switched off and on; each word of the customer goes where it should."""
    ai = {"role": "ai_agent", "content": "Which parcel?", "agent": {"id": "bot", "version": "4.2"}}
    asyncio.run(_say(system, "s-1", ai))
    refused = run(system, "ai", "on", "4.2")
    assert (refused.exit_code, "is not switched off" in refused.output) == (1, True)
    done = run(system, "ai", "off", "4.2")
    assert done.exit_code == 0, done.output + system.logs()
    assert "AI version 4.2 is off in 4 of 4 partitions" in done.stdout
    [listed] = json.loads(run_plain(system, "ai", "list", "--json").stdout)
    assert (listed["version"], listed["lead"], listed["reason"]) == ("4.2", "mara", "on the phone")
    customer = {"role": "customer", "content": "It is the third one."}
    asyncio.run(_say(system, "s-2", customer))
    live = {number: values for number, values in asyncio.run(system.decisions()).items() if values}
    made = [json.loads(value) for values in live.values() for value in values]
    silenced = [one for one in made if one["conversation_id"] == "c-off"]
    assert [(one["action"], one["reason"]) for one in silenced] == [("escalate", "ai_silenced")]
    assert system.replay() == live
    assert run(system, "ai", "on", "4.2").exit_code == 0
    assert "no version" in run_plain(system, "ai", "list").stdout


async def _say(system: System, event_id: str, turn: dict[str, Any]) -> None:
    async with system.outside() as outside:
        event = {"event_id": event_id, "conversation_id": "c-off", "occurred_at": _now()}
        await outside.say({**event, **turn})
    await system.settled()


def _now() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).isoformat()
