"""Docstrings open with a verb or a noun: a question word leaves the reader to guess the subject."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
_QUESTION = re.compile(
    r"\s*(What|Who|Whom|Whose|Whoever|Whatever|Whether|How|Which|Where|When|Why)\b"
)


def _docstrings(tree: ast.Module) -> Iterator[ast.Constant]:
    """Yield the texts of modules, classes, functions and attributes."""
    bodies: list[Any] = [node.body for node in ast.walk(tree) if hasattr(node, "body")]
    for statement in (one for body in bodies if isinstance(body, list) for one in body):
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            yield statement.value


def test_no_docstring_opens_with_a_question_word() -> None:
    found = [
        f"{file.relative_to(_ROOT)}:{text.lineno}: {str(text.value).splitlines()[0]}"
        for folder in ("workers", "benchmarks", "examples", "tests")
        for file in sorted((_ROOT / folder).rglob("*.py"))
        for text in _docstrings(ast.parse(file.read_text()))
        if _QUESTION.match(str(text.value))
    ]
    assert found == [], "begin with a verb (functions) or a noun (classes, attributes, modules)"
