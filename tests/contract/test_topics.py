"""topics.yaml: what is declared holds together, and a mistake is named where it stands."""

from datetime import date

import pytest

from tests.support.schema_files import TOPICS_FILE, schema, topics, verdicts
from workers.contracts.topics import DEAD_LETTERS, LEDGER, OWN_TOPICS, QUEUE_PREFIX, load_topics
from workers.contracts.yaml import YamlFileError, load_yaml
from workers.kafka.topic_diff import EMBEDDED_PARTITIONS, ClusterTopic, differences, missing

TEXT = TOPICS_FILE.read_text("utf-8")
QUEUES = """
    tier_2_support premium_support urgent_queue manager_approval security retention billing legal
""".split()


def test_the_queues_of_both_policies_have_topics() -> None:
    assert sorted(topics().queues) == sorted(QUEUES)
    for name in QUEUES:
        topic = topics().topics[f"{QUEUE_PREFIX}{name}"]
        assert (topic.schema, topic.partitions, topic.retention_days) == ("handoff-queue", 4, 7)


def test_partitions_retention_and_timestamps_are_as_designed() -> None:
    declared = topics().topics
    assert {declared[name].partitions for name in OWN_TOPICS} == {12}
    days = {name: declared[name].retention_days for name in OWN_TOPICS}
    assert (days["conversation-events"], days["escalation-decisions"]) == (30, 90)
    assert days.pop(LEDGER) is None
    assert declared[LEDGER].configs["cleanup.policy"] == "compact"
    # What a replay skips must be known as long as there is something to replay.
    assert days[DEAD_LETTERS] == days["conversation-events"]
    by_the_broker = {name for name in declared if declared[name].timestamps == "LogAppendTime"}
    assert by_the_broker == {"conversation-events", "desk-events"}


def test_a_dead_letter_fits_wherever_it_came_from() -> None:
    """At least as wide as its source, in partitions and in bytes."""
    last = topics().topics[DEAD_LETTERS]
    for topic in topics().topics.values():
        if topic.dead_letters == DEAD_LETTERS:
            assert last.partitions >= topic.partitions
            assert last.max_message_bytes > topic.max_message_bytes
            assert set(topic.consumers) & set(last.producers)


def test_the_file_keeps_its_schema() -> None:
    assert verdicts("topics", load_yaml(TEXT, "topics.yaml").data) == (True, True)


def test_a_calendar_closes_on_holidays_and_at_night() -> None:
    calendar = topics().calendar("legal")
    assert calendar.spans(date(2026, 11, 2)) == ((540, 1050),)
    assert calendar.spans(date(2026, 11, 7)) == ()  # a Saturday
    assert calendar.spans(date(2026, 12, 24)) == ()  # named
    assert calendar.spans(date(2027, 3, 8)) == ()  # a holiday of Berlin only
    assert topics().calendar("security").spans(date(2026, 12, 25)) == ((0, 1440),)


def test_contact_falls_back_to_the_ladder() -> None:
    assert topics().contact("legal").email == "legal@example.com"
    assert topics().contact("billing") == topics().ladder.contact


MISTAKES = [
    (
        "  - topic: desk-events",
        "  - topc: desk-events",
        "topics[3].topc: 'desk-events': unknown key: did you mean topic?",
    ),
    (
        "retention_days: 90",
        "retention_day: 90",
        "topics[1].retention_day: '90': unknown key: did you mean retention_days?",
    ),
    (
        "retention_days: 90",
        "retention_days: 91",
        "topics[1].retention_days: '91': use one of 1, 3, 7,",
    ),
    (
        "cleanup: compact",
        "cleanup: delete",
        "topics[7].retention_days: needed with cleanup delete, and only with it",
    ),
    (
        "partitions: 12",
        "partitions: 13",
        "topics[0].partitions: '13': dead-letters has only 12: give it as many",
    ),
    (
        "consumers: [team-channel, notifier-agent]",
        "consumers: [teamchannel]",
        "topics[5].consumers[0]: 'teamchannel': did you mean team-channel?",
    ),
    (
        "producers: [desk, ticket-system, tickets-agent]",
        "producers: []",
        "topics[3].producers: Expected array of length >= 1",
    ),
    (
        "  - topic: escalation-ledger",
        "  - topic: escalation-legder",
        "topics: escalation-ledger: missing: the agents need it",
    ),
    (
        "  - topic: dead-letters",
        "  - topic: dead-letter",
        "topics: dead-letters: missing: the agents need it",
    ),
    (
        "  - topic: desk-events",
        "  - topic: handoff-desk",
        "topics: desk-events: missing: the agents need it",
    ),
    (
        "  - queue: retention",
        "  - queue: billing",
        "queues[6].queue: 'billing': named twice: keep one",
    ),
    (
        "  - queue: billing",
        "  - queue: Billing Team",
        "queues[6].queue: 'Billing Team': use small letters",
    ),
    (
        "overflow: [urgent_queue]",
        "overflow: [urgent_qeue]",
        "queues[4].overflow[0]: 'urgent_qeue': did you mean urgent_queue?",
    ),
    (
        "overflow: [urgent_queue]",
        "overflow: [security]",
        "queues[4].overflow[0]: 'security': would be tried twice: remove it",
    ),
    (
        "calendar: office_hours\n    max",
        "calendar: office\n    max",
        "queues[7].calendar: 'office': did you mean office_hours?",
    ),
    (
        "timezone: Europe/Berlin",
        "timezone: Europe/Bern",
        "calendars[1].timezone: 'Europe/Bern': did you mean Europe/Berlin?",
    ),
    (
        "country: DE",
        "country: XX",
        "calendars[1].holidays.country: 'XX': not known: use the codes of ISO 3166",
    ),
    ("subdivision: BE", "subdivision: XX", "calendars[1].holidays.subdivision: 'XX': not known"),
    ("      country: DE\n", "", "calendars[1].holidays.subdivision: 'BE': name its country too"),
    (
        'fri: ["09:00-16:00"]',
        'fri: ["9-16"]',
        "calendars[1].hours.fri[0]: '9-16': write a time of day as in 09:00-17:30",
    ),
    (
        'fri: ["09:00-16:00"]',
        'fri: ["16:00-09:00"]',
        "calendars[1].hours.fri[0]: '16:00-09:00': end after the start",
    ),
    (
        'fri: ["09:00-16:00"]',
        'fri: ["09:00-12:00", "11:00-16:00"]',
        "calendars[1].hours.fri[1]: '11:00-16:00': end after the start",
    ),
    ("      fri:", "      fry:", "calendars[1].hours.fry: unknown key: did you mean fri?"),
    (
        "dates: [2026-12-24,",
        "dates: [2026-02-30,",
        "calendars[1].holidays.dates[0]: '2026-02-30': Invalid",
    ),
    ("priority: 3", "priority: 0", "queues[0].priority: '0': Expected int >= 1"),
    (
        "redaction: strict",
        "redaction: strong",
        "queues[7].redaction: 'strong': use one of none, standard, strict",
    ),
    (
        "      email: legal@",
        "      mail: legal@",
        "queues[7].contact.mail: 'legal@example.com': unknown key: did you mean email?",
    ),
    ("  expire_hours: 72\n", "", "ladder.expire_hours: missing: it is required"),
    ("version: 1", "version: 2", "version: '2': use one of 1"),
]


@pytest.mark.parametrize(("right", "wrong", "error"), MISTAKES)
def test_a_mistake_is_named_with_its_line(right: str, wrong: str, error: str) -> None:
    assert right in TEXT
    before = TEXT.index(right)
    with pytest.raises(YamlFileError) as caught:
        load_topics(TEXT.replace(right, wrong, 1), "topics.yaml")
    name, line, rest = str(caught.value).split(":", 2)
    assert name == "topics.yaml"
    assert rest.strip().startswith(error)
    if "missing" not in error and "needed" not in error:
        near = TEXT.count("\n", 0, before) + 1
        assert near <= int(line) <= near + 1 or "named twice" in error


@pytest.mark.parametrize(("right", "wrong", "error"), MISTAKES)
def test_what_is_misspelt_is_an_error_to_the_schema_too(right: str, wrong: str, error: str) -> None:
    data = load_yaml(TEXT.replace(right, wrong, 1), "topics.yaml").data
    python, rust = verdicts("topics", data)
    assert python == rust
    # What refers to something else is beyond a schema.
    refers = any(part in error for part in ("overflow", ".calendar:", "timezone"))
    if "did you mean" in error and not refers:
        assert not python


def test_every_key_of_the_file_is_checked() -> None:
    """No part of the schema is open to keys that nobody reads."""
    parts = [schema("topics"), *schema("topics")["$defs"].values()]
    assert [part for part in parts if part.get("additionalProperties") is not False] == []


def _as_declared() -> dict[str, ClusterTopic]:
    return {
        name: ClusterTopic(topic.partitions, dict(topic.configs, **{"segment.bytes": "1"}))
        for name, topic in topics().topics.items()
    }


def test_a_cluster_as_declared_has_no_differences() -> None:
    found = _as_declared()
    assert differences(topics(), {**found, "somebody-elses": ClusterTopic(1, {})}) == []
    assert missing(topics(), found) == []


def test_each_difference_names_both_values() -> None:
    found = _as_declared()
    del found["desk-events"]
    found["handoff-legal"] = ClusterTopic(1, found["handoff-legal"].configs)
    found["conversation-events"] = ClusterTopic(12, {"retention.ms": "86400000"})
    # The embedded broker has no configurations, and a number of partitions of its own.
    found["conversation-control"] = ClusterTopic(EMBEDDED_PARTITIONS, None)
    told = differences(topics(), found)
    assert missing(topics(), found) == ["desk-events"]
    assert [(one.topic, one.setting, one.declared, one.found) for one in told] == [
        ("conversation-events", "cleanup.policy", "delete", "nothing"),
        ("conversation-events", "max.message.bytes", "1048588", "nothing"),
        ("conversation-events", "message.timestamp.type", "LogAppendTime", "nothing"),
        ("conversation-events", "retention.ms", "2592000000", "86400000"),
        ("desk-events", "topic", "this one", "none of this name"),
        ("handoff-legal", "partitions", "4", "1"),
    ]
    assert str(told[3]).startswith(
        "conversation-events: retention.ms: topics.yaml has 2592000000, the cluster 86400000: "
    )
    assert all(one.advice for one in told)
