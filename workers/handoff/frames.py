"""The packet's frame: the words around what is quoted, in the language of the queue."""

from functools import cache
from importlib.resources import files
from typing import Any, Final

from workers.contracts.yaml import load_yaml

DEFAULT_LANGUAGE: Final = "en"


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
    code = (language or "").replace("_", "-").partition("-")[0].lower()
    return Frame(known.get(code, known[DEFAULT_LANGUAGE]))


@cache
def languages() -> dict[str, dict[str, Any]]:
    """Return the words of every language by its ISO 639-1 code."""
    name = "frames.yaml"
    text = files("workers.handoff").joinpath(name).read_text(encoding="utf-8")
    words: dict[str, dict[str, Any]] = load_yaml(text, name).data
    return words
