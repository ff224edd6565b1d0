"""`handoff packet`: what a person would read of a conversation, from the store or from a log."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from workers.cli.common import (
    CliError,
    log_partitions,
    naming_servers,
    read_topics,
    redis_option,
    require_servers,
    settings_from,
    topics_option,
)
from workers.cli.policy_option import PolicyChoice, replay_policy_option
from workers.contracts.topics import DECISIONS, EVENTS
from workers.data import data_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workers.contracts.decisions import Decision, Home, OtherEscalation, Turn
    from workers.contracts.handoffs import Packet
    from workers.conversation.state import State
    from workers.settings import Settings

FORMS = ("text", "markdown", "json")


@click.command()
@click.argument("conversation")
@click.option(
    "--format", "form", type=click.Choice(FORMS), default="text", help="Form of the packet."
)
@click.option(
    "--log",
    type=click.Path(exists=True, allow_dash=True),
    help="Read events from this file (JSONL, also .gz, or -).",
)
@replay_policy_option
@redis_option
@topics_option
def packet(
    conversation: str,
    form: str,
    log: str | None,
    policy: PolicyChoice,
    redis: str | None,
    topics: Path,
) -> None:
    """Print the packet of CONVERSATION: that of its last handover, or the one it would get now.

    Reads the store, or a log, over which the policy decides again. A desk receives the same
    packet: in the language and with the redaction of its queue, from the last 200 turns. Exit
    code: 0 printed, 1 no such conversation.
    """
    others: tuple[OtherEscalation, ...] = ()
    if log is not None:
        decision, turns = _from_log(conversation, log, policy)
    else:
        settings = settings_from(redis=redis)
        require_servers(settings, kafka=False)
        partitions = log_partitions(topics)
        with naming_servers(settings):
            decision, turns, others = asyncio.run(_from_store(settings, conversation, partitions))
    built = msgspec.structs.replace(_built(decision, turns, topics), others=others)
    click.echo(_laid_out(built, form))


def _built(decision: "Decision", turns: "Sequence[Turn]", topics: Path) -> "Packet":
    from workers.handoff.packet import build_packet
    from workers.handoff.playbook import advise, load_playbook

    known = read_topics(topics).queues
    name = decision.queue or decision.target_queue
    queue = known.get(name or "")
    text = data_path("playbook.yaml").read_text(encoding="utf-8")
    language = "en" if queue is None else queue.language
    return build_packet(
        decision.facts,
        turns[: decision.facts.entries],
        decision,
        "standard" if queue is None else queue.redaction,
        language=language,
        advice=advise(load_playbook(text, "playbook.yaml"), decision, name, language),
    )


def _laid_out(built: "Packet", form: str) -> str:
    from workers.contracts.codec import encode
    from workers.handoff.markdown import render_markdown
    from workers.handoff.rendering import render_text

    if form == "json":
        return encode(built).decode()
    return render_markdown(built) if form == "markdown" else render_text(built)


def _from_log(conversation: str, log: str, policy: PolicyChoice) -> "tuple[Decision, list[Turn]]":
    from workers.chatlogs.event_files import local_files
    from workers.contracts.decisions import Decision, Home, Turn
    from workers.contracts.yaml import YamlFileError
    from workers.conversation.fold import fold_chunk
    from workers.conversation.partition_meta import starting_meta
    from workers.replay.event_sources import find_in_files

    with local_files([log]) as paths:
        found = find_in_files(paths, conversation)
    if not any(one.event and one.event.conversation_id == conversation for one in found.incoming):
        raise CliError(f"no events of {conversation} in {log}: check the id")
    given = policy.is_given or found.policy is None
    text = policy.read(None).text if given else found.policy or ""
    try:
        meta = starting_meta(text, found.observe)
    except YamlFileError as error:
        raise CliError(f"policy event: {error}", exit_code=2) from None
    home = Home(topic=EVENTS, partition=found.partition)
    folded = fold_chunk(found.incoming, {}, {}, meta, home, keeps_time=not found.own)
    written = [output.value for output in folded.outputs if output.topic == DECISIONS]
    decisions = [msgspec.json.decode(value or b"", type=Decision) for value in written]
    change = folded.changes[conversation]
    turns = [msgspec.msgpack.decode(turn, type=Turn) for turn in change.turns]
    handed = [one for one in decisions if one.action in ("escalate", "move", "transfer")]
    return (handed[-1] if handed else _now(conversation, change.state, home)), turns


async def _from_store(
    settings: "Settings", conversation: str, partitions: int
) -> "tuple[Decision, list[Turn], tuple[OtherEscalation, ...]]":
    from workers.contracts.decisions import Home
    from workers.stores.connection import connect
    from workers.stores.conversation_reads import read_conversation
    from workers.stores.ledger_store import LedgerStore
    from workers.stores.partition_store import whole_transcript

    client = connect(settings)
    try:
        stored = await read_conversation(
            client, settings.redis_prefix, EVENTS, partitions, conversation
        )
        if stored is None or stored.state is None:
            raise CliError(
                f"nothing of {conversation} in the store, which keeps 32 days: check the id"
            )
        ledger = LedgerStore(client, settings.redis_prefix)
        record = (await ledger.find(conversation)).record
        turns = await whole_transcript(client, settings.redis_prefix, stored.home, conversation)
        if record is not None and record.decision.action in ("escalate", "move", "transfer"):
            decision = record.decision
        else:
            home = Home(topic=EVENTS, partition=stored.home.partition)
            decision = _now(conversation, stored.state, home)
        return decision, turns, await ledger.others_of(decision)
    finally:
        await client.aclose()


def _now(conversation: str, state: "State", home: "Home") -> "Decision":
    """Return the decision by which a person would be handed the conversation as it stands."""
    from workers.contracts.decisions import Decision
    from workers.contracts.time import from_ms
    from workers.conversation.facts import facts_of

    episode, open_ = state.episode, state.open
    about = episode.last_request or episode.last_answer or conversation
    return Decision(
        decision_id=conversation,
        conversation_id=conversation,
        seq=state.seq,
        epoch=state.epoch,
        episode=state.number,
        action="escalate",
        owner=state.owner,
        reason=open_.reason if open_ is not None else "human_initiative",
        policy_version="-",
        policy_hash="-",
        trigger_event_id=about,
        decided_at=from_ms(state.clock),
        home=home,
        facts=facts_of(state),
    )
