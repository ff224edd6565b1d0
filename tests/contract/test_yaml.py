"""Files that people write: data with lines, one error that says where and what to do."""

import json
import time
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.contracts.yaml import YamlFileError, convert, load_yaml

Share = Annotated[float, msgspec.Meta(ge=0, le=1, description="write a share from 0 to 1")]


class Rule(msgspec.Struct, forbid_unknown_fields=True):
    rule: str
    kind: Literal["mandatory", "declinable"] = "mandatory"
    limits: dict[str, Share] = {}
    band: tuple[float, float] | None = None


class File(msgspec.Struct, forbid_unknown_fields=True):
    version: str
    rules: tuple[Rule, ...]
    by_day: dict[Literal["mon", "tue"], Rule] = {}


HEAD = "version: 2026-11-01\nrules:\n"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            HEAD + "- {rule: a, kidn: mandatory}",
            "3: rules[0].kidn: 'mandatory': unknown key: did you mean kind?",
        ),
        (
            HEAD + "- {rule: a}\n- {rule: b, zzz: 1}",
            "4: rules[1].zzz: '1': unknown key: use one of rule, kind, limits, band",
        ),
        (
            HEAD + "- rule: a\n  kind: mandatry",
            "4: rules[0].kind: 'mandatry': did you mean mandatory?",
        ),
        (HEAD + "- kind: mandatory", "3: rules[0].rule: missing: it is required"),
        (
            HEAD + "- rule: a\n  limits:\n    x: 0.5\n    y: 1.5",
            "6: rules[0].limits.y: '1.5': write a share from 0 to 1",
        ),
        (HEAD + "- {rule: a, band: [1]}", "3: rules[0].band: Expected array of length 2, got 1"),
        (HEAD + "- {rule: a, band: [1, b]}", "3: rules[0].band[1]: 'b': Expected float, got str"),
        (HEAD + "- {rule: [a]}", "3: rules[0].rule: Expected str, got array"),
        ("version: 1\nrules: []", "1: version: '1': Expected str, got int"),
        (
            "version: x\nrules: []\nby_day:\n  mno: {rule: a}",
            "4: by_day.mno: unknown key: did you mean mon?",
        ),
        (
            "version: x\nrules: []\nby_day:\n  mon: {rule: a}\n  tue: {rule: 1}",
            "5: by_day.tue.rule: '1': Expected str, got int",
        ),
        ("[]", "1: file: Expected object, got array"),
        ("a: 1\nb: 2\na: 3", "3: a: twice in the same place: keep one"),
        ("a: [1\nb: 2", "2: not YAML: "),
        ("a:\n\tb: 1", "2: not YAML: "),
        ("a: &x [1]\nb: *x", "1: an alias points here: write the value out"),
        (
            "a: !!python/name:os.system",
            "1: tag tag:yaml.org,2002:python/name:os.system: write plain YAML",
        ),
        ("a: .inf", "1: .inf: write a finite number"),
        ("? [a]\n: b", "1: a key that is no text: use a name"),
        ("", "1: file: empty: describe something in it"),
        ("# nothing", "1: file: empty: describe something in it"),
        ("a: " + "[" * 33 + "]" * 33, "1: nested deeper than 32: flatten it"),
        ("\n".join(" " * n + "a:" for n in range(40)), "33: nested deeper than 32: flatten it"),
        ("a: " + "x" * 256_001, "1: file: longer than 256,000 characters: split or shorten it"),
        ("a: 1\n---\nb: 2", "2: not YAML: "),
        ("a: \x07", "1: not YAML: "),
        ('a: 1\nb: "\\ud83d"', "2: half a character: write it whole, without \\u escapes"),
        ('"\\udc00": 1', "1: half a character: write it whole, without \\u escapes"),
        ('a: "\\U00110000"', "1: not YAML: "),
    ],
)
def test_one_error_with_its_line_and_remedy(text: str, error: str) -> None:
    with pytest.raises(YamlFileError) as caught:
        convert(load_yaml(text, "rules.yaml"), File)
    assert str(caught.value).startswith(f"rules.yaml:{error}")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "text",
    [
        "*" * 100_000,
        "!" * 100_000,
        HEAD + f"- {{rule: a, {'k' * 100_000}: 1}}",
        f"{'k' * 100_000}: 1\n" * 2,
        HEAD + '- {rule: a, "\u200f\u202ek": 1}',
    ],
    ids=["alias", "tag", "unknown key", "key twice", "not seen"],
)
def test_an_error_quotes_little_of_the_file_and_nothing_unseen(text: str) -> None:
    with pytest.raises(YamlFileError) as caught:
        convert(load_yaml(text, "f.yaml"), File)
    problem = str(caught.value)
    assert problem.isprintable()
    assert len(problem) < 500


@pytest.mark.parametrize("nested", ["[", "{a: ", "- ", "? "])
def test_hostile_nesting_is_refused_before_it_costs_anything(nested: str) -> None:
    started = time.process_time()
    with pytest.raises(YamlFileError, match="nested deeper than 32"):
        load_yaml(nested * 5_000, "policy.yaml")
    assert time.process_time() - started < 1.5


def test_what_looks_like_a_date_or_a_yes_is_text() -> None:
    """YAML 1.2: a version is not a date, and Norway's code is not false."""
    data = load_yaml("a: 2026-11-01\nb: no\nc: 12:30:45\nd: 0x1F\ne: 1_000\nf: ~", "f").data
    assert data == {"a": "2026-11-01", "b": "no", "c": "12:30:45", "d": 31, "e": 1000, "f": None}


def test_lines_of_values_and_of_what_is_missing() -> None:
    document = load_yaml("a:\n  - b: 1\n\n  - c:\n      d: 2\n", "f")
    assert document.line_of(("a", 0, "b")) == 2
    assert document.line_of(("a", 1, "c", "d")) == 5
    assert document.line_of(("a", 1, "zzz")) == 4
    assert document.line_of(("zzz",)) == 1


def test_what_a_caller_does_to_the_data_no_other_caller_sees() -> None:
    first = load_yaml("a: {b: [1]}", "f")
    first.data["a"]["b"].append(2)
    assert load_yaml("a: {b: [1]}", "f").data == {"a": {"b": [1]}}
    assert first.line_of(("a", "b")) == 1


keys = st.text(st.characters(categories=["L"]), min_size=1, max_size=8)
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


@given(plain)
def test_json_is_yaml(value: Any) -> None:
    assert load_yaml(json.dumps(value, ensure_ascii=False), "f").data == value


@given(st.text(max_size=200))
def test_any_text_is_data_or_an_error_with_a_line(text: str) -> None:
    problem = "f.yaml:1: none"
    try:
        convert(load_yaml(text, "f.yaml"), File)
    except YamlFileError as error:
        problem = str(error)
    name, line, _ = problem.split(":", 2)
    assert name == "f.yaml"
    assert int(line) >= 1


@pytest.mark.parametrize(
    "number", ["9" * 4000, "0x" + "f" * 5000, "-" + "9" * 400, "0o" + "7" * 999]
)
def test_a_number_of_any_size_is_refused_with_its_line(number: str) -> None:
    with pytest.raises(YamlFileError, match=r"^a\.yaml:2: .*: a number of more than 1024 bits"):
        load_yaml(f"a: 1\nb: {number}\n", "a.yaml")
