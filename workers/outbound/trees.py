"""YAML trees whose leaves are filled from data: JMESPath for values, sandboxed Jinja for text."""

import base64
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import jmespath
from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jmespath import functions
from jmespath.exceptions import JMESPathError

from workers.contracts.yaml import Document, Path, YamlFileError

Tree = Any
"""Mappings, arrays and scalars; text that begins with `= ` is a JMESPath expression."""
Data = Mapping[str, Any]

MAX_TEXT: Final = 100_000
"""Characters that a template may make."""
_EXPRESSION: Final = "= "
_SECONDS: Final = re.compile(r"\d{9,11}(?:\.\d+)?")
_SPACED: Final = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?) (?:UTC|\+0000)")


class TreeError(ValueError):
    """A leaf cannot be filled from this data; the message names the leaf, never the data."""


class _Functions(functions.Functions):
    """Functions that vendors' payloads need beyond JMESPath's own."""

    @functions.signature({"types": ["object", "null"]}, {"types": []})
    def _func_lookup(self, mapping: Any, key: Any) -> Any:
        """Return the value under a key that is data; keys of YAML are text."""
        return None if mapping is None or key is None else mapping.get(_text(key))

    @functions.signature({"types": ["object", "null"]}, {"types": []})
    def _func_key_of(self, mapping: Any, value: Any) -> Any:
        """Return the first key under which a value stands."""
        pairs = () if mapping is None else mapping.items()
        return next((key for key, held in pairs if value is not None and held == value), None)

    @functions.signature({"types": []})
    def _func_instant(self, moment: Any) -> Any:
        """Return a time in RFC 3339: of ISO 8601 or of seconds since the epoch."""
        return _instant(moment)


def _text(key: Any) -> str:
    return key if isinstance(key, str) else str(key)


def _instant(moment: Any) -> str | None:
    if isinstance(moment, bool) or moment is None:
        return None
    if isinstance(moment, int | float) or _SECONDS.fullmatch(str(moment)):
        try:
            return datetime.fromtimestamp(float(moment), UTC).isoformat()
        except (ValueError, OverflowError, OSError):
            return None
    text = str(moment)
    if spaced := _SPACED.fullmatch(text):
        return f"{spaced[1]}T{spaced[2]}Z"
    return text


class _Missing(StrictUndefined):
    """A missing value: false where it is asked for, an error where it would be written."""

    def __bool__(self) -> bool:  # type: ignore[override]
        return False


_OPTIONS: Final = jmespath.Options(custom_functions=_Functions())
_JINJA: Final = ImmutableSandboxedEnvironment(
    undefined=_Missing, autoescape=False, keep_trailing_newline=False
)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


_JINJA.filters["base64"] = _base64
"""For Basic authentication."""


@lru_cache(maxsize=4096)
def _expression(text: str) -> Any:
    return jmespath.compile(text)


@lru_cache(maxsize=4096)
def _template(text: str) -> Any:
    return _JINJA.from_string(text)


def problems(document: Document, path: Path, tree: Tree) -> Iterator[YamlFileError]:
    """Yield what cannot be read in a tree that stands at `path` of a document."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from problems(document, (*path, key), value)
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from problems(document, (*path, index), value)
    elif isinstance(tree, str):
        problem = _problem(tree)
        if problem is not None:
            yield document.error(path, problem)


def expression_problems(
    document: Document, path: Path, text: str | None
) -> Iterator[YamlFileError]:
    """Yield what cannot be read in a JMESPath expression that stands at `path` of a document."""
    if text is not None and (problem := _expression_problem(text)):
        yield document.error(path, problem)


def _expression_problem(text: str) -> str | None:
    try:
        _expression(text)
    except JMESPathError as error:
        return f"no JMESPath: {str(error).splitlines()[0]}"
    return None


def _problem(text: str) -> str | None:
    if text.startswith(_EXPRESSION):
        return _expression_problem(text.removeprefix(_EXPRESSION))
    try:
        _template(text)
    except TemplateSyntaxError as error:
        return f"no Jinja template: {error.message}"
    return None


def evaluate(expression: str, data: Data) -> Any:
    """Return what a JMESPath expression finds; TreeError when the data does not fit it."""
    try:
        return _expression(expression).search(data, options=_OPTIONS)
    except (JMESPathError, TypeError, ValueError) as error:
        raise TreeError(f"{expression}: {type(error).__name__}") from None
    except RecursionError:
        raise TreeError(f"{expression}: nested too deeply") from None


def holds(expression: str | None, data: Data) -> bool:
    """Return whether a condition holds: JMESPath's own idea of truth; none always holds."""
    if expression is None:
        return True
    found = evaluate(expression, data)
    # To JMESPath zero is true, and an empty text, list or object is not.
    return found is not None and found is not False and found not in ("", [], {})


def fill(tree: Tree, data: Data) -> Any:
    """Return a tree with its leaves filled; keys whose value is null are left out.

    TreeError when a template names what is not there.
    """
    if isinstance(tree, dict):
        filled = {key: fill(value, data) for key, value in tree.items()}
        return {key: value for key, value in filled.items() if value is not None}
    if isinstance(tree, list):
        return [fill(value, data) for value in tree]
    if not isinstance(tree, str):
        return tree
    if tree.startswith(_EXPRESSION):
        return evaluate(tree.removeprefix(_EXPRESSION), data)
    return render(tree, data)


def render(template: str, data: Data) -> str:
    """Return the text of a template; TreeError when it names what is not there."""
    made: list[str] = []
    length = 0
    try:
        for part in _template(template).generate(**data):
            made.append(part)
            length += len(part)
            if length > MAX_TEXT:
                raise TreeError(f"{_shown(template)}: longer than {MAX_TEXT:,} characters")
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        if isinstance(error, TreeError):
            raise
        # Jinja says which name is missing; what is held under others it does not.
        raise TreeError(f"{_shown(template)}: {type(error).__name__}") from None
    return "".join(made)


def _shown(template: str) -> str:
    line = template.strip().splitlines()[0] if template.strip() else "''"
    return line[:80]
