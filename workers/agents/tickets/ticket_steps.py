"""The next step of the work on one ticket, from its request, how far it is, and the time."""

from typing import Final, Literal, NamedTuple

from workers.contracts.tickets import Ticket
from workers.contracts.time import HOUR, MINUTE, to_ms
from workers.outbound.ticket_file import TicketFile
from workers.stores.ticket_store import TicketProgress

MARGIN_MS: Final = MINUTE
"""Before `answer_by`, when the ticket system counts as unavailable."""
_KEY_MARGIN_MS: Final = 5 * MINUTE
"""So much before the end of an idempotency key's life it is not relied upon."""

Step = Literal["find", "create", "update", "close", "ticketed", "unavailable", "poll", "rest"]


class NextStep(NamedTuple):
    """The next thing to do."""

    step: Step
    due_at: int | None = None
    """The end of a rest; None: another request ends it."""


_REST: Final = NextStep("rest")


def next_step(
    file: TicketFile, request: Ticket, done: TicketProgress, now: int, *, given_up: bool = False
) -> NextStep:
    """Return what to do now about the latest request for a ticket.

    `given_up`: the ticket system does not take this request.
    """
    if request.type == "withdrawn":
        return _REST if given_up else _withdrawn(file, request, done, now)
    if done.id is None:
        return _unmade(file, request, done, now)
    behind = done.served < request.seq and not given_up
    return _made(file, request, done, now, behind=behind)


def give_up_at(request: Ticket) -> int | None:
    """Return when a ticket that is not made counts as unavailable.

    That is a minute before `answer_by`, or half of the time to it where that is shorter.
    """
    if request.answer_by is None:
        return None
    by = to_ms(request.answer_by)
    return by - min(MARGIN_MS, max(0, by - to_ms(request.requested_at)) // 2)


def _withdrawn(file: TicketFile, request: Ticket, done: TicketProgress, now: int) -> NextStep:
    if done.id is None:
        # A ticket that was never begun is cancelled; one that may exist is looked for, and closed.
        if not done.uncertain or file.find is None:
            return _REST
        return _once(NextStep("find"), max(_settled_at(file, done), done.retry_at), now)
    if done.served >= request.seq or done.solved or done.gone:
        return _REST
    return _once(NextStep("close"), done.retry_at, now)


def _unmade(file: TicketFile, request: Ticket, done: TicketProgress, now: int) -> NextStep:
    if done.answered >= request.seq:
        return _REST
    limit = give_up_at(request)
    if limit is not None and now >= limit:
        return _too_late(file, request, done, now)
    step, due_at = _try(file, done, now)
    due_at = max(due_at, done.retry_at)
    return _once(NextStep(step), due_at if limit is None else min(due_at, limit), now)


def _too_late(file: TicketFile, request: Ticket, done: TicketProgress, now: int) -> NextStep:
    if request.answer_by is None or now < to_ms(request.answer_by) or done.began_at:
        return NextStep("unavailable")
    if file.find is None or done.looked:
        # Routing has gone on to the next rung and no longer needs an answer.
        return _REST
    # An update of a ticket that was made before the store lost its memory.
    return _once(NextStep("find"), done.retry_at, now)


def _try(file: TicketFile, done: TicketProgress, now: int) -> tuple[Step, int]:
    """Return how to come to the ticket without making a second one, and from when on."""
    if done.uncertain and not _key_holds(file, done, now):
        if file.find is not None:
            return "find", _settled_at(file, done)
        # Without an answer to the question whether it was made, it is made where that is said.
        return ("create", now) if file.duplicates else ("unavailable", now)
    if file.find is not None and not done.looked and not done.began_at:
        return "find", now
    return "create", now


def _key_holds(file: TicketFile, done: TicketProgress, now: int) -> bool:
    hours = file.create.key_hours
    if hours is None or not done.began_at:
        return False
    return now - done.began_at < max(round(hours * HOUR) - _KEY_MARGIN_MS, HOUR // 60)


def _settled_at(file: TicketFile, done: TicketProgress) -> int:
    seconds = 0.0 if file.find is None else file.find.settle_seconds
    return done.tried_at + round(seconds * 1000)


def _made(
    file: TicketFile, request: Ticket, done: TicketProgress, now: int, *, behind: bool
) -> NextStep:
    limit = give_up_at(request)
    if done.answered < request.seq and (not behind or (limit is not None and now >= limit)):
        return NextStep("ticketed")
    if behind:
        until = done.retry_at
        if done.answered < request.seq and limit is not None:
            until = min(until, limit)
        return _once(NextStep("update"), until, now)
    if done.solved or done.gone or file.poll is None:
        return _REST
    due_at = done.polled_at + round(file.poll.every_seconds * 1000)
    return _once(NextStep("poll"), due_at, now)


def _once(step: NextStep, due_at: int, now: int) -> NextStep:
    return step if now >= due_at else NextStep("rest", due_at)
