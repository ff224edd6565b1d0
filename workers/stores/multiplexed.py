"""A Redis client whose tasks share one connection.

Commands that come while an exchange is under way go out as the next one: one write and, mostly,
one read for all of it, so that a busy worker makes fewer calls into the system and not more.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

ANSWER_S: Final = 10.0
"""Seconds that an exchange may take before its connection is given up."""

Command = tuple[Sequence[Any], Mapping[str, Any]]


class _Asked(NamedTuple):
    commands: Sequence[Command]
    answer: asyncio.Future[list[Any]]


class SharedRedis(Redis):
    """A Redis client that shares one connection; no blocking commands and no transactions.

    An exchange that breaks off fails every command of it with the same error, whichever of them
    the server has carried out.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._asked: list[_Asked] = []
        self._exchanging: asyncio.Task[None] | None = None
        self._line: AbstractConnection | None = None

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Return the answer to one command, or raise it."""
        [answer] = await self.ask([(args, options)])
        if isinstance(answer, ResponseError):
            raise answer
        return answer

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        """Return a pipeline over the shared connection; a transaction has one of its own."""
        if transaction:
            return super().pipeline(transaction, shard_hint)
        pipeline = _SharedPipeline(self.connection_pool, self.response_callbacks, False, shard_hint)
        pipeline.redis = self
        return pipeline

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """Return the answer to each command, in their order; one may be a ResponseError."""
        answer: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._asked.append(_Asked(commands, answer))
        if self._exchanging is None or self._exchanging.done():
            self._exchanging = asyncio.create_task(self._exchange_all())
        return await answer

    async def _exchange_all(self) -> None:
        while self._asked:
            asked, self._asked = self._asked, []
            try:
                await self._exchange(asked)
            except BaseException as error:
                _fail(asked, error)
                if not isinstance(error, Exception):
                    raise

    async def _exchange(self, asked: Sequence[_Asked]) -> None:
        line = self._line
        try:
            async with asyncio.timeout(ANSWER_S):
                if line is None:
                    line = self._line = self._new_line()
                    await line.connect()  # type: ignore[no-untyped-call]
                packed = line.pack_commands([args for one in asked for args, _ in one.commands])
                await line.send_packed_command(packed, check_health=False)
                for one in asked:
                    answers = [await self._answer(line, command) for command in one.commands]
                    if not one.answer.done():
                        one.answer.set_result(answers)
        except BaseException:
            # Answers that were not read would be taken for those to the next commands.
            self._line = None
            if line is not None:
                await line.disconnect(nowait=True)
            raise

    async def _answer(self, line: AbstractConnection, command: Command) -> Any:
        args, options = command
        try:
            return await self.parse_response(line, args[0], **options)  # type: ignore[arg-type]
        except ResponseError as error:
            return error

    def _new_line(self) -> AbstractConnection:
        pool = self.connection_pool
        # The time limit is that of the whole exchange.
        return pool.connection_class(**{**pool.connection_kwargs, "socket_timeout": None})

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Disconnect; requests under way fail."""
        if self._exchanging is not None and not self._exchanging.done():
            self._exchanging.cancel()
            await asyncio.wait({self._exchanging})
        _fail(self._asked, asyncio.CancelledError())
        self._asked = []
        line, self._line = self._line, None
        if line is not None:
            await line.disconnect()
        await super().aclose(close_connection_pool)


class _SharedPipeline(Pipeline):
    redis: SharedRedis

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        commands, self.command_stack = self.command_stack, []
        if not commands:
            return []
        answers = await self.redis.ask(commands)
        if raise_on_error:
            self.raise_first_error(commands, answers)
        return answers


def _fail(asked: Sequence[_Asked], error: BaseException) -> None:
    for one in asked:
        if not one.answer.done():
            one.answer.set_exception(_lost(error))


def _lost(error: BaseException) -> BaseException:
    """Return what those who asked are told of a broken exchange."""
    if isinstance(error, TimeoutError):
        return RedisTimeoutError(f"no answer in {ANSWER_S:g} s")
    if isinstance(error, OSError):
        return RedisConnectionError(str(error))
    if isinstance(error, asyncio.CancelledError):
        return RedisConnectionError("disconnected")
    return error
