"""The schemas are strict about themselves, agree with the types, and none stands alone."""

import copy
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import msgspec
import orjson
import pytest

import workers.contracts
from tests.support.schema_files import (
    CONFIG_SCHEMAS,
    EXAMPLES,
    FOLDER,
    schema,
    schema_files,
    schema_names,
    topics,
)
from tests.support.struct_schema import assertions, fields_of, is_closed, shape, structs_in
from workers.contracts.decisions import Turn
from workers.contracts.registry import SINGLE_TYPES, TYPED_BY_FIELD
from workers.contracts.topics import TopicsFile
from workers.handoff.notice_file import NoticesFile

DIALECT = orjson.loads((FOLDER / "meta.schema.json").read_bytes())
PYTHON = jsonschema.Draft202012Validator(DIALECT)
RUST = jsonschema_rs.Draft202012Validator(DIALECT)


@pytest.mark.parametrize("path", schema_files(), ids=lambda path: path.name)
def test_schema_keeps_the_dialect(path: Path) -> None:
    content = orjson.loads(path.read_bytes())
    jsonschema.Draft202012Validator.check_schema(content)
    jsonschema_rs.meta.validate(content)
    assert [error.message for error in PYTHON.iter_errors(content)] == []
    assert RUST.is_valid(content)
    assert content["$id"] == path.name


def test_the_dialect_is_json_schema_itself() -> None:
    jsonschema.Draft202012Validator.check_schema(DIALECT)


def _keywords(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    """The place and name of every keyword; the names of properties and definitions are none."""
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from _keywords(item, (*path, index))
    elif isinstance(node, dict):
        names = bool(path) and path[-1] in ("properties", "$defs")
        for key, value in node.items():
            if not names:
                yield path, key
            if names or key not in ("default", "const", "enum", "required"):
                yield from _keywords(value, (*path, key))


@pytest.mark.parametrize("name", schema_names())
def test_a_misspelt_keyword_anywhere_is_an_error(name: str) -> None:
    """Strictness that is misspelt is silently off, which nobody notices."""
    for path, key in _keywords(schema(name)):
        broken = copy.deepcopy(schema(name))
        node: Any = broken
        for step in path:
            node = node[step]
        node[key[0] + key] = node.pop(key)
        assert not RUST.is_valid(broken), f"{'/'.join(map(str, path))}: {key} misspelt passes"


@pytest.mark.parametrize("keyword", ["aditionalProperties", "requierd", "desciption", "enums"])
def test_an_additional_misspelt_keyword_is_an_error(keyword: str) -> None:
    broken = copy.deepcopy(schema("topics"))
    broken["$defs"]["Queue"][keyword] = False
    assert not PYTHON.is_valid(broken)
    assert not RUST.is_valid(broken)


@pytest.mark.parametrize("name", schema_names())
def test_every_definition_is_used_and_every_reference_resolves(name: str) -> None:
    text = orjson.dumps(schema(name)).decode()
    for definition in schema(name).get("$defs", {}):
        assert f'"#/$defs/{definition}"' in text, f"{definition} is not used"
    for part in text.split('"$ref":"#/$defs/')[1:]:
        assert part.split('"')[0] in schema(name)["$defs"]


def test_a_definition_that_several_schemas_have_is_the_same_in_all() -> None:
    """Each file stands alone, so that it needs no registry; the copies must not drift."""
    seen: dict[str, Any] = {}
    for name in schema_names():
        for definition, content in schema(name).get("$defs", {}).items():
            assert seen.setdefault(definition, content) == content, f"{name}: {definition}"


def test_no_orphans() -> None:
    declared = {(topic.schema, topic.schema_version) for topic in topics().topics.values()}
    files = {
        (name, int(version.removeprefix("v")))
        for name, version in (path.name.split(".")[:2] for path in schema_files())
    }
    assert {pair for pair in files if pair[0] not in CONFIG_SCHEMAS} == declared
    folders = {path.relative_to(EXAMPLES).parts[:2] for path in EXAMPLES.glob("*/*/*/*")}
    assert folders == {(name, str(version)) for name, version in declared}
    stray = [path for path in EXAMPLES.rglob("*") if path.is_file() and path.suffix != ".json"]
    assert stray == []


SINGLE: list[tuple[str, type[msgspec.Struct]]] = [
    *SINGLE_TYPES.items(),
    ("topics", TopicsFile),
    ("notices", NoticesFile),
]
TYPED = [
    (name, kind, struct)
    for name, structs in TYPED_BY_FIELD.items()
    for kind, struct in structs.items()
]


def _check(struct: type[msgspec.Struct], properties: dict[str, Any], required: set[str]) -> None:
    fields = fields_of(struct)
    assert set(properties) == set(fields), struct.__name__
    for name, field in fields.items():
        assert assertions(properties[name]) == shape(field.type), f"{struct.__name__}.{name}"
        if isinstance(field.default, str | int | float | bool):
            assert properties[name].get("default") == field.default, f"{struct.__name__}.{name}"
        else:
            assert "default" not in properties[name], f"{struct.__name__}.{name}"
    assert required == {name for name, field in fields.items() if field.required}


@pytest.mark.parametrize(("name", "struct"), SINGLE, ids=[name for name, _ in SINGLE])
def test_schema_and_type_say_the_same(name: str, struct: type[msgspec.Struct]) -> None:
    _check(struct, schema(name)["properties"], set(schema(name)["required"]))


@pytest.mark.parametrize(
    ("name", "kind", "struct"), TYPED, ids=[f"{name}-{kind}" for name, kind, _ in TYPED]
)
def test_typed_schema_and_type_say_the_same(
    name: str, kind: str, struct: type[msgspec.Struct]
) -> None:
    """Common fields stand outside; the type's own fields stand in its definition."""
    whole = schema(name)
    own = whole["$defs"][struct.__name__]
    # Outside, the type is any of them; the definition says its own.
    assert set(whole["properties"]["type"]["enum"]) == set(TYPED_BY_FIELD[name])
    properties = {**whole["properties"], **own["properties"]}
    required = {*whole["required"], *own.get("required", ())}
    _check(struct, properties, required)
    assert kind in properties["type"].get("enum", [properties["type"].get("const")])
    led_to = [
        clause["then"]["$ref"]
        for clause in whole["allOf"]
        if "$ref" in clause["then"] and _holds(clause["if"]["properties"]["type"], kind)
    ]
    assert led_to == [f"#/$defs/{struct.__name__}"]


def _holds(condition: dict[str, Any], kind: str) -> bool:
    return kind in condition.get("enum", [condition.get("const")])


ROOTS: dict[str, set[type[msgspec.Struct]]] = {
    **{name: {struct} for name, struct in SINGLE},
    **{name: set(structs.values()) for name, structs in TYPED_BY_FIELD.items()},
}


@pytest.mark.parametrize("name", sorted(ROOTS))
def test_definitions_and_inner_types_say_the_same(name: str) -> None:
    inner = structs_in(ROOTS[name])
    defined = inner | ROOTS[name] if name in TYPED_BY_FIELD else inner
    definitions = schema(name)["$defs"]
    assert set(definitions) - {"Instant", "Json"} == {struct.__name__ for struct in defined}
    for struct in inner:
        definition = definitions[struct.__name__]
        _check(struct, definition["properties"], set(definition.get("required", ())))
        assert definition.get("additionalProperties", True) is not is_closed(struct)


def test_every_contract_type_is_in_a_schema() -> None:
    """A Struct that is written to a topic cannot be added without its schema."""
    roots = set().union(*ROOTS.values())
    # Turn is what the store keeps, not what a topic carries.
    known = roots | structs_in(roots) | {Turn}
    bases = {base for struct in known for base in struct.__mro__}
    for module_info in pkgutil.iter_modules(workers.contracts.__path__):
        module = importlib.import_module(f"workers.contracts.{module_info.name}")
        for name, value in vars(module).items():
            if isinstance(value, type) and issubclass(value, msgspec.Struct):
                assert value in bases or name.startswith("_"), f"{module_info.name}.{name}"
