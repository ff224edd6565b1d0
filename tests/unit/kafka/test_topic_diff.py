"""Answers of a young cluster, as `handoff topics` takes them."""

from types import SimpleNamespace
from typing import Any

from aiokafka.errors import UnknownTopicOrPartitionError

from workers.contracts.topics import load_topics
from workers.data import data_path
from workers.kafka.admin import _found

_TOPICS = load_topics(data_path("topics.yaml").read_text(encoding="utf-8"), "topics.yaml")


class YoungAdmin:
    """Of two topics that exist, the broker that is asked has not heard of one yet."""

    async def list_topics(self) -> list[str]:
        return ["conversation-events", "conversation-control"]

    async def describe_configs(self, _: Any) -> list[Any]:
        known: Any = (0, "", 2, "conversation-events", [("retention.ms", "1")])
        unheard: Any = (UnknownTopicOrPartitionError.errno, "", 2, "conversation-control", [])
        return [SimpleNamespace(resources=[known, unheard])]

    async def describe_topics(self, names: list[str]) -> list[dict[str, Any]]:
        return [{"topic": name, "partitions": [0]} for name in names]


async def test_a_topic_that_a_broker_has_not_heard_of_is_not_there_yet() -> None:
    admin: Any = YoungAdmin()
    assert [*await _found(admin, _TOPICS)] == ["conversation-events"]
