"""The other open escalations of a customer, in words."""

from collections.abc import Iterable

from workers.contracts.decisions import OtherEscalation


def others_in_words(others: Iterable[OtherEscalation]) -> list[str]:
    """Return a line for each: since when, why, where it is, who has it, and its conversation."""
    return [_line(one) for one in others]


def _line(one: OtherEscalation) -> str:
    where = [one.reason, one.queue or one.place, one.claimed_by]
    told = ", ".join(filter(None, where))
    return f"{one.opened_at:%Y-%m-%d %H:%M}  {told}: {one.conversation_id}"
