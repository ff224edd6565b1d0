"""News of `handoff up` about queues without anyone online."""

from tests.support.routing_builders import NOW, SECOND, queue, topics
from workers.cli.up_presence import PresenceNews
from workers.routing.availability import LastPresence, Load

TOPICS = topics(queue("billing", overflow=("tier_2",)), queue("tier_2", presence_seconds=30))


def load(**online: int) -> Load:
    """Return a load in which these queues have just reported."""
    return Load(
        since_ms=NOW,
        presence={name: LastPresence(at_ms=NOW, agents_online=n) for name, n in online.items()},
    )


def test_first_every_deserted_queue_is_named_with_what_follows_and_what_to_do() -> None:
    lines = PresenceNews(TOPICS).lines(load(), NOW)
    assert lines[0] == "no desk reports presence for billing, tier_2"
    assert lines[1].startswith("from 30 s after the start")
    assert "ticket" in lines[1]
    assert "examples/desk.py billing" in lines[2]


def test_a_desk_with_nobody_online_is_nobody() -> None:
    lines = PresenceNews(TOPICS).lines(load(billing=0, tier_2=1), NOW)
    assert lines[0] == "no desk reports presence for billing"


def test_only_changes_are_told_later() -> None:
    news = PresenceNews(TOPICS)
    news.lines(load(tier_2=1), NOW)
    assert news.lines(load(tier_2=1), NOW) == []
    assert news.lines(load(tier_2=2, billing=3), NOW) == ["billing: 3 online"]
    # Silence for longer than the queue allows is the same as saying that nobody is there.
    late = NOW + 31 * SECOND
    assert news.lines(load(tier_2=2, billing=3), late) == [
        "tier_2: nobody online: escalations go to a ticket"
    ]
    later = NOW + 61 * SECOND
    assert news.lines(load(tier_2=2, billing=3), later) == [
        "billing: nobody online: escalations go to tier_2, a ticket"
    ]


def test_nothing_is_said_while_every_queue_has_somebody() -> None:
    assert PresenceNews(TOPICS).lines(load(tier_2=1, billing=1), NOW) == []
