"""Imports point one way, and what decides knows no server, clock or chance."""

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from workers.cli.main import COMMANDS, IN_LEAD, handoff, module_name

_WORKERS = Path(__file__).parents[2] / "workers"

_BASE = ("contracts", "data", "errors")
_DECIDING = ("conversation", "handoff", "routing")
_PURE = ("contracts", "redaction", "detection", "policy", *_DECIDING, "outcomes")
_AROUND = (*_PURE, *_BASE, "settings", "kafka", "stores")
# The rooms that each room may import. The command line may import all; no room imports it.
_MAY: dict[str, Collection[str]] = {
    "data": (),
    "errors": (),
    "contracts": ("errors",),
    "settings": _BASE,
    "redaction": _BASE,
    "detection": _BASE,
    "policy": (*_BASE, "detection", "redaction"),
    **dict.fromkeys(_DECIDING, (*_BASE, "detection", "policy", "redaction")),
    "outcomes": _BASE,
    "kafka": (*_BASE, "settings"),
    "runtime": (*_BASE, "settings", "kafka"),
    "stores": (*_PURE, *_BASE, "settings"),
    "agents": (*_AROUND, "runtime", "outbound"),
    "chatlogs": _AROUND,
    "audit": _AROUND,
    "replay": (*_AROUND, "chatlogs"),
    "embedded": (*_BASE, "settings", "kafka"),
    "outbound": (*_BASE, "redaction", "settings", "stores"),
    "client": (*_BASE, "settings", "kafka"),
    "bridge": (*_AROUND, "runtime", "outbound"),
    "console": (*_AROUND, "runtime", "replay"),
}
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


def test_every_room_is_named_here() -> None:
    rooms = {
        path.name.removesuffix(".py")
        for path in _WORKERS.iterdir()
        if path.suffix == ".py" or any(path.glob("*.py"))
    }
    assert rooms - {"__init__", "cli"} <= _MAY.keys()


def test_every_room_imports_only_what_it_may() -> None:
    wrong = [
        str(imported)
        for importer, imported in _ours()
        if importer != "cli" and _part(imported.module) not in _MAY[importer]
    ]
    assert not wrong


def test_no_agent_imports_another() -> None:
    wrong = [
        str(imported)
        for file in _sources("agents")
        for imported in _imports(file)
        if imported.module.startswith("workers.agents.")
        and imported.module.split(".")[2] not in (file.relative_to(_WORKERS).parts[1], "shared")
    ]
    assert not wrong


def test_no_module_name_stands_twice() -> None:
    commands = {"import_" if name == "import" else name for name in COMMANDS}
    names = Counter(
        file.stem
        for file in _sources()
        if file.stem not in ("__init__", "agent")
        and not (file.parent.name == "cli" and file.stem in commands)
    )
    assert [name for name, times in names.items() if times > 1] == []


def test_no_class_name_stands_twice() -> None:
    names = Counter(
        node.name
        for file in _sources()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, times in names.items() if times > 1] == []


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
    shared = {"__init__", "__main__", "main", "common", "output", "time_option"}
    shared |= {"policy_option", "log_source", "supervised", "up_presence", "lead", "input_check"}
    cli = _WORKERS / "cli"
    files = {path.stem for path in cli.glob("*.py")} - shared
    files |= {path.parent.name for path in cli.glob("*/__init__.py")}
    assert files == {module_name(name) for name in COMMANDS if name not in IN_LEAD}


def test_agents_start_without_what_only_some_of_their_work_needs() -> None:
    script = """
import sys
from importlib import import_module
from workers.cli.worker import AGENTS
for name in AGENTS:
    import_module(f"workers.agents.{name}.agent")
rare = "anthropic holidays httpx2 jinja2 jsonschema phonenumbers pygal rich starlette".split()
print(*sorted(sys.modules.keys() & {*rare}))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == ""


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
