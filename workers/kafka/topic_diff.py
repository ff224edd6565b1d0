"""Comparison of the topics that topics.yaml declares with those that a cluster has."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from workers.contracts.topics import Topic, Topics

EMBEDDED_PARTITIONS: Final = 4
"""Partitions of every topic on the embedded broker, whatever topics.yaml declares."""


class ClusterTopic(NamedTuple):
    """One topic as a cluster has it; `configs` is None on the embedded broker, which has none."""

    partitions: int
    configs: Mapping[str, str] | None


class Difference(NamedTuple):
    """One setting of a topic that is not what topics.yaml declares."""

    topic: str
    setting: str
    declared: str
    found: str
    advice: str

    def __str__(self) -> str:
        values = f"topics.yaml has {self.declared}, the cluster {self.found}"
        return f"{self.topic}: {self.setting}: {values}: {self.advice}"


def missing(topics: Topics, found: Mapping[str, ClusterTopic]) -> list[str]:
    """Return the declared topics that a cluster does not have, in the order of topics.yaml."""
    return [name for name in topics.topics if name not in found]


def differences(topics: Topics, found: Mapping[str, ClusterTopic]) -> list[Difference]:
    """Return every difference between a cluster's topics and their declaration; empty if none."""
    problems = []
    for name, topic in topics.topics.items():
        there = found.get(name)
        if there is None:
            advice = "handoff topics apply creates it"
            problems.append(Difference(name, "topic", "this one", "none of this name", advice))
        else:
            problems += _settings(topic, there)
    return problems


def _settings(topic: Topic, found: ClusterTopic) -> list[Difference]:
    problems = []
    partitions = EMBEDDED_PARTITIONS if found.configs is None else topic.partitions
    if found.partitions != partitions:
        advice = "another number moves keys: drain, create it anew, rebuild"
        values = str(partitions), str(found.partitions)
        problems.append(Difference(topic.topic, "partitions", *values, advice))
    for setting, declared in topic.configs.items():
        value = declared if found.configs is None else found.configs.get(setting, "nothing")
        if value != declared:
            advice = "change the file, or the topic with kafka-configs.sh --alter"
            problems.append(Difference(topic.topic, setting, declared, value, advice))
    return problems
