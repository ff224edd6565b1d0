"""Word lists: the shipped ones are whole, a user's own are read, a bad line is named."""

from pathlib import Path

import pytest

from workers.data import own_words
from workers.detection import (
    frustration,
    read_agent,
    read_customer,
    replies,
    request_rules,
    vocabulary,
)
from workers.detection.lexicon import LANGUAGES, build, parse, shipped_lists, slips

CODES = {"request": request_rules.CODES, "reply": replies.CODES, "mood": frustration.CODES}


def test_every_line_of_the_shipped_lists_names_a_known_class() -> None:
    entries = shipped_lists()
    assert {entry.section for entry in entries} == set(CODES)
    assert all(entry.name in CODES[entry.section] for entry in entries)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_knows_people_talking_and_anger(language: str) -> None:
    named = {
        (entry.section, entry.name)
        for entry in shipped_lists()
        if Path(entry.where.rpartition(":")[0]).stem == language
    }
    assert {("request", "human"), ("request", "talk"), ("reply", "yes"), ("mood", "strong")} <= (
        named
    )


@pytest.mark.parametrize("section", ["request", "reply", "mood"])
def test_classes_share_a_code_only_on_purpose(section: str) -> None:
    codes = [code for name, code in CODES[section].items() if name.isidentifier()]
    shared = {code for code in codes if codes.count(code) > 1}
    assert shared <= {"k"}, "please and yes are the same to the grammar of requests"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("human: a\n", "mine.txt:1: expected '[section]' or 'class: words' in one"),
        ("[request]\n\nno colon here\n", "mine.txt:3: expected '[section]' or 'class: words'"),
    ],
)
def test_a_bad_line_is_named(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=r"mine\.txt") as caught:
        list(parse(text, "mine.txt"))
    assert complaint in str(caught.value)


def test_an_unknown_class_is_named_with_the_known_ones() -> None:
    entries = list(parse("[request]\nhumanoid: a\n", "mine.txt"))
    with pytest.raises(
        ValueError, match=r"mine\.txt:2: unknown class 'humanoid'; known are: about"
    ):
        build(entries, "request", request_rules.CODES)


def test_accents_are_folded_in_lists_as_in_texts() -> None:
    (entry,) = parse("[request]\nhuman: Être_Humain\n", "mine.txt")
    assert entry.words == ["etre_humain"]


def test_slips_are_one_letter_away() -> None:
    found = set(slips("agent"))
    assert {"agnt", "aegnt", "agennt", "agemt"} <= found
    assert all(abs(len(slip) - len("agent")) <= 1 for slip in found)


DANISH = "[request]\nhuman: menneske\ntalk: tale\nto: med\nwant: vil\ni: jeg\n"


def test_a_deployment_adds_a_language_with_a_file(tmp_path: Path) -> None:
    (tmp_path / "da.txt").write_text(DANISH, "utf-8")
    (tmp_path / "more.txt").write_text("[request]\nstaff: konciergen\n", "utf-8")
    lists = vocabulary(own_words(tmp_path))
    asks = "jeg vil tale med et menneske"
    found = read_customer(asks, lists=lists).requested_human
    assert found is not None
    assert found.score >= 0.7
    assert read_customer(asks).requested_human is None, "others go on without"
    long = "Vi har modtaget din ordre. " * 200 + asks
    assert read_customer(long, lists=lists).requested_human is not None
    promise = "I am connecting you with the konciergen now."
    assert read_agent(promise, lists).promises_person is not None


def test_a_folder_without_lists_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"HANDOFF_WORDS=.*no \*\.txt file in this folder"):
        own_words(tmp_path)
    assert own_words(None) == ""


def test_a_bad_line_of_an_own_list_is_named_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(DANISH, "utf-8")
    (tmp_path / "b.txt").write_text("[request]\nhumanoid: a\n", "utf-8")
    with pytest.raises(ValueError, match=r"b\.txt:2: unknown class 'humanoid'"):
        vocabulary(own_words(tmp_path))
