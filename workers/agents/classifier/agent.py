"""The classifier agent: has a model judge the customer messages that the fold finds doubtful.

No conversation waits for it. A question that the model doesn't answer in time, or may not be asked,
is dropped and counted; the conversation stands as it was decided at once.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Sequence
from typing import Final, NamedTuple

import msgspec
from aiokafka import ConsumerRecord
from faust.types import TP
from redis.asyncio import Redis
from redis.exceptions import RedisError

from workers.agents.classifier.cost import Cost
from workers.agents.classifier.limits import Breaker, Budget, Cache
from workers.agents.classifier.model_client import ModelClient, ModelReply
from workers.agents.classifier.prompt import EARLIER, ModelVerdict, Question, intents_of, question
from workers.agents.shared.dead_letters import refuse
from workers.agents.shared.poison_isolation import Suspicion, poison
from workers.agents.shared.policy_source import PolicySource
from workers.contracts.codec import decode_message
from workers.contracts.decisions import ClassificationRequest, Turn
from workers.contracts.events import Signal
from workers.contracts.ids import signal_event_id
from workers.contracts.rejections import Rejected
from workers.contracts.signing import Secrets
from workers.contracts.time import MINUTE, from_ms, to_ms
from workers.contracts.topics import CLASSIFICATIONS, DEAD_LETTERS, EVENTS
from workers.runtime import metrics
from workers.runtime.app import Agent, Options
from workers.runtime.clock import now_ms
from workers.runtime.dead_letter_limit import DeadLetterLimit
from workers.runtime.producer import Record, signed_record
from workers.settings import Settings
from workers.stores.connection import connect
from workers.stores.partition_store import read_transcript

STALE_MS: Final = 5 * MINUTE
"""A message older than this has been answered meanwhile, or its customer is gone."""
ASKING_S: Final = 6.0
"""Seconds of a chunk in which calls begin; each may take as long again, so that a chunk ends
well before it would end the process."""
EARLIER_S: Final = 1.0
"""Seconds for reading what was said before; without an answer the message is judged alone."""
AT_ONCE: Final = 8
PER_CONVERSATION: Final = 10
"""Calls about one conversation in an hour."""
FAILURES: Final = 5
PAUSE_S: Final = 30.0
LONGEST_PAUSE_S: Final = 300.0
CACHED: Final = 4096
# Turns of tools and people stand between the turns that are looked for.
_LOOK_BACK: Final = 4 * EARLIER

logger = logging.getLogger(__name__)


class _Judged(NamedTuple):
    """A verdict and the model that gave it."""

    verdict: ModelVerdict
    model: str


def make_agent(settings: Settings, options: Options) -> "ClassifierAgent":
    """Return the classifier agent; without ANTHROPIC_API_KEY it drops what it reads."""
    if settings.anthropic_api_key is None:
        return ClassifierAgent(settings, options)
    key = settings.anthropic_api_key.get_secret_value()
    return ClassifierAgent(settings, options, ModelClient(key, settings.classifier_model))


class ClassifierAgent(Agent):
    """Turns requests into `signal` events; a second delivery gives the same event."""

    group = "handoff-classifier"
    topic = CLASSIFICATIONS
    publishes = (EVENTS, DEAD_LETTERS)

    def __init__(
        self,
        settings: Settings,
        options: Options,
        model: ModelClient | None = None,
        now_ms: Callable[[], int] = now_ms,
    ) -> None:
        super().__init__(settings)
        self._model = model
        self._now_ms = now_ms
        self._secrets = Secrets(settings.signing_keys)
        self._limit = DeadLetterLimit(enforced=options.dead_letter_limit)
        self._budget = Budget(settings.classifier_calls_per_minute, PER_CONVERSATION)
        self._breaker = Breaker(FAILURES, PAUSE_S, LONGEST_PAUSE_S)
        self._cache: Cache[_Judged] = Cache(CACHED)
        self._asking: dict[bytes, asyncio.Future[_Judged | None]] = {}
        self._cost = Cost(settings.classifier_input_price, settings.classifier_output_price)
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._redis: Redis | None = None
        self._suspicion: Suspicion | None = None
        self._remembers = True
        if model is not None:
            self._policies = PolicySource(options.policy, observe=False)
            self._intents = intents_of(self._policies.own.policy_text)

    async def start(self) -> None:
        """Say once whether a model is asked; nothing is waited for."""
        if self._model is None:
            logger.info("ANTHROPIC_API_KEY is not set: no model is asked, requests are dropped")
            return
        logger.info(
            "asking %s, at most %d times a minute",
            self.settings.classifier_model,
            self.settings.classifier_calls_per_minute,
        )
        if self.settings.redis_url is not None:
            self._redis = connect(self.settings)
            self._suspicion = Suspicion(self._redis, self.settings, self.group, EARLIER_S)

    async def stop(self) -> None:
        """Disconnect, and say what it has cost."""
        self._cost.report()
        if self._model is not None:
            await self._model.close()
        if self._redis is not None:
            await self._redis.aclose()

    def hangup(self) -> None:
        """Read the policy again: it names the intents that the model may choose from."""
        if self._model is not None:
            self._policies.forget()

    async def handle(self, tp: TP, records: Sequence[ConsumerRecord]) -> None:
        """Ask about a chunk within seconds; questions that are left then are dropped."""
        if self._model is None:
            metrics.CLASSIFICATIONS.labels("off").inc(len(records))
            return
        if self._suspicion is None:
            await self._ask_about(tp, records)
            return
        async for some, deaths in self._suspicion.portions(tp, records):
            if deaths:
                refused = {record.offset: poison() for record in some}
                await refuse("classifier", tp, some, refused, self._limit, self.producer)
            else:
                await self._ask_about(tp, some)

    async def failing(self, tp: TP, error: Exception) -> None:
        """Take back that the records in hand are suspected, when a server was away."""
        if self._suspicion is not None:
            await self._suspicion.failing(tp, error)

    async def revoked(self, tps: Collection[TP]) -> None:
        """Take it back at an orderly end, too."""
        if self._suspicion is not None:
            await self._suspicion.released(tps)

    async def _ask_about(self, tp: TP, records: Sequence[ConsumerRecord]) -> None:
        requests, refused = self._decode(records)
        await refuse("classifier", tp, records, refused, self._limit, self.producer)
        if self._policies.poll():
            self._intents = intents_of(self._policies.own.policy_text)
        last_start = asyncio.get_running_loop().time() + ASKING_S
        async with asyncio.TaskGroup() as group:
            for request in requests:
                group.create_task(self._classify(request, last_start))
        self._cost.report(time.monotonic())

    def _decode(
        self, records: Sequence[ConsumerRecord]
    ) -> tuple[list[ClassificationRequest], dict[int, Rejected]]:
        """Return the requests that still matter, and by offset why others cannot be read."""
        requests, refused = [], {}
        oldest = self._now_ms() - STALE_MS
        for record in records:
            try:
                request = decode_message(ClassificationRequest, record.value)
                if request.home.topic != EVENTS:
                    raise Rejected("schema", f"home.topic: use {EVENTS}")
            except Rejected as rejected:
                refused[record.offset] = rejected
                continue
            if to_ms(request.requested_at) < oldest:
                _count("stale")
            else:
                requests.append(request)
        return requests, refused

    async def _classify(self, request: ClassificationRequest, last_start: float) -> None:
        """Publish the signal of one request, if there is an answer before it is too late."""
        try:
            async with asyncio.timeout_at(last_start):
                await self._slots.acquire()
        except TimeoutError:
            _count("late")
            return
        try:
            asked = question(request.text, await self._earlier(request), self._intents)
            judged = await self._judge(request.conversation_id, asked)
        finally:
            self._slots.release()
        if judged is not None:
            await self.producer.publish([self._signal(request, judged)])

    async def _earlier(self, request: ClassificationRequest) -> list[Turn]:
        """Return what was said before the message; nothing while the store does not answer."""
        if self._redis is None:
            return []
        try:
            async with asyncio.timeout(EARLIER_S):
                turns = await read_transcript(
                    self._redis,
                    self.settings.redis_prefix,
                    request.home,
                    request.conversation_id,
                    request.turns,
                    _LOOK_BACK,
                )
        except (RedisError, OSError, TimeoutError, msgspec.DecodeError) as error:
            if self._remembers:
                logger.warning("judging messages without earlier turns: %s", type(error).__name__)
            self._remembers = False
            return []
        self._remembers = True
        # A transcript that began anew, or was lost, is another one's.
        return turns[:-1] if turns and turns[-1].event_id == request.event_id else []

    async def _judge(self, conversation_id: str, asked: Question) -> _Judged | None:
        """Return the answer kept or the model's; None if neither breaker nor budget allows one.

        Every outcome is counted.
        """
        key = asked.key(self.settings.classifier_model)
        if kept := self._cache.get(key):
            _count("cached")
            return kept
        if asking := self._asking.get(key):
            judged = await asyncio.shield(asking)
            _count("cached" if judged is not None else "unanswered")
            return judged
        answered = asyncio.get_running_loop().create_future()
        self._asking[key] = answered
        judged = None
        try:
            judged = await self._judge_anew(conversation_id, asked)
            if judged is not None:
                self._cache.put(key, judged)
        finally:
            del self._asking[key]
            answered.set_result(judged)
        return judged

    async def _judge_anew(self, conversation_id: str, asked: Question) -> _Judged | None:
        now = time.monotonic()
        if self._breaker.rests(now):
            _count("rate_limited")
            return None
        if not self._breaker.allows(now):
            _count("breaker_open")
            return None
        if not self._budget.spend(conversation_id, now):
            self._breaker.abandoned()
            _count("over_budget")
            return None
        reply = await self._ask(conversation_id, asked)
        self._cost.add(conversation_id, reply.input_tokens, reply.output_tokens)
        _count(reply.result)
        if reply.verdict is None:
            logger.warning("no answer of the model: %s: %s", reply.result, reply.detail)
            return None
        return _Judged(reply.verdict, reply.model)

    async def _ask(self, conversation_id: str, asked: Question) -> ModelReply:
        """Call the model, and tell the breaker how it went."""
        if self._model is None:
            raise RuntimeError("there is no model to ask")
        was_open, started = self._breaker.is_open, time.monotonic()

        def may_retry() -> bool:
            # A look whether the model answers again is one request.
            return not was_open and self._budget.spend(conversation_id, time.monotonic())

        try:
            reply = await self._model.ask(asked, may_retry)
        except asyncio.CancelledError:
            self._breaker.abandoned()
            raise
        metrics.MODEL_SECONDS.observe(time.monotonic() - started)
        if reply.reached:
            self._breaker.succeeded()
        elif reply.result == "rate_limited":
            self._breaker.rest(time.monotonic(), reply.wait_s)
        else:
            self._breaker.failed(time.monotonic())
        if self._breaker.is_open and not was_open:
            logger.warning("the model keeps failing: it is not asked for a while")
        elif was_open and not self._breaker.is_open:
            logger.info("the model answers again")
        return reply

    def _signal(self, request: ClassificationRequest, judged: _Judged) -> Record:
        """Return the event for the log, in the partition where the conversation lives."""
        verdict = judged.verdict
        event = Signal(
            type="signal",
            event_id=signal_event_id(request.request_id),
            conversation_id=request.conversation_id,
            occurred_at=from_ms(max(self._now_ms(), to_ms(request.requested_at))),
            request_id=request.request_id,
            about=request.event_id,
            model=judged.model,
            requested_human=round(verdict.requested_human, 3),
            frustrated=round(verdict.frustrated, 3),
            solved=round(verdict.solved, 3),
            intents=verdict.intents,
        )
        home, name = request.home, request.conversation_id
        return signed_record(home.topic, home.partition, name, event, self._secrets)


def _count(result: str) -> None:
    metrics.CLASSIFICATIONS.labels(result).inc()
