"""The OpenAPI document of the bridge, made from the contracts of the topics."""

from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from typing import Any, Final

import orjson

from workers.bridge.intake import MAX_BODY_BYTES, MAX_EVENTS, NOT_ALLOWED
from workers.bridge.senders import DESK_TYPES
from workers.contracts.events import OWN_TYPES
from workers.contracts.rejections import REJECTION_REASONS
from workers.data import data_path

Json = dict[str, Any]
_POSTS: Final = (
    ("conversation-events", "ConversationEvent", "what is said, and how conversations end"),
    ("desk-events", "DeskEvent", "who is at work, and what people do with escalations"),
)
_LEFT_OUT: Final = frozenset({"$schema", "$id", "$defs"})


@cache
def openapi() -> Json:
    """Return the document; it never changes while the process runs."""
    schemas = {"Accepted": _ACCEPTED, "Refused": _REFUSED, "Error": _ERROR}
    for topic, name, _ in _POSTS:
        schemas |= _schemas(topic, name)
    paths: Json = {
        f"/v1/{topic}": {"post": _post(topic, name, about)} for topic, name, about in _POSTS
    }
    paths["/v1/webhooks/{sender}"] = {"post": _webhook()}
    paths["/v1/vendors/{vendor}"] = {"post": _vendor()}
    paths["/v1/conversation-control"] = {"get": _stream()}
    for path, answers in (
        ("/live", {"200": "The process runs."}),
        ("/ready", {"200": "Posts can be written.", "503": "They cannot; the text says why."}),
        ("/metrics", {"200": "Counters in Prometheus' text format."}),
    ):
        paths[path] = {"get": _text(path, answers)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Warm Handoff bridge",
            "version": version("warm-handoff"),
            "description": "Events over HTTP, for systems without a Kafka client.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "signature": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "webhook-signature",
                    "description": "As in the Standard Webhooks specification.",
                },
            },
        },
    }


def _post(topic: str, name: str, about: str) -> Json:
    return {
        "operationId": f"post-{topic}",
        "summary": f"Write {topic}: {about}.",
        "description": (
            "One event or an array of them. The answer comes when Kafka has acknowledged all that "
            "were accepted. An event whose event_id was written before changes nothing, so a post "
            "without an answer may be sent again."
        ),
        "security": [{"token": []}],
        "requestBody": _body([name]),
        "responses": _answers(),
    }


def _webhook() -> Json:
    return {
        "operationId": "post-webhook",
        "summary": "Write the events of a Standard Webhook.",
        "security": [{"signature": []}],
        "parameters": [
            {
                "name": "sender",
                "in": "path",
                "required": True,
                "description": "The sender, as the file of senders names it.",
                "schema": {"type": "string"},
            },
            *(_header(name) for name in ("webhook-id", "webhook-timestamp")),
        ],
        "requestBody": _body([name for _, name, _ in _POSTS]),
        "responses": {**_answers(), "404": _json("There is no such sender.", "Error")},
    }


def _vendor() -> Json:
    """Describe where a vendor posts what its file knows; older ones add /TOKEN to the address."""
    return {
        "operationId": "post-vendor",
        "summary": "Write what the webhook of a vendor becomes, by the vendor's file.",
        "security": [{"signature": []}],
        "parameters": [
            {"name": "vendor", "in": "path", "required": True, "schema": {"type": "string"}}
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"type": "object"}}},
        },
        "responses": {**_answers(), "404": _json("There is no such vendor.", "Error")},
    }


def _stream() -> Json:
    events = {"text/event-stream": {"schema": {"type": "string"}}}
    retry = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
    return {
        "operationId": "follow-control",
        "summary": "Follow conversation-control as Server-Sent Events, each data one JSON message.",
        "security": [{"token": []}],
        "parameters": [
            {
                "name": "last-event-id",
                "in": "header",
                "description": "The id of the last event that was seen; else from the beginning.",
                "schema": {"type": "string"},
            }
        ],
        "responses": {
            "200": {"description": "Events, until one of both goes.", "content": events},
            "401": _json("The sender is not known.", "Error"),
            "403": _json("The sender may not read it.", "Error"),
            "503": {**_json("Too many streams are open.", "Error"), "headers": retry},
        },
    }


def _header(name: str) -> Json:
    return {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}


def _body(names: Iterable[str]) -> Json:
    one: Json = {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in names]}
    many = {"type": "array", "items": one, "minItems": 1, "maxItems": MAX_EVENTS}
    return {
        "required": True,
        "description": f"At most {MAX_BODY_BYTES:,} bytes.",
        "content": {"application/json": {"schema": {"anyOf": [one, many]}}},
    }


def _answers() -> Json:
    retry = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
    return {
        "200": _json("Every event is written, or was before.", "Accepted"),
        "400": _json("The body is no event and no array of events.", "Error"),
        "401": _json("The sender is not known.", "Error"),
        "408": _json("The body did not arrive in time.", "Error"),
        "413": _json("The body is too large.", "Error"),
        "415": _json("The body is not said to be JSON.", "Error"),
        "422": _json(
            "Some events are not right and never will be; the others are written.", "Refused"
        ),
        "503": {**_json("Send the post again, whole.", "Error"), "headers": retry},
    }


def _json(description: str, schema: str) -> Json:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": description, "content": content}


def _text(path: str, answers: dict[str, str]) -> Json:
    text = {"text/plain": {"schema": {"type": "string"}}}
    return {
        "operationId": path.strip("/"),
        "summary": f"For the monitoring of this process: {path}.",
        "security": [],
        "responses": {
            code: {"description": description, "content": text}
            for code, description in answers.items()
        },
    }


_COUNT: Final[Json] = {
    "type": "integer",
    "minimum": 0,
    "description": "Events that Kafka has acknowledged.",
}
_ACCEPTED: Final[Json] = {
    "type": "object",
    "required": ["accepted"],
    "properties": {"accepted": _COUNT},
}
_REFUSED: Final[Json] = {
    "type": "object",
    "required": ["accepted", "refused"],
    "properties": {
        "accepted": _COUNT,
        "refused": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["index", "event_id", "reason", "detail"],
                "properties": {
                    "index": {
                        "type": "integer",
                        "minimum": 0,
                        "description": "Place of the event in the post, from 0.",
                    },
                    "event_id": {"type": ["string", "null"], "description": "Its own id."},
                    "reason": {
                        "type": "string",
                        "enum": [*REJECTION_REASONS, NOT_ALLOWED],
                        "description": "Why; not_allowed: this sender may not write it.",
                    },
                    "detail": {
                        "type": "string",
                        "description": "Which field, what is wrong with it, what to do.",
                    },
                },
            },
        },
    },
}
_ERROR: Final[Json] = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string", "description": "What is wrong and what to do."}},
}


def _schemas(topic: str, name: str) -> Json:
    """Return the components that describe the events of a topic that outside systems may write."""
    file = data_path("schemas") / f"{topic}.v1.schema.json"
    schema = orjson.loads(file.read_bytes())
    root = {key: value for key, value in schema.items() if key not in _LEFT_OUT}
    kind = root["properties"]["type"]
    kind["enum"] = [word for word in kind["enum"] if word not in OWN_TYPES]
    root["allOf"] = [branch for branch in root["allOf"] if not _is_ours(branch)]
    for field in root["required"]:
        # Each type describes this by itself; validators want to see it here, too.
        root["properties"].setdefault(field, {})
    root["description"] = f"One event for {topic}."
    if topic == "desk-events":
        root["description"] += f" Of type {', '.join(DESK_TYPES)}."
    found: Json = {name: _rewritten(root, name)}
    wanted = _references(found[name])
    while wanted:
        component = wanted.pop()
        if component in found:
            continue
        definition = schema["$defs"][component.removeprefix(f"{name}.")]
        found[component] = _rewritten(definition, name)
        wanted |= _references(found[component])
    return found


def _is_ours(branch: Json) -> bool:
    """Return True if a branch of a schema is about a type that only our own agents write."""
    kind = branch.get("if", {}).get("properties", {}).get("type", {})
    return kind.get("const") in OWN_TYPES


def _rewritten(schema: Any, name: str) -> Any:
    """Return a schema whose references point into the document."""
    if isinstance(schema, list):
        return [_rewritten(item, name) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: value.replace("#/$defs/", f"#/components/schemas/{name}.")
        if key == "$ref"
        else _rewritten(value, name)
        for key, value in schema.items()
    }


def _references(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(_references, schema)) if schema else set()
    if not isinstance(schema, dict):
        return set()
    found = {schema["$ref"].rpartition("/")[2]} if isinstance(schema.get("$ref"), str) else set()
    return found.union(*map(_references, schema.values()))
