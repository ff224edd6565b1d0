"""The presence that the console's desk reports of its people."""

from collections.abc import Mapping
from typing import Any

from tests.support.console_site import CapturingSender, shipped_topics
from workers.console.desk_room import SLOTS, DeskRoom


async def test_it_says_how_many_conversations_each_has_open() -> None:
    sender = CapturingSender()
    held = {"mia": 2, "tom": SLOTS + 1}

    async def known() -> Mapping[str, int]:
        return dict(held)

    room = DeskRoom(shipped_topics(), sender, known)
    await room.set_presence("tom", ("tier_2_support",), present=True)
    await room.set_presence("mia", ("tier_2_support",), present=True)

    def last() -> tuple[Any, Any]:
        event = sender.sent[-1][2]
        return list(event["agents"]), event["free_slots"]

    assert last() == (
        [{"id": "mia", "open": 2}, {"id": "tom", "open": SLOTS + 1}],
        SLOTS - 2,
    )
    said = len(sender.sent)
    await room.set_presence("mia", ("tier_2_support",), present=True)
    assert len(sender.sent) == said, "nothing new"
    held["mia"] = 3
    await room.set_presence("mia", ("tier_2_support",), present=True)
    assert last()[0][0] == {"id": "mia", "open": 3}
    await room.leave()
    assert sender.sent[-1][2]["agents_online"] == 0
