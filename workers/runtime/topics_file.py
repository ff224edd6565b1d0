"""Reading topics.yaml, for workers and for the command line alike."""

from pathlib import Path

from workers.contracts.topics import Topics, load_topics
from workers.contracts.yaml import YamlFileError


def read_topics(path: Path) -> Topics:
    """Return the content of topics.yaml; YamlFileError says what is wrong with it, and where."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise YamlFileError(f"{path}: not UTF-8 at byte {error.start}: save it as UTF-8") from None
    except OSError as error:
        raise YamlFileError(f"{path}: cannot be read: {error.strerror or error}") from None
    return load_topics(text, str(path))
