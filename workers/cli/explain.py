"""`handoff explain`: why a conversation was or was not escalated, turn by turn."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
from rich.text import Text

from workers.chatlogs.event_files import local_files
from workers.cli.common import (
    CliError,
    json_option,
    kafka_option,
    log_partitions,
    naming_servers,
    plain_console,
    print_json,
    progress,
    redis_option,
    require_servers,
    settings_from,
    topics_option,
)
from workers.cli.input_check import require_event_files
from workers.cli.policy_option import PolicyChoice, replay_policy_option
from workers.contracts.decisions import Decision, Home, NearMiss, OtherEscalation
from workers.contracts.topics import EVENTS
from workers.contracts.yaml import YamlFileError
from workers.conversation.partition_meta import PartitionMeta, starting_meta
from workers.detection import DETECTION_VERSION
from workers.handoff.other_open import others_in_words
from workers.handoff.wording import counted, one_line, without_controls
from workers.replay.event_sources import FoundConversation, find_in_files, find_in_topic
from workers.replay.explain_events import ExplainedEvent, explain_events
from workers.replay.explain_store import Now, Remembered, explain_remembered
from workers.replay.recorded_run import detection_of, other_detection
from workers.settings import Settings
from workers.stores.connection import connect
from workers.stores.conversation_reads import Stored, read_conversation
from workers.stores.ledger_store import LedgerStore

_ALWAYS = {"turns"}
"""Signals that alone say nothing."""
_OWNERS = {
    "ai": "the AI agent",
    "pending": "a person is awaited",
    "person": "a person",
    "closed": "nobody: closed",
}


class ExplainedConversation(msgspec.Struct, frozen=True, kw_only=True):
    """The document that `handoff explain --json` prints."""

    conversation_id: str
    source: str
    policy: str
    """The first that decides: its file, or "policy in force", and its version."""
    detection_version: str
    """The detection that read the texts here."""
    other_detection: str | None
    """A sentence about versions that the log tells and this one is not."""
    missing: list[str]
    """The questions that this source cannot answer."""
    lines: list[ExplainedEvent]
    now: Now | None
    """The state in the store; None when it was read from a log."""
    others: tuple[OtherEscalation, ...] = ()
    """Open escalations of the same customer elsewhere; a log of one conversation has none."""
    conclusion: str


@click.command()
@click.argument("conversation")
@click.option(
    "--log",
    type=click.Path(exists=True, allow_dash=True),
    help="Read events from this file (JSONL, also .gz, or -).",
)
@click.option("--topic", metavar="TOPIC", help="Read events from Kafka: conversation-events.")
@replay_policy_option
@redis_option
@kafka_option
@topics_option
@json_option
def explain(
    conversation: str,
    log: str | None,
    topic: str | None,
    policy: PolicyChoice,
    redis: str | None,
    kafka: str | None,
    topics: Path,
    as_json: bool,
) -> None:
    """Print turn by turn which signals CONVERSATION gave, which rules nearly held, and why.

    Reads the store: the words of every turn, and the state of the conversation. A log, from
    --topic or --log, also has the reports of AI agents, desks and the router; the worker's own code
    decides over it again. Words are redacted. Exit code: 0 printed, 1 no such conversation.
    """
    if log is not None and topic is not None:
        raise CliError("give either --log or --topic, or neither for the store", 2)
    settings = settings_from(kafka=kafka, redis=redis)
    if settings.redis_url is None and settings.kafka_bootstrap is not None:
        topic = topic or EVENTS
    if log is not None:
        told = _from_file(conversation, log, policy)
    elif topic is not None:
        told = _from_topic(conversation, topic, policy, settings)
    else:
        told = _from_store(conversation, policy, settings, topics)
    if as_json:
        print_json(msgspec.to_builtins(told))
    else:
        _show(told)


def _from_store(
    conversation: str, policy: PolicyChoice, settings: Settings, topics: Path
) -> ExplainedConversation:
    require_servers(settings, kafka=False)
    partitions = log_partitions(topics)
    with naming_servers(settings):
        stored, others = asyncio.run(_stored(settings, conversation, partitions))
    if stored is None:
        raise CliError(
            f"nothing of {conversation} in the store, which keeps 32 days: check the id, or read "
            f"the log with --topic {EVENTS}"
        )
    if stored.state is None:
        raise CliError(
            f"the state of {conversation} cannot be read: its next event will rebuild it; "
            f"--topic {EVENTS} reads the log instead"
        )
    meta = stored.meta
    if meta is None or policy.is_given:
        by = _decided_by(None, policy, observe=meta is not None and meta.observe)
    else:
        by = _DecidedBy("policy in force", meta)
    found = explain_remembered(conversation, stored.state, stored.turns, by.meta, stored.home)
    return ExplainedConversation(
        conversation_id=conversation,
        source="store",
        policy=str(by),
        detection_version=DETECTION_VERSION,
        other_detection=None,
        missing=found.missing,
        lines=found.lines,
        now=found.now,
        others=others,
        conclusion=_standing(found),
    )


async def _stored(
    settings: Settings, conversation: str, partitions: int
) -> tuple[Stored | None, tuple[OtherEscalation, ...]]:
    client, prefix = connect(settings), settings.redis_prefix
    ledger = LedgerStore(client, prefix)
    try:
        stored = await read_conversation(client, prefix, EVENTS, partitions, conversation)
        record = (await ledger.find(conversation)).record
        return stored, () if record is None else await ledger.others_of(record.decision)
    finally:
        await client.aclose()


def _from_file(conversation: str, log: str, policy: PolicyChoice) -> ExplainedConversation:
    with local_files([log]) as paths:
        require_event_files(paths)
        found = find_in_files(paths, conversation)
    return _from_log(conversation, found, policy, log)


def _from_topic(
    conversation: str, topic: str, policy: PolicyChoice, settings: Settings
) -> ExplainedConversation:
    require_servers(settings, redis=False)
    with naming_servers(settings), progress("reading the log") as advance:
        found = asyncio.run(find_in_topic(settings, topic, conversation, advance))
    return _from_log(conversation, found, policy, f"{topic} on Kafka, which keeps 30 days")


def _from_log(
    conversation: str, found: FoundConversation, policy: PolicyChoice, where: str
) -> ExplainedConversation:
    if not any(one.event and one.event.conversation_id == conversation for one in found.incoming):
        key = conversation.encode()
        refused = [one.rejected for one in found.incoming if one.rejected and one.raw.key == key]
        if refused:
            raise CliError(
                f"{where}: {counted(len(refused), 'record')} of {conversation}, none usable; the "
                f"first: {refused[0]}"
            )
        raise CliError(f"no events of {conversation} in {where}: check the id")
    by = _decided_by(found.policy, policy, observe=found.observe)
    versions = [detection_of(one.event) for one in found.incoming]
    lines = explain_events(
        found.incoming,
        by.meta,
        Home(topic=EVENTS, partition=found.partition),
        fixed=policy.is_given,
        keeps_time=not found.own,
    )
    if not lines:
        raise CliError(
            f"{where} has only timers of {conversation}, not what set them: read an older log too"
        )
    return ExplainedConversation(
        conversation_id=conversation,
        source=where,
        policy=str(by),
        detection_version=DETECTION_VERSION,
        other_detection=other_detection(filter(None, versions)),
        missing=[],
        lines=lines,
        now=None,
        conclusion=_conclusion(lines),
    )


class _DecidedBy(NamedTuple):
    """The policy that an explanation begins with, and where it is from."""

    name: str
    meta: PartitionMeta

    def __str__(self) -> str:
        return f"{self.name} {self.meta.policy_version}"


def _decided_by(in_force: str | None, policy: PolicyChoice, *, observe: bool) -> _DecidedBy:
    """Return the policy that is named, else the one in force, else what holds without either."""
    if policy.is_given or in_force is None:
        name, text = policy.read(None)
        return _DecidedBy(name, starting_meta(text, observe))
    try:
        return _DecidedBy("policy in force", starting_meta(in_force, observe))
    except YamlFileError as error:
        raise CliError(f"policy event: {error}", exit_code=2) from None


def _show(told: ExplainedConversation) -> None:
    console = plain_console()
    since = f" from {told.lines[0].at:%Y-%m-%d}" if told.lines else ""
    name = (one_line(told.conversation_id), "bold")
    by = one_line(told.policy)
    console.print(Text.assemble(name, f", {counted(len(told.lines), 'event')}{since}, by {by}"))
    for line in told.lines:
        console.print(_said(line), no_wrap=True, overflow="ellipsis")
        for detail in _details(line):
            console.print(detail, no_wrap=True, overflow="ellipsis")
    if told.now is not None:
        for detail in _stands(told.now):
            console.print(detail)
    for other in others_in_words(told.others):
        console.print(Text(f"also open:  {one_line(other)}"))
    if told.other_detection is not None:
        console.print(Text(told.other_detection, style="yellow"))
    for missing in told.missing:
        console.print(Text(f"not told: {missing}", style="dim"))
    console.print(Text(without_controls(told.conclusion), style="bold"))


def _stands(now: Now) -> Iterator[Text]:
    signals = "  ".join(f"{name} {value:g}" for name, value in now.signals.items())
    yield Text(f"now:        {_OWNERS.get(now.owner, now.owner)}  {signals}", style="dim")
    for miss in now.near_misses:
        yield Text(f"            {_nearly(miss)}", style="cyan")


def _said(line: ExplainedEvent) -> Text:
    text = Text(f"{line.at:%H:%M:%S}  ", style="dim")
    text.append(f"{line.kind}", style="bold")
    text.append(f"  {one_line(line.text)}", style="default")
    return text


def _details(line: ExplainedEvent) -> Iterator[Text]:
    if set(line.signals) - _ALWAYS:
        signals = "  ".join(f"{name} {value:g}" for name, value in line.signals.items())
        yield Text(f"            {signals}", style="dim")
    for miss in line.near_misses:
        yield Text(f"            {_nearly(miss)}", style="cyan")
    for decision in line.decisions:
        yield Text(f"          → {one_line(_decided(decision))}", style="yellow")
        for evidence in decision.evidence:
            quote = f' "{evidence.quote}"' if evidence.quote else ""
            why = f"{evidence.signal} {evidence.score:g} in {evidence.event_id}{quote}"
            yield Text(f"            because {one_line(why)}")
    if line.note:
        yield Text(f"          ({line.note})", style="yellow")


def _nearly(miss: NearMiss) -> str:
    return f"nearly: {miss.rule}: {miss.condition} {miss.value:g} of {miss.needed:g}"


def _decided(decision: Decision) -> str:
    parts: list[str] = [decision.action]
    if decision.reason:
        parts.append(decision.reason)
    if decision.rule:
        parts.append(f"by rule {decision.rule}")
    if decision.cause:
        parts.append(f"({decision.cause.replace('_', ' ')})")
    if decision.outcome:
        parts.append(decision.outcome)
    elif decision.target_queue and decision.action in ("escalate", "move", "transfer", "offer"):
        parts.append(f"→ {decision.target_queue}")
    if decision.person:
        parts.append(f"by {decision.person}")
    if decision.lead is not None:
        parts.append(f'by lead {decision.lead.id}: "{decision.lead.reason}"')
    return " ".join(parts)


def _standing(found: Remembered) -> str:
    """Say how it ended by the state, which knows; the words say what nearly happened."""
    now = found.now
    if now.reason is not None:
        rule = f" by rule {now.rule}" if now.rule else ""
        on = "for" if now.place == "ticket" else "on"
        where = f" {on} {now.queue}" if now.queue and not now.person else ""
        by = f" {now.person}" if now.person else ""
        owner = _awaited(now.owner, now.place)
        return f"Escalated for {now.reason}{rule}; open: {owner}{by}{where}, level {now.level}."
    if now.ended:
        return f"Escalated for {', then '.join(now.ended)}; now with {_OWNERS.get(now.owner)}."
    decisions = [decision for line in found.lines for decision in line.decisions]
    misses = [*now.near_misses, *_misses(found.lines)]
    return _not_escalated(misses, decisions, declined=now.declined)


def _awaited(owner: str, place: str | None) -> str:
    """Say who has a conversation, or what stands for the person who is awaited."""
    if owner == "pending" and place == "ticket":
        return "a ticket"
    return _OWNERS.get(owner, owner)


def _misses(lines: list[ExplainedEvent]) -> list[NearMiss]:
    return [miss for line in lines for miss in line.near_misses]


def _conclusion(lines: list[ExplainedEvent]) -> str:
    decisions = [decision for line in lines for decision in line.decisions]
    opened = next((one for one in decisions if one.action in ("escalate", "claim")), None)
    if opened is None:
        declined = any(one.cause == "declined" for one in decisions)
        return _not_escalated(_misses(lines), decisions, declined=declined)
    outcome = next((one.outcome for one in reversed(decisions) if one.outcome), None)
    owner = lines[-1].owner
    ended = f"ended: {outcome}" if outcome else f"open: {_awaited(owner, lines[-1].place)}"
    rule = f" by rule {opened.rule}" if opened.rule else ""
    return f"Escalated for {opened.reason}{rule}; {ended}."


def _not_escalated(misses: list[NearMiss], decisions: list[Decision], *, declined: bool) -> str:
    offered = [one.rule or "?" for one in decisions if one.action == "offer"]
    told = [one.rule or "?" for one in decisions if one.action == "recommend"]
    nearly = sorted({miss.rule for miss in misses})
    parts = []
    if offered:
        parts.append(f"a person was offered by rule {', '.join(offered)}")
    if declined:
        parts.append("the customer declined")
    if told:
        parts.append(f"the AI agent was told by rule {', '.join(told)}")
    if not parts:
        parts.append("no rule held")
    if nearly:
        parts.append(f"nearly held: {', '.join(nearly)}")
    return f"Not escalated: {'; '.join(parts)}."
