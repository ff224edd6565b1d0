"""`--observe` holds from the first event after a start, and so does its absence."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.escalation_harness import (
    Worker,
    create_topics,
    policy_text,
    produce,
    published,
    read,
    settled,
    until,
)
from workers.contracts.topics import DECISIONS, EVENTS
from workers.embedded import EmbeddedKafka


def _asks(name: str) -> dict[str, Any]:
    return {
        "event_id": f"e-{name}",
        "conversation_id": name,
        "occurred_at": datetime.now(UTC).isoformat(),
        "role": "customer",
        "content": "I want to talk to a human please",
    }


async def _announced(kafka: EmbeddedKafka) -> list[tuple[str, bool]]:
    """Return version and flag of the last policy event in each partition that has one."""
    found = []
    for records in (await read(kafka.bootstrap, EVENTS)).values():
        policies = [orjson.loads(r.value) for r in records if r.key == b"policy"]
        if policies:
            last = policies[-1]
            found.append((last["policy_version"], last.get("observe", False)))
    return found


async def _observed(kafka: EmbeddedKafka, name: str) -> bool:
    """Return whether the decision about a conversation, of which there is one, only observes."""
    decisions = (await published(kafka.bootstrap, DECISIONS))[name.encode()]
    assert len(decisions) == 1
    return bool(orjson.loads(decisions[0]).get("observe", False))


# Every pair of the three; each start takes seconds.
@pytest.mark.parametrize(
    ("observe", "version", "waiting"),
    [
        (True, "9999-newer", False),
        (True, None, True),
        (False, "9999-newer", True),
        (False, None, False),
    ],
    ids=[
        "observe-newer-was-live-nothing-waits",
        "observe-same-version-one-event-waits",
        "place-again-newer-was-live-one-event-waits",
        "place-again-same-version-nothing-waits",
    ],
)
async def test_the_flag_of_a_restart_holds_for_every_event_after_it(
    kafka: EmbeddedKafka,
    redis_url: str,
    tmp_path: Path,
    observe: bool,
    version: str | None,
    waiting: bool,
) -> None:
    create_topics(kafka)
    text, file = policy_text(), tmp_path / "policy.yaml"
    if version:
        text = re.sub(r"^version: *\S+", f"version: {version}", text, count=1, flags=re.MULTILINE)
    file.write_text(text)
    flags: dict[bool, tuple[str, ...]] = {True: ("--observe",), False: ()}
    live = (*flags[not observe], "--from", "earliest", "--policy", str(file))
    with Worker(kafka.bootstrap, redis_url, tmp_path, *live) as worker:
        await until(lambda: worker.said.count("is on the log") == 4)
        await produce(kafka.bootstrap, [_asks("before")])
        await settled(kafka.bootstrap, redis_url)
        assert await _observed(kafka, "before") is not observe
        assert worker.terminate() == 0
    in_force = (await _announced(kafka))[0][0]
    if waiting:
        await produce(kafka.bootstrap, [_asks("waiting")])
    with Worker(kafka.bootstrap, redis_url, tmp_path, *flags[observe]) as worker:
        await until(lambda: worker.said.count("is on the log") == 4)
        await produce(kafka.bootstrap, [_asks("after")])
        await settled(kafka.bootstrap, redis_url)
        assert worker.terminate() == 0
    assert await _observed(kafka, "after") is observe
    if waiting:
        assert await _observed(kafka, "waiting") is observe
    # The version in force stays, and a replay learns of the flag.
    assert await _announced(kafka) == [(in_force, observe)] * 4
