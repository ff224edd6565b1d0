"""Installation: the wheel has the data files, the lock files match pyproject."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any, Final

import pytest
from aiokafka import codec
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from workers.data import data_path

_ROOT: Final = Path(__file__).parents[2]


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    return project


def _locked(name: str) -> dict[str, str]:
    """Return the versions in a lock file by package."""
    text = (_ROOT / name).read_text()
    return dict(re.findall(r"^([a-z0-9.-]+)==([^ ;]+)", text, re.MULTILINE))


def test_the_wheel_has_the_data_files_where_an_installation_looks(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", tmp_path],
        check=True,
        cwd=_ROOT,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    script = (
        "from workers.data import data_path as path\n"
        "print(path('schemas'), path('policies'), path('topics.yaml'), path('playbook.yaml'))"
    )
    found = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
    ).stdout.split()
    assert found == [
        str(installed / "workers" / "_data" / name)
        for name in ("schemas", "policies", "topics.yaml", "playbook.yaml")
    ]
    names = {path.relative_to(installed).as_posix() for path in installed.rglob("*")}
    assert {"workers/py.typed", "workers/replay/html_report.html"} <= names
    for name in ("schemas", "policies", "vendors"):
        for path in data_path(name).rglob("*"):
            assert f"workers/_data/{path.relative_to(_ROOT).as_posix()}" in names
    scripts = {path.relative_to(_ROOT).as_posix() for path in (_ROOT / "workers").rglob("*.lua")}
    assert scripts <= names


def test_a_data_file_that_is_missing_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.yaml.*missing from this installation"):
        data_path("nothing.yaml")


def test_a_plain_installation_reads_every_codec_of_kafka() -> None:
    # aiokafka takes all but gzip from a library that it does not ask for.
    named = {canonicalize_name(Requirement(text).name) for text in _project()["dependencies"]}
    assert "cramjam" in named
    for has in (codec.has_gzip, codec.has_snappy, codec.has_lz4, codec.has_zstd):
        assert has()


def test_the_lock_files_hold_what_the_project_asks_for() -> None:
    project = _project()
    runtime = [Requirement(text) for text in project["dependencies"]]
    development = [Requirement(text) for text in project["optional-dependencies"]["dev"]]
    locked, all_locked = _locked("requirements.lock"), _locked("requirements-dev.lock")
    for lock, wanted in ((locked, runtime), (all_locked, runtime + development)):
        for requirement in wanted:
            version = lock[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version), f"{requirement}: locked {version}"
    assert locked.items() <= all_locked.items()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_the_lock_files_pin_by_hash_and_name_no_host(name: str) -> None:
    text = (_ROOT / name).read_text()
    assert "://" not in text
    for entry in re.split(r"\n(?=[a-z0-9])", text)[1:]:
        assert "--hash=sha256:" in entry
