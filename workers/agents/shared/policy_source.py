"""The policy that this worker would like to be in force: its file or folder, watched."""

import logging
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final, NamedTuple

from workers.contracts.yaml import YamlFileError
from workers.conversation.partition_meta import PartitionMeta, starting_meta, version_order
from workers.data import own_words
from workers.errors import ConfigurationError
from workers.handoff.notice_file import FILE_NAME as NOTICES
from workers.policy import load_policy, with_words
from workers.runtime.topics_file import read_topics

_SUFFIXES: Final = (".yaml", ".yml")

logger = logging.getLogger(__name__)

_Stamp = tuple[int, int, int, int]
_FRESH_S: Final = 0.2
"""A file that was written less than this ago may still be written."""
_SETTLES_S: Final = 5.0


class _Refusal(NamedTuple):
    """A refused file: the reason, and the stamps of the file and of topics.yaml at that time."""

    file: _Stamp
    topics: _Stamp | None
    problem: str


class PolicySource:
    """The newest valid policy of a file or folder; a bad one is reported once and left out.

    It is tried again when it, its rights or topics.yaml have changed. A file that is being written
    is not read: it counts when two looks find it the same, or when another file has taken its name.

    With `topics`, the path of topics.yaml, one that names a queue that is not there is bad, too.
    """

    def __init__(
        self, path: Path, *, observe: bool, topics: Path | None = None, words: Path | None = None
    ) -> None:
        """Read it; `words` is a folder of word lists, which become part of every policy here.

        Raise ConfigurationError when there is no usable policy, or no word list.
        """
        self._path = path
        self._observe = observe
        self._topics = topics
        try:
            self._words = own_words(words)
        except ValueError as error:
            raise ConfigurationError(str(error)) from None
        self._seen: dict[Path, _Stamp] = {}
        self._changing: dict[Path, _Stamp] = {}
        self._refused: dict[Path, _Refusal] = {}
        self._read: dict[Path, PartitionMeta] = {}
        self.own = self._first()

    def _first(self) -> PartitionMeta:
        problems: list[str] = []
        until = time.monotonic() + _SETTLES_S
        while any(map(_is_fresh, self._files())) and time.monotonic() < until:
            time.sleep(_FRESH_S / 2)
        self._look(problems.append)
        if not self._read:
            found = "; ".join(problems) or f"{self._path}: there is no .yaml file in it"
            raise ConfigurationError(f"no usable policy: {found}")
        for problem in problems:
            logger.error("policy left out: %s", problem)
        return self._newest()

    def poll(self) -> bool:
        """Look at the files again; True when `own` has changed."""
        before = self.own
        self._look(lambda problem: logger.error("policy not taken over: %s", problem))
        self.own = self._newest()
        return self.own != before

    def forget(self) -> None:
        """Have the next `poll` read every file, whether or not it looks changed."""
        self._seen.clear()
        self._refused.clear()

    @property
    def file(self) -> Path:
        """The file that `own` was read from."""
        return next(path for path, meta in self._read.items() if meta is self.own)

    def _newest(self) -> PartitionMeta:
        return max(self._read.values(), key=lambda meta: version_order(meta.policy_version))

    def _look(self, complain: Callable[[str], None]) -> None:
        # A refused policy may become valid by a change elsewhere: in topics.yaml.
        topics = None if self._topics is None else _stamp(self._topics)
        for path in self._files():
            stamp = _stamp(path)
            refusal = self._refused.get(path)
            if self._seen.get(path) == stamp and (refusal is None or refusal.topics == topics):
                continue
            if not self._is_whole(path, stamp):
                continue
            try:
                text = with_words(path.read_text(encoding="utf-8"), self._words)
                load_policy(text, str(path), self._queues())
                self._read[path] = starting_meta(text, self._observe)
                problem = None
            except YamlFileError as error:
                problem = str(error)
            except (OSError, UnicodeDecodeError) as error:
                problem = f"{path}: cannot be read: {error}"
            self._seen[path] = stamp
            if problem is None:
                self._refused.pop(path, None)
                continue
            if refusal is None or (refusal.file, refusal.problem) != (stamp, problem):
                complain(problem)
            self._refused[path] = _Refusal(stamp, topics, problem)

    def _is_whole(self, path: Path, stamp: _Stamp) -> bool:
        """Return True if a changed file was replaced in one step, or has stopped changing."""
        before = self._seen.get(path)
        if before is None or before[0] != stamp[0]:
            return True
        if (before[1], before[3]) == (stamp[1], stamp[3]):
            # Its content is what it was: its rights have changed.
            return True
        rests = self._changing.get(path) == stamp
        self._changing[path] = stamp
        return rests

    def _queues(self) -> Collection[str] | None:
        # Read each time: queues are added while workers run.
        return None if self._topics is None else read_topics(self._topics).queues

    def _files(self) -> list[Path]:
        if not self._path.is_dir():
            return [self._path]
        return sorted(
            path
            for path in self._path.iterdir()
            if path.suffix in _SUFFIXES and path.name != NOTICES
        )


def _stamp(path: Path) -> _Stamp:
    """Return what differs when a file's content or its rights have changed."""
    try:
        status = path.stat()
    except OSError:
        return (-1, -1, -1, -1)
    return (status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size)


def _is_fresh(path: Path) -> bool:
    """Return True if a file was written a moment ago."""
    try:
        return abs(time.time() - path.stat().st_mtime) < _FRESH_S
    except OSError:
        return False
