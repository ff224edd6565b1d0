"""Random values of contract types, drawn within the limits that the types declare."""

from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from tests.support.struct_schema import fields_of
from workers.contracts.codec import DESK_TYPES, QUEUE_TYPES
from workers.contracts.desks import REQUIRED, DeskEvent
from workers.contracts.events import EVENT_TYPES, Event, Message, ToolResult
from workers.contracts.registry import SINGLE_TYPES

_LONGEST = 40
_UNBOUNDED = 2**53 - 1
LAST_MOMENT = datetime(2100, 1, 1, tzinfo=UTC)

# Surrogates are no text: no JSON can carry them.
texts = st.characters(exclude_categories=["Cs"])
_zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(datetime(1970, 1, 3), datetime(2099, 12, 30), timezones=_zones)  # noqa: DTZ001
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(texts, max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(texts), inner, max_size=4),
    max_leaves=12,
)


def values(kind: inspect.Type) -> st.SearchStrategy[Any]:
    """Values that the decoder gives for a type of msgspec's."""
    match kind:
        case inspect.Metadata():
            return values(kind.type)
        case inspect.UnionType():
            return st.one_of(*map(values, kind.types))
        case inspect.LiteralType():
            return st.sampled_from(kind.values)
        case inspect.StructType():
            return structs(kind.cls)
        case inspect.VarTupleType():
            longest = min(kind.max_length or 3, 3)
            return st.lists(values(kind.item_type), max_size=longest).map(tuple)
        case inspect.StrType() if kind.pattern:
            return st.from_regex(kind.pattern, alphabet=texts).filter(
                lambda text: len(text) <= (kind.max_length or _LONGEST)
            )
        case inspect.StrType():
            longest = min(kind.max_length or _LONGEST, _LONGEST)
            return st.text(texts, min_size=kind.min_length or 0, max_size=longest)
        case inspect.IntType():
            return st.integers(kind.ge or 0, _UNBOUNDED if kind.le is None else kind.le)
        case inspect.FloatType():
            exclude = kind.gt is not None
            low = kind.gt if exclude else kind.ge
            return st.floats(
                low, kind.le, exclude_min=exclude, allow_nan=False, allow_infinity=False
            )
    return _FIXED[type(kind)]


_FIXED: dict[type[inspect.Type], st.SearchStrategy[Any]] = {
    inspect.NoneType: st.none(),
    inspect.BoolType: st.booleans(),
    inspect.DateTimeType: instants,
    inspect.AnyType: json_values,
}


@cache
def structs(struct: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Values of a Struct, each field left at its default or drawn."""
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for name, field in fields_of(struct).items():
        (required if field.required else optional)[name] = values(field.type)
    return st.fixed_dictionaries(required, optional=optional).map(lambda drawn: struct(**drawn))


def _turn(message: Message) -> Message:
    """The message, with what its role needs."""
    if message.role == "tool":
        tool = message.tool or ToolResult(name="lookup", status="ok")
        return msgspec.structs.replace(message, tool=tool)
    return message if message.content else msgspec.structs.replace(message, content="?")


def _reported(kind: str) -> st.SearchStrategy[DeskEvent]:
    types = fields_of(DeskEvent)
    needed = {
        name: values(types[name].type).filter(lambda value: value is not None)
        for name in REQUIRED[kind]
    }
    return st.builds(
        lambda event, fields: msgspec.structs.replace(event, type=kind, force=False, **fields),
        structs(DeskEvent),
        st.fixed_dictionaries(needed),
    )


messages: st.SearchStrategy[Message] = structs(Message).map(_turn)
events: st.SearchStrategy[Event] = st.one_of(
    messages, *(structs(struct) for struct in EVENT_TYPES.values() if struct is not Message)
)
desk_events = st.one_of(
    structs(DESK_TYPES["presence"]), *(_reported(kind) for kind in sorted(REQUIRED))
)
queue_messages = st.one_of(*(structs(struct) for struct in QUEUE_TYPES.values()))
single = {name: structs(struct) for name, struct in SINGLE_TYPES.items()}
