"""Messages with a secret in every field in which somebody may write, to be looked for later."""

from typing import Any, Final

import msgspec
from msgspec import inspect

from tests.support.struct_schema import fields_of

SECRET: Final = "Zx9-canary-71"
NUMBER: Final = 4111111111111111
WRITTEN: Final = f"my password is {SECRET}, card {NUMBER}"
NESTED: Final[dict[str, Any]] = {
    "q": WRITTEN,
    "password": SECRET,
    "cardNumber": NUMBER,
    "list": [{"deep": [WRITTEN, NUMBER]}],
    "body": '{"body": "{\\"password\\": \\"' + SECRET + '\\", \\"cvv\\": 737}"}',
}

NAMES: Final = frozenset(
    "event_id conversation_id escalation_id decision_id desk_event_id request_id about call_id "
    "ticket_id ticket_url agent_id dedicated_agent queue to_queue tier locale tenant channel model "
    "version policy policy_version policy_hash".split()
)
"""Fields by which systems find each other's records and policies choose: nobody writes in them,
and they cannot be changed on the way."""


def with_canaries(struct: type[msgspec.Struct], **given: Any) -> dict[str, Any]:
    """Return the JSON of a struct with a secret in every text that is not a name; `given` wins."""
    made = {
        name: _value(field.type) for name, field in fields_of(struct).items() if name not in NAMES
    }
    return {name: value for name, value in made.items() if value is not None} | given


def _value(kind: inspect.Type) -> Any:
    match kind:
        case inspect.Metadata():
            return _value(kind.type)
        case inspect.StrType():
            return WRITTEN[: kind.max_length]
        case inspect.LiteralType():
            return "error" if "error" in kind.values else kind.values[0]
        case inspect.AnyType():
            return NESTED
        case inspect.StructType():
            return with_canaries(kind.cls)
        case inspect.VarTupleType():
            item = _value(kind.item_type)
            return None if item is None else [item]
        case inspect.UnionType():
            return next((made for one in kind.types if (made := _value(one)) is not None), None)
    return None
