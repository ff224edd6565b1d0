"""The AsyncAPI document: whole, resolved, and as strict as the schemas that it is made from."""

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from tests.support.schema_files import CONFIG_SCHEMAS, examples, schema, schema_names, topics
from workers.contracts.asyncapi import asyncapi

SCHEMAS = {name: schema(name) for name in schema_names() if name not in CONFIG_SCHEMAS}
DOCUMENT = asyncapi(topics(), SCHEMAS, "1.2.3")


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for item in node:
            yield from _references(item)


def _resolve(reference: str) -> Any:
    node: Any = DOCUMENT
    assert reference.startswith("#/")
    for step in reference.removeprefix("#/").split("/"):
        node = node[step]
    return node


def test_what_asyncapi_3_requires_is_there() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    assert set(DOCUMENT["channels"]) == set(topics().topics)
    for name, channel in DOCUMENT["channels"].items():
        assert channel["address"] == name
        assert channel["messages"]
        kafka = channel["bindings"]["kafka"]
        assert kafka["partitions"] == topics().topics[name].partitions
        assert isinstance(kafka["topicConfiguration"]["cleanup.policy"], list)
    for operation in DOCUMENT["operations"].values():
        assert operation["action"] in ("send", "receive")
        # A message of an operation must be one of its channel's, by a reference through it.
        channel = operation["channel"]["$ref"]
        assert _resolve(channel)
        for message in operation["messages"]:
            assert message["$ref"].startswith(f"{channel}/messages/")


def test_every_reference_resolves_and_nothing_is_left_over() -> None:
    used = set(_references(DOCUMENT))
    for reference in used:
        _resolve(reference)
    components = {
        f"#/components/{kind}/{name}"
        for kind, named in DOCUMENT["components"].items()
        for name in named
    }
    assert components <= used


def test_each_topic_is_sent_or_received_by_an_agent() -> None:
    for name in topics().topics:
        sides = {
            operation.split("-")[0]
            for operation in DOCUMENT["operations"]
            if operation.endswith(f"-{name}")
        }
        assert sides, name
    assert DOCUMENT["operations"]["send-desk-events"]["x-agents"] == ["tickets-agent"]
    told = DOCUMENT["operations"]["receive-escalation-notifications"]
    assert told["x-agents"] == ["notifier-agent"]
    assert DOCUMENT["operations"]["receive-desk-events"]["x-agents"] == ["desk-agent"]


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_its_messages_judge_the_examples_as_the_schemas_do(name: str) -> None:
    message = DOCUMENT["components"]["messages"][name]
    content = message["headers" if name == "dead-letters" else "payload"]
    whole = {**content, "components": DOCUMENT["components"]}
    validator = jsonschema.Draft202012Validator(whole)
    for kind in ("valid", "invalid"):
        for example in examples(kind):
            if example.schema != name or "text" in example.content:
                continue
            value = example.content["event"] if kind == "invalid" else example.content
            expected = jsonschema.Draft202012Validator(schema(name)).is_valid(value)
            assert validator.is_valid(value) is expected, example


def test_it_needs_no_keyword_newer_than_draft_7() -> None:
    """Tools read payloads as AsyncAPI's own dialect, which extends draft 7."""
    newer = {"$defs", "$anchor", "$dynamicRef", "prefixItems", "unevaluatedProperties"}
    newer |= {"dependentRequired", "dependentSchemas", "minContains", "$schema", "$id"}

    def keys(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            for key, value in node.items():
                yield key
                yield from keys(value)
        elif isinstance(node, list):
            for item in node:
                yield from keys(item)

    assert newer.isdisjoint(keys(DOCUMENT))
