"""The languages of what is shipped: their codes, and their words by name."""

from functools import cache
from importlib.resources import files
from typing import Any, Final

from workers.contracts.yaml import load_yaml

DEFAULT_LANGUAGE: Final = "en"


def code_of(tag: str | None) -> str:
    """Return the ISO 639-1 code in a BCP 47 tag or a locale: `de` of `de-DE` and `de_DE`."""
    return (tag or "").replace("_", "-").partition("-")[0].lower()


@cache
def words_by_language(name: str) -> dict[str, dict[str, Any]]:
    """Return the words in one of this package's files, by language."""
    text = files("workers.handoff").joinpath(name).read_text(encoding="utf-8")
    words: dict[str, dict[str, Any]] = load_yaml(text, name).data
    return words
