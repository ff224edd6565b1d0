"""The store's memory of any history can be explained and agrees with its state."""

import msgspec
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.fold_history import HOME
from tests.support.random_histories import POLICIES, Beat, beats, play
from workers.contracts.decisions import Turn
from workers.contracts.ids import escalation_id
from workers.replay.explain_store import explain_remembered

BOUND = settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
_TURN = msgspec.msgpack.Decoder(Turn)


# A desk's claim is not among the words, but the person's are.
@example(
    "test",
    [
        Beat("customer", 1, 1, 0),
        Beat("route", 0, 0, 0),
        Beat("desk", 0, 0, 0),
        Beat("person", 0, 0, 1),
        Beat("person", 0, 0, 1),
    ],
    0,
)
# What a desk did between two escalations is not among the words.
@example("basic", [Beat("person", 0, 0, 0), Beat("desk", 3, 0, 0), Beat("customer", 1, 0, 0)], 0)
# A person's turn after a silence that, by the words alone, would have been escalated.
@example(
    "default",
    [
        Beat("person", 0, 0, 0),
        Beat("customer", 0, 0, 0),
        Beat("ai", 0, 0, 12),
        Beat("person", 0, 0, 0),
    ],
    0,
)
@BOUND
@given(st.sampled_from(sorted(POLICIES)), beats, st.integers(0, 3))
def test_every_history_can_be_told_from_what_is_stored(
    policy: str, history: list[Beat], gone: int
) -> None:
    h = play(history, policy)
    if h.blob is None:
        return
    state, turns = h.state, [_TURN.decode(turn) for turn in h.turns][gone:]
    told = explain_remembered(h.conversation_id, state, turns, h.meta, HOME)
    assert [line.event_id for line in told.lines] == [turn.event_id for turn in turns]
    assert told.now.owner == state.owner
    missing = state.entries - len(turns)
    assert any("no longer stored" in one for one in told.missing) == (missing > 0)
    for turn, line in zip(turns, told.lines, strict=True):
        if turn.role == "human_agent":
            assert "by the words alone" not in (line.note or "")
            # Ignored as older than the escalation that was open then, which has ended since.
            late = any(turn.at <= ended.ended_at for ended in state.earlier)
            late |= state.open is not None and turn.at < state.open.begun_at
            assert line.owner == "person" or late or len(state.earlier) == 5
    known = {ended.escalation_id for ended in state.earlier}
    known |= {state.open.id} if state.open is not None else set()
    if len(state.earlier) == 5:
        return
    for line in told.lines:
        for decision in line.decisions:
            if decision.action == "escalate" and not decision.observe:
                assert decision.escalation_id in known, "nothing that did not happen"
    for turn, line in zip(turns, told.lines, strict=True):
        if escalation_id(h.conversation_id, turn.event_id) in known:
            opened = {one.escalation_id for one in line.decisions}
            assert line.note or opened & known, "everything that a turn opened"
