"""The packet's frame: the words around what is quoted, in the language of the queue."""

from collections.abc import Mapping
from typing import Any

from workers.handoff.languages import DEFAULT_LANGUAGE, code_of, words_by_language


class Frame:
    """The words of one language."""

    def __init__(self, words: dict[str, Any]) -> None:
        self._words = words

    def __call__(self, group: str, name: str, /, **values: object) -> str:
        """Return one phrase with its places filled in."""
        text = str(self._words[group][name])
        return text.format(**values) if values else text

    def line(self, name: str, /, **values: object) -> str:
        """Return one phrase that belongs to no group."""
        return str(self._words[name]).format(**values)

    def has(self, group: str, name: str) -> bool:
        """Return whether there is such a phrase."""
        return name in self._words[group]


def frame(language: str | None) -> Frame:
    """Return the frame of a language, by a BCP 47 tag; English where there is none of it."""
    known = languages()
    code = code_of(language)
    return Frame(known[code if code in known else DEFAULT_LANGUAGE])


def languages() -> Mapping[str, dict[str, Any]]:
    """Return the words of every language by its ISO 639-1 code."""
    return words_by_language("frames.yaml")
