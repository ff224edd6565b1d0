"""`handoff schemas`: the contracts of the topics, checked, listed and exported."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
import orjson

from workers.cli.common import (
    json_option,
    numbered_lines,
    print_json,
    progress,
    read_topics,
    topics_option,
)
from workers.cli.output import print_capped, print_columns
from workers.data import data_path
from workers.handoff.wording import counted

if TYPE_CHECKING:
    from workers.contracts.topics import Topics

_ENDING = ".schema.json"
# Of files that people write, not of topics.
_CONFIG = frozenset({"topics.v1", "policy.v1", "notices.v1"})


@click.group()
def schemas() -> None:
    """Check, list or export the contracts of the topics."""


@schemas.command("list")
@topics_option
@json_option
def list_schemas(topics: Path, as_json: bool) -> None:
    """Print every schema with its topics and the number of its examples."""
    declared = read_topics(topics)
    rows = [_row(name, path, declared) for name, path in _files().items()]
    if as_json:
        print_json(rows)
        return
    print_columns(
        ("schema", "valid", "invalid", "topics"),
        [
            (row["schema"], str(row["valid"]), str(row["invalid"]), ", ".join(row["topics"]))
            for row in rows
        ],
    )


def _row(name: str, path: Path, declared: "Topics") -> dict[str, Any]:
    users = [topic.topic for topic in declared.topics.values() if _versioned(topic) == name]
    counts = {kind: len([*_examples(name, kind)]) for kind in ("valid", "invalid")}
    return {"schema": name, "topics": users, **counts, "file": str(path)}


@schemas.command()
@click.argument("source", metavar="[FILE]", type=click.File("rb"), required=False)
@click.option(
    "--topic",
    default="conversation-events",
    show_default=True,
    help="The topic that the records of FILE are for.",
)
@click.option("--all", "every", is_flag=True, help="Print every problem, not only the first 20.")
@topics_option
@json_option
def check(source: IO[bytes] | None, topic: str, every: bool, topics: Path, as_json: bool) -> None:
    """Check records in FILE (JSONL, - for standard input) before they are sent.

    Without FILE the contract itself is checked: schemas, topics.yaml and every example.

    Exit code: 0 all is well, 1 the printed problems were found, 2 bad usage.
    """
    declared = read_topics(topics)
    if source is None:
        checked = len(_files()) + sum(len([*_examples(name, "*")]) for name in _files())
        problems = [*_contract_problems(declared)]
    else:
        if topic not in declared.topics:
            known = ", ".join(declared.topics)
            raise click.BadParameter(f"{topic}: use one of {known}", param_hint="--topic")
        found = _record_problems(source, _versioned(declared.topics[topic]))
        with progress("checking records") as advance:
            checked, problems = _counted(found, advance)
    if as_json:
        print_json({"checked": checked, "problems": problems})
    else:
        print_capped(problems, every=every)
        checks = f"{checked:,} schemas and examples"
        if source is not None:
            checks = counted(checked, "record")
        click.echo(f"{checks} checked, {counted(len(problems), 'problem')}")
    raise SystemExit(1 if problems else 0)


@schemas.command()
@topics_option
def asyncapi(topics: Path) -> None:
    """Print the AsyncAPI 3 document of all topics, as JSON."""
    from importlib.metadata import version

    from workers.contracts.asyncapi import asyncapi as document

    contents = {path.name.partition(".")[0]: _read(path) for path in _files().values()}
    print_json(document(read_topics(topics), contents, version("warm-handoff")))


def _versioned(topic: Any) -> str:
    return f"{topic.schema}.v{topic.schema_version}"


def _files() -> dict[str, Path]:
    """Return the shipped schemas by name and version, as in conversation-events.v1."""
    paths = sorted(data_path("schemas").glob(f"*.v*{_ENDING}"))
    return {path.name.removesuffix(_ENDING): path for path in paths}


def _examples(name: str, kind: str) -> Iterator[Path]:
    schema, _, version = name.rpartition(".v")
    return data_path("schemas").glob(f"examples/{schema}/{version}/{kind}/*.json")


def _read(path: Path) -> Any:
    return orjson.loads(path.read_bytes())


def _validator(schema: Any) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema)


def _contract_problems(declared: "Topics") -> Iterator[str]:
    dialect = _validator(_read(data_path("schemas") / f"meta{_ENDING}"))
    files = _files()
    for name, path in files.items():
        for error in dialect.iter_errors(_read(path)):
            yield f"{path}: {error.json_path}: {error.message}"
        yield from _example_problems(name, path)
    used = {_versioned(topic): topic.topic for topic in declared.topics.values()}
    for name in used.keys() - files.keys():
        yield f"topics.yaml: {used[name]}: schema {name} does not exist: use one in schemas/"
    for name in files.keys() - used.keys() - _CONFIG:
        yield f"{files[name]}: no topic uses it: name it in topics.yaml or remove it"


def _example_problems(name: str, path: Path) -> Iterator[str]:
    validator = _validator(_read(path))
    for example in sorted(_examples(name, "valid")):
        for error in validator.iter_errors(_read(example)):
            yield f"{example}: {error.json_path}: {error.message}"
    for example in sorted(_examples(name, "invalid")):
        content = _read(example)
        found_by = content["error"].get("found_by", ["schema"])
        if "schema" in found_by and validator.is_valid(content["event"]):
            yield f"{example}: valid, but {content['error']['reason']} is expected"


def _record_problems(source: IO[bytes], schema: str) -> Iterator[str | None]:
    """One verdict for every record: None when it is good."""
    validator = _validator(_read(_files()[schema]))
    # Standard input has no name when it is not a file.
    name = getattr(source, "name", "<stdin>")
    for number, line in numbered_lines(source):
        problem = _problem(line, schema.rpartition(".v")[0], validator)
        yield f"{name}:{number}: {problem}" if problem else None


def _problem(line: bytes, schema: str, validator: Any) -> str | None:
    from workers.contracts.codec import Raw
    from workers.contracts.registry import decode_record
    from workers.contracts.rejections import Rejected

    record = Raw(_key(line), line, [], int(time.time() * 1000))
    try:
        decode_record(schema, record)
    except Rejected as rejected:
        return str(rejected)
    # Readers are tolerant, but a writer should keep the schema.
    error = next(validator.iter_errors(orjson.loads(line)), None)
    if error is None:
        return None
    # Its message would quote the value.
    return f"schema: {error.json_path[2:]}: not as {error.validator} in {schema} says"


def _key(line: bytes) -> bytes | None:
    """Return the key that the record will be sent with."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(value, Mapping):
        return None
    key = value.get("queue" if value.get("type") == "presence" else "conversation_id")
    return key.encode() if isinstance(key, str) else None


def _counted(found: Iterator[str | None], advance: Any) -> tuple[int, list[str]]:
    checked, problems = 0, []
    for problem in found:
        checked += 1
        advance(1)
        if problem is not None:
            problems.append(problem)
    return checked, problems
