"""topics.yaml as types: the topics, the queues of the desks, and the ladder after them."""

import zoneinfo
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Final, Literal

import msgspec

from workers.contracts.calendars import Calendar, minutes, of_country
from workers.contracts.control import Contact
from workers.contracts.events import OnIdle, Word
from workers.contracts.time import DAY, Minutes
from workers.contracts.yaml import Document, Path, YamlFileError, convert, load_yaml, suggestion

EVENTS: Final = "conversation-events"
DECISIONS: Final = "escalation-decisions"
CLASSIFICATIONS: Final = "classification-requests"
DESKS: Final = "desk-events"
TICKETS: Final = "support-tickets"
NOTIFICATIONS: Final = "escalation-notifications"
CONTROL: Final = "conversation-control"
LEDGER: Final = "escalation-ledger"
OUTCOMES: Final = "escalation-outcomes"
DEAD_LETTERS: Final = "dead-letters"
OWN_TOPICS: Final = (
    EVENTS,
    DECISIONS,
    CLASSIFICATIONS,
    DESKS,
    TICKETS,
    NOTIFICATIONS,
    CONTROL,
    LEDGER,
    OUTCOMES,
    DEAD_LETTERS,
)
"""The topics that the agents know by name; topics.yaml must declare each."""
QUEUE_PREFIX: Final = "handoff-"
"""Prefix of the topic of every queue, before the queue's name as it is."""

Service = Literal[
    "chat-system",
    "desk",
    "ticket-system",
    "team-channel",
    "escalation-agent",
    "routing-agent",
    "desk-agent",
    "classifier-agent",
    "outcomes-agent",
    "notifier-agent",
    "tickets-agent",
    "operator",
]
"""Writers and readers of topics: outside systems, our agents, and an operator's command line."""
KeyKind = Literal[
    "conversation_id",
    "conversation_id_or_queue",
    "conversation_id_or_subject",
    "decision_id",
    "original",
]
RetentionDays = Literal[1, 3, 7, 14, 30, 60, 90, 180, 365]
Language = Literal["en", "de", "es", "fr", "it", "pt", "nl"]
Redaction = Literal["none", "standard", "strict"]

_NAME: Final = "use small letters, digits, - and _, a letter first"
TopicName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]{0,99}$", description=_NAME)]
QueueName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]{0,63}$", description=_NAME)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]


class TopicSettings(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Settings that every topic declares; the queues share one of these."""

    description: Text
    schema: Word
    """Name of the schema file, before `.v<schema_version>.schema.json`."""
    schema_version: Annotated[int, msgspec.Meta(ge=1)]
    key: KeyKind
    partitions: Annotated[int, msgspec.Meta(ge=1, le=1000)]
    cleanup: Literal["delete", "compact"]
    retention_days: RetentionDays | None = None
    timestamps: Literal["CreateTime", "LogAppendTime"] = "CreateTime"
    max_message_bytes: Annotated[int, msgspec.Meta(ge=1024, le=10_485_760)]
    producers: Annotated[tuple[Service, ...], msgspec.Meta(min_length=1)]
    consumers: Annotated[tuple[Service, ...], msgspec.Meta(min_length=1)]
    dead_letters: Literal["dead-letters", "none"]
    """Destination of a record that our readers cannot use; `none`: they do not read the topic."""

    @property
    def configs(self) -> dict[str, str]:
        """The topic's configuration in Kafka's names and units."""
        configs = {
            "cleanup.policy": self.cleanup,
            "max.message.bytes": str(self.max_message_bytes),
            "message.timestamp.type": self.timestamps,
        }
        if self.retention_days is not None:
            configs["retention.ms"] = str(self.retention_days * DAY)
        return configs


class Topic(TopicSettings, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One topic of the cluster."""

    topic: TopicName


class ContactDetails(Contact, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Contact details for a customer whom neither a queue nor a ticket system takes."""


class Queue(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One queue on which escalations wait for the people of a team."""

    queue: QueueName
    team: Word
    description: Text
    calendar: Word
    """Name of one of the calendars."""
    max_waiting: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    """Escalations that may wait at once; one more goes on to the next rung."""
    overflow: tuple[QueueName, ...] = ()
    """Queues to try next, in order, before a ticket."""
    claim_minutes: Minutes
    """Minutes until a person must claim it, unless the policy's route says otherwise."""
    reply_minutes: Minutes
    """Minutes from the claim to the first reply, unless the policy's route says otherwise."""
    idle_minutes: Minutes = 240.0
    """Minutes for which the person who claimed it may be silent, from the last message on."""
    on_idle: OnIdle = "queue"
    """Destination after that silence: back to the queue, up a level, or to the AI agent."""
    update_minutes: Minutes = 10.0
    """Minutes between two looks at the wait; the customer hears of it if it has changed."""
    warn_share: Annotated[float, msgspec.Meta(gt=0, le=0.95)] | None = None
    """Part of the time to claim and to reply after which the team is warned; None: never."""
    presence_seconds: Annotated[int, msgspec.Meta(ge=5, le=3600)]
    """Seconds after which a desk's report of people online is out of date: it must report
    sooner."""
    redaction: Redaction
    language: Language = "en"
    """Language of the words around a packet's quotes."""
    priority: Annotated[int, msgspec.Meta(ge=1, le=5)]
    """1 is the most urgent."""
    contact: ContactDetails | None = None
    """Contact details for customers of this queue; the ladder's if absent."""

    @property
    def topic(self) -> str:
        """The topic that the team's desk consumes."""
        return QUEUE_PREFIX + self.queue


class Ladder(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The rungs below the queues, and the last deadline of an escalation."""

    ticket_answer_minutes: Minutes
    """Minutes until the ticket system must have answered."""
    expire_hours: Annotated[float, msgspec.Meta(gt=0, le=720)]
    """Hours until an escalation that no one took ends as expired."""
    contact: ContactDetails
    """Contact details for a customer whom neither a queue nor the ticket system takes."""


class TopicsFile(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The file as it is written."""

    version: Literal[1]
    topics: tuple[Topic, ...]
    queue_topics: TopicSettings
    """Settings that the topics of all queues share."""
    calendars: tuple[Calendar, ...]
    queues: Annotated[tuple[Queue, ...], msgspec.Meta(min_length=1)]
    ladder: Ladder


class Topics:
    """The checked content of topics.yaml; see `load_topics`."""

    def __init__(self, file: TopicsFile) -> None:
        self.queue_topics = file.queue_topics
        self.ladder = file.ladder
        self.queues: dict[str, Queue] = {queue.queue: queue for queue in file.queues}
        self.calendars = {calendar.calendar: calendar for calendar in file.calendars}
        self._topics = file.topics

    @cached_property
    def topics(self) -> dict[str, Topic]:
        """Every topic by name, those of the queues included and last."""
        shared = msgspec.structs.asdict(self.queue_topics)
        topics = {topic.topic: topic for topic in self._topics}
        for queue in self.queues.values():
            description = f"{queue.team}: {queue.description}"
            topics[queue.topic] = Topic(
                **{**shared, "topic": queue.topic, "description": description}
            )
        return topics

    def calendar(self, queue: str) -> Calendar:
        """Return the business calendar of a queue."""
        return self.calendars[self.queues[queue].calendar]

    def contact(self, queue: str) -> Contact:
        """Return the contact details by which customers of a queue reach a person without us."""
        return self.queues[queue].contact or self.ladder.contact


def load_topics(text: str, name: str) -> Topics:
    """Return the topics and queues of a topics.yaml; `name` is the file's, for errors.

    Raises YamlFileError, `file:line: field: value: what to do`. Every reference resolves: overflow
    queues, calendars, time zones, countries, dead letters.
    """
    document = load_yaml(text, name)
    file = convert(document, TopicsFile)
    for problem in _problems(document, file):
        raise problem
    return Topics(file)


def _problems(document: Document, file: TopicsFile) -> Iterator[YamlFileError]:
    for section, field, names in (
        ("topics", "topic", [topic.topic for topic in file.topics]),
        ("queues", "queue", [queue.queue for queue in file.queues]),
        ("calendars", "calendar", [calendar.calendar for calendar in file.calendars]),
    ):
        for index, name in enumerate(names):
            if name in names[:index]:
                yield document.error((section, index, field), "named twice: keep one")
    yield from _topic_problems(document, file)
    for index, calendar in enumerate(file.calendars):
        yield from _calendar_problems(document, ("calendars", index), calendar)
    for index, queue in enumerate(file.queues):
        yield from _queue_problems(document, ("queues", index), queue, file)


def _topic_problems(document: Document, file: TopicsFile) -> Iterator[YamlFileError]:
    topics = {topic.topic: topic for topic in file.topics}
    for name in OWN_TOPICS:
        if name not in topics:
            yield document.error(("topics",), f"{name}: missing: the agents need it")
    places: list[tuple[Path, TopicSettings]] = [(("queue_topics",), file.queue_topics)]
    places += [(("topics", index), topic) for index, topic in enumerate(file.topics)]
    for path, settings in places:
        if (settings.cleanup == "delete") != (settings.retention_days is not None):
            advice = "needed with cleanup delete, and only with it"
            yield document.error((*path, "retention_days"), advice)
        dead_letters = topics[DEAD_LETTERS]
        if settings.dead_letters != "none" and settings.partitions > dead_letters.partitions:
            advice = f"dead-letters has only {dead_letters.partitions}: give it as many"
            yield document.error((*path, "partitions"), advice)
    for index, topic in enumerate(file.topics):
        if topic.topic.startswith(QUEUE_PREFIX):
            advice = f"{QUEUE_PREFIX}… are the topics of the queues: declare a queue"
            yield document.error(("topics", index, "topic"), advice)


def _calendar_problems(
    document: Document, path: Path, calendar: Calendar
) -> Iterator[YamlFileError]:
    zones = zoneinfo.available_timezones()
    if calendar.timezone not in zones:
        advice = suggestion(calendar.timezone, sorted(zones), "use a name as in Europe/Berlin")
        yield document.error((*path, "timezone"), advice)
    if calendar.hours != "always":
        for day, spans in calendar.hours.items():
            last = 0
            for index, (start, end) in enumerate(map(minutes, spans)):
                if not last <= start < end:
                    advice = "end after the start, and start after the span before"
                    yield document.error((*path, "hours", day, index), advice)
                last = end
    holidays = calendar.holidays
    if holidays.country is None:
        if holidays.subdivision is not None:
            yield document.error((*path, "holidays", "subdivision"), "name its country too")
        return
    for field, subdivision in (("country", None), ("subdivision", holidays.subdivision)):
        try:
            of_country(holidays.country, subdivision)
        except NotImplementedError:
            advice = "not known: use the codes of ISO 3166, as in DE and BE"
            yield document.error((*path, "holidays", field), advice)


def _queue_problems(
    document: Document, path: Path, queue: Queue, file: TopicsFile
) -> Iterator[YamlFileError]:
    calendars = [calendar.calendar for calendar in file.calendars]
    if queue.calendar not in calendars:
        yield document.error((*path, "calendar"), suggestion(queue.calendar, calendars))
    others = [other.queue for other in file.queues if other.queue != queue.queue]
    for index, name in enumerate(queue.overflow):
        if name == queue.queue or name in queue.overflow[:index]:
            yield document.error((*path, "overflow", index), "would be tried twice: remove it")
        elif name not in others:
            yield document.error((*path, "overflow", index), suggestion(name, others))
