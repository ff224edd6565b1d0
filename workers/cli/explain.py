"""`handoff explain`: why a conversation was or was not escalated, turn by turn."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.text import Text

from workers.cli.common import (
    CliError,
    json_option,
    kafka_option,
    naming_servers,
    print_json,
    progress,
    require_servers,
    settings_from,
)
from workers.contracts.decisions import Decision, Home
from workers.contracts.topics import EVENTS
from workers.contracts.yaml import YamlFileError
from workers.conversation.chunk import Incoming
from workers.conversation.meta import starting_meta
from workers.data import data_path
from workers.replay.explaining import Line, explain_events
from workers.replay.sources import Found, find_in_files, find_in_topic, local_files

_WIDTH = 140
_ALWAYS = {"turns"}
"""Signals that alone say nothing."""
_OWNERS = {"ai": "the AI agent", "pending": "a person is awaited", "person": "a person"}


@click.command()
@click.argument("conversation")
@click.option(
    "--log",
    type=click.Path(exists=True, allow_dash=True),
    help="Read events from this file (JSONL, also .gz, or -) instead of Kafka.",
)
@click.option(
    "--policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Decide by this policy; by the log's own policy events when absent.",
)
@kafka_option
@json_option
def explain(
    conversation: str, log: str | None, policy: Path | None, kafka: str | None, as_json: bool
) -> None:
    """Print turn by turn which signals CONVERSATION gave, which rules nearly held, and why.

    Reads its events from the log on Kafka, or from a file, and decides over them again: the same
    code on the same events. Words are redacted. Exit code: 0 printed, 1 no such conversation.
    """
    if log is not None:
        with local_files([log]) as paths:
            found = find_in_files(paths, conversation)
    else:
        settings = settings_from(kafka=kafka)
        require_servers(settings, redis=False)
        with naming_servers(settings), progress("reading the log") as advance:
            found = asyncio.run(find_in_topic(settings, EVENTS, conversation, advance))
    if not any(one.event and one.event.conversation_id == conversation for one in found.incoming):
        where = log or f"{EVENTS} on Kafka, which keeps 30 days"
        raise CliError(f"no events of {conversation} in {where}: check the id")
    lines = _explained(found, policy)
    if as_json:
        print_json(msgspec.to_builtins(lines))
    else:
        _show(conversation, lines)


def _explained(found: Found, policy: Path | None) -> list[Line]:
    default = data_path("policies/default.yaml").read_text(encoding="utf-8")
    text = found.policy or default if policy is None else policy.read_text(encoding="utf-8")
    try:
        meta = starting_meta(text, found.observe)
    except YamlFileError as error:
        raise CliError(f"{policy or 'policy event'}: {error}", exit_code=2) from None
    incoming: list[Incoming] = found.incoming
    home = Home(topic=EVENTS, partition=found.partition)
    fixed = policy is not None
    return explain_events(incoming, meta, home, fixed=fixed, keeps_time=not found.own)


def _show(conversation: str, lines: list[Line]) -> None:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)
    console.print(f"[bold]{conversation}[/bold], {len(lines)} events from {lines[0].at:%Y-%m-%d}")
    for line in lines:
        console.print(_said(line), no_wrap=True, overflow="ellipsis")
        for detail in _details(line):
            console.print(detail, no_wrap=True, overflow="ellipsis")
    console.print(_conclusion(lines))


def _said(line: Line) -> Text:
    text = Text(f"{line.at:%H:%M:%S}  ", style="dim")
    text.append(f"{line.kind}", style="bold")
    text.append(f"  {line.text}", style="default")
    return text


def _details(line: Line) -> Iterator[Text]:
    if set(line.signals) - _ALWAYS:
        signals = "  ".join(f"{name} {value:g}" for name, value in line.signals.items())
        yield Text(f"            {signals}", style="dim")
    for miss in line.near_misses:
        nearly = f"{miss.rule}: {miss.condition} {miss.value:g} of {miss.needed:g}"
        yield Text(f"            nearly: {nearly}", style="cyan")
    for decision in line.decisions:
        yield Text(f"          → {_decided(decision)}", style="yellow")
        for evidence in decision.evidence:
            quote = f' "{evidence.quote}"' if evidence.quote else ""
            why = f"{evidence.signal} {evidence.score:g} in {evidence.event_id}{quote}"
            yield Text(f"            because {why}")


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
    return " ".join(parts)


def _conclusion(lines: list[Line]) -> Text:
    decisions = [decision for line in lines for decision in line.decisions]
    opened = next((one for one in decisions if one.action in ("escalate", "claim")), None)
    last = lines[-1]
    if opened is None:
        return Text(_not_escalated(lines, decisions), style="bold")
    outcome = next((one.outcome for one in reversed(decisions) if one.outcome), None)
    ended = f"ended: {outcome}" if outcome else f"open: {_OWNERS.get(last.owner, last.owner)}"
    rule = f" by rule {opened.rule}" if opened.rule else ""
    return Text(f"Escalated for {opened.reason}{rule}; {ended}.", style="bold")


def _not_escalated(lines: list[Line], decisions: list[Decision]) -> str:
    offered = [one.rule or "?" for one in decisions if one.action == "offer"]
    declined = any(one.cause == "declined" for one in decisions)
    told = [one.rule or "?" for one in decisions if one.action == "recommend"]
    nearly = sorted({miss.rule for line in lines for miss in line.near_misses})
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
