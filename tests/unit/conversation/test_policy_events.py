"""A policy takes effect by an event, never backwards, and a bad one not at all."""

import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fold_history import ASKS, POLICY, History
from workers.contracts.events import PolicyInForce
from workers.conversation.partition_meta import (
    adopt,
    meta_fields,
    read_meta,
    starting_meta,
    version_order,
)
from workers.policy import PolicyError, load_policy


def _newer(version: str = "test.2") -> str:
    return POLICY.replace("version: test.1", f"version: {version}").replace(
        "rule: person", "rule: wants-a-person"
    )


def test_it_holds_from_its_offset_on_and_names_itself_on_decisions() -> None:
    h = History()
    h.customer(ASKS)
    old = load_policy(POLICY, "")
    assert (h.last.policy_version, h.last.policy_hash) == ("test.1", old.hash)
    h.in_force(_newer(), "test.2", "any")
    h.customer("Never mind, I found it myself.")
    h.customer(ASKS)
    assert (h.last.rule, h.last.policy_version) == ("wants-a-person", "test.2")
    assert h.last.policy_hash == load_policy(_newer(), "").hash


@pytest.mark.parametrize("version", ["test.1", "test.0", "a"])
def test_a_worker_with_an_older_file_does_not_turn_it_back(version: str) -> None:
    h = History()
    h.in_force(_newer(version), version, "another")
    assert h.meta.policy_version == "test.1"
    assert h.meta.policy_text == POLICY


@pytest.mark.parametrize("bad", ["", "rules: []", POLICY.replace("when:", "whem:"), POLICY])
def test_an_unreadable_one_or_one_of_another_version_is_passed_over(bad: str) -> None:
    h = History()
    h.in_force(bad, "test.9", "x")
    assert h.meta == starting_meta(POLICY)


def test_the_version_in_force_may_begin_and_cease_to_observe() -> None:
    h = History()
    mine = h.meta.policy_hash
    h.after(1).in_force(POLICY, "test.1", mine, observe=True)
    observing = h.events[-1]
    seen = [h.meta.observe]
    h.after(1).in_force(POLICY, "test.1", mine, observe=False)
    seen.append(h.meta.observe)
    h.apply(observing)
    seen.append(h.meta.observe)
    assert seen == [True, False, False]


def test_versions_are_ordered_as_people_write_them() -> None:
    written = ["basic.1", "2", "2026-11-01.2", "10", "2026-11-01.10", "2026-11-02", "v2", "v10"]
    ordered = sorted(written, key=version_order)
    for earlier, later in (
        ("2", "10"),
        ("2026-11-01.2", "2026-11-01.10"),
        ("2026-11-01.10", "2026-11-02"),
        ("v2", "v10"),
    ):
        assert ordered.index(earlier) < ordered.index(later)


@given(st.lists(st.text("019.-v²①٣१", max_size=9) | st.text() | st.just("9" * 5000), max_size=5))
def test_any_text_is_a_version_and_all_of_them_are_ordered(written: list[str]) -> None:
    ordered = sorted(written, key=version_order)
    for earlier, later in itertools.pairwise(ordered):
        assert version_order(earlier) <= version_order(later)


@pytest.mark.parametrize("version", ["²", "v²", "test.²", "①", "٣", "9" * 128])
def test_a_version_with_other_digits_is_compared_like_any_other(version: str) -> None:
    h = History()
    newer = POLICY.replace("version: test.1", f'version: "{version}"')
    h.in_force(newer, version, load_policy(newer, "").hash)
    is_newer = version_order(version) > version_order("test.1")
    assert h.meta.policy_version == (version if is_newer else "test.1")
    assert h.customer(ASKS)[-1].policy_version == h.meta.policy_version


def test_only_what_changed_of_a_meta_is_written_and_reads_back() -> None:
    meta = starting_meta(POLICY)
    assert meta_fields(meta, meta) == {}
    fields = meta_fields(meta)
    assert read_meta(fields) == meta
    assert read_meta({}) is None


def test_a_bad_policy_at_the_start_is_an_error() -> None:
    with pytest.raises(PolicyError, match="policy:1: rules"):
        starting_meta("rules: []")


def test_another_content_under_the_same_version_is_remembered_and_not_adopted() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    meta = starting_meta(POLICY)

    def told(hash_: str, policy: str, day: int) -> PolicyInForce:
        return PolicyInForce(
            event_id=f"p-{day}-{hash_}",
            conversation_id="policy",
            occurred_at=at.replace(day=day),
            type="policy",
            policy_version=meta.policy_version,
            policy_hash=hash_,
            policy=policy,
        )

    rival = adopt(meta, told("0123456789ab", POLICY + "# other\n", 2))
    assert (rival.rival, rival.policy_text) == ("0123456789ab", POLICY)
    assert read_meta(meta_fields(rival, meta)) == rival
    # The one in force is told every day, and so is the other for as long as there is one.
    assert adopt(rival, told(meta.policy_hash, POLICY, 3)).rival == ""


def test_adopting_is_the_same_whenever_the_event_is_seen_again() -> None:
    event = PolicyInForce(
        event_id="p",
        conversation_id="policy",
        occurred_at=datetime(2026, 3, 1, tzinfo=UTC),
        type="policy",
        policy_version="test.2",
        policy_hash=load_policy(_newer(), "").hash,
        policy=_newer(),
    )
    once = adopt(starting_meta(POLICY), event)
    assert adopt(once, event) == once
