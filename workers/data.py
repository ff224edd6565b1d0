"""Where the project's data files are: schemas, policies and topics.yaml."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
# A wheel carries the files inside the package; in a checkout they stand beside it.
_ROOT = _PACKAGE / "_data" if (_PACKAGE / "_data").is_dir() else _PACKAGE.parent


def data_path(name: str) -> Path:
    """Return the path of a shipped file or folder ("schemas", "policies", "topics.yaml")."""
    path = _ROOT / name
    if not path.exists():
        raise FileNotFoundError(f"{path}: missing from this installation of warm-handoff")
    return path
