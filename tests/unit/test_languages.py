"""Every module with words per language has all of them, as CONTRIBUTING.md lists the modules."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest

from workers.contracts.topics import Language
from workers.contracts.yaml import load_yaml
from workers.data import data_path
from workers.detection import lexicon, offered_person
from workers.handoff.languages import words_by_language
from workers.outbound import notification_texts

LANGUAGES = {*get_args(Language)}


def _schema() -> Collection[str]:
    schema = orjson.loads(data_path("schemas/topics.v1.schema.json").read_bytes())
    [found] = {tuple(one) for one in _named(schema, "language")}
    return found


def _named(schema: Any, name: str) -> list[Collection[str]]:
    if not isinstance(schema, dict | list):
        return []
    inner = schema.values() if isinstance(schema, dict) else schema
    enum = schema.get(name, {}).get("enum") if isinstance(schema, dict) else None
    return [*([enum] if enum else []), *(one for part in inner for one in _named(part, name))]


def _notifications() -> Collection[str]:
    file = Path(notification_texts.__file__).with_name("notification_words.yaml")
    return list(load_yaml(file.read_text(encoding="utf-8"), file.name).data)


def _word_lists() -> Collection[str]:
    # The others in this folder have no two letters as their name.
    return [file.stem for file in Path(lexicon.__file__).parent.glob("data/??.txt")]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("LANGUAGES of detection/lexicon.py", lexicon.LANGUAGES),
        ("detection/data", _word_lists()),
        ("schemas/topics.v1.schema.json", _schema()),
        ("handoff/frames.yaml", [*words_by_language("frames.yaml")]),
        ("handoff/notices.yaml", [*words_by_language("notices.yaml")]),
        ("outbound/notification_words.yaml", _notifications()),
    ],
)
def test_every_table_of_words_has_every_language(where: str, found: Collection[str]) -> None:
    assert {*found} == LANGUAGES, where


def test_an_offer_of_a_person_is_heard_in_every_language() -> None:
    assert len(offered_person._LANGUAGES) == len(LANGUAGES)
