"""Creating topics: a broker that is still starting is waited for, one that cannot is named."""

from collections.abc import Callable
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol.admin import CreateTopicsResponse_v1

from workers.contracts.topics import load_topics
from workers.data import data_path
from workers.kafka.admin import ClusterError, apply
from workers.settings import load_settings

TOPICS = load_topics(data_path("topics.yaml").read_text(), "topics.yaml")
STARTING = {"controller_id": -1, "brokers": []}
READY = {"controller_id": 1, "brokers": [{"node_id": 1}]}
EMBEDDED = {"controller_id": -1, "brokers": [{"node_id": 1}]}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[dict[str, Any]]], list[str]]:
    """Stand in for a cluster without topics; returns what is created there."""

    def stand_in(answers: list[dict[str, Any]]) -> list[str]:
        created: list[str] = []

        async def nothing(*_: Any, **__: Any) -> None:
            return None

        async def describe_cluster(_: Any) -> dict[str, Any]:
            return answers.pop(0) if len(answers) > 1 else answers[0]

        async def list_topics(_: Any) -> list[str]:
            return created

        async def describe_topics(_: Any, names: list[str]) -> list[Any]:
            return [{"topic": name, "partitions": [0]} for name in names]

        async def describe_configs(_: Any, _wanted: list[Any]) -> list[Any]:
            raise IncompatibleBrokerVersion

        async def create_topics(_: Any, new: list[Any]) -> Any:
            created.extend(topic.name for topic in new)
            return CreateTopicsResponse_v1([(topic.name, 0, None) for topic in new])

        for function in (
            describe_cluster,
            list_topics,
            describe_topics,
            describe_configs,
            create_topics,
        ):
            monkeypatch.setattr(AIOKafkaAdminClient, function.__name__, function)
        for name in ("start", "close"):
            monkeypatch.setattr(AIOKafkaAdminClient, name, nothing)
        monkeypatch.setattr("workers.kafka.admin._VISIBLE_S", 0.0)
        return created

    return stand_in


async def test_a_broker_that_has_not_joined_its_cluster_yet_is_waited_for(cluster: Any) -> None:
    created = cluster([STARTING, STARTING, READY])
    await apply(load_settings(kafka_bootstrap="broker:9092"), TOPICS)
    assert sorted(created) == sorted(TOPICS.topics)


async def test_a_broker_that_never_joins_is_named(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.kafka.admin._REGISTERED_S", 0.0)
    cluster([STARTING])
    with pytest.raises(ClusterError, match="no broker has joined the cluster within"):
        await apply(load_settings(kafka_bootstrap="broker:9092"), TOPICS)


async def test_the_embedded_broker_is_told_apart(cluster: Any) -> None:
    cluster([EMBEDDED])
    with pytest.raises(ClusterError, match="creates no topics by request"):
        await apply(load_settings(kafka_bootstrap="broker:9092"), TOPICS)
