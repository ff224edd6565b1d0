"""Metrics of a worker: one list, from which /metrics and its documentation are made."""

from functools import cache
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY: Final = CollectorRegistry()


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    return Counter(f"handoff_{name}", meaning, labels, registry=REGISTRY)


def _gauge(name: str, meaning: str, *labels: str) -> Gauge:
    return Gauge(f"handoff_{name}", meaning, labels, registry=REGISTRY)


RECORDS: Final = _counter("records", "Records handled, each once.", "agent", "partition")
CHUNKS: Final = _counter("chunks", "Runs of records handled as one.", "agent", "partition")
CHUNK_SECONDS: Final = Histogram(
    "handoff_chunk_seconds",
    "From the first look at a chunk to its last acknowledged effect.",
    ("agent",),
    registry=REGISTRY,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20),
)
LAG: Final = _gauge("lag_records", "Records that wait in an owned partition.", "agent", "partition")
PUBLISHED: Final = _counter("published", "Records published and acknowledged.", "agent", "topic")
DECISIONS: Final = _counter("decisions", "Decisions published, by what they do.", "action")
DEAD_LETTERS: Final = _counter("dead_letters", "Events that could not be used.", "agent", "reason")
UNREAD: Final = _counter(
    "messages_unread", "Messages that were not read: too many in a minute of one conversation."
)
DEADLINES: Final = _counter("deadlines", "Deadline events put on the log.")
POLICY: Final = _counter("policy_events", "Policy events put on the log.")
REPEATED: Final = _counter(
    "outbox_repeated", "Outputs published again at a takeover, under the same id."
)
CLASSIFICATIONS: Final = _counter(
    "classifications", "Requests to the classifier, by what became of them.", "result"
)
MODEL_SECONDS: Final = Histogram(
    "handoff_model_seconds",
    "From a question to the model to its answer, retries included.",
    registry=REGISTRY,
    buckets=(0.1, 0.25, 0.5, 1, 1.5, 2, 3, 4, 6),
)
MODEL_TOKENS: Final = _counter("model_tokens", "Tokens that the model was paid for.", "direction")
MODEL_DOLLARS: Final = _counter("model_dollars", "What the model cost at the prices in force.")
MODEL_DOLLARS_PER_THOUSAND: Final = _gauge(
    "model_dollars_per_thousand_conversations",
    "What the model cost per thousand conversations that it was asked about.",
)
BRIDGE_EVENTS: Final = _counter(
    "bridge_events",
    "Events that were posted, by sender and what became of them.",
    "sender",
    "result",
)
TICKETS: Final = _counter("tickets", "Requests for tickets, by what came of them.", "result")
TICKET_CALLS: Final = _counter(
    "ticket_calls", "Requests to the ticket system, by call and answer.", "call", "result"
)
TICKET_SECONDS: Final = Histogram(
    "handoff_ticket_seconds",
    "From the request for a ticket to its making.",
    registry=REGISTRY,
    buckets=(0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 1800),
)
NOTIFIER_MESSAGES: Final = _counter(
    "notifier_messages", "Messages to routes of the notifier, by answer.", "route", "result"
)
NOTIFIED: Final = _counter(
    "notified", "Notifications, by route and what came of them.", "route", "result"
)
ASSIGNED: Final = _gauge("partitions_assigned", "Partitions that this worker owns.", "agent")


class OfChunks(NamedTuple):
    """The metrics of the chunks of one partition."""

    chunks: Counter
    records: Counter
    seconds: Histogram


@cache
def chunks_of(agent: str, partition: int) -> OfChunks:
    """Return the counters of a partition's chunks; looking labels up costs more than counting."""
    labels = (agent, str(partition))
    return OfChunks(CHUNKS.labels(*labels), RECORDS.labels(*labels), CHUNK_SECONDS.labels(agent))


def exposition() -> bytes:
    """Return everything in Prometheus' text format."""
    return generate_latest(REGISTRY)
