"""Locations of the project's data files: schemas, policies and topics.yaml."""

from pathlib import Path
from typing import Final

_PACKAGE = Path(__file__).resolve().parent
# A wheel carries the files inside the package; in a checkout they stand beside it.
_ROOT = _PACKAGE / "_data" if (_PACKAGE / "_data").is_dir() else _PACKAGE.parent


def data_path(name: str) -> Path:
    """Return the path of a shipped file or folder, as in "schemas" or "topics.yaml"."""
    path = _ROOT / name
    if not path.exists():
        raise FileNotFoundError(f"{path}: missing from this installation of warm-handoff")
    return path


_OWN_WORDS: Final = "HANDOFF_WORDS"


def own_words(folder: Path | None) -> str:
    """Return the word lists of a folder as a policy carries them; nothing without a folder.

    They are read once, at a start, and are part of the policy from then on. ValueError when the
    folder has none, or one cannot be read.
    """
    if folder is None:
        return ""
    paths = sorted(folder.glob("*.txt"))
    if not paths:
        raise ValueError(f"{_OWN_WORDS}={folder}: no *.txt file in this folder")
    try:
        return "".join(f"#list {path.name}\n{path.read_text('utf-8').strip()}\n" for path in paths)
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{_OWN_WORDS}={folder}: a list cannot be read: {error}") from None
