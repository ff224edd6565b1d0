"""docs/security.md lists the rights with which the tests on enforcing servers run each worker."""

import re
from pathlib import Path
from typing import Final

from tests.kafka.security import OUTBOUND_ACLS, REDIS_RULES, TOPIC_ACLS

_TEXT: Final = (Path(__file__).parents[2] / "docs/security.md").read_text(encoding="utf-8")
_ACLS: Final = {**TOPIC_ACLS, **OUTBOUND_ACLS}


def _topics(cell: str) -> set[str]:
    return set(re.findall(r"`([\w*-]+)`", cell))


def test_the_rights_on_kafka_are_those_of_the_tests() -> None:
    rows = [line.strip("| ").split(" | ") for line in _TEXT.splitlines() if line.startswith("| ")]
    found = {row[0].split()[0]: row[1:] for row in rows if row[0].split()[0] in _ACLS}
    assert found.keys() == _ACLS.keys()
    for worker, (read, write, group) in found.items():
        acls = _ACLS[worker]
        assert _topics(read) == {topic for topic, rights in acls.items() if "READ" in rights}
        assert _topics(write) == {topic for topic, rights in acls.items() if "WRITE" in rights}
        assert _topics(group) == {f"handoff-{worker}"}


def test_the_users_of_the_store_are_those_of_the_tests() -> None:
    users = dict(re.findall(r"^user (\w+) on >PASSWORD resetchannels (.+)$", _TEXT, re.MULTILINE))
    assert users == REDIS_RULES
