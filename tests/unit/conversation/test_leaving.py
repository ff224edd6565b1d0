"""A declined offer, a request taken back, a customer who leaves: what each ends as, everywhere."""

from collections.abc import Callable

import pytest

from tests.support.fold_history import ANGRY, ASKS, History
from workers.contracts.decisions import Decision, Outcome
from workers.contracts.events import Closed


def offered() -> History:
    h = History()
    h.customer(ANGRY)
    return h


def pending() -> History:
    h = History()
    h.customer(ASKS)
    return h


def waiting() -> History:
    h = pending()
    h.route()
    return h


def overflowed() -> History:
    h = waiting()
    h.wait(31)
    h.route("manager_approval")
    return h


def ticket_asked() -> History:
    h = pending()
    h.route(place="ticket")
    return h


def ticketed() -> History:
    h = ticket_asked()
    h.desk("ticketed")
    return h


def contact_given() -> History:
    h = pending()
    h.route(place="contact")
    return h


def claimed() -> History:
    h = waiting()
    h.desk("accepted")
    return h


def transferred() -> History:
    h = claimed()
    h.desk("transferred", to_queue="legal")
    return h


def back_from_an_idle_person() -> History:
    h = claimed()
    h.desk("replied")
    h.wait(60 * 5)
    return h


def refuses(h: History) -> list[Decision]:
    return h.button(accepted=False)


def says_no(h: History) -> list[Decision]:
    return h.customer("No thanks.")


def takes_it_back(h: History) -> list[Decision]:
    return h.customer("Never mind, I found it myself.")


def closes(h: History) -> list[Decision]:
    return h.apply(Closed(**h.envelope(), type="closed", by="customer"))


def is_closed(h: History) -> list[Decision]:
    return h.close()


def a_person_closes(h: History) -> list[Decision]:
    return h.apply(Closed(**h.envelope(), type="closed", by="human_agent"))


def is_reported_gone(h: History) -> list[Decision]:
    return h.desk("abandoned") if h.decisions[0].action == "escalate" else []


DECLINED = "suppress declined"
NOTHING = None
STATES: tuple[Callable[[], History], ...] = (
    offered, pending, waiting, overflowed, ticket_asked, ticketed, contact_given, claimed,
    transferred, back_from_an_idle_person,
)  # fmt: skip
W, C, A = "outcome withdrawn", "outcome closed", "outcome abandoned"
TABLE: dict[Callable[[History], list[Decision]], tuple[str | None, ...]] = {
    # offered, pending, waiting, overflowed, ticket asked, ticketed, contact, claimed, passed, idle
    refuses: (DECLINED, *[NOTHING] * 9),
    says_no: (DECLINED, *[NOTHING] * 9),
    takes_it_back: (DECLINED, W, W, W, W, W, NOTHING, NOTHING, W, W),
    closes: (NOTHING, A, A, A, NOTHING, NOTHING, NOTHING, C, A, A),
    is_closed: (NOTHING, C, C, C, NOTHING, NOTHING, NOTHING, C, C, C),
    a_person_closes: (NOTHING, C, C, C, C, C, NOTHING, C, C, C),
    is_reported_gone: (NOTHING, A, A, A, A, A, NOTHING, A, A, A),
}
CLOSING = (closes, is_closed, a_person_closes)
ENDS: dict[str, Outcome] = {W: "withdrawn", C: "closed", A: "abandoned"}


@pytest.mark.parametrize("does", TABLE, ids=lambda does: does.__name__)
@pytest.mark.parametrize("number", range(len(STATES)), ids=lambda n: STATES[n].__name__)
def test_it_ends_as_the_design_says(does: Callable[[History], list[Decision]], number: int) -> None:
    h = STATES[number]()
    wanted, before = TABLE[does][number], len(h.decisions)
    was_open, owner = h.state.open is not None, h.state.owner
    on_ticket, due = h.state.waits_on_ticket, h.state.deadlines
    made = does(h)
    assert h.story[before:] == ([] if wanted is None else [wanted])
    if wanted in ENDS:
        [end] = made
        assert (end.outcome, h.state.open, h.state.deadlines) == (ENDS[wanted], None, ())
        assert end.epoch == end.seq, "nobody may act under an older one"
        assert end.owner == h.state.owner
        # Whoever took it back need not be asked again; whoever is gone hears nothing.
        assert h.state.episode.declined == (wanted == W)
    elif does not in CLOSING or on_ticket:
        assert (h.state.open is not None, h.state.owner) == (was_open, owner)
    if does in CLOSING and wanted is NOTHING and on_ticket:
        assert h.state.deadlines == due, "the ticket waits on"
    elif does in CLOSING:
        assert (h.state.owner, h.state.deadlines) == ("closed", ())
        assert h.wait(60 * 24 * 40) == [], "a closed conversation waits for nothing"
    elif wanted == DECLINED:
        assert h.state.episode.offer is None
        assert h.customer(ANGRY) == [], "a declined offer is not repeated"


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_whoever_left_and_writes_again_is_heard(state: Callable[[], History]) -> None:
    h = state()
    on_ticket = h.state.waits_on_ticket
    closes(h)
    [again] = h.customer(ASKS)
    assert (again.action, again.owner) == ("move" if on_ticket else "escalate", "pending")


@pytest.mark.parametrize(
    ("ends", "outcome"),
    [
        (lambda h: h.desk("resolved"), "resolved"),
        (lambda h: h.wait(60 * 24 * 40), "expired"),
        (lambda h: h.apply(Closed(**h.envelope(), type="closed", by="human_agent")), "closed"),
    ],
    ids=["resolved", "expired", "closed by a person"],
)
def test_a_ticket_outlives_the_chat_and_ends_it(
    ends: Callable[[History], object], outcome: str
) -> None:
    h = ticketed()
    closes(h)
    ends(h)
    assert (h.last.outcome, h.last.owner, h.state.owner) == (outcome, "closed", "closed")
    assert (h.state.open, h.state.deadlines, h.state.left) == (None, (), False)
    h.customer("Thank you! And another question.")
    assert (h.state.owner, h.state.left) == ("ai", False)


def test_a_ticket_that_nobody_takes_goes_up_the_ladder_although_the_chat_is_closed() -> None:
    h = ticket_asked()
    closes(h)
    h.desk("ticket_refused", reason="unavailable")
    assert (h.last.action, h.last.cause) == ("move", "ticket_refused")
    h.route(place="contact")
    assert (h.last.outcome, h.last.owner) == ("contact_given", "closed")


def test_whoever_comes_back_before_the_ticket_is_solved_is_with_the_ai_after_it() -> None:
    h = ticketed()
    closes(h)
    h.customer("One more thing: it is urgent.")
    h.desk("resolved")
    assert (h.last.outcome, h.last.owner) == ("resolved", "ai")
