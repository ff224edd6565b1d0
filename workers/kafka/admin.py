"""Reads the topics of a cluster and creates those that are missing, by Kafka's admin protocol."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    IncompatibleBrokerVersion,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from workers.contracts.topics import Topic, Topics
from workers.kafka.topic_diff import ClusterTopic, Difference, differences, missing
from workers.settings import Settings, kafka_client_kwargs

_MOST_REPLICAS: Final = 3
_VISIBLE_S: Final = 10.0
_REGISTERED_S: Final = 30.0


class ClusterError(RuntimeError):
    """The cluster refused something, or cannot do it; the message says what and what to do."""


async def compare(settings: Settings, topics: Topics) -> list[Difference]:
    """Return every difference between the cluster's topics and their declaration; empty if none."""
    async with _admin(settings) as admin:
        return differences(topics, await _found(admin, topics))


async def apply(settings: Settings, topics: Topics) -> tuple[list[str], list[Difference]]:
    """Create the topics that are missing; their names, and what still differs.

    Topics that are there are never changed. Returns when the cluster shows the new ones;
    ClusterError when it refuses one.
    """
    async with _admin(settings) as admin:
        created = missing(topics, await _found(admin, topics))
        if created:
            await _create(admin, [topics.topics[name] for name in created])
        until = time.monotonic() + _VISIBLE_S
        found = await _found(admin, topics)
        while not _shows(found, created) and time.monotonic() < until:
            await asyncio.sleep(0.1)
            found = await _found(admin, topics)
        return created, differences(topics, found)


@asynccontextmanager
async def _admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**kafka_client_kwargs(settings))
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


def _shows(found: Mapping[str, ClusterTopic], names: Iterable[str]) -> bool:
    return all(name in found and found[name].partitions for name in names)


async def _found(admin: AIOKafkaAdminClient, topics: Topics) -> dict[str, ClusterTopic]:
    # Asking for a topic that is not there would create it on some brokers.
    there = [name for name in await admin.list_topics() if name in topics.topics]
    configs = await _configs(admin, there) if there else None
    if configs is not None:
        there = [name for name in there if name in configs]
    if not there:
        return {}
    return {
        described["topic"]: ClusterTopic(
            len(described["partitions"]), None if configs is None else configs[described["topic"]]
        )
        for described in await admin.describe_topics(there)
    }


async def _configs(admin: AIOKafkaAdminClient, names: list[str]) -> Any:
    wanted = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    try:
        responses = await admin.describe_configs(wanted)
    except IncompatibleBrokerVersion:
        return None
    configs = {}
    for response in responses:
        for code, message, _, name, entries in response.resources:
            if code == UnknownTopicOrPartitionError.errno:
                # Created so lately that this broker has not heard of it.
                continue
            if code:
                problem = message or for_code(code).description
                raise ClusterError(f"{name}: its configuration cannot be read: {problem}")
            configs[name] = {entry[0]: entry[1] for entry in entries}
    return configs


async def _members(admin: AIOKafkaAdminClient) -> tuple[int, set[int]]:
    """Return the controller's node and every broker's, once a broker has registered."""
    until = time.monotonic() + _REGISTERED_S
    while True:
        cluster = await admin.describe_cluster()
        nodes = {broker["node_id"] for broker in cluster["brokers"]}
        if nodes:
            return cluster["controller_id"], nodes
        # A broker of Kafka answers before the controller has let it into the cluster.
        if time.monotonic() > until:
            raise ClusterError(
                f"no broker has joined the cluster within {_REGISTERED_S:g} s: look into the "
                "brokers' logs, and try again when they are up"
            )
        await asyncio.sleep(0.1)


async def _create(admin: AIOKafkaAdminClient, topics: list[Topic]) -> None:
    controller, nodes = await _members(admin)
    if controller not in nodes:
        raise ClusterError(
            "this broker creates no topics by request (the embedded one makes them itself, with 4 "
            "partitions each): handoff up"
        )
    replicas = min(_MOST_REPLICAS, len(nodes))
    new = [
        NewTopic(topic.topic, topic.partitions, replicas, topic_configs=topic.configs)
        for topic in topics
    ]
    response = await admin.create_topics(new)
    for name, code, message in response.topic_errors:
        # Another one may have created it in between.
        if code and code != TopicAlreadyExistsError.errno:
            problem = message or for_code(code).description
            raise ClusterError(f"{name}: cannot be created: {problem}")
