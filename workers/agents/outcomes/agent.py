"""The outcomes agent: from decisions to `escalation-outcomes`, without state of its own."""

from collections.abc import Collection, Sequence

from aiokafka import ConsumerRecord
from faust.types import TP

from workers.agents.shared.dead_letters import refuse
from workers.agents.shared.poison_isolation import Suspicion, poison
from workers.contracts.codec import decode_message, encode
from workers.contracts.decisions import Decision
from workers.contracts.rejections import Rejected
from workers.contracts.topics import DEAD_LETTERS, DECISIONS, OUTCOMES
from workers.outcomes import outcome_of
from workers.runtime.app import Agent, Options
from workers.runtime.dead_letter_limit import DeadLetterLimit
from workers.runtime.producer import Record
from workers.runtime.topics_file import read_topics
from workers.settings import Settings
from workers.stores.connection import connect, wait_for_redis


def make_agent(settings: Settings, options: Options) -> "OutcomesAgent":
    """Return the outcomes agent; errors of topics.yaml say where."""
    read_topics(options.topics)
    return OutcomesAgent(settings, options)


class OutcomesAgent(Agent):
    """Writes one record for each escalation, offer and end; a second delivery repeats its id."""

    group = "handoff-outcomes"
    topic = DECISIONS
    publishes = (OUTCOMES, DEAD_LETTERS)

    def __init__(self, settings: Settings, options: Options) -> None:
        super().__init__(settings)
        self._limit = DeadLetterLimit(enforced=options.dead_letter_limit)

    async def start(self) -> None:
        """Connect to the store, which remembers at which records this agent died."""
        self._redis = connect(self.settings)
        await wait_for_redis(self._redis, self.settings)
        self._suspicion = Suspicion(self._redis, self.settings, self.group)

    async def stop(self) -> None:
        """Disconnect."""
        await self._redis.aclose()

    async def handle(self, tp: TP, records: Sequence[ConsumerRecord]) -> None:
        """Write what a chunk of decisions comes to."""
        async for some, deaths in self._suspicion.portions(tp, records):
            refused: dict[int, Rejected] = {}
            outputs: list[Record] = []
            for record in some:
                if deaths:
                    refused[record.offset] = poison()
                    continue
                try:
                    outputs += _outcome(record)
                except Rejected as rejected:
                    refused[record.offset] = rejected
            await refuse("outcomes", tp, some, refused, self._limit, self.producer)
            if outputs:
                await self.producer.publish(outputs)

    async def failing(self, tp: TP, error: Exception) -> None:
        """Take back that the records in hand are suspected, when a server was away."""
        await self._suspicion.failing(tp, error)

    async def revoked(self, tps: Collection[TP]) -> None:
        """Take it back at an orderly end, too."""
        await self._suspicion.released(tps)


def _outcome(record: ConsumerRecord) -> list[Record]:
    """Return the record to write about a decision, if there is one; raise Rejected."""
    outcome = outcome_of(decode_message(Decision, record.value))
    if outcome is None:
        return []
    return [Record(OUTCOMES, outcome.decision_id.encode(), encode(outcome))]
