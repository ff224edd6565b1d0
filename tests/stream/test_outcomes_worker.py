"""The outcomes worker: killed and started again, its records give the figures of the decisions."""

import asyncio
import json
from pathlib import Path

from click.testing import CliRunner

from tests.support.fold_history import ASKS, START, History, policy_event
from tests.support.forked import forked_worker
from tests.support.routing_harness import Publisher
from workers.cli.main import handoff
from workers.contracts.codec import encode
from workers.contracts.decisions import Decision
from workers.contracts.topics import DEAD_LETTERS, DECISIONS, EVENTS, OUTCOMES, load_topics
from workers.data import data_path
from workers.embedded import EmbeddedStack
from workers.embedded.workers import EMBEDDED_SETTINGS
from workers.kafka.reader import is_done, partitions_of, ranges_of, reading
from workers.outcomes import as_data, outcome_of, report_of
from workers.runtime.producer import Record
from workers.settings import Settings, load_settings

COUNT = 60


def _story(number: int) -> History:
    """Return one conversation: most are resolved and rated, some taken back."""
    h = History(conversation_id=f"c-{number}")
    h.customer(ASKS)
    h.route()
    h.after(1 + number % 7).desk("accepted")
    if number % 4:
        h.after(3).desk("resolved", justified=number % 3 > 0)
        h.after(9).rating(5 if number % 2 else 2)
    else:
        h.after(3).desk("returned")
    return h


def _log(stories: list[History]) -> list[Record]:
    """Return the log of the stories, each event twice, after the policy in force."""
    events = [policy_event(START), *(one for h in stories for one in h.events for _ in range(2))]
    return [Record(EVENTS, one.conversation_id.encode(), encode(one), 0) for one in events]


def _expected(decisions: list[Decision]) -> dict[str, object]:
    records = [record for one in decisions if (record := outcome_of(one))]
    return as_data(report_of(records, ("reason", "queue")))


async def _done(settings: Settings) -> None:
    async with asyncio.timeout(60):
        while not await is_done(settings, "handoff-outcomes", DECISIONS):  # noqa: ASYNC110 - Kafka tells nobody
            await asyncio.sleep(0.2)


async def _written(settings: Settings, topic: str) -> int:
    async with reading(settings) as consumer:
        ranges = await ranges_of(consumer, await partitions_of(consumer, [topic]))
    return sum(found.end - found.start for found in ranges.values())


async def test_killed_in_the_middle_it_gives_the_figures_of_the_decisions(tmp_path: Path) -> None:
    topics = load_topics(data_path("topics.yaml").read_text(), "topics.yaml")
    stories = [_story(number) for number in range(COUNT)]
    decisions = [one for h in stories for one in h.decisions]
    records = [Record(DECISIONS, one.conversation_id.encode(), encode(one)) for one in decisions]
    with EmbeddedStack() as servers:
        servers.kafka.ensure_topics(topics.topics)
        settings = load_settings(kafka_bootstrap=servers.bootstrap, redis_url=servers.redis_url)
        environment = {
            "KAFKA_BOOTSTRAP": servers.bootstrap,
            "REDIS_URL": servers.redis_url,
            **EMBEDDED_SETTINGS,
        }
        async with Publisher(servers.bootstrap) as publisher:
            with forked_worker("outcomes", environment, tmp_path / "outcomes.log") as worker:
                await publisher.publish(records[:50])
                async with asyncio.timeout(60):
                    while not await _written(settings, OUTCOMES):  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
                await asyncio.to_thread(worker.kill)
                # Some arrive twice, and one is no decision.
                await publisher.publish([*records[30:], Record(DECISIONS, b"c-x", b"{}")])
                worker.start()
                await _done(settings)
            await publisher.publish(_log(stories))
        assert await _written(settings, DEAD_LETTERS) == 1
        arguments = ["outcomes", "--kafka", servers.bootstrap, "--by", "reason,queue"]
        said = await asyncio.to_thread(CliRunner().invoke, handoff, [*arguments, "--json"])
        shown = await asyncio.to_thread(CliRunner().invoke, handoff, arguments)
        replay = [*arguments, "--topic", EVENTS, "--json"]
        again = await asyncio.to_thread(CliRunner().invoke, handoff, replay)
    assert said.exit_code == 0, said.output
    assert again.exit_code == 0, again.output
    replayed = json.loads(again.stdout)
    assert replayed.pop("log")["conversations"] == COUNT
    assert json.dumps(replayed) == json.dumps(json.loads(said.stdout))
    assert json.loads(said.stdout) == json.loads(json.dumps(_expected(decisions)))
    total = json.loads(said.stdout)["total"]
    assert (total["escalated"], total["ended"]) == (COUNT, COUNT)
    assert (total["csat"]["mean"], total["csat"]["of"]) == (4.0, 45)
    assert total["ends"] == {"resolved": 45, "returned": 15}
    assert shown.exit_code == 0
    (resolved,) = [line for line in shown.stdout.splitlines() if "resolved by people" in line]
    assert resolved.split()[3:] == ["75%", "of", "60", "(63%", "to", "84%)"]
