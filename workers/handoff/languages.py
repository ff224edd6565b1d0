"""The languages of what is shipped: their codes, and their words by name."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from workers.contracts.yaml import load_yaml

DEFAULT_LANGUAGE: Final = "en"
_LANGUAGE: Final = re.compile(r"^([a-z]{2}):\s*$", re.MULTILINE)


def code_of(tag: str | None) -> str:
    """Return the ISO 639-1 code in a BCP 47 tag or a locale: `de` of `de-DE` and `de_DE`."""
    return (tag or "").replace("_", "-").partition("-")[0].lower()


class LanguageWords(Mapping[str, dict[str, Any]]):
    """Words by language, in the order of the file; a language is read when it is asked for."""

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._texts: dict[str, str] = {}
        self._read: dict[str, dict[str, Any]] = {}
        starts = [*_LANGUAGE.finditer(text)]
        ends = [*(found.start() for found in starts[1:]), len(text)]
        for found, end in zip(starts, ends, strict=True):
            # Empty lines in front keep the numbers of the lines, which errors name.
            before = "\n" * text.count("\n", 0, found.start())
            self._texts[found[1]] = before + text[found.start() : end]

    def __getitem__(self, code: str) -> dict[str, Any]:
        if code not in self._read:
            self._read[code] = load_yaml(self._texts[code], self._name).data[code]
        return self._read[code]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)


@cache
def words_by_language(name: str) -> LanguageWords:
    """Return the words in one of this package's files, by language."""
    return LanguageWords(name, files("workers.handoff").joinpath(name).read_text(encoding="utf-8"))
