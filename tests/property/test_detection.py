"""Promises about any text: findings never fail, point into the text, and cost little."""

import random
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.detection import (
    CustomerFindings,
    Finding,
    ai_agent,
    frustration,
    progress_key,
    read_agent,
    read_customer,
    replies,
    request_rules,
    similarity,
)
from workers.detection.grammar import RuleIndex, Wording
from workers.detection.lexicons import MOOD, REPLY, REQUEST
from workers.detection.tokens import ClassifiedTurn, fold, parted, tokens

WORDS = sorted({*list(REQUEST.words)[:600], *list(REPLY.words), *list(MOOD.words)[:600]})
FIELDS = ("requested_human", "frustrated", "refuses", "accepts", "withdraws", "solved")
anything = st.text(max_size=300)
talk = st.lists(st.sampled_from([*WORDS, ".", ",", "!", "?", '"', "'", "xyz"]), max_size=40).map(
    " ".join
)


def spans(findings: CustomerFindings) -> list[Finding]:
    found = [getattr(findings, field) for field in FIELDS]
    return [finding for finding in found if finding is not None]


@given(anything | talk)
def test_findings_point_into_the_text(text: str) -> None:
    turn = read_agent(text)
    both = [f for f in (turn.promises_person, turn.offers_person) if f is not None]
    for finding in spans(read_customer(text)) + both:
        assert 0 <= finding.start < finding.end <= len(text)
        assert 0 < finding.score <= 1


@given(talk)
def test_case_and_spacing_change_no_request(text: str) -> None:
    def scores(written: str) -> list[float | None]:
        findings = read_customer(written)
        fields = (findings.requested_human, findings.refuses, findings.accepts, findings.withdraws)
        return [field.score if field else None for field in fields]

    # Short turns are read more closely, so the spacing must not make a short one long.
    if len(text) < 30:
        assert scores(text) == scores(text.upper()) == scores(f"  {text}  ")
    assert scores(text) == scores(text.upper())


@given(anything | talk)
def test_folding_keeps_positions_and_tokens_match_spans(text: str) -> None:
    folded, _ = fold(text)
    assert len(folded) == len(text)
    words = tokens(parted(folded))
    turn = ClassifiedTurn(parted(folded), words, REQUEST)
    if words:
        start, end = turn.span(0, len(turn.classes))
        assert parted(folded)[start:end].startswith(words[0])
        assert parted(folded)[start:end].endswith(words[-1])


RULES: list[Wording] = [
    *request_rules.RULES,
    *frustration.EVIDENCE,
    *replies.RULES,
    *ai_agent.RULES,
]
CLASSES = sorted({*request_rules.CODES.values(), *frustration.CODES.values(), "_", ".", ","})


@given(st.lists(st.sampled_from(CLASSES), min_size=1, max_size=9).map("".join))
def test_a_skipped_rule_would_not_have_matched(classes: str) -> None:
    candidates = RuleIndex(RULES).candidates(classes)
    for rule in RULES:
        if rule not in candidates:
            assert rule.pattern.search(classes) is None, rule.pattern.pattern


HOSTILE = [
    "." * 100_000,
    "'" * 100_000,
    '" ' * 50_000,
    "a" * 1_000_000,
    " " * 1_000_000,
    "I want " * 50_000,
    "not to a real human agent " * 20_000,
    "?!" * 50_000,
    "A" * 3_000,
    "\n" * 50_000,
    "ñ" * 5_000,
    "人工" * 5_000,
    "\ud800" * 2_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_hostile_texts_cost_milliseconds(text: str) -> None:
    begin = time.process_time()
    read_customer(text)
    read_agent(text)
    progress_key(text)
    assert time.process_time() - begin < 0.1


def test_no_combination_of_words_backtracks() -> None:
    choose = random.Random(7)
    for _ in range(150):
        few = choose.choices(WORDS, k=choose.randint(1, 5))
        text = " ".join(few * (400 // len(few)))
        begin = time.process_time()
        read_customer(text)
        read_agent(text)
        assert time.process_time() - begin < 0.1, few


@given(anything | talk)
def test_a_sketch_is_small_and_like_itself(text: str) -> None:
    key = progress_key(text)
    assert len(key) <= 8
    assert all(0 <= part < 2**32 for part in key)
    assert list(key) == sorted(set(key))
    if key:
        assert similarity(key, key) == 1.0


@given(anything, anything)
def test_similarity_is_symmetric_and_bounded(one: str, other: str) -> None:
    left, right = progress_key(one), progress_key(other)
    assert similarity(left, right) == similarity(right, left)
    assert 0 <= similarity(left, right) <= 1


def test_a_rephrased_turn_is_alike_and_another_number_is_not() -> None:
    asked = progress_key("Where is my order 4711?")
    assert similarity(asked, progress_key("so where's order 4711, please")) > 0.6
    assert similarity(asked, progress_key("Where is my order 4712?")) < 0.6
    assert similarity(asked, progress_key("How do I change my address?")) == 0


def test_the_words_of_the_first_look_cover_what_the_rules_find() -> None:
    """A request must not be missed because the first look saw nothing worth a second."""
    texts = ["put me through", "press 0 for an operator", "escalated please", "tier 2 support"]
    for text in texts:
        assert re.search(r"\w", text)
        assert read_customer(text).requested_human is not None
