"""The AI asks for a person by its own tool: its note comes first, the tool was never tried."""

import msgspec
import pytest

from tests.support.fold_history import History
from workers.contracts.decisions import Turn
from workers.contracts.events import ToolCall
from workers.data import data_path
from workers.detection.handover_tools import is_handover, note_in
from workers.handoff.packet import build_packet

DEFAULT = (data_path("policies") / "default.yaml").read_text()
NOTE = (
    "Customer wants a refund of 649 euros for a leaking washing machine, order 40019944; "
    "it is above my limit and the invoice was checked already, please decide today."
)


def _called(name: str = "transfer_to_human_agents", arguments: object = None) -> History:
    h = History(DEFAULT)
    h.customer("The washing machine 40019944 leaks. I want my 649 euros back.")
    call = ToolCall(name=name, call_id="t1", arguments=arguments or {"summary": NOTE})
    h.ai("", tool_calls=(call,))
    return h


def test_its_note_is_why_and_its_tool_is_not_what_was_tried() -> None:
    h = _called()
    assert (h.last.action, h.last.reason) == ("escalate", "agent_request")
    packet = build_packet(
        h.last.facts,
        [msgspec.msgpack.decode(turn, type=Turn) for turn in h.turns],
        h.last,
        "standard",
    )
    assert packet.why.text.startswith("The AI asked for a person: “Customer wants a refund of 649")
    assert "order 40019944" in packet.why.text
    assert not any("transfer" in claim.text for claim in packet.tried)
    assert "answer" not in packet.next_step.text


def test_without_a_note_the_reason_stands_alone() -> None:
    h = _called(arguments={"order": 4})
    packet = build_packet(h.last.facts, (), h.last, "standard")
    assert packet.why.text.startswith("The AI asked for a person")


@pytest.mark.parametrize(
    "name",
    [
        *("transfer_to_human_agents", "transfer_to_human", "transferToHuman", "escalate_to_human"),
        *("handoff_to_agent", "hand_over", "handoff", "request_human", "connect_to_representative"),
        *(
            "escalate",
            "escalate_ticket",
            "human_handoff",
            "live-agent-transfer",
            "route_to_support",
        ),
    ],
)
def test_a_handover_tool_is_known_by_its_name(name: str) -> None:
    assert is_handover(name)


@pytest.mark.parametrize(
    "name",
    [
        *("transfer_money", "transfer_funds", "get_order", "cancel_order", "contact_details"),
        *("find_agent_by_zip", "check_refund", "pass_reset", "list_people", "request_refund"),
        *("call_api", "get_manager_name", "x" * 500),
    ],
)
def test_another_tool_is_none(name: str) -> None:
    assert not is_handover(name)


@pytest.mark.parametrize(
    ("arguments", "note"),
    [
        ({"summary": "A refund."}, "A refund."),
        ({"reason": "limit", "summary": "A refund above the limit."}, "A refund above the limit."),
        ('{"note": "A refund."}', "A refund."),
        ("A refund.", "A refund."),
        ("{half", None),
        ({"order": 4}, None),
        (None, None),
        ([1], None),
        ({"summary": "x" * 10_000}, "x" * 4096),
    ],
)
def test_the_note_is_found_in_the_arguments(arguments: object, note: str | None) -> None:
    assert note_in(arguments) == note
