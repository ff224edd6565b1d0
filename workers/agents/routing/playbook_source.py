"""The playbook file of a router, read again when it has changed."""

import logging
from pathlib import Path

from workers.contracts.yaml import YamlFileError
from workers.errors import ConfigurationError
from workers.handoff.playbook import Playbook, load_playbook

logger = logging.getLogger(__name__)

_Stamp = tuple[int, int, int]


class PlaybookSource:
    """The last playbook of a file that could be used; a bad one is reported once and left out."""

    def __init__(self, path: Path) -> None:
        """Read the file; ConfigurationError says what is wrong with it.

        An entry for a queue that is not there never holds, and is no error here.
        """
        self._path = path
        self._read = self._last = _stamp(path)
        try:
            self.current = self._load()
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"no usable playbook: {error}") from None

    def poll(self) -> None:
        """Look at the file again; a changed one is read once two looks find it the same."""
        before, self._last = self._last, _stamp(self._path)
        if self._last == self._read or self._last != before:
            return
        self._read = self._last
        try:
            self.current = self._load()
        except (OSError, ValueError) as error:
            logger.error("playbook not taken over: %s", error)
        else:
            logger.info("playbook %s (%s)", self.current.version, self.current.hash)

    def _load(self) -> Playbook:
        try:
            text = self._path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise YamlFileError(f"{self._path}: not UTF-8 at byte {error.start}") from None
        return load_playbook(text, str(self._path))


def _stamp(path: Path) -> _Stamp:
    try:
        status = path.stat()
    except OSError:
        return (-1, -1, -1)
    return (status.st_ino, status.st_mtime_ns, status.st_size)
