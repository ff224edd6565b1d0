"""`handoff demo`: the whole system at work, to be watched."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

import click
from redis.asyncio import Redis
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from workers.audit.audit_report import Report
from workers.audit.topic_scan import LiveAudit
from workers.cli.audit import show as show_audit
from workers.cli.common import CliError, piped_console
from workers.cli.demo.checks import ConversationSummary, problems
from workers.cli.demo.data import Conversation, Stage, load_conversations, load_stage
from workers.cli.demo.display import Narrator, results
from workers.cli.demo.player import Desks, Player, StuckError
from workers.contracts.codec import Raw
from workers.contracts.deadletters import read_dead_letter
from workers.contracts.decisions import Home, Turn
from workers.contracts.handoffs import Handoff
from workers.contracts.topics import DEAD_LETTERS, DECISIONS, DESKS, EVENTS, Topics, load_topics
from workers.data import data_path
from workers.embedded import EmbeddedStack, ServerError
from workers.embedded.kafka import PARTITIONS
from workers.embedded.simulators import SimulatedSystems
from workers.embedded.workers import EMBEDDED_SETTINGS, WorkerProcess
from workers.handoff.rendering import render_text
from workers.kafka.reader import is_done, partitions_of, ranges_of, read, reading
from workers.settings import Settings, load_settings
from workers.stores.connection import connect
from workers.stores.partition_store import whole_transcript

_WIDTH = 140
_START_S = 60.0
_SETTLE_S = 20.0
_GROUPS = {"escalation": EVENTS, "routing": DECISIONS, "desk": DESKS}


class Shown(NamedTuple):
    """The result of the demo."""

    told: list[ConversationSummary]
    report: Report
    stuck: list[str]
    seconds: float


@click.command()
def demo() -> None:
    """Play conversations through the whole system and show what happened.

    Starts a broker, a store and one worker of each kind, all embedded and gone afterwards, plays
    customers, an AI agent, people at their desks and a ticket system, and prints each decision as
    it is made. Needs no network and takes less than a minute.

    Exit code: 0 every conversation ended as expected and the audit is clean, 1 otherwise.
    """
    console = piped_console(width=None if sys.stdout.isatty() else _WIDTH)
    stage, conversations = load_stage(), load_conversations()
    needing = sum(one.expect.needs == "person" for one in conversations)
    console.print(
        f"[bold]Warm Handoff[/bold]: {len(conversations)} conversations with the AI agent"
        f" {stage.ai.version}; {needing} of them need a person. Starting a broker, a store and the"
        " workers…"
    )
    try:
        with ExitStack() as stack:
            shown = _perform(stack, console, stage, conversations)
    except ServerError as error:
        raise CliError(str(error)) from error
    raise SystemExit(_conclude(console, stage, shown))


def _perform(
    stack: ExitStack, console: Console, stage: Stage, conversations: Sequence[Conversation]
) -> Shown:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="handoff-demo-")))
    topics_file = folder / "topics.yaml"
    topics_file.write_text(stage.topics(data_path("topics.yaml").read_text(encoding="utf-8")))
    topics = load_topics(topics_file.read_text(encoding="utf-8"), str(topics_file))
    servers = stack.enter_context(EmbeddedStack())
    servers.kafka.ensure_topics(topics.topics)
    environment = {
        "KAFKA_BOOTSTRAP": servers.bootstrap,
        "REDIS_URL": servers.redis_url,
        **EMBEDDED_SETTINGS,
    }
    arguments = ["--topics", str(topics_file), "--from", "earliest"]
    workers = WorkerProcess("all", environment, folder / "workers.log", arguments)
    stack.enter_context(workers)
    settings = load_settings(
        kafka_bootstrap=servers.bootstrap,
        redis_url=servers.redis_url,
        kafka_fetch_max_wait_ms=int(EMBEDDED_SETTINGS["KAFKA_FETCH_MAX_WAIT_MS"]),
    )
    play = Performance(console, stage, conversations, topics, settings)
    try:
        return asyncio.run(play.run())
    except TimeoutError as error:
        raise CliError(f"{error}; the workers said:\n{workers.tail()}") from error


class Performance:
    """One showing on running servers and workers."""

    def __init__(
        self,
        console: Console,
        stage: Stage,
        conversations: Sequence[Conversation],
        topics: Topics,
        settings: Settings,
    ) -> None:
        self._console = console
        self._stage = stage
        self._conversations = conversations
        self._topics = topics
        self._settings = settings

    async def run(self) -> Shown:
        """Play everything and collect what was said."""
        started = time.monotonic()
        queue_topics = [queue.topic for queue in self._topics.queues.values()]
        async with SimulatedSystems(self._settings.kafka_bootstrap or "", queue_topics) as outside:
            desks = Desks(outside, self._stage, list(self._topics.queues))
            await desks.report()
            await self._settled(_START_S, "the workers did not start")
            beat = asyncio.create_task(desks.keep_reporting())
            narrator = Narrator(self._console, self._conversations, self._stage)
            telling = asyncio.create_task(narrator.follow(outside))
            players = [Player(one, outside, desks) for one in self._conversations]
            played = await asyncio.gather(
                *(player.play() for player in players), return_exceptions=True
            )
            for task in (beat, telling):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await self._settled(_SETTLE_S, "the workers did not finish")
            await asyncio.sleep(0.2)
            narrator.tell(outside)
            stuck = [str(one) for one in played if isinstance(one, StuckError)]
            for one in played:
                if isinstance(one, BaseException) and not isinstance(one, StuckError):
                    raise one
            told = await self._told(outside)
        return Shown(told, await self._audit(), stuck, time.monotonic() - started)

    async def _settled(self, within_s: float, otherwise: str) -> None:
        """Wait until every worker has done with everything on its topic."""
        try:
            async with asyncio.timeout(within_s):
                for name, topic in _GROUPS.items():
                    group = f"handoff-{name}"
                    while not await is_done(self._settings, group, topic):  # noqa: ASYNC110 - polled
                        await asyncio.sleep(0.1)
        except TimeoutError:
            raise TimeoutError(f"{otherwise} within {within_s:g} s") from None

    async def _told(self, outside: SimulatedSystems) -> list[ConversationSummary]:
        letters = await self._dead_letters()
        redis = connect(self._settings)
        told = []
        try:
            for conversation in self._conversations:
                id_ = conversation.id
                mine = [one for one in outside.decisions.values() if one.conversation_id == id_]
                mine.sort(key=lambda one: one.seq)
                transcript = await self._transcript(redis, id_)
                heard = outside.heard.get(id_, [])
                told.append(
                    ConversationSummary(conversation, mine, heard, transcript, letters.get(id_, []))
                )
        finally:
            await redis.aclose()
        return told

    async def _transcript(self, redis: Redis, conversation_id: str) -> list[Turn]:
        for partition in range(PARTITIONS):
            home = Home(topic=EVENTS, partition=partition)
            prefix = self._settings.redis_prefix
            found = await whole_transcript(redis, prefix, home, conversation_id)
            if found:
                return found
        return []

    async def _dead_letters(self) -> dict[str, list[str]]:
        async with reading(self._settings) as consumer:
            ranges = await ranges_of(consumer, await partitions_of(consumer, [DEAD_LETTERS]))
        letters: dict[str, list[str]] = {}
        async for _, records in read(self._settings, ranges):
            for record in records:
                raw = Raw(record.key, record.value, record.headers, record.timestamp)
                letter = read_dead_letter(raw)
                if letter is not None and record.key is not None:
                    key = record.key.decode(errors="replace")
                    letters.setdefault(key, []).append(letter.reason)
        return letters

    async def _audit(self) -> Report:
        audit = LiveAudit(self._settings, self._topics)
        await audit.begin()
        return await audit.run(lambda _: None)


def _conclude(console: Console, stage: Stage, shown: Shown) -> int:
    """Print what came of it; return the exit code."""
    console.print()
    packet = _packet_to_read(shown.told)
    if packet is not None:
        title = f"What the person on {packet.queue} reads, priority {packet.priority}"
        console.print(Panel(Text(render_text(packet.packet)), title=title, title_align="left"))
    console.print(results(shown.told, stage, console.width))
    console.print("[bold]The accounting[/bold], read from the topics:")
    show_audit(shown.report)
    wrong = [f"{one.conversation.id}: {what}" for one in shown.told for what in problems(one)]
    for problem in [*shown.stuck, *wrong]:
        console.print(f"[red]✗[/red] {problem}")
    fine = shown.report.clean and not shown.stuck and not wrong
    if fine:
        console.print(
            f"[green]✓[/green] all {len(shown.told)} conversations came to what they should,"
            f" in {shown.seconds:.0f} s"
        )
    console.print(
        "\nWhere to look next:\n"
        "  handoff up                       the same system, to send your own conversations to\n"
        "  handoff import LOGS.jsonl        chat logs in the OpenAI or Anthropic format as events\n"
        "  handoff replay EVENTS.jsonl      what the policy would have decided about them\n"
        "  policies/default.yaml            the rules; README.md and docs/ for the rest",
        markup=False,
    )
    return 0 if fine else 1


def _packet_to_read(told: Sequence[ConversationSummary]) -> Handoff | None:
    """Return the packet that shows most: in English, with something redacted, and the longest."""
    packets = [
        (
            (one.conversation.customer.locale or "").startswith("en"),
            "redacted" in one.conversation.expect.shows,
            len(message.packet.transcript),
            message,
        )
        for one in told
        for message in one.heard
        if isinstance(message, Handoff)
    ]
    return max(packets, key=lambda row: row[:3])[3] if packets else None
