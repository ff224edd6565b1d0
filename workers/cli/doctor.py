"""`handoff doctor`: look at settings and servers as a starting worker does; say what to do."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import click

from workers.cli.common import (
    CliError,
    json_option,
    kafka_option,
    print_json,
    read_topics,
    redis_option,
    require_servers,
    settings_from,
    topics_option,
)
from workers.cli.policy_option import PolicyChoice, policy_option
from workers.handoff.wording import counted, one_line

if TYPE_CHECKING:
    from workers.contracts.topics import Topics
    from workers.settings import Settings

_LIMIT_S: Final = 30.0
_CLOCK_MS: Final = 2_000
_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]", "/")
_SIGNS: Final = {"ok": "✓", "note": "·", "wrong": "✗"}


class Diagnosis(NamedTuple):
    """One thing that was looked at; of what is wrong `said` ends with what to do."""

    about: str
    state: Literal["ok", "note", "wrong"]
    said: str


def _told(about: str, problem: str | None, well: str) -> Diagnosis:
    return Diagnosis(about, "ok", well) if problem is None else Diagnosis(about, "wrong", problem)


@click.command()
@kafka_option
@redis_option
@policy_option
@topics_option
@json_option
def doctor(
    kafka: str | None, redis: str | None, policy: PolicyChoice, topics: Path, as_json: bool
) -> None:
    """Check settings, Kafka, Redis, clocks, policy, desks and secrets, and say what to do.

    It checks what a worker checks at its start. It changes nothing, so it does not try rights to
    write.

    Exit code: 0 nothing is wrong, 1 there are problems, marked with ✗, 2 bad usage.
    """
    settings = settings_from(kafka=kafka, redis=redis)
    declared = read_topics(topics)
    found = [Diagnosis("settings", "ok", "can be read"), *_secrets(settings)]
    found.append(_policy(policy, topics))
    found += _outbound_files(settings)
    found += asyncio.run(_servers(settings, declared, policy))
    if as_json:
        print_json([one._asdict() for one in found])
    else:
        width = max(len(one.about) for one in found)
        for one in found:
            click.echo(f"{_SIGNS[one.state]} {one.about:<{width}}  {one_line(one.said)}")
    wrong = sum(one.state == "wrong" for one in found)
    if not as_json:
        click.echo(f"{counted(wrong, 'problem')} to mend" if wrong else "nothing is wrong")
    raise SystemExit(1 if wrong else 0)


# ---- What needs no server ---------------------------------------------------------------------


def _secrets(settings: "Settings") -> Iterator[Diagnosis]:
    signed = len(settings.signing_keys)
    yield Diagnosis(
        "secrets",
        "ok" if signed else "note",
        f"HANDOFF_SECRET has {counted(signed, 'key')}"
        if signed
        else "HANDOFF_SECRET is not set: anyone who may write to the log can pose as our agents",
    )
    if settings.kafka_bootstrap and settings.kafka_security_protocol == "PLAINTEXT":
        away = [one for one in settings.kafka_bootstrap.split(",") if not _is_near(one.strip())]
        if away:
            said = "KAFKA_SECURITY_PROTOCOL is PLAINTEXT: nothing is encrypted on the way to Kafka"
            yield Diagnosis("secrets", "note", said)
    if settings.anthropic_api_key is None:
        yield Diagnosis("secrets", "note", "ANTHROPIC_API_KEY is not set: no model is asked")


def _is_near(address: str) -> bool:
    return address.startswith(_LOOPBACK)


def _policy(policy: PolicyChoice, topics: Path) -> Diagnosis:
    from workers.policy import doubts, load_policy

    try:
        name, text = policy.read(topics)
    except CliError as error:
        return Diagnosis("policy", "wrong", error.message)
    loaded = load_policy(text, name)
    if found := doubts(text, name):
        return Diagnosis("policy", "wrong", "; ".join(found))
    return Diagnosis("policy", "ok", f"{name}: version {loaded.version} ({loaded.hash})")


def _outbound_files(settings: "Settings") -> Iterator[Diagnosis]:
    """Read the files of the workers that run only where they are configured, with their secrets."""
    from workers.contracts.yaml import YamlFileError
    from workers.outbound.notifier_file import load_notifier
    from workers.outbound.ticket_file import load_tickets

    looks: tuple[tuple[str, Path | None, Callable[[Path], object], str], ...] = (
        ("notifier", settings.notifier, load_notifier, "no team is mailed"),
        ("tickets", settings.tickets, load_tickets, "a program of yours makes tickets, or nobody"),
    )
    for about, path, load, without in looks:
        if path is None:
            yield Diagnosis(about, "note", f"HANDOFF_{about.upper()} is not set: {without}")
            continue
        try:
            load(path)
        except (YamlFileError, OSError) as error:
            yield Diagnosis(about, "wrong", str(error))
        else:
            yield Diagnosis(about, "ok", f"{path} and its secrets can be read")


# ---- Servers ----------------------------------------------------------------------------------


async def _servers(settings: "Settings", topics: "Topics", policy: PolicyChoice) -> list[Diagnosis]:
    found = []
    looks = (("kafka", _kafka(settings, topics)), ("redis", _redis(settings, topics, policy)))
    for about, look in looks:
        try:
            require_servers(settings, kafka=about == "kafka", redis=about == "redis")
            async with asyncio.timeout(_LIMIT_S):
                found += [one async for one in look]
        except CliError as error:
            found.append(Diagnosis(about, "wrong", error.message))
        except TimeoutError:
            found.append(Diagnosis(about, "wrong", f"no answer in {_LIMIT_S:g} s: look at it"))
        except Exception as error:  # noqa: BLE001 - whatever is wrong, the others are still told
            said = f"{type(error).__name__}: {error}: see docs/security.md for rights"
            found.append(Diagnosis(about, "wrong", said))
    return found


async def _kafka(settings: "Settings", topics: "Topics") -> AsyncIterator[Diagnosis]:
    from workers.kafka.admin import compare
    from workers.kafka.cluster_checks import codecs_missing, group_problems, newest_timestamp

    differences = await compare(settings, topics)
    for difference in differences:
        yield Diagnosis("topics", "wrong", str(difference))
    if not differences:
        yield Diagnosis("topics", "ok", f"{len(topics.topics)} are as topics.yaml declares them")
    lacking = codecs_missing()
    yield _told(
        "codecs",
        f"cannot read {', '.join(lacking)}: install the package again" if lacking else None,
        "gzip, snappy, lz4 and zstd can be read",
    )
    problems = await group_problems(settings)
    for problem in problems:
        yield Diagnosis("rights", "wrong", problem)
    if not problems:
        yield Diagnosis("rights", "ok", "topics and consumer groups may be described")
    newest = await newest_timestamp(settings)
    if newest is not None:
        ahead = newest - _now_ms()
        problem = f"the log's newest record is {ahead} ms ahead of this machine: set its clock"
        yield _told("clocks", problem if ahead > _CLOCK_MS else None, "the log is not ahead of us")


async def _redis(
    settings: "Settings", topics: "Topics", policy: PolicyChoice
) -> AsyncIterator[Diagnosis]:
    from workers.contracts.topics import EVENTS
    from workers.kafka.cluster_checks import partition_count
    from workers.stores import redis_checks
    from workers.stores.connection import connect
    from workers.stores.partition_store import stored_partitions

    client = connect(settings)
    try:
        info: dict[str, Any] = {}
        for section in ("server", "memory", "persistence", "cluster"):
            info[section] = await client.info(section)
        version = info["server"].get("redis_version", "?")
        for section, check, well in (
            ("server", redis_checks.version_problem, f"version {version}"),
            ("cluster", redis_checks.cluster_problem, "one server, no cluster"),
            ("memory", redis_checks.eviction_problem, "never evicts"),
            ("memory", redis_checks.memory_problem, "has memory left"),
        ):
            yield _told("redis", check(info[section]), well)
        lost = redis_checks.persistence_problem(info["persistence"])
        yield Diagnosis("redis", "note" if lost else "ok", lost or "keeps an append-only file")
        seconds, micros = await client.time()
        apart = abs(int(seconds) * 1000 + int(micros) // 1000 - _now_ms())
        problem = f"Redis and this machine are {apart} ms apart: set their clocks"
        yield _told("clocks", problem if apart > _CLOCK_MS else None, "Redis and we agree")
        stored = await stored_partitions(client, settings.redis_prefix, EVENTS)
        if stored is not None and settings.kafka_bootstrap is not None:
            count = await partition_count(settings, EVENTS)
            moved = redis_checks.partitions_problem(EVENTS, count, stored)
            yield _told("partitions", moved, f"{EVENTS} has {count}, as the store knows it")
        yield await _in_force(client, settings, policy, stored or 0)
        for one in await _desks(client, settings, topics):
            yield one
    finally:
        await client.aclose()


async def _in_force(
    client: Any, settings: "Settings", policy: PolicyChoice, partitions: int
) -> Diagnosis:
    """Say which policy is in force, and whether the file is newer, older or the same."""
    from workers.contracts.decisions import Home
    from workers.contracts.topics import EVENTS
    from workers.conversation.partition_meta import policy_in, version_order
    from workers.stores.conversation_reads import partition_meta

    homes = (Home(topic=EVENTS, partition=number) for number in range(partitions))
    metas = [await partition_meta(client, settings.redis_prefix, home) for home in homes]
    known = [meta for meta in metas if meta is not None]
    if not known:
        return Diagnosis("policy", "note", "none is in force yet: no worker has begun")
    newest = max(known, key=lambda meta: version_order(meta.policy_version))
    try:
        own = policy_in(policy.read(None).text)
    except CliError:
        return Diagnosis("policy", "note", f"in force is version {newest.policy_version}")
    if own.hash == newest.policy_hash:
        return Diagnosis("policy", "ok", f"version {newest.policy_version} is in force")
    if version_order(own.version) > version_order(newest.policy_version):
        said = f"in force is {newest.policy_version}; a worker takes {own.version} over"
        return Diagnosis("policy", "note", said)
    return Diagnosis(
        "policy",
        "wrong",
        f"in force is version {newest.policy_version} ({newest.policy_hash}), and {own.version} "
        f"({own.hash}) is not newer: it is not taken over; give it a newer version",
    )


async def _desks(client: Any, settings: "Settings", topics: "Topics") -> list[Diagnosis]:
    from workers.routing.availability import people_online
    from workers.stores.queue_load import LoadStore

    store = LoadStore(client, settings.redis_prefix, topics.queues)
    pipeline = client.pipeline(transaction=False)
    store.ask(pipeline, _now_ms())
    [answer] = await pipeline.execute()
    load = store.read(answer, 0, _now_ms())
    away = [one for one in topics.queues if not people_online(topics, one, load, _now_ms())]
    if not away:
        return [Diagnosis("desks", "ok", "every queue has people online")]
    said = (
        f"nobody is online for {', '.join(away)}: escalations go to overflow queues, tickets or "
        "contact details; a desk must report presence"
    )
    return [Diagnosis("desks", "note", said)]


def _now_ms() -> int:
    from workers.runtime.clock import now_ms

    return now_ms()
