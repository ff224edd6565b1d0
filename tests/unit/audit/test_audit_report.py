"""The report of an audit: counts, shares, and the list of open escalations."""

import msgspec
import pytest

from tests.support.audit_builder import START, World, a_whole_life, audited, feed
from workers.audit.audit import Audit
from workers.audit.audit_report import AuditFinding, OpenEscalation
from workers.audit.conversation_track import At
from workers.audit.horizon import Horizon
from workers.cli.audit import show
from workers.contracts.handoffs import Handoff
from workers.contracts.tickets import Notification
from workers.contracts.time import from_ms


def test_an_open_escalation_is_listed_with_age_queue_and_deadline() -> None:
    world = World()
    world.escalate("billing", claim_due_at=from_ms(START + 600_000), rung=2)
    report = audited(world, now_ms=START + 120_000)
    assert report.clean, report.findings
    (one,) = report.open
    assert (one.age_s, one.queue, one.rung, one.owner) == (120, "billing", 2, "pending")
    assert one.due_in_s == 480
    assert one.reason == "explicit_request"
    assert report.open_by_queue == {"billing": 1}


def test_a_ticket_is_not_listed_as_if_it_waited_on_its_teams_queue() -> None:
    world = World()
    world.escalate_to_ticket()
    report = audited(world)
    assert report.open_by_queue == {"ticket": 1}
    assert (report.open[0].place, report.open[0].queue) == ("ticket", None)


def test_the_former_person_is_not_listed_as_the_place(capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    world.escalate()
    world.claim("kim")
    assert audited(world).open[0].person == "kim"
    decision = world.decide("transfer", "pending", new_epoch=True, person="kim")
    world.place(decision, "billing")
    report = audited(world)
    assert report.clean, report.findings
    assert (report.open[0].person, report.open[0].queue) == (None, "billing")
    show(report)
    printed = capsys.readouterr().out
    assert "kim" not in printed
    assert "billing" in printed


def test_the_place_of_a_former_escalation_is_not_that_of_the_next() -> None:
    world = World()
    world.escalate("billing", claim_due_at=from_ms(START - 600_000))
    world.end()
    before = len(world.topics["decisions"])
    world.escalation = "next"
    world.decide("escalate", "pending", new_epoch=True, queue=None)
    report = audited(world, handled=before)
    assert report.clean, report.findings
    assert report.open_by_queue == {"not placed": 1}


def test_the_share_is_of_conversations_that_the_log_still_has() -> None:
    audit = Audit(Horizon(now_ms=START, applied={0: 10**6}))
    for number in range(15):
        world = World(conversation=f"c-{number}")
        world.decide("escalate", "pending", new_epoch=True, escalation_id=f"e-{number}")
        feed(audit, world.topics["decisions"][0], At(0, number, START))
    for number in (0, 1, 100, 101):
        audit.event(At(0, number, START), f"m-{number}", f"c-{number}", "message")
    report = audit.report()
    assert report.counts["escalations"] == 15
    assert report.counts["conversations_escalated"] == 2
    assert report.escalation_rate == 0.5


@pytest.mark.parametrize("rows", [20, 21, 1_200])
def test_rows_that_are_not_shown_are_counted(rows: int, capsys: pytest.CaptureFixture[str]) -> None:
    audit = Audit(Horizon(now_ms=START))
    for number in range(rows):
        world = World(conversation=f"c-{number}")
        world.decide("escalate", "pending", new_epoch=True, escalation_id=f"e-{number}")
        feed(audit, world.topics["decisions"][0], At(0, number, START))
        audit.unknown(f"record {number}")
    report = audit.report()
    show(report)
    printed = capsys.readouterr().out
    told = f"… and {rows - 20:,} more; --json lists {'the first 1,000' if rows > 1_000 else 'all'}"
    assert printed.count(told) == (2 if rows > 20 else 0)
    assert ("more" in printed) == (rows > 20)


def test_events_are_counted_with_their_duplicates_and_lag() -> None:
    audit = Audit(Horizon(now_ms=START + 400_000, applied={0: 2}))
    for offset, id_ in enumerate(["a", "b", "a", "c"]):
        audit.event(At(0, offset, START), id_, "c-1", "message")
    report = audit.report()
    assert (report.counts["events"], report.counts["duplicates"]) == (4, 1)
    assert report.counts["not_yet_applied"] == 2
    assert report.findings_by_kind == {"behind": 1}


def test_a_proven_conversation_is_forgotten_and_an_open_one_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workers.audit.audit._SWEEP_EVERY", 1)
    audit = Audit(Horizon(now_ms=START, handled={0: 10**9}))
    day = 86_400_000
    for number, end in enumerate([True, False, True]):
        world = World(conversation=f"c-{number}", seq=START + number * 10 * day)
        world.escalate()
        if end:
            world.end()
        for topic in ("ledger", "queues", "control", "log", "decisions"):
            for record in world.topics[topic]:
                at = At(0, 1, START + number * 10 * day)
                feed(audit, record, at)
    assert set(audit._tracks) == {"c-1", "c-2"}
    assert [one.conversation_id for one in audit.report().open] == ["c-1"]


def test_a_packet_for_a_ticket_or_a_revision_is_not_counted_twice() -> None:
    world = World()
    world.escalate()
    first = next(one for one in world.topics["queues"] if isinstance(one, Handoff))
    world.put("queues", msgspec.structs.replace(first, revision=1))
    report = audited(world)
    assert report.clean
    assert report.counts["packets"] == 1


def test_a_report_prints_ids_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """An id that looks like markup must not end the audit, nor command a terminal."""
    report = audited(a_whole_life())
    one = OpenEscalation(
        conversation_id="a[/b]\x1b[2J", escalation_id="e", level=0, age_s=1, owner="person",
        person="kim[/x]",
    )  # fmt: skip
    finding = AuditFinding(kind="lost", detail="[/c]", conversation_id="a[/b]", escalation_id=None)
    show(msgspec.structs.replace(report, open=[one], findings=[finding], flooding=["b[/i]"]))
    printed = capsys.readouterr().out
    for expected in ("a[/b][2J", "kim[/x]", "lost a[/b]: [/c]", "(b[/i])"):
        assert expected in printed
    assert "\x1b" not in printed


@pytest.mark.parametrize("loud", [3, 4, 1_200])
def test_conversations_that_are_not_named_are_counted(
    loud: int, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = Audit(Horizon(now_ms=START))
    for number in range(loud):
        audit.notification(
            Notification(
                notification_id=f"n-{number}",
                kind="flooding",
                occurred_at=from_ms(START),
                text="told",
                conversation_id=f"c-{number}",
            )
        )
    show(audit.report())
    more = f" … and {loud - 3:,} more" if loud > 3 else ""
    assert f"{loud:,} (c-0, c-1, c-2{more})" in " ".join(capsys.readouterr().out.split())
