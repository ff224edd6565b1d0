"""`handoff outcomes --log`: what the worker would have written, and what only the log knows."""

from pathlib import Path
from typing import Any

import orjson
from click.testing import CliRunner

from tests.support.fold_history import ANGRY, ASKS, CALM, START, History, policy_event
from workers.cli.main import handoff
from workers.contracts.codec import encode
from workers.contracts.decisions import Decision
from workers.contracts.events import Event
from workers.contracts.time import DAY, HOUR, MINUTE, from_ms
from workers.outcomes import as_data, outcome_of, report_of

_THANKS = "Great, thanks, that solved it."


def _solved(name: str, customer: str = "k-1") -> History:
    """Return a conversation that the AI agent solves, of a customer who says thanks for it."""
    h = History(conversation_id=name)
    h.customer(CALM, customer={"id": customer})
    h.after(1).ai("It is changed.", resolved=True)
    h.after(1).customer(_THANKS)
    return h


def _served(name: str) -> History:
    h = History(conversation_id=name)
    h.customer(ASKS)
    h.route()
    h.after(4).desk("accepted")
    h.after(9).desk("resolved", justified=True)
    h.after(60).rating(5)
    return h


def _run(folder: Path, histories: list[History], *options: str) -> tuple[dict[str, Any], bytes]:
    """Return what is said of a log, and the same as bytes without what only a log knows."""
    events: list[Event] = [policy_event(START)]
    # Every event is there twice.
    events += [event for h in histories for event in h.events for _ in range(2)]
    path = folder / "log.jsonl"
    path.write_bytes(b"".join(encode(event) + b"\n" for event in events))
    called = ["outcomes", "--log", str(path), "--json", *options]
    result = CliRunner().invoke(handoff, called)
    assert result.exit_code == 0, result.output
    said = orjson.loads(result.stdout)
    log = said.pop("log")
    return log, orjson.dumps(said)


def _live(decisions: list[Decision], by: tuple[str, ...]) -> bytes:
    records = [record for one in decisions if (record := outcome_of(one))]
    # The worker may have written each twice, in any order.
    return orjson.dumps(as_data(report_of([*records[::-1], *records], by)))


def test_a_replay_says_what_the_worker_wrote_to_the_byte(tmp_path: Path) -> None:
    histories = [_served(f"c-{n}") for n in range(3)] + [_solved("c-3")]
    log, said = _run(tmp_path, histories, "--by", "queue,day")
    decisions = [one for h in histories for one in h.decisions]
    assert said == _live(decisions, ("queue", "day"))
    assert orjson.loads(said)["total"]["csat"]["of"] == 3
    assert log["conversations"] == 4
    assert (log["escalated"]["share"], log["escalated"]["band"]) == (0.75, [0.1, 0.5])


def test_a_customer_who_only_thanks_does_not_come_back(tmp_path: Path) -> None:
    same, other, late, strange = (_solved(name, name) for name in ("c-1", "c-2", "c-3", "c-4"))
    same.after(120).customer(_THANKS)
    later = [History(conversation_id=f"{h.conversation_id}-again") for h in (other, late, strange)]
    for again, h, days in zip(later, (other, late, strange), (6, 8, 1), strict=True):
        again.now = h.now + days * DAY
        who = "somebody else" if h is strange else h.conversation_id
        again.customer("It still goes to the old address.", customer={"id": who})
    log, _ = _run(tmp_path, [same, other, late, strange, *later])
    assert (log["solved_by_ai"], log["came_back"]["share"]) == (4, 0.25)
    same.after(120).customer("It still goes to the old address.")
    log, _ = _run(tmp_path, [same, other, late, strange, *later])
    assert log["came_back"]["share"] == 0.5


def test_who_was_left_without_a_person_is_counted_when_it_is_closed(tmp_path: Path) -> None:
    answered, unanswered, angry, served = (History(conversation_id=f"c-{n}") for n in range(4))
    for h, words in ((answered, CALM), (unanswered, CALM), (angry, ANGRY), (served, ASKS)):
        h.customer(words)
    for h in (answered, angry):
        h.after(1).ai()
    for h in (answered, unanswered, angry, served):
        h.after(2).close()
    log, _ = _run(tmp_path, [answered, unanswered, angry, served])
    assert log["closed_without_person"] == 3
    for name in ("closed_unanswered", "closed_angry"):
        assert log[name]["share"] == 0.3333
    assert log["closed_unanswered_or_angry"]["share"] == 0.6667


def test_since_counts_conversations_that_began_from_then_on(tmp_path: Path) -> None:
    first, second = _served("c-1"), History(conversation_id="c-2")
    second.now = first.now + DAY
    second.customer(CALM)
    since = from_ms(second.now - HOUR + MINUTE).isoformat()
    log, said = _run(tmp_path, [first, second], "--since", since)
    assert (log["conversations"], log["escalated"]["share"]) == (1, 0.0)
    assert orjson.loads(said)["total"]["escalated"] == 0
