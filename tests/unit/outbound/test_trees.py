"""Leaves filled from data that strangers wrote: values keep their type, nothing gets out."""

from typing import Any

import pytest

from workers.outbound.trees import MAX_TEXT, TreeError, evaluate, fill, holds, render

_DATA: dict[str, Any] = {
    "payload": {"id": 7, "text": "{{ 7 * 7 }} = a", "at": 1627063369, "none": None, "list": []},
    "values": {"teams": {"billing": 3}},
}


def test_values_keep_their_type_and_text_is_text() -> None:
    tree = {
        "id": "= payload.id",
        "name": "chat:{{ payload.id }}",
        "same": ["= payload.text", 5, True],
        "gone": "= payload.none",
        "deep": {"gone": "= payload.nothing.at.all"},
    }
    assert fill(tree, _DATA) == {
        "id": 7,
        "name": "chat:7",
        "same": ["{{ 7 * 7 }} = a", 5, True],
        "deep": {},
    }


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("lookup(values.teams, 'billing')", 3),
        ("lookup(values.teams, payload.none)", None),
        ("lookup(payload.none, 'x')", None),
        ("key_of(values.teams, `3`)", "billing"),
        ("key_of(values.teams, `4`)", None),
        ("instant(payload.at)", "2021-07-23T18:02:49+00:00"),
        ("instant('2020-03-03 13:05:57 UTC')", "2020-03-03T13:05:57Z"),
        ("instant('2021-07-23T18:02:48.000Z')", "2021-07-23T18:02:48.000Z"),
        ("instant(payload.none)", None),
        ("instant(`1e300`)", None),
    ],
)
def test_functions_of_our_own(expression: str, found: object) -> None:
    assert evaluate(expression, _DATA) == found


@pytest.mark.parametrize(
    ("expression", "true"),
    [(None, True), ("payload.id", True), ("payload.none", False), ("payload.list", False)],
)
def test_a_condition_holds_for_what_is_something(expression: str | None, true: bool) -> None:
    assert holds(expression, _DATA) is true


@pytest.mark.parametrize(
    "template",
    [
        "{{ payload.nothing }}",
        "{{ payload.nothing.at.all }}",
        "{{ payload.text.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ payload.update({'id': 8}) }}",
        "{{ payload.text % 0 }}",
        "{% for n in range(10 ** 9) %}{{ n }}{% endfor %}",
        f"{{{{ 'x' * {MAX_TEXT + 1} }}}}",
    ],
)
def test_a_template_reaches_nothing_but_its_data(template: str) -> None:
    with pytest.raises(TreeError) as raised:
        render(template, _DATA)
    assert "7 * 7" not in str(raised.value)
    assert _DATA["payload"]["id"] == 7


def test_what_is_missing_can_be_asked_for() -> None:
    template = "{{ payload.nothing or payload.id }}{% if payload.other %}!{% endif %}"
    assert render(template, _DATA) == "7"
