"""The router's reads from the stores before it carries out a chunk of decisions."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from workers.agents.routing.router_stores import Stores
from workers.contracts.decisions import Decision, OtherEscalation, Turn
from workers.errors import WentBackError
from workers.handoff.brief import is_briefed
from workers.routing.availability import Load
from workers.routing.ledger_record import is_contact
from workers.routing.others import (
    OneCustomer,
    customer_of,
    other_escalations,
    told_of_others,
)
from workers.routing.plan import is_placing
from workers.stores.ledger_store import LedgerEntry
from workers.stores.partition_store import ask_transcript, read_turns


class LedgerRead(NamedTuple):
    """The data that a chunk reads, in one round trip."""

    entries: dict[str, LedgerEntry]
    transcripts: dict[str, list[Turn]]
    """Transcripts by decision id."""
    load: Load
    others: dict[str, tuple[OtherEscalation, ...]]
    """Customers' other open escalations by decision id, where there are any."""


async def read_for(
    decisions: Sequence[Decision],
    stores: Stores,
    seen: Mapping[int, int],
    *,
    since_ms: int,
    now_ms: int,
    transcripts: bool,
) -> LedgerRead:
    """Read what the decisions need; a ledger that went back in time ends the process."""
    known = dict(seen)
    names = list(dict.fromkeys(decision.conversation_id for decision in decisions))
    placing = [decision for decision in decisions if is_placing(decision)]
    pipeline = stores.redis.pipeline(transaction=False)
    stores.ledger.ask_positions(pipeline)
    for name in names:
        stores.ledger.ask(pipeline, name)
    needs_load = placing or any(decision.action == "update" for decision in decisions)
    told = [one for one in decisions if transcripts and needs_transcript(one)]
    for decision in told:
        where = decision.home, decision.conversation_id, decision.facts.entries
        ask_transcript(pipeline, stores.prefix, *where)
    customers = [(one, whose) for one in decisions if (whose := told_of_others(one))]
    for _, customer in customers:
        stores.ledger.customers.ask(pipeline, customer)
    if needs_load:
        stores.load.ask(pipeline, now_ms)
    positions, *results = await pipeline.execute()
    _require_present(known, stores.ledger.read_positions(positions))
    rest = iter(results)
    entries = {name: stores.ledger.read(next(rest)) for name in names}
    turns = {decision.decision_id: read_turns(next(rest)) for decision in told}
    found = {one.decision_id: stores.ledger.customers.read(next(rest)) for one, _ in customers}
    load = Load(since_ms=now_ms)
    if needs_load:
        load = stores.load.read(next(rest), since_ms, now_ms)
    others = await _others(stores, decisions, found)
    return LedgerRead(entries, turns, load, others)


async def _others(
    stores: Stores, decisions: Sequence[Decision], found: Mapping[str, Sequence[str]]
) -> dict[str, tuple[OtherEscalation, ...]]:
    """Return customers' escalations open elsewhere; most have none and need no request.

    `found` has per decision that tells of them the conversations that the index knows.
    """
    wanted = {
        name
        for one in decisions
        for name in found.get(one.decision_id, ())
        if name != one.conversation_id
    }
    entries = await stores.ledger.find_all(wanted) if wanted else {}
    before: dict[OneCustomer, list[Decision]] = {}
    others = {}
    for one in decisions:
        customer = customer_of(one)
        if customer is None:
            continue
        earlier = before.setdefault(customer, [])
        if (names := found.get(one.decision_id)) is not None:
            records = [entries[name].record for name in names if name in entries]
            if records or earlier:
                others[one.decision_id] = other_escalations(one, records, earlier)
        earlier.append(one)
    return others


def _require_present(seen: Mapping[int, int], found: Mapping[int, int]) -> None:
    lost = {part: end for part, end in seen.items() if found.get(part, 0) < end}
    if lost:
        raise WentBackError(f"Redis went back in time: ledger positions {lost} are lost")


def needs_transcript(decision: Decision) -> bool:
    """Return whether a person, or the AI agent that goes on, is told of the conversation."""
    return is_placing(decision) or is_briefed(decision) or is_contact(decision)
