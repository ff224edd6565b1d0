"""Imports point one way, and what decides knows no server, clock or chance."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from workers.cli.main import COMMANDS, handoff

_WORKERS = Path(__file__).parents[2] / "workers"

# A package imports from its own row and the rows below it. Modules beside the packages (settings,
# data) stand at the bottom.
_ROWS = (
    {"cli"},
    {"agents", "replay", "console"},
    {"stores", "embedded"},
    {"conversation", "handoff", "routing"},
    {"policy", "detection"},
    {"contracts"},
    {"settings", "data"},
)
_ROW = {name: row for row, names in enumerate(_ROWS) for name in names}
_PURE = ("contracts", "detection", "policy", "conversation", "handoff", "routing")
_NOT_IN_PURE = {
    *("faust", "mode", "aiokafka", "confluent_kafka", "redis", "valkey", "anthropic"),
    *("asyncio", "socket", "subprocess", "threading", "logging", "time", "random", "secrets"),
}
_CLOCK_OR_CHANCE = {"now", "utcnow", "today", "uuid1", "uuid4", "urandom"}


class _Import(NamedTuple):
    file: Path
    line: int
    module: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(_WORKERS.parent)}:{self.line}: imports {self.module}"


def _sources(*packages: str) -> list[Path]:
    if not packages:
        return sorted(_WORKERS.rglob("*.py"))
    return sorted(path for package in packages for path in (_WORKERS / package).rglob("*.py"))


def _imports(file: Path) -> Iterator[_Import]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield _Import(file, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: import by the full name"
            if node.module == "workers":
                for alias in node.names:
                    yield _Import(file, node.lineno, f"workers.{alias.name}")
            else:
                yield _Import(file, node.lineno, node.module or "")


def _part(module: str) -> str:
    """Return the package of ours that a module is in, or the module beside the packages."""
    return module.split(".")[1]


def _ours() -> Iterator[tuple[str, _Import]]:
    """Yield every import between two parts of ours with the part that imports."""
    for file in _sources():
        relative = file.relative_to(_WORKERS)
        importer = relative.parts[0].removesuffix(".py")
        if importer == "__init__":
            continue
        for imported in _imports(file):
            if imported.module.startswith("workers.") and _part(imported.module) != importer:
                yield importer, imported


def test_every_part_has_its_row() -> None:
    parts = {
        path.name.removesuffix(".py")
        for path in _WORKERS.iterdir()
        if path.suffix == ".py" or any(path.glob("*.py"))
    }
    assert parts - {"__init__"} <= _ROW.keys()


def test_imports_never_point_up() -> None:
    wrong = [
        str(imported)
        for importer, imported in _ours()
        if _ROW[_part(imported.module)] < _ROW[importer]
    ]
    assert not wrong


def test_no_two_packages_need_each_other() -> None:
    needs: dict[str, set[str]] = {}
    for importer, imported in _ours():
        needs.setdefault(importer, set()).add(_part(imported.module))
    while leaves := {name for name, needed in needs.items() if not needed & needs.keys()}:
        needs = {name: needed for name, needed in needs.items() if name not in leaves}
    assert not needs, f"packages import each other in a circle: {needs}"


def test_pure_packages_import_no_server_clock_or_chance() -> None:
    wrong = [
        str(imported)
        for file in _sources(*_PURE)
        for imported in _imports(file)
        if imported.module.split(".")[0] in _NOT_IN_PURE
    ]
    assert not wrong


def test_pure_packages_ask_no_clock_and_draw_nothing() -> None:
    wrong = [
        f"{file}:{node.lineno}: {node.func.attr}()"
        for file in _sources(*_PURE)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _CLOCK_OR_CHANCE
    ]
    assert not wrong


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_loads_and_has_help(name: str) -> None:
    command = handoff.get_command(click.Context(handoff), name)
    assert command is not None
    assert command.help


def test_every_command_file_is_a_command() -> None:
    shared = {"__init__", "__main__", "main", "common", "cluster", "columns", "moment"}
    shared |= {"demo_play", "demo_checks", "demo_show"}
    files = {path.stem for path in _sources("cli")} - shared
    assert files == {"import_" if name == "import" else name for name in COMMANDS}


@pytest.mark.parametrize("arguments", [["--help"], ["detect", "--help"], ["policy", "--help"]])
def test_commands_without_servers_start_without_their_clients(arguments: list[str]) -> None:
    script = f"""
import sys
from workers.cli.main import handoff
handoff({arguments!r}, standalone_mode=False)
print(*sorted({{"faust", "aiokafka", "redis", "anthropic"}} & sys.modules.keys()), file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.strip()) == (0, "")
