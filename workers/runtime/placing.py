"""The places at which a worker begins to read the partitions that are assigned to it."""

from collections.abc import Awaitable, Mapping
from typing import NamedTuple, Protocol

from faust.types import TP


class Bounds(NamedTuple):
    """Kafka's account of a partition when it is taken over; offsets, `end` exclusive."""

    begin: int
    end: int
    committed: int | None = None
    first: int | None = None
    """The place at which the very first start began, as the commit tells; None when it does not."""


class Placing(Protocol):
    """The choice of places to start: called once per generation with every assigned partition."""

    def __call__(self, bounds: Mapping[TP, Bounds], /) -> Awaitable[Mapping[TP, int]]:
        """Return the first offset to read of every partition in `bounds`."""


class RevokedMeanwhile(Exception):
    """The partitions were revoked while they were placed; the next assignment places them."""
