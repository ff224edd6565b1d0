"""The promises of a Struct as assertions of JSON Schema, to be compared with the files."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import inspect

ANNOTATIONS = {"description", "title", "default", "x-unit", "$schema", "$id", "format"}


def assertions(schema: Any) -> Any:
    """A schema without what only explains it, with enumerations in one order."""
    if isinstance(schema, list):
        return [assertions(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key not in ANNOTATIONS}
    if "enum" in kept:
        kept["enum"] = sorted(kept["enum"], key=str)
    return {
        key: value if key in ("enum", "const", "required") else assertions(value)
        for key, value in kept.items()
    }


def fields_of(struct: type[msgspec.Struct]) -> dict[str, inspect.Field]:
    """The fields of a Struct by the names they have on the wire."""
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    return {field.encode_name: field for field in info.fields}


def is_closed(struct: type[msgspec.Struct]) -> bool:
    """Return True if unknown fields are errors, as in files that people write."""
    info = inspect.type_info(struct)
    return isinstance(info, inspect.StructType) and info.forbid_unknown_fields


def structs_in(roots: Iterable[type[msgspec.Struct]]) -> set[type[msgspec.Struct]]:
    """The Structs inside Structs, at any depth."""
    found: set[type[msgspec.Struct]] = set()
    pending = list(roots)
    while pending:
        for field in fields_of(pending.pop()).values():
            inner = set(_structs(field.type)) - found
            found |= inner
            pending += inner
    return found


def _structs(kind: inspect.Type) -> Iterator[type[msgspec.Struct]]:
    if isinstance(kind, inspect.StructType):
        yield kind.cls
    elif isinstance(kind, inspect.Metadata):
        yield from _structs(kind.type)
    elif isinstance(kind, inspect.UnionType):
        for option in kind.types:
            yield from _structs(option)
    elif isinstance(kind, inspect.VarTupleType):
        yield from _structs(kind.item_type)
    elif isinstance(kind, inspect.DictType):
        yield from _structs(kind.value_type)


def shape(kind: inspect.Type) -> dict[str, Any]:
    """The assertions that a value of this type meets."""
    match kind:
        case inspect.Metadata():
            return shape(kind.type)
        case inspect.UnionType():
            return _union(kind)
        case inspect.StructType():
            return {"$ref": f"#/$defs/{kind.cls.__name__}"}
        case inspect.VarTupleType():
            limits = _given(minItems=kind.min_length, maxItems=kind.max_length)
            return {"type": "array", "items": shape(kind.item_type), **limits}
        case inspect.DictType():
            values, keys = shape(kind.value_type), shape(kind.key_type).get("enum")
            named = {} if keys is None else {"propertyNames": {"enum": keys}}
            return {"type": "object", **named, "additionalProperties": values}
    return _scalar(kind)


def _scalar(kind: inspect.Type) -> dict[str, Any]:
    match kind:
        case inspect.LiteralType():
            values = sorted(kind.values, key=str)
            only = {"const": values[0]} if len(values) == 1 else {"enum": values}
            return {"type": "integer" if isinstance(values[0], int) else "string", **only}
        case inspect.StrType():
            limits = _given(minLength=kind.min_length, maxLength=kind.max_length)
            return {"type": "string", **limits, **_given(pattern=kind.pattern)}
        case inspect.IntType():
            return {"type": "integer", **_given(minimum=kind.ge, maximum=kind.le)}
        case inspect.FloatType():
            limits = _given(minimum=kind.ge, exclusiveMinimum=kind.gt, maximum=kind.le)
            return {"type": "number", **limits}
    return _FIXED[type(kind)]


_DAY = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
_FIXED: dict[type[inspect.Type], dict[str, Any]] = {
    inspect.BoolType: {"type": "boolean"},
    inspect.DateTimeType: {"$ref": "#/$defs/Instant"},
    inspect.DateType: {"type": "string", "pattern": _DAY},
    inspect.AnyType: {"$ref": "#/$defs/Json"},
}


def _union(kind: inspect.UnionType) -> dict[str, Any]:
    options = [shape(option) for option in kind.types if not isinstance(option, inspect.NoneType)]
    if len(options) == len(kind.types):
        return {"anyOf": options}
    assert len(options) == 1
    only = options[0]
    if "$ref" in only:
        return {"anyOf": [only, {"type": "null"}]}
    if "enum" in only:
        only["enum"] = sorted([*only["enum"], None], key=str)
    return {**only, "type": [only["type"], "null"]}


def _given(**limits: float | str | None) -> dict[str, Any]:
    return {name: limit for name, limit in limits.items() if limit is not None}
