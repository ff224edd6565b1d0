"""Posts become records as they were posted, with a reason for each that is refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.bridge import body, said
from workers.bridge.intake import MAX_EVENTS, BadBodyError, parse
from workers.bridge.senders import Sender
from workers.contracts.topics import DESKS, EVENTS
from workers.runtime.clock import now_ms

_SHOP = Sender(sender="shop", events=("message", "closed"), token_sha256="0" * 64)
_DESK = Sender(sender="desk", events=("presence", "accepted"), queues=("billing",))
_PRESENCE = {
    "type": "presence",
    "event_id": "p-1",
    "occurred_at": "2026-11-27T10:00:00Z",
    "queue": "billing",
    "agents_online": 1,
}


def test_an_event_is_written_as_it_was_posted_under_its_key() -> None:
    one = b'{ "event_id":"e-1", "conversation_id":"c-1","occurred_at":"2026-11-27T10:00:00Z",'
    one += b'"role":"user","content":"Hi", "of tomorrow": [1] }'
    for post in (one, b" [" + one + b"]"):
        parsed = parse(post, _SHOP, now_ms(), EVENTS)
        assert parsed.refused == []
        assert [record[:3] for record in parsed.records] == [(EVENTS, b"c-1", one)]
    presence = parse(body(_PRESENCE), _DESK, now_ms(), DESKS)
    assert [record[:2] for record in presence.records] == [(DESKS, b"billing")]


def test_a_webhook_says_by_its_type_which_topic_it_is_for() -> None:
    both = Sender(sender="both", events=("message", "presence"), queues=("billing",))
    parsed = parse(body(said("e-1"), _PRESENCE), both, now_ms())
    assert [record.topic for record in parsed.records] == [EVENTS, DESKS]


@pytest.mark.parametrize(
    ("event", "reason", "detail"),
    [
        (5, "schema", "event"),
        ({}, "missing_id", "event_id"),
        (said("e-1", type="routed"), "unknown_type", '"routed"'),
        (said("e-1", type=["message"]), "unknown_type", "an array"),
        (said("e-1", type="presence"), "unknown_type", "presence"),
        (said("e-1", type="offer_reply", accepted=True), "not_allowed", "shop may write message"),
        (said("e-1", conversation=""), "missing_id", "conversation_id"),
        (said("e-1", role="robot"), "schema", "role"),
        (said("e-1", occurred_at="2026-11-27T10:00:00"), "no_zone", "occurred_at"),
        (said("e-1", occurred_at="2999-11-27T10:00:00Z"), "ahead_of_time", "occurred_at"),
        (said("e-1", version=2), "unknown_version", "version"),
        (said("e-1", content="x" * 1_000_000), "too_large", "event"),
        (said("e-1", tool=[]), "schema", "tool"),
        (said("e-1", other=json.loads("[" * 40 + "]" * 40)), "too_deep", "flatten"),
    ],
)
def test_each_refusal_has_its_reason_and_the_others_are_taken(
    event: Any, reason: str, detail: str
) -> None:
    parsed = parse(body(said("before"), event, said("after")), _SHOP, now_ms(), EVENTS)
    assert len(parsed.records) == 2
    (refusal,) = parsed.refused
    assert (refusal.index, refusal.reason) == (1, reason)
    assert detail in refusal.detail


def test_a_desk_writes_for_its_own_queues_only() -> None:
    parsed = parse(body({**_PRESENCE, "queue": "legal"}), _DESK, now_ms(), DESKS)
    assert [refusal.reason for refusal in parsed.refused] == ["not_allowed"]
    assert "desk may write for billing" in parsed.refused[0].detail


@pytest.mark.parametrize(
    "make",
    [
        lambda: b"[]",
        lambda: b"[1, 2",
        lambda: b"[" * 500_000,
        lambda: b"[" + b"1," * 900_000 + b"1]",
        lambda: body(*[said("e")] * (MAX_EVENTS + 1)),
    ],
)
def test_a_body_that_is_no_array_is_refused_whole(make: Callable[[], bytes]) -> None:
    with pytest.raises(BadBodyError):
        parse(make(), _SHOP, now_ms(), EVENTS)


def test_what_is_no_json_is_refused_with_its_byte() -> None:
    for text in (b"", b"no", b'{"a"', b"{" * 10, b"\xff\xfe{}"):
        (refusal,) = parse(text, _SHOP, now_ms(), EVENTS).refused
        assert refusal.reason == "not_json"
        assert refusal.event_id is None
