"""The files of the contract, loaded once for the tests."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import orjson

from workers.contracts.codec import Raw
from workers.contracts.time import DAY, to_ms
from workers.contracts.topics import Topics, load_topics
from workers.data import data_path

FOLDER = data_path("schemas")
EXAMPLES = FOLDER / "examples"
TOPICS_FILE = data_path("topics.yaml")
CONFIG_SCHEMAS = {"topics", "policy", "notices"}
"""Schemas of files that people write, not of topics."""


def schema_names() -> list[str]:
    """The names before `.v1.schema.json`, those of configuration files included."""
    return sorted(path.name.removesuffix(".v1.schema.json") for path in schema_files())


def schema_files() -> list[Path]:
    """Every schema of a topic or a configuration file."""
    return sorted(FOLDER.glob("*.v[0-9]*.schema.json"))


@cache
def schema(name: str) -> dict[str, Any]:
    """The schema of this name; not to be changed."""
    content: dict[str, Any] = orjson.loads((FOLDER / f"{name}.v1.schema.json").read_bytes())
    return content


@cache
def topics() -> Topics:
    """The shipped topics.yaml."""
    return load_topics(TOPICS_FILE.read_text("utf-8"), TOPICS_FILE.name)


@cache
def _python(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema(name))


@cache
def _rust(name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(schema(name))


def verdicts(name: str, value: Any) -> tuple[bool, bool]:
    """Return the verdicts of jsonschema and of jsonschema-rs on a value."""
    return _python(name).is_valid(value), _rust(name).is_valid(value)


def error_paths(name: str, value: Any) -> set[str]:
    """The dotted path of each thing that jsonschema finds wrong, in branches too."""
    found = set()
    pending = list(_python(name).iter_errors(value))
    while pending:
        error = pending.pop()
        pending += error.context or ()
        steps = (
            f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path
        )
        path = "".join(steps).removeprefix(".")
        if error.validator == "required":
            missing = [field for field in error.validator_value if field not in error.instance]
            found |= {f"{path}.{field}".removeprefix(".") for field in missing}
        else:
            found.add(path or "event")
    return found


@dataclass(frozen=True)
class Example:
    """One file below schemas/examples."""

    schema: str
    path: Path

    @property
    def content(self) -> Any:
        """The JSON of the file."""
        return orjson.loads(self.path.read_bytes())

    def __str__(self) -> str:
        return f"{self.schema}-{self.path.stem}"


def examples(kind: str) -> list[Example]:
    """The examples of every schema that are valid, or invalid."""
    paths = sorted(EXAMPLES.glob(f"*/1/{kind}/*.json"))
    return [Example(path.parents[2].name, path) for path in paths]


def record_of(name: str, value: Any, given: dict[str, Any] | None = None) -> Raw:
    """The record that carries an example: keyed as it should be, a day later, unless given."""
    if name == "dead-letters":
        return Raw(None, None, [(key, text.encode()) for key, text in value.items()], 0)
    given = given or {}
    fields = value if isinstance(value, dict) else {}
    keyed_by = "queue" if fields.get("type") == "presence" else "conversation_id"
    key = given.get("key", fields.get(keyed_by))
    body = value.encode() if isinstance(value, str) else orjson.dumps(value)
    moment = given.get("timestamp")
    timestamp_ms = to_ms(datetime.fromisoformat(moment)) if moment else to_ms(_LATER) + DAY
    return Raw(None if key is None else str(key).encode(), body, [], timestamp_ms)


_LATER = datetime.fromisoformat("2026-11-02T00:00:00Z")
