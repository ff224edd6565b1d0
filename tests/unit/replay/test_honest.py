"""A backtest does not claim outcomes of another policy, calls that were none, or health."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from tests.unit.replay.test_files import event, log, policy, policy_event, replay, summary
from workers.cli.main import handoff
from workers.contracts import ids
from workers.data import data_path
from workers.detection import DETECTION_VERSION
from workers.replay.page_summary import turns_in_words

START = datetime(2026, 11, 1, 9, tzinfo=UTC)
ASKS = "Can I talk to a human please?"
BASIC = data_path("policies/basic.yaml")
DEFAULT = data_path("policies/default.yaml")


def at(number: int) -> datetime:
    """Return the time of the event with this number, as `event` has it."""
    return START + timedelta(seconds=10 * number)


def placed(conversation: str, opener: int, number: int, queue: str) -> dict[str, Any]:
    """Return where the router put the escalation that the message `opener` opened."""
    escalation = ids.escalation_id(conversation, f"{conversation}-{opener}")
    seq = round(at(opener).timestamp() * 1000)
    return event(conversation, number) | {
        "type": "routed", "role": None, "content": None,
        "decision_id": ids.decision_id(escalation, "escalate", seq),
        "escalation_id": escalation, "seq": seq, "place": "queue", "queue": queue, "rung": 0,
    }  # fmt: skip


def desk(conversation: str, opener: int, number: int, action: str, **fields: Any) -> dict[str, Any]:
    """Return what a person did with that escalation."""
    escalation = ids.escalation_id(conversation, f"{conversation}-{opener}")
    return event(conversation, number) | {
        "type": "ownership", "role": None, "content": None, "action": action,
        "escalation_id": escalation, "desk_event_id": f"d-{conversation}-{number}",
        "epoch": round(at(opener).timestamp() * 1000), "queue": "tier_2_support",
        "agent_id": "ana", **fields,
    }  # fmt: skip


def clean(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows without what they do not have."""
    return [{key: value for key, value in row.items() if value is not None} for row in rows]


def helped(name: str, **ended: Any) -> list[dict[str, Any]]:
    """Return a conversation that went to a person, came back, and went on with the AI agent."""
    return clean(
        [
            event(name, 0),
            event(name, 1),
            event(name, 2, content=ASKS),
            placed(name, 2, 3, "tier_2_support"),
            desk(name, 2, 4, "accepted"),
            event(name, 5, role="human_agent", content="Hello, Ana here.", agent={"id": "ana"}),
            desk(name, 2, 6, "resolved", resolution="done", **ended),
            event(name, 8),
            event(name, 9),
        ]
    )


def own_log(tmp_path: Path, *conversations: list[dict[str, Any]]) -> Path:
    """Return a log of ours, in which the shipped policy was in force."""
    text = DEFAULT.read_text()
    from workers.policy import load_policy

    loaded = load_policy(text, "default.yaml")
    first = policy_event(text, loaded.version) | {"policy_hash": loaded.hash}
    return log(tmp_path, [first, *(row for rows in conversations for row in rows)])


def test_an_ai_version_is_judged_by_the_band_and_its_readiness_apart(tmp_path: Path) -> None:
    agent = {"id": "bot", "version": "4.2"}
    rows = []
    for number in range(60):
        name = f"c-{number}"
        rows += [event(name, 0), event(name, 1, agent=agent)]
        rows += [event(name, 2, content=ASKS)] if number < 33 else []
    (version,) = summary(log(tmp_path, rows))["policies"][0]["splits"]["ai_version"]
    assert (version["rate"], version["verdict"], version["not_ready"]) == (0.55, "above", False)
    rows += [event(f"d-{n}", m, agent=agent if m == 1 else None, content=ASKS if m == 2 else "Hm.")
             for n in range(200) for m in range(3)]  # fmt: skip
    (version,) = summary(log(tmp_path, clean(rows)))["policies"][0]["splits"]["ai_version"]
    assert (version["verdict"], version["not_ready"]) == ("above", True)


def test_the_logs_own_run_has_the_outcomes_that_were(tmp_path: Path) -> None:
    result = summary(own_log(tmp_path, helped("a"), helped("b")))
    (judged,) = result["policies"]
    assert judged["policy"] == "the log's own policies"
    assert (judged["overall"]["escalated"], judged["outcomes"]) == (2, {"resolved": 2})
    assert judged["hypothetical"] == {}
    # What the policy in force is told as a file, it does again.
    tried = summary(own_log(tmp_path, helped("a"), helped("b")), "--policy", DEFAULT)
    assert [one["actions"] for one in tried["policies"]] == [judged["actions"]] * 2
    assert tried["changed"] == {}


def test_another_policy_obeys_the_switches_that_a_policy_event_carries(tmp_path: Path) -> None:
    text = DEFAULT.read_text()
    agent = {"id": "bot", "version": "4.2"}
    off = {"ai_version": "4.2", "on": False, "at": at(0).isoformat(), "reason": "It errs."}
    for switches, silenced in (([off], {"ai_silenced": 1}), ([], {})):
        first = policy_event(text, "1") | {"switches": switches}
        rows = [event("a", 0), event("a", 1, agent=agent), event("a", 2)]
        judged = summary(log(tmp_path, [first, *rows]), "--policy", DEFAULT)["policies"][0]
        assert judged["reasons"] == silenced


def test_a_log_of_another_detection_is_said_to_be_one(tmp_path: Path) -> None:
    first = policy_event(DEFAULT.read_text(), "1")
    for told, others in (("0123456789ab", True), (DETECTION_VERSION, False), (None, False)):
        rows = [{**first, "detection_version": told}, event("a", 0), event("a", 1)]
        path, page = log(tmp_path, rows), tmp_path / "page.html"
        found = summary(path)
        assert found["detection_version"] == DETECTION_VERSION
        assert found["recorded_detections"] == ([] if told is None else [told])
        output = replay(path, "--html", page).stdout
        explained = CliRunner().invoke(handoff, ["explain", "a", "--log", str(path)]).stdout
        for text in (output, page.read_text(), explained):
            assert ("another detection (0123456789ab)" in text) == others


def test_what_desks_and_the_router_did_is_not_told_to_another_policy(tmp_path: Path) -> None:
    rows = helped("a")
    result = summary(own_log(tmp_path, rows), "--policy", BASIC)
    tried, own = result["policies"]
    assert own["actions"] == {"claim": 1, "escalate": 1, "outcome": 1}
    # Both ask at the same turn; how the person ended it says nothing of the other policy.
    assert tried["overall"]["escalated"] == 1
    assert "refuse" not in tried["actions"]
    assert "refuse" not in tried["hypothetical"]
    assert tried["outcomes"] == {}


def test_runs_part_where_only_one_opens_and_the_rest_is_hypothetical(tmp_path: Path) -> None:
    early = tmp_path / "early.yaml"
    early.write_text(policy("1", turns=1, queue="billing"))
    out = tmp_path / "decisions.jsonl"
    path = own_log(tmp_path, helped("a"))
    result = summary(path, "--policy", early, "--decisions", out)
    tried, own = result["policies"]
    assert result["changed"] == {"earlier": 1}
    assert result["turns_earlier"] == {str(result["changes"][0]["turns_earlier"]): 1}
    assert (tried["escalations"], own["escalations"]) == (1, 1)
    assert tried["queues"] == {"billing": 1}
    # The person's word in the log claims what that person never saw.
    assert tried["actions"] == {"escalate": 1}
    assert tried["hypothetical"] == {"claim": 1}
    first, second = map(orjson.loads, out.read_bytes().splitlines())
    assert ("hypothetical" in first, second["hypothetical"]) == (False, True)


def test_a_policy_that_never_calls_is_not_credited_with_the_person_who_came(tmp_path: Path) -> None:
    never = tmp_path / "never.yaml"
    never.write_text("keep_promises: false\n" + policy("1", turns=900))
    result = summary(own_log(tmp_path, helped("a")), "--policy", never)
    tried = result["policies"][0]
    assert result["changed"] == {"lost": 1}
    assert (tried["overall"]["escalated"], tried["escalations"], tried["reasons"]) == (0, 0, {})


def test_in_a_foreign_log_a_persons_first_word_is_the_recorded_handover(tmp_path: Path) -> None:
    person = {"role": "human_agent", "content": "Hello, Ana here.", "agent": {"id": "ana"}}
    rows = [event("uncalled", 0), event("uncalled", 1), event("uncalled", 2, **person)]
    rows += [event("called", 0, content=ASKS), event("called", 1, **person)]
    rows += [event("quiet", 0), event("alarm", 0, content=ASKS)]
    (judged,) = summary(log(tmp_path, rows))["policies"]
    assert judged["overall"]["escalated"] == 2
    assert judged["reasons"] == {"explicit_request": 2}
    assert judged["stepped_in"] == 1
    found = judged["agreement"]
    assert (found["source"], found["judged"], found["needed"]) == ("people", 4, 2)
    assert (found["caught"], found["missed"], found["false_alarms"]) == (1, 1, 1)
    assert (found["precision"], found["recall"], found["early"]) == (0.5, 0.5, 1)


def test_what_a_person_called_unjustified_needed_none(tmp_path: Path) -> None:
    path = own_log(tmp_path, helped("a"), helped("b", justified=False))
    found = summary(path)["policies"][0]["agreement"]
    assert (found["needed"], found["caught"], found["false_alarms"]) == (1, 1, 1)


def test_labels_tell_caught_missed_too_early_and_too_late(tmp_path: Path) -> None:
    long = tmp_path / "long.yaml"
    long.write_text(policy("1", turns=3))
    names = ("early", "late", "exact", "missed", "alarm", "unlabelled")
    rows = [event(name, n) for name in names for n in range(2 if name == "missed" else 6)]
    rows += [event("right", 0)]
    labels = [
        {"conversation_id": "early", "escalate": True, "event_id": "early-5"},
        {"conversation_id": "late", "escalate": True, "event_id": "late-0"},
        {"conversation_id": "exact", "escalate": True, "event_id": "exact-3"},
        {"conversation_id": "missed", "escalate": True},
        {"conversation_id": "alarm", "escalate": False, "reason": "the customer was content"},
        {"conversation_id": "right", "escalate": False},
    ]
    file = log(tmp_path, labels, "labels.jsonl")
    result = summary(log(tmp_path, rows), "--policy", long, "--labels", file)
    found = result["policies"][0]["agreement"]
    assert (found["source"], found["judged"], found["needed"]) == ("labels", 6, 4)
    assert (found["caught"], found["missed"], found["false_alarms"]) == (3, 1, 1)
    assert (found["early"], found["late"]) == (1, 1)
    assert (found["precision"], found["recall"]) == (0.75, 0.75)


def test_turns_sooner_and_later_are_counted_in_steps() -> None:
    turns = {"45": 1, "9": 2, "4": 1, "1": 5, "-2": 1, "-3": 2}
    assert turns_in_words(turns) == [
        "sooner: 5 by 1 turn, 3 by 4 to 9, 1 by 10 or more",
        "later: 3 by 2 or 3",
    ]
    assert turns_in_words({}) == []


def test_who_needed_a_person_and_is_missed_is_named_with_turn_and_words(tmp_path: Path) -> None:
    rule = tmp_path / "rule.yaml"
    rule.write_text(policy("1", turns=4))
    said = ["It is broken.", "Here is a link.", "My card is 4111 1111 1111 1111.", "Thanks."]
    roles = ["customer", "ai_agent", "customer", "customer"]
    rows = [
        event(name, n, role=role, content=text)
        for name in ("named", "unnamed", "caught", "calm")
        for n, (role, text) in enumerate(zip(roles, said, strict=True))
    ]
    rows += [event("caught", n) for n in range(4, 8)]
    labels = [
        {"conversation_id": "unnamed", "escalate": True},
        {"conversation_id": "caught", "escalate": True},
        {"conversation_id": "calm", "escalate": False},
        {"conversation_id": "named", "escalate": True, "event_id": "named-2"},
    ]
    path, file = log(tmp_path, rows), log(tmp_path, labels, "labels.jsonl")
    result = summary(path, "--policy", rule, "--labels", file)
    assert result["inputs"] == [str(path)]
    judged = result["policies"][0]
    assert judged["agreement"]["missed"] == 2
    assert [(one["conversation_id"], one["turn"]) for one in judged["missed"]] == [
        ("named", 3), ("unnamed", 4),
    ]  # fmt: skip
    words = [one["words"] for one in judged["missed"]]
    assert words[0].startswith("My card is")
    assert "4111" not in words[0]
    assert words[1] == "Thanks."


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"conversation_id": "c"}', "labels.jsonl:2: Object missing required field `escalate`"),
        (b"nonsense", "labels.jsonl:2: JSON is malformed"),
        (b'{"conversation_id": "a", "escalate": false}', "labels.jsonl:2: 'a' has another label"),
    ],
)
def test_labels_that_cannot_be_used_are_named(line: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_bytes(b'{"conversation_id": "a", "escalate": true}\n' + line + b"\n")
    path = log(tmp_path, [event("a", 0)])
    assert message in replay(path, "--labels", file, code=65).output


def test_a_change_of_queue_is_no_change_of_turn_and_nothing_is_left_out_silently(
    tmp_path: Path,
) -> None:
    one, other = tmp_path / "one.yaml", tmp_path / "other.yaml"
    one.write_text(policy(turns=2))
    other.write_text(policy(turns=2, queue="legal"))
    rows = [event(f"c-{n:02}", m) for n in range(20) for m in range(3)]
    arguments = (log(tmp_path, rows), "--policy", one, "--against", other)
    assert summary(*arguments)["changed"] == {"queue": 20}
    shown = replay(*arguments).stdout
    assert "at turn 3" in shown
    assert "It is broken." in shown
    assert "… and 5 more conversations" in shown


def test_an_offer_flags_the_conversation_and_parts_nothing(tmp_path: Path) -> None:
    offers, silent = tmp_path / "offers.yaml", tmp_path / "silent.yaml"
    rule = "  - {{rule: calm, reason: stalled, class: declinable, when: {{turns: 1}}, {}}}\n"
    text = policy("1", turns=4)
    offers.write_text(text + rule.format("auto_escalate: offer"))
    silent.write_text(text + rule.format("enabled: false"))
    path = log(tmp_path, [event(name, n) for name in ("short", "long") for n in range(2)])
    result = summary(path, "--policy", offers, "--against", silent)
    assert result["changed"] == {"offer": 2}
    assert [one["offered"] for one in result["policies"]] == [2, 0]
    assert result["changes"][0]["tried_offer"] == {"turn": 2, "rule": "calm"}
    assert result["policies"][0]["hypothetical"] == {}


def test_timings_are_no_part_of_the_report(tmp_path: Path) -> None:
    result = replay(log(tmp_path, [event("c", 0)]))
    assert " events/s" in result.stderr
    assert " s:" not in result.stdout
