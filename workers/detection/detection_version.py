"""The version of the detection: a short hash of the data by which texts are read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from workers.detection import (
    frustration,
    offered_person,
    other_wordings,
    replies,
    request,
    request_rules,
    topic_finding,
)
from workers.detection.grammar import Wording

_DATA = Path(__file__).parent / "data"


def _parts() -> Iterator[bytes]:
    for path in sorted([*_DATA.glob("*.json"), *_DATA.glob("*.txt")]):
        yield path.name.encode()
        yield path.read_bytes()
    for rules in (request_rules.RULES, frustration.EVIDENCE, replies.RULES):
        yield from map(_line, rules)
    others = (*other_wordings.WORDINGS, *offered_person.PARTS, *topic_finding.GUARDS)
    for wording in others:
        yield wording.pattern.encode()
    yield f"{frustration.CUT} {request.LIKELY} {request.LIKELY_NAMED}".encode()


def _line(rule: Wording) -> bytes:
    return f"{rule.score} {rule.pattern.pattern} {rule.guarded}".encode()


def current() -> str:
    """Hash what the texts are read by, anew."""
    found = hashlib.sha256()
    for part in _parts():
        found.update(len(part).to_bytes(8, "big"))
        found.update(part)
    return found.hexdigest()[:12]


DETECTION_VERSION = current()
"""Hash of the shipped weights, word lists and rules, 12 hexadecimal digits, the same in every
process of a release. A policy's own words are not in it: they are part of the policy's hash."""
