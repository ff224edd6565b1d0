"""Shares of escalated conversations: counted once each, in a window, told when they change."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fold_history import ASKS, HOME, NEVER, START, History
from workers.audit.topic_scan import window_rates
from workers.contracts.codec import Raw, encode
from workers.contracts.events import AgentTurn, Message
from workers.contracts.tickets import Notification
from workers.contracts.time import HOUR, from_ms, to_ms
from workers.contracts.topics import NOTIFICATIONS
from workers.conversation.fold import Folded, Incoming, fold_chunk
from workers.conversation.partition_meta import meta_fields, read_meta, starting_meta
from workers.conversation.rates import Rate, Rates, ReportedRate, notifications, read_rates
from workers.policy import Bands
from workers.stores.partition_store import Head

BANDS = Bands(overall=(0.1, 0.5), intents={"refund": (0.0, 0.3)}, min_conversations=4, window="24h")
POLICY = """
version: 1
bands: {overall: [0.1, 0.5], intents: {refund: [0, 0.3]}, min_conversations: 4, window: 24h}
rules:
  - {rule: person, reason: explicit_request, class: mandatory, when: {requested_human: 0.7}}
"""


class Partition:
    """Conversations of a few messages each, one after the other, in one partition."""

    def __init__(self) -> None:
        self.meta = starting_meta(POLICY)
        self.events: list[Message] = []
        self.folded: list[Folded] = []
        self.blobs: dict[str, bytes | None] = {}
        self.ids: dict[str, set[str]] = {}
        self.told: list[Notification] = []
        self.reported: dict[str, ReportedRate] = {}

    def say(
        self, name: str, text: str, hours: float = 0, *, version: str | None = None, **agent: object
    ) -> None:
        """One message of a conversation, of the AI agent if it has a version."""
        event = Message(
            event_id=f"e-{len(self.events)}",
            conversation_id=name,
            occurred_at=from_ms(START + round(hours * HOUR)),
            role="customer" if version is None else "ai_agent",
            content=text,
            agent=None if version is None else AgentTurn(version=version, **agent),  # type: ignore[arg-type]
        )
        self.fold(event)

    def fold(self, event: Message) -> None:
        """Fold one event, everything stored in between."""
        self.events.append(event)
        raw = Raw(event.conversation_id.encode(), encode(event), (), NEVER)
        name = event.conversation_id
        folded = fold_chunk(
            [Incoming(len(self.events), NEVER, event, raw)],
            {name: self.blobs.get(name)},
            {name: self.ids.get(name, set())},
            self.meta,
            HOME,
        )
        for change in folded.changes.values():
            self.blobs[name] = change.blob
            self.ids.setdefault(name, set()).update(change.ids)
        stored = read_meta(meta_fields(folded.meta))
        assert stored is not None
        self.meta = stored
        assert not any(output.topic == NOTIFICATIONS for output in folded.outputs)
        windows = [] if stored.rates is None else [stored.rates]
        said = notifications(windows, self.reported, BANDS, "the log", to_ms(event.occurred_at))
        self.reported |= {told.subject or "": reported for told, reported in said}
        self.told += [told for told, _ in said]

    def talk(self, name: str, hours: float = 0, *, asks: bool = False, intent: str = "") -> None:
        """A whole conversation."""
        self.say(name, "Where is my parcel?", hours)
        intents = (intent,) if intent else ()
        self.say(name, "It is on its way.", hours, version="v1", intents=intents)
        if asks:
            self.say(name, ASKS, hours)
            self.say(name, ASKS, hours)

    @property
    def rates(self) -> dict[str, Rate]:
        """Every share by the name of its subject."""
        assert self.meta.rates is not None
        return {str(rate.subject): rate for rate in read_rates([self.meta.rates], BANDS)}

    def verdict(self, subject: str) -> str:
        """Return the verdict on one share."""
        return self.rates[subject].verdict


def test_a_conversation_counts_once_for_all_that_it_is_about() -> None:
    partition = Partition()
    partition.talk("a", asks=True, intent="refund")
    partition.talk("b", intent="refund")
    partition.talk("b", intent="refund")
    partition.talk("c")
    found = {
        name: (r.found.conversations, r.found.escalated) for name, r in partition.rates.items()
    }
    assert found == {
        "overall": (3, 1),
        "intent refund": (2, 1),
        "version v1": (3, 1),
    }


def test_what_a_conversation_turns_to_after_its_escalation_was_not_escalated() -> None:
    partition = Partition()
    partition.talk("a", asks=True)
    partition.say("a", "And a refund, please.", version="v1", epoch=1 << 50, intents=("refund",))
    assert "intent refund" not in partition.rates
    history = Partition()
    history.say("b", ASKS)
    history.say("b", "Never mind, I found it myself.")
    history.say("b", "About the refund:", version="v2", intents=("refund",))
    assert history.rates["intent refund"].found.escalated == 0
    assert history.rates["overall"].found.escalated == 1


def test_a_repeated_event_counts_nothing() -> None:
    partition = Partition()
    partition.talk("a", asks=True, intent="refund")
    before = partition.meta
    for event in list(partition.events):
        partition.fold(event)
    assert partition.meta == before


def test_the_window_slides_with_the_events_and_forgets_what_is_gone() -> None:
    partition = Partition()
    partition.talk("a", 0, asks=True, intent="refund")
    partition.talk("b", 12)
    assert partition.rates["overall"].found.conversations == 2
    partition.talk("c", 24.5)
    assert partition.rates["overall"].found.conversations == 2
    assert "intent refund" not in partition.rates
    partition.talk("late", 0)
    assert partition.rates["overall"].found.conversations == 2


def test_an_escalation_counts_where_its_conversation_began() -> None:
    partition = Partition()
    partition.talk("a", 0)
    partition.talk("b", 20)
    partition.say("a", ASKS, 20)
    assert partition.rates["overall"].found.share == 0.5
    partition.talk("c", 24.5)
    assert partition.rates["overall"].found.escalated == 0


def test_verdicts_say_below_in_above_and_not_ready() -> None:
    partition = Partition()
    for n in range(3):
        partition.talk(f"a{n}", n, intent="refund")
    assert partition.verdict("overall") == "few"
    for n in range(3, 6):
        partition.talk(f"a{n}", n, intent="refund")
    assert partition.verdict("overall") == "below"
    assert partition.verdict("intent refund") == "in"
    for n in range(6, 20):
        partition.talk(f"b{n}", n, asks=True)
    assert partition.verdict("overall") == "above"
    for n in range(30, 50):
        partition.talk(f"c{n}", n, asks=True, intent="refund")
    assert partition.verdict("version v1") == "not_ready"
    assert partition.verdict("intent refund") == "above"
    kinds = [(told.subject, told.kind) for told in partition.told]
    assert kinds[:2] == [("overall", "rate_below_band"), ("overall", "rate_in_band")]
    assert ("version v1", "ai_not_ready") in kinds
    assert ("intent refund", "rate_above_band") in kinds
    assert len(kinds) < 8
    assert len({told.notification_id for told in partition.told}) == len(partition.told)
    for told in partition.told:
        assert told.value is not None
        assert "conversations in 24h were escalated" in told.text


def test_one_fact_of_several_partitions_is_told_once_and_of_all_of_them() -> None:
    partitions = [Partition() for _ in range(12)]
    for number, partition in enumerate(partitions):
        partition.talk(f"c-{number}", number / 10, asks=True)
        assert partition.told == [], "one conversation is too few to say"
    windows = [partition.meta.rates for partition in partitions if partition.meta.rates]
    said = notifications(windows, {}, BANDS, "the log", START)
    kinds = [(told.subject, told.kind) for told, _ in said]
    assert kinds == [("overall", "rate_above_band"), ("version v1", "ai_not_ready")]
    assert all("100% of 12 conversations" in told.text for told, _ in said)
    told = {one.subject or "": reported for one, reported in said}
    assert notifications(windows, told, BANDS, "the log", START) == []
    # Whoever took over before that was noted says the same under the same id.
    again = notifications(windows, {}, BANDS, "the log", START)
    assert [one.notification_id for one, _ in again] == [one.notification_id for one, _ in said]


def test_conversations_that_have_just_begun_are_not_held_against_the_band() -> None:
    partition = Partition()
    for n in range(10):
        partition.talk(f"a{n}", 0.05 * n)
    assert partition.verdict("overall") == "in"
    assert partition.told == []


def test_several_partitions_add_up() -> None:
    one, two = Partition(), Partition()
    one.talk("a", asks=True)
    two.talk("b", intent="refund")
    assert one.meta.rates is not None
    assert two.meta.rates is not None
    overall, *others = read_rates([one.meta.rates, two.meta.rates], BANDS)
    assert (overall.found.conversations, overall.found.escalated) == (2, 1)
    assert [str(rate.subject) for rate in others] == ["intent refund", "version v1"]


def test_a_partition_that_fell_idle_does_not_keep_its_old_window_in_the_sum() -> None:
    idle, busy = Partition(), Partition()
    idle.talk("a", 0, asks=True, intent="refund")
    idle.talk("b", 20)
    for n in range(3):
        busy.talk(f"c{n}", 26 + n / 10)
    assert idle.meta.rates is not None
    assert busy.meta.rates is not None
    found = {
        str(rate.subject): rate for rate in read_rates([idle.meta.rates, busy.meta.rates], BANDS)
    }
    overall = found["overall"].found
    assert (overall.conversations, overall.escalated) == (4, 0)
    assert "intent refund" not in found
    assert found["overall"].verdict == "in", "three of four have just begun"


def test_the_audit_reads_all_partitions_by_the_newest_policy() -> None:
    partitions = [Partition() for _ in range(3)]
    for number, partition in enumerate(partitions[:2]):
        for n in range(4):
            partition.talk(f"{number}-{n}", n * 2, asks=n > 0, intent="refund")
    narrower = POLICY.replace("version: 1", "version: 2").replace("[0.1, 0.5]", "[0.7, 0.9]")
    partitions[1].meta = msgspec.structs.replace(
        starting_meta(narrower), rates=partitions[1].meta.rates
    )
    heads = [Head(None, meta_fields(partition.meta), []) for partition in partitions]
    found = {rate.subject: rate for rate in window_rates(heads)}
    assert [*found] == ["overall", "intent refund", "version v1"]
    overall = found["overall"]
    assert (overall.conversations, overall.escalated, overall.share) == (8, 6, 0.75)
    assert (overall.low, overall.high, overall.verdict) == (0.7, 0.9, "in")
    assert found["intent refund"].verdict == "above"
    assert window_rates(heads[2:]) == []


def test_another_window_begins_anew() -> None:
    h = History(POLICY)
    h.customer(ASKS)
    h.in_force(POLICY.replace("version: 1", "version: 2").replace("24h", "2h"), "2", "x")
    assert h.meta.rates is not None
    h.conversation_id = "c-2"
    h.blob, h.ids = None, set()
    h.customer("Hello, it is me.")
    assert h.meta.rates.slice_ms == HOUR // 12
    (overall,) = read_rates([h.meta.rates], Bands(window="2h"))
    assert (overall.found.conversations, overall.found.escalated) == (1, 0)


@given(st.lists(st.tuples(st.integers(0, 400), st.booleans(), st.integers(0, 200)), max_size=60))
def test_whatever_happens_the_window_stays_small_and_shares_are_shares(
    conversations: list[tuple[int, bool, int]],
) -> None:
    partition = Partition()
    for n, (hours, asks, intent) in enumerate(conversations):
        partition.talk(f"c-{n}", hours, asks=asks, intent=f"intent-{intent}")
    rates: Rates | None = partition.meta.rates
    if rates is None:
        assert not conversations
        return
    assert len(rates.slices) <= 24
    assert len(rates.subjects) <= 64
    newest = max(hours for hours, _, _ in conversations)
    inside = [asks for hours, asks, _ in conversations if hours > newest - 24]
    overall = partition.rates["overall"].found
    assert overall.conversations <= len(inside)
    assert all(0 <= rate.found.share <= 1 for rate in partition.rates.values())
    if conversations == sorted(conversations):
        assert (overall.conversations, overall.escalated) == (len(inside), sum(inside))
