"""Chat logs of other systems, told apart by their shape and brought into the one that is mapped.

That is an object with `messages`, each with a role and content as in the OpenAI and Anthropic
formats; `convert` does the rest.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from workers.chatlogs import framework_formats, helpdesk_formats, model_formats
from workers.chatlogs.json_values import Log, as_dict


class Shape(NamedTuple):
    """One format: its name, whether a log is of it, and how it becomes the mapped one."""

    name: str
    fits: Callable[[Any], bool]
    read: Callable[[Any], Log]


SHAPES: Final = (
    Shape("openai-assistants", model_formats.fits_assistants, model_formats.read_assistants),
    Shape("openai-responses", model_formats.fits_responses, model_formats.read_responses),
    Shape("sharegpt", framework_formats.fits_sharegpt, framework_formats.read_sharegpt),
    Shape("intercom", helpdesk_formats.fits_intercom, helpdesk_formats.read_intercom),
    Shape("zendesk", helpdesk_formats.fits_zendesk, helpdesk_formats.read_zendesk),
    Shape("chatwoot", helpdesk_formats.fits_chatwoot, helpdesk_formats.read_chatwoot),
    Shape("langfuse", framework_formats.fits_langfuse, framework_formats.read_langfuse),
    Shape("vercel", framework_formats.fits_vercel, framework_formats.read_vercel),
    Shape("langchain", framework_formats.fits_langchain, framework_formats.read_langchain),
    Shape("twilio", helpdesk_formats.fits_twilio, helpdesk_formats.read_twilio),
    Shape("anthropic", model_formats.fits_anthropic, model_formats.read_messages),
    Shape("openai-chat", model_formats.fits_messages, model_formats.read_messages),
)
"""Every format that is known, the one with the narrowest shape first."""


def read_shape(log: Any, name: str | None = None) -> tuple[str, Any]:
    """Return the format of a log and the log as it is mapped; `name` forces a format.

    A log that fits none comes back as it is, under the name "unknown". ValueError where a log
    cannot be read in the format that is forced.
    """
    for shape in SHAPES:
        if shape.name == name:
            try:
                return shape.name, shape.read(log)
            except (LookupError, TypeError, AttributeError):
                raise ValueError(f"not of the format {name}") from None
        if name is None and shape.fits(log):
            return shape.name, shape.read(log)
    return "unknown", log


def is_conversation(log: list[Any]) -> bool:
    """Return True if a list is the messages of one conversation, not a list of conversations."""
    known = any(shape.fits(log) for shape in SHAPES)
    return known or any("role" in as_dict(one) for one in log)


def is_event(log: Any) -> bool:
    """Return True if a line is an event already, not a chat log."""
    return isinstance(log, dict) and {"event_id", "conversation_id", "occurred_at"} <= log.keys()


def names(shapes: Iterable[Shape] = SHAPES) -> list[str]:
    """Return the names of the formats, as `--format` takes them."""
    return [shape.name for shape in shapes]
