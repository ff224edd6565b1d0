"""Counts of outcomes: figures add up, repeats count once."""

import random
from typing import Any

from workers.contracts.decisions import PredictedWait
from workers.contracts.outcomes import OutcomeKind, OutcomeRecord
from workers.contracts.time import DAY, MINUTE, from_ms
from workers.outcomes import OutcomeCounts, OutcomeReport, as_data, report_of, share, times
from workers.outcomes.outcome_counts import figures

START = 1_790_000_000_000
SECOND = 1_000


def _record(
    n: int, kind: OutcomeKind, at: int = START, conversation: str = "c-1", **fields: Any
) -> OutcomeRecord:
    made: dict[str, Any] = {
        "decision_id": f"d-{n}",
        "kind": kind,
        "conversation_id": conversation,
        "escalation_id": None if kind in ("offered", "declined") else f"e-{conversation}",
        "decided_at": from_ms(at),
        "policy_version": "1",
        "policy_hash": "0123456789ab",
    }
    return OutcomeRecord(**(made | fields))


def _ended(n: int, at: int, opened: int = START, **fields: Any) -> OutcomeRecord:
    made: dict[str, Any] = {"outcome": "resolved", "opened_at": from_ms(opened)}
    return _record(n, "ended", at, **(made | fields))


def test_a_repeat_is_counted_once() -> None:
    report = OutcomeReport()
    for record in (_record(1, "escalated"), _record(1, "escalated"), _ended(2, START + MINUTE)):
        report.take(record)
        report.take(record)
    assert (report.total.escalated, report.total.ended) == (1, 1)


def test_times_count_from_the_opening() -> None:
    report = OutcomeReport()
    claimed, replied = from_ms(START + 90 * SECOND), from_ms(START + 3 * MINUTE)
    report.take(_ended(1, START + DAY, claimed_at=claimed, replied_at=replied, claim_minutes=2.0))
    assert (report.total.to_claim_s, report.total.to_reply_s) == ([90], [180])
    assert (report.total.claimed_in_time, report.total.claimed_late) == (1, 0)


def test_a_claim_after_the_limit_is_late() -> None:
    report = OutcomeReport()
    report.take(_ended(1, START + DAY, claimed_at=from_ms(START + 3 * MINUTE), claim_minutes=2.0))
    assert (report.total.claimed_in_time, report.total.claimed_late) == (0, 1)


def test_a_conversation_that_comes_back_within_seven_days_is_a_bounce() -> None:
    for later, bounced in ((7 * DAY, 1), (7 * DAY + 1, 0)):
        report = OutcomeReport()
        report.take(_record(1, "escalated"))
        report.take(_ended(2, START + MINUTE))
        report.take(_record(3, "escalated", START + MINUTE + later))
        report.take(_record(4, "escalated", START + MINUTE + later, "another"))
        assert report.total.bounced == bounced


def test_a_withdrawn_escalation_that_comes_back_is_none() -> None:
    report = OutcomeReport()
    report.take(_ended(1, START, outcome="withdrawn"))
    report.take(_record(2, "escalated", START + MINUTE))
    assert report.total.bounced == 0


def test_the_last_rating_counts_where_its_escalation_does() -> None:
    records = [
        _record(1, "escalated", reason="stalled"),
        _ended(2, START + MINUTE, reason="stalled", queue="billing"),
        _record(3, "rated", START + 2 * MINUTE, csat=1),
        _record(4, "rated", START + 3 * MINUTE, csat=4),
        _record(5, "rated", START + DAY, "elsewhere", csat=2),
    ]
    report = report_of([*records, *records], ("reason", "queue", "day"))
    assert report.total.csat == {4: 1, 2: 1}
    for name, value in (("reason", "stalled"), ("queue", "billing"), ("reason", "none")):
        assert report.groups[name][value].csat.total() == 1
    assert [counts.csat.total() for counts in report.groups["day"].values()] == [1, 1]
    assert figures(report.total)["csat"] == {"mean": 3.0, **share(1, 2)}


def test_what_was_decided_before_explains_what_is_counted() -> None:
    records = [
        _record(1, "escalated", reason="stalled"),
        _ended(2, START + MINUTE, reason="stalled"),
        _record(3, "rated", START + DAY, csat=5),
        _record(4, "escalated", START + DAY, reason="stalled", escalation_id="e-2"),
    ]
    report = report_of(records, ("reason",), START + DAY)
    (counts,) = report.groups["reason"].values()
    assert (counts.escalated, counts.ended, counts.bounced) == (1, 0, 1)
    assert counts.csat == {5: 1}
    assert report.first_ms == START + DAY


def test_waits_are_held_against_what_was_predicted_on_their_queue() -> None:
    def claimed(n: int, after_s: int, low_s: int, high_s: int) -> OutcomeRecord:
        predicted = PredictedWait(
            queue="billing", placed_at=from_ms(START), low_s=low_s, high_s=high_s
        )
        claimed_at = from_ms(START + after_s * SECOND)
        return _ended(n, START + DAY, claimed_at=claimed_at, predicted_wait=predicted, queue="x")

    records = [
        claimed(1, 60, 60, 120),
        claimed(2, 121, 60, 120),
        claimed(3, 59, 60, 180),
        _ended(4, START + DAY, claimed_at=from_ms(START), queue="billing"),
        _ended(5, START + DAY, queue="billing"),
    ]
    data = as_data(report_of(records))
    assert data["waits"] == {
        "billing": {
            "claimed": 4,
            "within": share(1, 3),
            "median_width_s": 60,
            "median_wait_s": 60,
            "without_estimate": share(1, 4),
        }
    }


def test_workers_that_observe_count_apart() -> None:
    report = OutcomeReport()
    report.take(_record(1, "escalated", observe=True))
    report.take(_record(2, "offered", observe=True))
    assert (report.total.observed, report.total.escalated, report.total.offered) == (1, 0, 0)


def test_splits_add_up_and_an_escalation_counts_under_each_intent() -> None:
    report = OutcomeReport(("reason", "intent"))
    report.take(_record(1, "escalated", reason="stalled", intents=("billing", "leaving")))
    report.take(_record(2, "escalated", reason="explicit_request"))
    reasons, intents = report.groups["reason"], report.groups["intent"]
    assert {name: counts.escalated for name, counts in reasons.items()} == {
        "stalled": 1,
        "explicit_request": 1,
    }
    assert {name: counts.escalated for name, counts in intents.items()} == {
        "billing": 1,
        "leaving": 1,
        "none": 1,
    }


def test_counts_of_parts_add_up_to_those_of_the_whole() -> None:
    dice = random.Random(7)
    records = []
    for n in range(200):
        ended = dice.random() < 0.5
        tried = ("ticket",) if dice.random() < 0.2 else ()
        outcome = dice.choice(("resolved", "returned", "expired"))
        claimed = from_ms(START + dice.randrange(10 * MINUTE))
        records.append(
            _ended(n, START + DAY, outcome=outcome, tried=tried, claimed_at=claimed)
            if ended
            else _record(n, dice.choice(("escalated", "offered", "declined")))
        )
    whole, sum_ = OutcomeCounts(), OutcomeCounts()
    for part in (records[:70], records[70:]):
        counts = OutcomeCounts()
        for record in part:
            counts.count(record)
            whole.count(record)
        sum_.add(counts)
    assert sum_ == whole
    assert whole.ended > 50


def test_a_share_of_few_says_so() -> None:
    assert share(0, 0) == {"share": None, "of": 0, "low": None, "high": None, "few": True}
    found = share(9, 10)
    assert (found["share"], found["few"]) == (0.9, True)
    assert found["low"] == 0.5958
    assert found["high"] == 0.9821
    assert share(18, 20)["few"] is False


def test_percentiles_are_values_that_occur() -> None:
    assert times([]) == {"of": 0, "median": None, "p90": None}
    assert times([30, 10, 20]) == {"of": 3, "median": 20, "p90": 30}
    assert times(list(range(1, 101))) == {"of": 100, "median": 50, "p90": 90}


def test_an_empty_report_has_no_shares() -> None:
    data = as_data(OutcomeReport())
    assert (data["from"], data["until"]) == (None, None)
    assert data["by"] == {}
