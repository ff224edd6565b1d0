"""A router's records on the ledger's topic, and how many of them its store is known to have.

Pure. Count settled offsets only after verifying that all of their records are in the store.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from workers.contracts.ledger import LedgerRecord


class Span(NamedTuple):
    """Offsets of one partition of the ledger's topic, `end` exclusive."""

    partition: int
    start: int
    end: int


class LedgerProgress:
    """The offsets of one router's own records that the store's positions do not cover yet."""

    def __init__(self) -> None:
        self._unsettled: dict[tuple[int, int], LedgerRecord] = {}
        self._settled: dict[tuple[int, int], LedgerRecord] = {}

    def add(self, record: LedgerRecord, partition: int, offset: int) -> None:
        """Note a record that was acknowledged."""
        self._unsettled[partition, offset] = record

    def settle(self, conversation_ids: Collection[str]) -> None:
        """Note that what was told of these conversations need not be told again."""
        for place, record in [*self._unsettled.items()]:
            if record.conversation_id in conversation_ids:
                self._settled[place] = self._unsettled.pop(place)

    def spans(self) -> list[Span]:
        """Return what is settled, in the order of offsets, neighbours as one.

        Look for `records` first.
        """
        spans: list[Span] = []
        for partition, offset in sorted(self._settled):
            last = spans[-1] if spans else None
            if last is not None and (last.partition, last.end) == (partition, offset):
                spans[-1] = last._replace(end=offset + 1)
            else:
                spans.append(Span(partition, offset, offset + 1))
        return spans

    def records(self) -> list[LedgerRecord]:
        """Return the records of `spans`."""
        return [*self._settled.values()]

    def covered(self, positions: Mapping[int, int]) -> None:
        """Forget what lies below the store's positions."""
        for place in [p for p in self._settled if p[1] < positions.get(p[0], 0)]:
            del self._settled[place]
