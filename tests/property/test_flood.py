"""A flooding conversation is bounded and reported, and nobody else notices."""

from collections import Counter
from typing import Final

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.property.test_fold_chunks import BOUND, Store, fold, numbers, records
from tests.support.fold_history import ASKS, CALM, POLICY, START, History
from tests.support.random_histories import Beat, beats, play
from workers.contracts.codec import decode_message
from workers.contracts.decisions import Turn
from workers.contracts.events import Closed, Event, Message, Role
from workers.contracts.tickets import Notification
from workers.contracts.time import HOUR, MINUTE, from_ms, to_ms
from workers.contracts.topics import NOTIFICATIONS
from workers.conversation.state import decode_state

LIMIT: Final = 7
LIMITED: Final = f"messages_per_minute: {LIMIT}\n{POLICY}"
FLOOD: Final = "flood"
ROLES: Final[tuple[Role, ...]] = ("customer", "customer", "ai_agent", "tool", "system")

_said = st.tuples(
    st.sampled_from(ROLES), st.sampled_from((CALM, ASKS, "no")), st.integers(-90, 9), st.booleans()
)


@st.composite
def floods(draw: st.DrawFn) -> list[Event]:
    """Many messages within some minutes; some are of ago, some are sent again."""
    events: list[Event] = []
    now = START
    for number, (role, text, seconds, again) in enumerate(
        draw(st.lists(_said, min_size=20, max_size=90))
    ):
        now += 1000 * max(0, seconds)
        events.append(_message(number, role, text, now + 1000 * min(0, seconds)))
        if again and number % 5 == 0:
            events.append(events[number // 2])
    return events


def _message(number: int, role: Role, text: str, at: int) -> Message:
    return Message(
        event_id=f"f-{number}",
        conversation_id=FLOOD,
        occurred_at=from_ms(at),
        role=role,
        content=text,
    )


def _reports(store: Store) -> list[Notification]:
    told = [o.value for o in store.outputs if o.topic == NOTIFICATIONS and o.key == FLOOD.encode()]
    found = [decode_message(Notification, value or b"") for value in told]
    return [one for one in found if one.kind == "flooding"]


def _turns(store: Store) -> list[Turn]:
    return [msgspec.msgpack.decode(turn, type=Turn) for turn in store.turns.get(FLOOD, [])]


@BOUND
@given(floods(), beats, numbers)
def test_it_is_bounded_and_reported_once_and_others_go_on(
    flood: list[Event], story: list[Beat], cuts: list[int]
) -> None:
    calm = [beat for beat in story if beat.kind != "switch"]
    quiet = [*play(calm, conversation_id="quiet").events]
    alone = fold(records(quiet), policy=LIMITED)
    mixed: list[Event] = []
    for number, event in enumerate(flood):
        mixed.append(event)
        if number % 3 == 0 and quiet:
            mixed.append(quiet.pop(0))
    mixed += quiet
    log = records(mixed)
    store = fold(log, policy=LIMITED)
    # Byte for byte, however it is cut.
    again = fold(log, cuts, LIMITED)
    assert (again.outputs, again.blobs, again.turns, again.ids) == (
        (store.outputs, store.blobs, store.turns, store.ids)
    )
    # The others.
    assert [o.value for o in store.outputs if o.key == b"quiet"] == [
        o.value for o in alone.outputs if o.key == b"quiet"
    ]
    assert store.blobs.get("quiet") == alone.blobs.get("quiet")
    assert store.turns.get("quiet") == alone.turns.get("quiet")
    # The flood: what is kept of it, in words and ids, does not grow with what is sent.
    state = decode_state(FLOOD, store.blobs[FLOOD])
    minutes = len({to_ms(event.occurred_at) // MINUTE for event in flood})
    kept = Counter(turn.role == "customer" for turn in _turns(store))
    assert max(kept.values()) <= LIMIT * minutes
    assert len(store.ids[FLOOD]) == kept.total() == state.turns
    assert len(store.blobs[FLOOD] or b"") <= 2100
    # Every message was read, or counted as not read; repeats of what was read are neither.
    different = len({event.event_id for event in flood})
    assert different <= state.turns + state.unread <= len(flood)
    reports = _reports(store)
    assert bool(reports) == bool(state.unread)
    assert len(reports) == len({report.notification_id for report in reports}) <= state.number


def _told(h: History) -> list[str]:
    """Return the kinds of the notifications."""
    return [orjson.loads(o.value or b"")["kind"] for o in h.outputs if o.topic == NOTIFICATIONS]


def _flooding(role: Role = "customer", count: int = LIMIT + 5) -> History:
    h = History(LIMITED, conversation_id=FLOOD)
    for number in range(count):
        h.apply(_message(number, role, _words(number), h.now))
    return h


def _words(number: int) -> str:
    """Something new each time."""
    return " ".join(chr(97 + number * step % 26) * 5 for step in (3, 5, 7, 9, 11))


def test_what_is_beyond_is_read_again_in_the_next_minute() -> None:
    h = _flooding()
    assert (h.state.turns, h.state.unread) == (LIMIT, 5)
    h.customer(ASKS)
    assert (h.state.turns, h.state.unread) == (LIMIT, 6)
    assert h.story == []
    h.after(1)
    h.customer(ASKS)
    assert h.state.turns == LIMIT + 1
    assert h.last.reason == "explicit_request"
    assert h.last.facts.unread == 6
    assert [
        orjson.loads(o.value or b"")["kind"] for o in h.outputs if o.topic == NOTIFICATIONS
    ] == ["flooding"]


@pytest.mark.parametrize("order", [1, -1], ids=["oldest first", "newest first"])
def test_what_was_said_over_hours_and_arrives_together_is_read(order: int) -> None:
    h = History(LIMITED, conversation_id=FLOOD)
    h.customer("Hello, it is me.")
    hours = [hour for number in range(15 * LIMIT) for hour in [number] * LIMIT][::order]
    for number, hour in enumerate(hours):
        h.apply(_message(number, "customer", _words(number), START - (200 - hour) * HOUR))
    assert (h.state.turns, h.state.unread) == (1 + len(hours), 0)
    assert len(h.blob or b"") < 2000


def test_late_messages_of_one_minute_are_bounded_while_others_are_said() -> None:
    h = History(LIMITED, conversation_id=FLOOD)
    for number in range(3 * LIMIT):
        for minute in range(4):
            event_id = number * 4 + minute
            h.apply(_message(event_id, "customer", _words(event_id), START + minute * MINUTE))
    assert (h.state.turns, h.state.unread) == (4 * LIMIT, 8 * LIMIT)
    # A fifth has the earliest forgotten, not the newest.
    h.apply(_message(9001, "customer", CALM, START - HOUR))
    h.apply(_message(9002, "customer", CALM, START + 3 * MINUTE + 59_000))
    assert (h.state.turns, h.state.unread) == (4 * LIMIT + 1, 8 * LIMIT + 1)


def test_a_customer_is_heard_while_a_bot_floods() -> None:
    h = _flooding("ai_agent")
    assert h.state.unread == 5
    h.customer(ASKS)
    assert h.last.reason == "explicit_request"


def test_people_and_our_own_events_are_never_beyond() -> None:
    h = _flooding()
    h.after(1)
    h.customer(ASKS)
    for number in range(LIMIT + 5):
        h.apply(_message(1000 + number, "customer", _words(number), h.now))
    assert h.state.unread > 5
    unread = h.state.unread
    h.route("tier_2_support")
    assert h.state.open is not None
    assert h.state.open.place == "queue"
    h.desk("accepted")
    assert h.last.action == "claim"
    for _ in range(LIMIT + 5):
        h.person()
    assert h.state.turns > 2 * LIMIT
    assert h.state.unread == unread
    h.apply(Closed(**h.envelope(), type="closed", by="customer"))
    assert h.last.outcome == "closed"


def test_each_episode_reports_once() -> None:
    h = _flooding()
    number = h.state.number
    for again in range(LIMIT + 5):
        h.apply(_message(5000 + again, "customer", CALM, h.now + MINUTE))
    h.close()
    for again in range(LIMIT + 5):
        h.apply(_message(9000 + again, "customer", CALM, h.now + 2 * MINUTE))
    assert h.state.number > number
    assert _told(h) == ["flooding", "flooding"]
