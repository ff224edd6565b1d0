"""The shipped topics and policy with minutes made seconds: deadlines pass within a round."""

import re
from pathlib import Path

_ROOT = Path(__file__).parents[2]
PARTITIONS = 6

_TOPICS = {
    r"partitions: 12": f"partitions: {PARTITIONS}",
    r"claim_minutes: \d+": "claim_minutes: 0.1",
    r"reply_minutes: \d+": "reply_minutes: 0.1",
    r"presence_seconds: \d+": "presence_seconds: 10\n    update_minutes: 0.03",
    r"max_waiting: \d+": "max_waiting: 25",
    r"ticket_answer_minutes: \d+": "ticket_answer_minutes: 0.1",
    r"expire_hours: \d+": "expire_hours: 0.02",
}
_POLICY = {
    r"offer_minutes: \d+": "offer_minutes: 0.1",
    r"claim_minutes: \d+": "claim_minutes: 0.1",
    r"reply_minutes: \d+": "reply_minutes: 0.1",
    r"\{stalled_minutes: 10\}": "{stalled_minutes: 0.15}",
}


def hurried_topics(folder: Path) -> Path:
    """Write the topics and queues with short deadlines; return the file."""
    return _hurried(_ROOT / "topics.yaml", folder / "topics.yaml", _TOPICS)


def hurried_policy(folder: Path) -> Path:
    """Write the default policy with short deadlines; return the file."""
    return _hurried(_ROOT / "policies" / "default.yaml", folder / "policy.yaml", _POLICY)


def _hurried(source: Path, target: Path, changes: dict[str, str]) -> Path:
    text = source.read_text()
    for pattern, replacement in changes.items():
        text, made = re.subn(pattern, replacement, text)
        if not made:
            raise ValueError(f"{source}: nothing like {pattern}")
    target.write_text(text)
    return target
