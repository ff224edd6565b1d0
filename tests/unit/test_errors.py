"""Errors that end a process: each with its own exit code, also from inside a group of tasks."""

import asyncio

import pytest

from workers.errors import (
    EXIT_CONFIGURATION,
    EXIT_FAIL_STOP,
    ConfigurationError,
    WentBackError,
    WorkerStop,
    cause_of,
)
from workers.runtime import failstop


class Ended(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ConfigurationError("no topic"), EXIT_CONFIGURATION, "no topic"),
        (WentBackError("an older copy"), EXIT_FAIL_STOP, "an older copy"),
        (ValueError("a customer's words"), EXIT_FAIL_STOP, "its text left out"),
        (
            ExceptionGroup("tasks", [ValueError("words"), ConfigurationError("no topic")]),
            EXIT_CONFIGURATION,
            "no topic",
        ),
        (
            ExceptionGroup("outer", [ExceptionGroup("inner", [WentBackError("an older copy")])]),
            EXIT_FAIL_STOP,
            "an older copy",
        ),
    ],
)
@pytest.mark.expects_errors("stopping")
def test_the_end_of_a_process_says_why(
    error: Exception, code: int, words: str, monkeypatch: pytest.MonkeyPatch, caplog: object
) -> None:
    codes: list[int] = []

    def ended(code: int) -> None:
        codes.append(code)
        raise Ended

    monkeypatch.setattr("workers.runtime.failstop.os._exit", ended)
    with pytest.raises(Ended):
        failstop.fail_stop("here", error)
    assert codes == [code]
    said = caplog.text  # type: ignore[attr-defined]
    assert words in said
    assert "a customer's words" not in said


def test_an_error_in_a_group_of_tasks_keeps_its_kind() -> None:
    async def fails() -> None:
        raise ConfigurationError("no topic")

    async def group() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fails())
            tasks.create_task(asyncio.sleep(60))

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(group())
    assert isinstance(cause_of(caught.value), WorkerStop)
