"""Carries out the work on tickets: calls to the ticket system, answers on `desk-events`."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from email.message import EmailMessage
from functools import partial
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import msgspec
import orjson

from workers.agents.tickets.ticket_answers import (
    answer_record,
    letter,
    refused,
    resolved,
    ticketed,
)
from workers.agents.tickets.ticket_steps import NextStep, give_up_at, next_step
from workers.agents.tickets.ticket_texts import TicketTexts, packet_words
from workers.contracts.tickets import Ticket
from workers.contracts.time import MINUTE, to_ms
from workers.outbound.calls import Request
from workers.outbound.due_work import Lanes
from workers.outbound.http_sending import Answer, next_try_ms
from workers.outbound.ticket_calls import (
    agent_in,
    answer_of,
    call_made,
    data_of,
    is_solved,
    question,
    refusal_of,
    ticket_in,
)
from workers.outbound.ticket_file import TicketCall, TicketVendor
from workers.outbound.ticket_mail import TicketSender
from workers.outbound.trees import TreeError
from workers.runtime import metrics
from workers.runtime.producer import Publish
from workers.stores.ticket_store import TicketLostError, TicketProgress, TicketStore, TicketWork

UNAVAILABLE: Final = "unavailable"
_GONE: Final = frozenset({str(int(HTTPStatus.NOT_FOUND)), str(int(HTTPStatus.GONE))})
_NOT_TAKEN: Final = frozenset({"401", "403", "423", "425", "429", "ConnectError", "ConnectTimeout"})
"""Failures after which nothing was made for sure."""

logger = logging.getLogger(__name__)

_DECODE: Final = msgspec.json.Decoder(Ticket).decode


class _TicketWork(NamedTuple):
    """The work in hand, with its request decoded."""

    taken: TicketWork
    request: Ticket

    @property
    def done(self) -> TicketProgress:
        """Return its progress."""
        return self.taken.progress


class TicketWorker:
    """Works on each ticket alone, all side by side; a ticket that fails holds up no other."""

    def __init__(
        self,
        vendor: TicketVendor,
        store: TicketStore,
        texts: TicketTexts,
        publish: Publish,
        clock: Callable[[], int],
    ) -> None:
        self._vendor = vendor
        self._file = vendor.file
        self._store = store
        self._texts = texts
        self._publish = publish
        self._clock = clock
        self._sender = TicketSender(vendor)
        self._lanes: Lanes[TicketWork] = Lanes(store, lambda work: work.id, self._work, clock)

    def wake(self) -> None:
        """Look at once: a request was added."""
        self._lanes.wake()

    async def run(self) -> None:
        """Work until cancelled; an error of Kafka or of the store is raised."""
        await self._lanes.run()

    async def close(self) -> None:
        """Close the connections, once it does not run any more."""
        await self._sender.close()

    async def _work(self, taken: TicketWork) -> None:
        work = _TicketWork(taken, _DECODE(taken.request.value))
        try:
            while (step := self._next(work)).step != "rest":
                work = await self._doing[step.step](self, work)
            await self._store.note(work.taken, work.done, step.due_at or "never", self._clock())
        except TicketLostError:
            logger.info("%s: another process works on it", taken.id)

    def _next(self, work: _TicketWork) -> NextStep:
        taken, now = work.taken, self._clock()
        return next_step(self._file, work.request, work.done, now, given_up=taken.given_up)

    async def _note(
        self, work: _TicketWork, *, given_up: bool = False, **changes: Any
    ) -> _TicketWork:
        done = msgspec.structs.replace(work.done, **changes)
        now = self._clock()
        return work._replace(
            taken=await self._store.note(work.taken, done, "held", now, given_up=given_up)
        )

    # ---- making it ---------------------------------------------------------------------------

    async def _find(self, work: _TicketWork) -> _TicketWork:
        """Look whether the ticket is there already."""
        find = self._file.find
        if find is None:
            raise AssertionError("nothing to look with")
        data = self._data(work.request)
        answer = await self._asked(
            work, "find", lambda: question(self._vendor, "find", find.url, data)
        )
        if answer.result != "done":
            return await self._later(work, "find", answer)
        found = ticket_in(find.ticket, {**data, "answer": answer_of(answer.body)})
        if found is None:
            return await self._note(work, looked=True, uncertain=False, attempts=0, retry_at=0)
        making = _DECODE(work.done.making) if work.done.making else None
        work = await self._note(work, **self._as_made(found, making, work.request))
        return self._counted(work, "found")

    async def _create(self, work: _TicketWork) -> _TicketWork:
        """Make the ticket; that it is tried is noted before, as its end may never be known."""
        done, now = work.done, self._clock()
        again = done.uncertain and bool(done.making)
        making = done.making if again else work.taken.request.value
        began_at = done.began_at if again else now
        work = await self._note(
            work, making=making, began_at=began_at, tried_at=now, uncertain=True
        )
        request = _DECODE(making)
        create, data = self._file.create, self._data(request, packet=True)
        answer = await self._asked(
            work, "create", lambda: call_made(self._vendor, "create", create, data)
        )
        if answer.result == "done":
            made = ticket_in(create.ticket, {**data, "answer": answer_of(answer.body)})
            if made is not None:
                work = await self._note(work, **self._as_made(made, request, request))
                waited_ms = self._clock() - to_ms(request.requested_at)
                metrics.TICKET_SECONDS.observe(max(0, waited_ms) / 1000)
                return self._counted(work, "made")
            answer = Answer("later", "an answer without the ticket")
        if answer.result == "refused":
            kind = refusal_of(create.refusal, answer.body)
            reason = " ".join(filter(None, (self._vendor.name, answer.why, kind)))
            return await self._refuse(work, reason, uncertain=False)
        work = await self._later(work, "create", answer)
        return await self._note(work, uncertain=answer.why not in _NOT_TAKEN)

    def _as_made(self, made: Any, making: Ticket | None, request: Ticket) -> dict[str, Any]:
        packet = (making or request).packet
        return {
            "id": made.id,
            "number": made.number,
            "url": made.url,
            "uncertain": False,
            # A ticket that is found, but is not remembered as made here, is updated.
            "served": 0 if making is None else making.seq,
            "told": 0 if packet is None else packet.transcript_total,
            "polled_at": self._clock(),
            "attempts": 0,
            "retry_at": 0,
            "failing_since": 0,
        }

    async def _refuse(self, work: _TicketWork, reason: str, **changes: Any) -> _TicketWork:
        logger.warning("%s: no ticket: %s", work.taken.id, reason)
        await self._say(refused(work.request, reason, self._clock()))
        work = await self._note(work, answered=work.request.seq, **changes)
        return self._counted(work, UNAVAILABLE if reason == UNAVAILABLE else "refused")

    async def _unavailable(self, work: _TicketWork) -> _TicketWork:
        return await self._refuse(work, UNAVAILABLE)

    async def _ticketed(self, work: _TicketWork) -> _TicketWork:
        await self._say(
            ticketed(work.request, work.done.number or "", work.done.url, self._clock())
        )
        return await self._note(work, answered=work.request.seq)

    # ---- what follows ------------------------------------------------------------------------

    async def _update(self, work: _TicketWork) -> _TicketWork:
        changes: dict[str, Any] = {"solved": False, "gone": False, "closed": False}
        return await self._serve(work, self._file.update, changes)

    async def _close(self, work: _TicketWork) -> _TicketWork:
        return await self._serve(work, self._file.close, {"closed": True})

    async def _serve(
        self, work: _TicketWork, calls: Sequence[TicketCall], changes: dict[str, Any]
    ) -> _TicketWork:
        """Make the next call of an update or a close, or note that all are made."""
        done, seq = work.done, work.request.seq
        if done.calls >= len(calls):
            work = await self._note(work, served=seq, calls=0, **changes)
            return self._counted(work, "withdrawn" if changes.get("closed") else "updated")
        name, kind = work.request.type, "update" if calls is self._file.update else "close"
        data = self._data(work.request, done, packet=work.request.packet is not None)
        call = calls[done.calls]
        answer = await self._asked(work, kind, lambda: call_made(self._vendor, name, call, data))
        if answer.result == "done":
            return await self._note(
                work, calls=done.calls + 1, attempts=0, retry_at=0, failing_since=0
            )
        if answer.result == "later":
            work = await self._later(work, name, answer)
            limit = self._file.limits.give_up_minutes * MINUTE
            if self._clock() - work.done.failing_since <= limit:
                return work
        return await self._give_up(work, f"{name}: {answer.why}")

    async def _give_up(self, work: _TicketWork, why: str) -> _TicketWork:
        """Keep a request that the ticket system does not take as a dead letter, to be retried."""
        logger.warning("%s: given up: %s", work.taken.id, why)
        if work.request.type == "ticket" and work.done.closed:
            # A closed ticket has no one at work on it: routing has to go on to the next rung.
            await self._say(refused(work.request, why, self._clock()))
            work = await self._note(work, answered=work.request.seq)
        await self._publish([letter(work.taken.request, why)])
        work = await self._note(
            work, given_up=True, calls=0, attempts=0, retry_at=0, failing_since=0
        )
        return self._counted(work, "given_up")

    async def _poll(self, work: _TicketWork) -> _TicketWork:
        """Add what the customer has said since, then look whether a person has solved it."""
        poll = self._file.poll
        if poll is None:
            raise AssertionError("nothing to poll with")
        work = await self._comment(work)
        data = self._data(work.request, work.done)
        answer = await self._asked(
            work, "poll", lambda: question(self._vendor, "poll", poll.url, data)
        )
        now = self._clock()
        if answer.result == "refused" and answer.why in _GONE:
            logger.warning("%s: ticket %s is gone: not polled", work.taken.id, work.done.number)
            return await self._note(work, gone=True, polled_at=now)
        told = {**data, "answer": answer_of(answer.body)}
        if answer.result != "done" or not is_solved(self._vendor, told):
            return await self._note(work, polled_at=now)
        await self._say(resolved(work.request, agent_in(self._vendor, told), now))
        return self._counted(await self._note(work, solved=True, polled_at=now), "solved")

    async def _comment(self, work: _TicketWork) -> _TicketWork:
        said = await self._texts.since(work.request, work.done.told)
        if said.told == work.done.told:
            return work
        for call in self._file.comment if said.text else ():
            data = {
                **self._data(work.request, work.done),
                "text": said.text,
                "markdown": said.markdown,
            }
            answer = await self._asked(
                work, "comment", partial(call_made, self._vendor, "comment", call, data)
            )
            if answer.result == "later":
                return work
            if answer.result == "refused":
                logger.warning("%s: a comment was refused: %s", work.taken.id, answer.why)
        return await self._note(work, told=said.told)

    # ---- what all need -----------------------------------------------------------------------

    def _data(
        self, request: Ticket, done: TicketProgress | None = None, *, packet: bool = False
    ) -> Any:
        more: dict[str, Any] = packet_words(request) if packet else {}
        if done is not None:
            more["ticket"] = {"id": done.id, "number": done.number, "url": done.url}
        plain = orjson.loads(msgspec.json.encode(msgspec.structs.replace(request, packet=None)))
        return data_of(self._vendor, plain, **more)

    async def _asked(
        self, work: _TicketWork, name: str, make: Callable[[], Request | EmailMessage]
    ) -> Answer:
        """Make a call while its answer can still be in time, and count it."""
        answer = await self._sent(work, make)
        metrics.TICKET_CALLS.labels(name, answer.result).inc()
        return answer

    async def _sent(self, work: _TicketWork, make: Callable[[], Request | EmailMessage]) -> Answer:
        try:
            request = make()
        except TreeError as error:
            return Answer("refused", str(error)[:200])
        limit = give_up_at(work.request)
        if limit is None or work.done.answered >= work.request.seq:
            return await self._sender.send(request)
        try:
            async with asyncio.timeout(max(0.01, (limit - self._clock()) / 1000)):
                return await self._sender.send(request)
        except TimeoutError:
            return Answer("later", "no answer in time")

    def _counted(self, work: _TicketWork, result: str) -> _TicketWork:
        metrics.TICKETS.labels(result).inc()
        return work

    async def _later(self, work: _TicketWork, name: str, answer: Answer) -> _TicketWork:
        attempts, now = work.done.attempts + 1, self._clock()
        return await self._note(
            work,
            attempts=attempts,
            retry_at=next_try_ms(answer, attempts, now, f"{work.taken.id}: {name}"),
            failing_since=work.done.failing_since or now,
        )

    async def _say(self, event: dict[str, Any]) -> None:
        await self._publish([answer_record(event)])

    _doing: Final[dict[str, Callable[["TicketWorker", _TicketWork], Awaitable[_TicketWork]]]] = {
        "find": _find,
        "create": _create,
        "ticketed": _ticketed,
        "unavailable": _unavailable,
        "update": _update,
        "close": _close,
        "poll": _poll,
    }
