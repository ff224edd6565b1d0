"""YAML files that people write: plain data that remembers its lines, and errors that use them."""

import difflib
import math
import re
import types
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from workers.contracts.characters import escaped

T = TypeVar("T")
Step = str | int
Path = tuple[Step, ...]

MAX_FILE_CHARACTERS: Final = 256_000
_MAX_DEPTH: Final = 32
_MAX_BITS: Final = 1024
_BRIEF: Final = 200
"""Characters of a file that an error quotes."""
_TAG: Final = "tag:yaml.org,2002:"
_SCALARS: Final = frozenset(_TAG + kind for kind in "str int float bool null timestamp".split())
_MOMENT: Final = _TAG + "timestamp"


class YamlFileError(ValueError):
    """A file that cannot be used, said as `file:line: field: value: what to do`."""


@dataclass(frozen=True)
class Document:
    """The data of a YAML file: dicts, lists and scalars, with the line of each of them."""

    name: str
    data: Any
    lines: Mapping[Path, int]

    def line_of(self, path: Sequence[Step]) -> int:
        """Return the line of a value, from 1, or of the nearest value around it if it has none."""
        steps = tuple(path)
        while steps not in self.lines:
            steps = steps[:-1]
        return self.lines[steps]

    def error(self, path: Sequence[Step], advice: str) -> YamlFileError:
        """Return the error about the value at `path`; raise it."""
        shown = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
        where = f"{self.name}:{self.line_of(path)}: {_brief(shown.lstrip('.')) or 'file'}"
        found = self._value(path)
        said = escaped(advice)
        return YamlFileError(f"{where}: {found}: {said}" if found else f"{where}: {said}")

    def _value(self, path: Sequence[Step]) -> str | None:
        value = self.data
        try:
            for step in path:
                value = value[step]
        except (LookupError, TypeError):
            return None
        if isinstance(value, dict | list):
            return None
        return "null" if value is None else repr(str(value))[:80]


def load_yaml(text: str, name: str) -> Document:
    """Return the data of a YAML 1.2 text; YamlFileError when it is bad.

    `name` is the file's, for errors.
    """
    try:
        data, lines = _parsed(text)
    except YamlFileError as error:
        raise YamlFileError(f"{name}:{error}") from None
    return Document(name, deepcopy(data), lines)


# A command reads its policy or topics.yaml up to four times, and each parse takes 20 to 100 ms.
@lru_cache(maxsize=16)
def _parsed(text: str) -> tuple[Any, Mapping[Path, int]]:
    """Return the data of a text and its lines; an error says all but the file's name."""
    if len(text) > MAX_FILE_CHARACTERS:
        advice = f"longer than {MAX_FILE_CHARACTERS:,} characters: split or shorten it"
        raise YamlFileError(f"1: file: {advice}")
    yaml = YAML(typ="safe", pure=True)
    # A hostile file is given up where it becomes too deep; to read all of it takes seconds.
    yaml.max_depth = _MAX_DEPTH + 1
    try:
        node = yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        if isinstance(error, MaxDepthExceededError):
            advice = f"nested deeper than {_MAX_DEPTH}: flatten it"
            raise YamlFileError(f"{line}: {advice}") from None
        raise YamlFileError(f"{line}: not YAML: {_brief(error.problem or error.context)}") from None
    except (YAMLError, ValueError) as error:
        # ValueError: an escape beyond the last character.
        raise YamlFileError(f"1: not YAML: {_brief(str(error).splitlines()[0])}") from None
    if node is None:
        raise YamlFileError("1: file: empty: describe something in it")
    reader = _Reader(yaml.constructor)
    return reader.read(node, ()), reader.lines


def _brief(quoted: str | None) -> str:
    """Return what a file says as far as it helps, on one line: a name may have any length."""
    text = escaped((quoted or "")[: _BRIEF + 1])
    return text if len(text) <= _BRIEF else f"{text[:_BRIEF]}…"


class _Reader:
    """Turns nodes into plain data and notes their lines."""

    def __init__(self, constructor: Any) -> None:
        self.constructor = constructor
        self.lines: dict[Path, int] = {}
        self.seen: set[int] = set()

    def read(self, node: Node, path: Path) -> Any:
        """Return the plain value of `node`, and of all that is in it."""
        self.lines.setdefault(path, node.start_mark.line + 1)
        # An alias is the node that it points to, once more.
        if id(node) in self.seen:
            raise self.fail(node, "an alias points here: write the value out")
        self.seen.add(id(node))
        if isinstance(node, MappingNode) and node.tag == _TAG + "map":
            return dict(self._items(node, path))
        if isinstance(node, SequenceNode) and node.tag == _TAG + "seq":
            return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, ScalarNode) and node.tag in _SCALARS:
            return self._scalar(node)
        raise self.fail(node, f"tag {_brief(node.tag)}: write plain YAML")

    def _items(self, node: MappingNode, path: Path) -> Iterator[tuple[str, Any]]:
        keys: set[str] = set()
        for key_node, value_node in node.value:
            key = key_node.value
            if not isinstance(key_node, ScalarNode) or not isinstance(key, str):
                raise self.fail(key_node, "a key that is no text: use a name")
            self._require_text(key_node)
            if key in keys:
                raise self.fail(key_node, f"{_brief(key)}: twice in the same place: keep one")
            keys.add(key)
            self.lines[*path, key] = key_node.start_mark.line + 1
            yield key, self.read(value_node, (*path, key))

    def _require_text(self, node: ScalarNode) -> None:
        try:
            node.value.encode()
        except UnicodeEncodeError:
            raise self.fail(node, "half a character: write it whole, without \\u escapes") from None

    def _scalar(self, node: ScalarNode) -> Any:
        self._require_text(node)
        if node.tag == _MOMENT:
            # YAML 1.2 has no dates: a version that looks like one is text.
            return node.value
        try:
            value = self.constructor.construct_object(node)
        except (ValueError, YAMLError):
            raise self.fail(
                node, f"{node.value[:40]}: not a value: quote it if it is text"
            ) from None
        if isinstance(value, int) and value.bit_length() > _MAX_BITS:
            raise self.fail(node, f"{node.value[:40]}: a number of more than {_MAX_BITS} bits")
        if isinstance(value, float) and not math.isfinite(value):
            raise self.fail(node, f"{node.value}: write a finite number")
        return value

    def fail(self, node: Node, problem: str) -> YamlFileError:
        """Return the error about one node."""
        return YamlFileError(f"{node.start_mark.line + 1}: {problem}")


_PROBLEM: Final = re.compile(
    r"(?P<problem>.*?)(?: - at (?P<key>`key` in )?`\$(?P<path>.*)`)?", re.DOTALL
)
_FIELD: Final = re.compile(r"Object (contains unknown|missing required) field `(?P<field>[^`]*)`")
_STEP: Final = re.compile(r"\.?([^.\[\]]+)|\[(\d+|\.\.\.)\]")


def convert(document: Document, cls: type[T]) -> T:
    """Return the document as `cls`; YamlFileError names the line of what does not fit.

    The Structs of `cls` forbid unknown fields.
    """
    try:
        return msgspec.convert(document.data, cls)
    except msgspec.ValidationError as error:
        raise _explained(document, cls, error) from None


def suggestion(word: str, known: Sequence[str], otherwise: str | None = None) -> str:
    """Return advice about an unknown `word`: the known one that it looks like, or all of them."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return otherwise or (f"use one of {', '.join(known)}" if known else "remove it")


def _explained(document: Document, cls: Any, error: msgspec.ValidationError) -> YamlFileError:
    match = _PROBLEM.fullmatch(str(error))
    if match is None:
        return document.error((), str(error))
    problem: str = match["problem"]
    path, kind = _resolve(document.data, cls, _STEP.findall(match["path"] or ""))
    if match["key"]:
        choices = _choices(_key_type(kind))
        key = next((key for key in _at(document.data, path) if key not in choices), "")
        return document.error((*path, key), f"unknown key: {suggestion(key, choices)}")
    if field := _FIELD.fullmatch(problem):
        return _field_error(document, path, kind, field["field"], problem)
    choices = _choices(kind)
    value = _at(document.data, path)
    if problem.startswith("Invalid enum value") and choices:
        otherwise = f"use one of {', '.join(choices)}"
        advice = suggestion(value, choices) if isinstance(value, str) else otherwise
        return document.error(path, advice)
    return document.error(path, _description(kind) or problem.replace("`", ""))


def _field_error(
    document: Document, path: Path, kind: Any, name: str, problem: str
) -> YamlFileError:
    if "missing" in problem:
        return document.error((*path, name), "missing: it is required")
    known = [name for option in _options(kind) if _is_struct(option) for name in _fields(option)]
    return document.error((*path, name), f"unknown key: {suggestion(name, known)}")


def _resolve(value: Any, kind: Any, steps: list[tuple[str, str]]) -> tuple[Path, Any]:
    """Return the path that msgspec's steps mean, and the type that is expected there.

    msgspec writes `[...]` for a key of a mapping; the key meant is the first whose value is bad.
    """
    path: list[Step] = []
    for name, index in steps:
        step: Step
        if index == "...":
            kind = _within(kind, "")
            step = next((key for key in value if not _fits(value[key], kind)), "...")
        else:
            step = name or int(index)
            kind = _within(kind, step)
        path.append(step)
        value = _at(value, (step,))
    return tuple(path), kind


def _at(value: Any, path: Path) -> Any:
    for step in path:
        try:
            value = value[step]
        except (LookupError, TypeError):
            return None
    return value


def _fits(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _within(kind: Any, step: Step) -> Any:
    """Return the type of one element, value or field inside a type."""
    for option in _options(kind):
        if _is_struct(option):
            if step in _fields(option):
                return _fields(option)[str(step)]
        elif (arguments := get_args(option)) and get_origin(option) is not Literal:
            return _element(arguments, step)
    return Any


def _element(arguments: tuple[Any, ...], step: Step) -> Any:
    if isinstance(step, str):
        return arguments[-1]
    fixed = len(arguments) > 1 and arguments[-1] is not Ellipsis
    return arguments[step] if fixed and step < len(arguments) else arguments[0]


def _key_type(kind: Any) -> Any:
    mappings = [get_args(option) for option in _options(kind) if get_origin(option) is dict]
    return mappings[0][0] if mappings else Any


def _options(kind: Any) -> Iterator[Any]:
    """Return the alternatives of a type, without annotations."""
    if get_origin(kind) is Annotated:
        yield from _options(get_args(kind)[0])
    elif get_origin(kind) in (Union, types.UnionType):
        for option in get_args(kind):
            yield from _options(option)
    else:
        yield kind


def _choices(kind: Any) -> list[str]:
    options = [*_options(kind)]
    literals = [option for option in options if get_origin(option) is Literal]
    truths = ["true", "false"] if literals and bool in options else []
    return truths + [str(choice) for literal in literals for choice in get_args(literal)]


def _description(kind: Any) -> str | None:
    """Return what the annotation of a type, or of an alternative, says that a value looks like."""
    if get_origin(kind) in (Union, types.UnionType):
        return next(filter(None, map(_description, get_args(kind))), None)
    metas = get_args(kind)[1:] if get_origin(kind) is Annotated else ()
    return next((meta.description for meta in metas if meta.description), None)


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


@cache
def _fields(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return {field.encode_name: field.type for field in msgspec.structs.fields(struct)}
