"""Labels: conversations that needed a person, in the judgement of a person who read them."""

from pathlib import Path
from typing import Final

import msgspec

from workers.contracts.events import Id
from workers.errors import UnreadableInputError

_KEPT: Final = 120


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """A judgement: a conversation needed a person or not, and from which event on, where known."""

    conversation_id: Id
    escalate: bool
    event_id: Id | None = None
    reason: str | None = None
    """A remark for readers of the file; it decides nothing."""


_DECODER: Final = msgspec.json.Decoder(Label)


def load_labels(path: Path) -> dict[str, Label]:
    """Return the labels of a JSONL file by conversation.

    Raise UnreadableInputError, which names file, line and field, for one that cannot be used or
    that speaks twice of one conversation and says two things.
    """
    labels: dict[str, Label] = {}
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            label = _decoded(line, f"{path}:{number}")
            known = labels.setdefault(label.conversation_id, label)
            if (known.escalate, known.event_id) != (label.escalate, label.event_id):
                name = label.conversation_id[:_KEPT]
                raise UnreadableInputError(
                    f"{path}:{number}: {name!r} has another label before: keep one"
                )
    return labels


def _decoded(line: bytes, where: str) -> Label:
    try:
        return _DECODER.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        shape = (
            '{"conversation_id": "…", "escalate": true or false, "event_id": "…", "reason": "…"}'
        )
        raise UnreadableInputError(f"{where}: {error}: a label is {shape}") from None
