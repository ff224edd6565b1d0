"""The words of a notification in each language."""

from pathlib import Path
from typing import get_args

import pytest

from workers.contracts.tickets import Notification, NotificationKind
from workers.contracts.time import MINUTE, from_ms
from workers.contracts.topics import Language
from workers.contracts.yaml import load_yaml
from workers.outbound import notification_texts
from workers.outbound.notification_texts import item_of, mail_of
from workers.outbound.notifier_file import NotifierRoutes, load_notifier

_NOW = 1_790_000_000_000


@pytest.fixture
def routes(tmp_path: Path) -> NotifierRoutes:
    file = tmp_path / "notifier.yaml"
    file.write_text(
        "version: 1\nmail: {host: localhost, from: handoff@example.com, security: none}\n"
        "routes:\n  - {route: team, mail: [team@example.com]}\n"
    )
    return load_notifier(file)


@pytest.mark.parametrize("language", get_args(Language))
def test_every_kind_has_a_name_and_every_fact_a_label(
    routes: NotifierRoutes, language: Language
) -> None:
    words = load_yaml(
        Path(notification_texts.__file__).with_name("notification_words.yaml").read_text("utf-8"),
        "words",
    ).data[language]
    assert words["kinds"].keys() == set(get_args(NotificationKind))
    assert words["advice"].keys() <= words["kinds"].keys()
    told = Notification(
        notification_id="n-1",
        kind="rung_skipped",
        occurred_at=from_ms(_NOW),
        text="c-1 (explicit request) went to tier_2.",
        queue="tier_2",
        conversation_id="c-1",
        customer="cust-1",
        reason="explicit_request",
        level=2,
        due_at=from_ms(_NOW + 20 * MINUTE),
    )
    facts = [value for _, value in item_of(told, routes, language).facts]
    due = f"{from_ms(_NOW + 20 * MINUTE):%Y-%m-%d %H:%M:%S} UTC"
    assert facts[:6] == ["tier_2", "c-1", "cust-1", "explicit request", "2", due]
    assert "cust-1" in mail_of([told], routes, language, ["team@example.com"]).as_string()
