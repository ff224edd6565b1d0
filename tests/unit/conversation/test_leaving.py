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
    closes: (NOTHING, A, A, A, C, C, NOTHING, C, A, A),
    is_closed: (NOTHING, C, C, C, C, C, NOTHING, C, C, C),
    is_reported_gone: (NOTHING, A, A, A, A, A, NOTHING, A, A, A),
}
ENDS: dict[str, Outcome] = {W: "withdrawn", C: "closed", A: "abandoned"}


@pytest.mark.parametrize("does", TABLE, ids=lambda does: does.__name__)
@pytest.mark.parametrize("number", range(len(STATES)), ids=lambda n: STATES[n].__name__)
def test_it_ends_as_the_design_says(does: Callable[[History], list[Decision]], number: int) -> None:
    h = STATES[number]()
    wanted, before = TABLE[does][number], len(h.decisions)
    was_open, owner = h.state.open is not None, h.state.owner
    made = does(h)
    assert h.story[before:] == ([] if wanted is None else [wanted])
    if wanted in ENDS:
        [end] = made
        assert (end.outcome, h.state.open, h.state.deadlines) == (ENDS[wanted], None, ())
        assert end.epoch == end.seq, "nobody may act under an older one"
        assert end.owner == h.state.owner
        # Whoever took it back need not be asked again; whoever is gone hears nothing.
        assert h.state.episode.declined == (wanted == W)
    elif does not in (closes, is_closed):
        assert (h.state.open is not None, h.state.owner) == (was_open, owner)
    if does in (closes, is_closed):
        assert (h.state.owner, h.state.deadlines) == ("closed", ())
        assert h.wait(60 * 24 * 40) == [], "a closed conversation waits for nothing"
    elif wanted == DECLINED:
        assert h.state.episode.offer is None
        assert h.customer(ANGRY) == [], "a declined offer is not repeated"


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_whoever_left_and_writes_again_is_heard(state: Callable[[], History]) -> None:
    h = state()
    closes(h)
    [again] = h.customer(ASKS)
    assert (again.action, again.owner) == ("escalate", "pending")
