"""Plays the demo's conversations over and over on a running system, for `handoff up --play`."""

import asyncio
import logging
import sys
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from aiokafka.errors import KafkaError

from workers.cli.common import read_topics
from workers.cli.demo.data import Conversation, WaitStep, load_conversations, load_stage
from workers.cli.demo.player import Desks, Player, StuckError
from workers.cli.supervised import end_with_supervisor
from workers.embedded.simulators import SimulatedSystems
from workers.settings import load_settings

_SLOWER: Final = 2.5
"""Conversations begin so much further apart than in the demo, which is watched for a minute."""
_PAUSE_S: Final = 5.0

logger = logging.getLogger("handoff")


def of_round(conversations: Sequence[Conversation], token: str) -> list[Conversation]:
    """Return the conversations under ids of their own, so that each round is told anew."""
    return [
        replace(
            one,
            id=f"{one.id}-{token}",
            starts_s=one.starts_s * _SLOWER,
            steps=tuple(
                replace(step, of=f"{step.of}-{token}")
                if isinstance(step, WaitStep) and step.of
                else step
                for step in one.steps
            ),
        )
        for one in conversations
    ]


async def play_on(topics: Path) -> None:
    """Play until cancelled."""
    declared, stage = read_topics(topics), load_stage()
    settings = load_settings()
    queues = list(declared.queues)
    names = [queue.topic for queue in declared.queues.values()]
    while True:
        try:
            async with SimulatedSystems(settings.kafka_bootstrap or "", names) as outside:
                while True:
                    await _round(outside, Desks(outside, stage, queues))
        except KafkaError as error:
            logger.warning("%s; playing again soon", type(error).__name__)
        await asyncio.sleep(_PAUSE_S)


async def _round(outside: SimulatedSystems, desks: Desks) -> None:
    token = uuid.uuid4().hex[:5]
    beat = asyncio.create_task(desks.keep_reporting())
    conversations = of_round(load_conversations(), token)
    try:
        played = await asyncio.gather(
            *(Player(one, outside, desks).play() for one in conversations), return_exceptions=True
        )
    finally:
        beat.cancel()
        with suppress(asyncio.CancelledError):
            await beat
    for one, result in zip(conversations, played, strict=True):
        if isinstance(result, StuckError):
            # A person at the console's desk took it: the customer goes away.
            await outside.say(_closed(one.id))
        elif isinstance(result, BaseException):
            raise result
    outside.forget()


def _closed(conversation_id: str) -> dict[str, str]:
    return {
        "type": "closed",
        "event_id": f"{conversation_id}-closed",
        "conversation_id": conversation_id,
        "occurred_at": datetime.now(UTC).isoformat(),
        "by": "customer",
    }


if __name__ == "__main__":
    end_with_supervisor()
    with suppress(KeyboardInterrupt):
        asyncio.run(play_on(Path(sys.argv[1])))
