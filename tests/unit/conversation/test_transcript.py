"""The transcript keeps of a turn its calls with their arguments, results and attachments."""

from typing import Any

import msgspec
import orjson
import pytest

from tests.support.fold_history import History
from workers.contracts.decisions import Turn
from workers.contracts.events import Attachment, ToolCall


def _turns(h: History) -> list[Turn]:
    return [msgspec.msgpack.decode(turn, type=Turn) for turn in h.turns]


def test_a_call_keeps_its_arguments_and_the_id_by_which_its_result_is_known() -> None:
    h = History()
    h.customer("Cancel order 4711, please.")
    h.ai("", tool_calls=(ToolCall(name="cancel_order", call_id="k1", arguments={"order": 4711}),))
    h.tool("ok", "cancel_order", call_id="k1")
    call, result = _turns(h)[1:]
    assert (call.calls, call.arguments, call.call_ids) == (
        ("cancel_order",),
        ('{"order":4711}',),
        ("k1",),
    )
    assert result.call_ids == ("k1",)


@pytest.mark.parametrize(
    ("name", "kept"), [("cancel_order", 512), ("transfer_to_human_agents", 4096)]
)
def test_long_arguments_are_cut(name: str, kept: int) -> None:
    h = History()
    h.ai("", tool_calls=(ToolCall(name=name, arguments="é" * 5_000),))
    (turn,) = _turns(h)
    assert len(turn.arguments[0].encode()) == kept


def test_an_image_alone_is_a_turn() -> None:
    h = History()
    image = Attachment(type="image/png", name="hinge.png", url="https://files.example/1", size=9)
    h.customer("", attachments=(image,), customer={"email": "kim@example.com"})
    (turn,) = _turns(h)
    assert (turn.content, turn.attachments) == ("", (image,))
    assert h.state.turns == 1
    assert h.state.email == "kim@example.com"


def test_a_transcript_of_before_is_still_read() -> None:
    old: list[Any] = ["e1", 1, "ai_agent", "Hello", 1, None, None, [], ["get_order"], None, "note"]
    turn = msgspec.msgpack.decode(msgspec.msgpack.encode(old), type=Turn)
    assert (turn.calls, turn.arguments, turn.attachments) == (("get_order",), (), ())
    assert orjson.dumps(msgspec.to_builtins(turn))
