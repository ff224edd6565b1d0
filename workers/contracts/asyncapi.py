"""An AsyncAPI 3 document of the topics, made from topics.yaml and the schemas."""

from collections.abc import Mapping
from typing import Any, Final

from workers.contracts.topics import Topic, Topics

VERSION: Final = "3.0.0"
_KAFKA_BINDING: Final = "0.5.0"
_OURS: Final = frozenset(
    {
        "escalation-agent",
        "routing-agent",
        "desk-agent",
        "classifier-agent",
        "outcomes-agent",
        "notifier-agent",
        "tickets-agent",
        "operator",
    }
)
_KEYS: Final[dict[str, str]] = {
    "conversation_id": "The conversation_id.",
    "conversation_id_or_queue": "The conversation_id; of presence, the queue.",
    "conversation_id_or_subject": "The conversation_id; of rates, the subject.",
    "decision_id": "The decision_id.",
    "original": "The key of the record that could not be used.",
}
# The document's own references and dialect take the place of these.
_LEFT_OUT: Final = frozenset({"$schema", "$id", "$defs"})

Json = dict[str, Any]


def asyncapi(topics: Topics, schemas: Mapping[str, Json], version: str) -> Json:
    """Return the document as seen from our agents: what they receive and what they send.

    `schemas` holds each schema that a topic names, by that name; `version` is the software's.
    """
    declared = topics.topics.values()
    used = dict.fromkeys(topic.schema for topic in declared)
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "Warm Handoff",
            "version": version,
            "description": (
                "Watches conversations between customers and an AI support agent, and hands them "
                "over to people with their whole context."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.topic: _channel(topic) for topic in declared},
        "operations": {
            f"{action}-{topic.topic}": _operation(action, topic)
            for topic in declared
            for action in _actions(topic)
        },
        "components": {
            "messages": {
                topic.schema: _message(topic, schemas[topic.schema]) for topic in declared
            },
            "schemas": {
                name: _rewritten(definition)
                for schema in used
                for name, definition in schemas[schema].get("$defs", {}).items()
            },
        },
    }


def _channel(topic: Topic) -> Json:
    kept: Json = {"cleanup.policy": [topic.cleanup]}
    if "retention.ms" in topic.configs:
        kept["retention.ms"] = int(topic.configs["retention.ms"])
    return {
        "address": topic.topic,
        "description": topic.description,
        "messages": {topic.schema: {"$ref": f"#/components/messages/{topic.schema}"}},
        "bindings": {
            "kafka": {
                "topic": topic.topic,
                "partitions": topic.partitions,
                "topicConfiguration": {**kept, "max.message.bytes": topic.max_message_bytes},
                "bindingVersion": _KAFKA_BINDING,
            }
        },
        "x-producers": [*topic.producers],
        "x-consumers": [*topic.consumers],
        "x-dead-letters": topic.dead_letters,
    }


def _actions(topic: Topic) -> list[str]:
    sides = (("receive", topic.consumers), ("send", topic.producers))
    return [action for action, services in sides if _OURS & {*services}]


def _operation(action: str, topic: Topic) -> Json:
    services = topic.consumers if action == "receive" else topic.producers
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic.topic}"},
        "messages": [{"$ref": f"#/channels/{topic.topic}/messages/{topic.schema}"}],
        "x-agents": [service for service in services if service in _OURS],
    }


def _message(topic: Topic, schema: Json) -> Json:
    content = _rewritten({key: value for key, value in schema.items() if key not in _LEFT_OUT})
    message = {
        "name": topic.schema,
        "title": schema["title"],
        "summary": schema["description"],
        "contentType": "application/json",
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": _KEYS[topic.key]},
                "bindingVersion": _KAFKA_BINDING,
            }
        },
    }
    if topic.schema == "dead-letters":
        return {**message, "contentType": "application/octet-stream", "headers": content}
    return {**message, "payload": content}


def _rewritten(schema: Any) -> Any:
    """Return a schema whose references point into the document."""
    if isinstance(schema, list):
        return [_rewritten(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: value.replace("#/$defs/", "#/components/schemas/")
        if key == "$ref"
        else _rewritten(value)
        for key, value in schema.items()
    }
