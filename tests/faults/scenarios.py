"""Dialogues of the recorded load: texts from templates, a function per kind of conversation."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final

Turn = dict[str, Any]
"""An event without its ids and time; `speaks: "if_allowed"` is for a bot that obeys control."""

_THINGS: Final = "order parcel invoice booking delivery subscription router account".split()
_ASKS: Final = (
    "Hello, where can I see the status of my {thing} {number}?",
    "I would like to change the address of {thing} {number}.",
    "How do I download a copy of {thing} {number}?",
    "Could you tell me what happens next with my {thing}? It is number {number}.",
    "My {thing} {number} shows an odd date, can you check it?",
    "Grüezi, my {thing} № {number} is marked “done” already, is that right?",
)
_ANSWERS: Final = (
    "I looked at {thing} {number}: everything is in order and it is due on Thursday.",
    "You find it in your profile under “{thing}”, number {number}.",
    "The change to {thing} {number} is noted and takes effect tomorrow.",
    "Your {thing} {number} was updated this morning; the date is now correct.",
)
_THANKS: Final = (
    "Thank you, that solved it.",
    "Perfect, thanks, that is all I needed.",
    "Great, it works now. Thanks!",
)
_REQUESTS: Final = (
    "I want to talk to a human agent about {thing} {number}, please.",
    "Can I speak to a real person please?",
    "Please connect me with a human.",
    "Let me talk to someone from your team, not a bot.",
)
_ANGER: Final = (
    "This is ridiculous, the worst service ever, I am absolutely furious about {thing} {number}.",
    "I am so angry and fed up with your terrible service, nothing works with my {thing}!",
)
_UNSURE: Final = (
    "I am not certain, perhaps {thing} {number} is in another list.",
    "It may have to do with the settings of your {thing}, though I cannot see that.",
)
_PROMISES: Final = (
    "I'm connecting you with one of our agents now, please hold on.",
    "I will transfer you to a human agent right away.",
)


class Voice:
    """The turns of one conversation, its words chosen by its own random numbers."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.thing = random.choice(_THINGS)
        self.number = random.randrange(10_000, 99_999)

    def say(self, texts: tuple[str, ...]) -> str:
        """One of the texts, filled in."""
        return self.random.choice(texts).format(thing=self.thing, number=self.number)

    def customer(self, texts: tuple[str, ...]) -> Turn:
        """A message of the customer."""
        return {
            "role": self.random.choice(("customer", "customer", "user")),
            "content": self.say(texts),
        }

    def ai(self, texts: tuple[str, ...] = _ANSWERS, **agent: Any) -> Turn:
        """A turn of the AI agent, sure of itself unless `agent` says otherwise."""
        known = {"id": "bot", "version": "7", "confidence": 0.9, **agent}
        return {"role": "ai_agent", "content": self.say(texts), "agent": known}

    def tool(self, status: str) -> Turn:
        """The result of a tool call."""
        result: dict[str, Any] = {
            "name": f"find_{self.thing}",
            "status": status,
            "call_id": f"c{self.number}",
        }
        result |= {"error": "timed out"} if status != "ok" else {"result": {"found": 1}}
        return {"role": "tool", "tool": result}

    def exchange(self) -> list[Turn]:
        """A question and its answer."""
        return [self.customer(_ASKS), self.ai(speaks="if_allowed")]


def _ordinary(voice: Voice) -> Iterator[Turn]:
    for _ in range(voice.random.randint(2, 4)):
        yield from voice.exchange()
    if voice.random.random() < 0.3:
        yield voice.tool("ok")
    yield voice.customer(_THANKS)
    yield voice.ai(resolved=True, speaks="if_allowed")
    if voice.random.random() < 0.4:
        yield {"type": "closed", "by": "customer"}


def _asks(voice: Voice) -> Iterator[Turn]:
    yield from voice.exchange()
    yield voice.customer(_REQUESTS)
    yield from _meanwhile(voice)


def _insists(voice: Voice) -> Iterator[Turn]:
    yield voice.customer(_REQUESTS)
    yield voice.customer(_REQUESTS)
    yield from _meanwhile(voice)
    yield voice.customer(_REQUESTS)


def _takes_it_back(voice: Voice) -> Iterator[Turn]:
    yield voice.customer(_REQUESTS)
    yield voice.customer(("Never mind, I no longer need a person.",))
    yield from voice.exchange()


def _closes(voice: Voice) -> Iterator[Turn]:
    yield voice.customer(_REQUESTS)
    yield {"type": "closed", "by": "customer"}
    if voice.random.random() < 0.5:
        yield from voice.exchange()


def _unsure(voice: Voice) -> Iterator[Turn]:
    for _ in range(3):
        yield voice.customer(_ASKS)
        yield voice.ai(_UNSURE, confidence=round(voice.random.uniform(0.2, 0.4), 2))


def _urgent(voice: Voice) -> Iterator[Turn]:
    intent = voice.random.choice(("security_report", "cancellation_intent", "fraud_report"))
    yield voice.customer(_ASKS)
    yield voice.ai(intents=[intent])
    yield from _meanwhile(voice)


def _exception(voice: Voice) -> Iterator[Turn]:
    yield voice.customer(_ASKS)
    yield voice.ai(requested_escalation={"reason": "policy_exception", "note": "beyond my limit"})
    yield from _meanwhile(voice)


def _tools(voice: Voice) -> Iterator[Turn]:
    yield voice.customer(_ASKS)
    for status in ("error", "timeout", "error"):
        yield voice.tool(status)
    yield from voice.exchange()


def _angry(voice: Voice) -> Iterator[Turn]:
    yield from voice.exchange()
    yield voice.customer(_ANGER)
    answer = voice.random.random()
    if answer < 0.35:
        yield {"type": "offer_reply", "accepted": True}
    elif answer < 0.7:
        yield {"type": "offer_reply", "accepted": False}
        yield voice.customer(_ANGER)
    yield from voice.exchange()


def _promised(voice: Voice) -> Iterator[Turn]:
    yield voice.customer(_ASKS)
    yield voice.ai(_PROMISES)
    yield from _meanwhile(voice)


def _full(voice: Voice) -> Iterator[Turn]:
    yield voice.customer(_ASKS)
    yield voice.ai(context_tokens=118_000, context_limit=128_000)


def _stalled(voice: Voice) -> Iterator[Turn]:
    yield from voice.exchange()
    yield voice.customer(_ASKS)


def _person_first(voice: Voice) -> Iterator[Turn]:
    yield from voice.exchange()
    person = {"id": "person-walk-in", "name": "Kim"}
    yield {"role": "human_agent", "content": voice.say(_ANSWERS), "agent": person}
    yield voice.customer(_THANKS)


def _meanwhile(voice: Voice) -> Iterator[Turn]:
    """Yield turns while a person is awaited: some bots obey, some answer late."""
    for _ in range(voice.random.randint(0, 3)):
        yield voice.customer(_ASKS)
        late = voice.random.random() < 0.3
        yield voice.ai(epoch=1) if late else voice.ai(speaks="if_allowed")


_KINDS: Final[dict[Callable[[Voice], Iterator[Turn]], int]] = {
    _ordinary: 74,
    _asks: 6,
    _insists: 2,
    _takes_it_back: 2,
    _closes: 2,
    _unsure: 3,
    _urgent: 3,
    _exception: 1,
    _tools: 2,
    _angry: 3,
    _promised: 1,
    _full: 1,
    _stalled: 1,
    _person_first: 1,
}


def conversation(random: Random) -> list[Turn]:
    """The turns of one conversation of a kind chosen by its share."""
    kind = random.choices([*_KINDS], [*_KINDS.values()])[0]
    turns = [*kind(Voice(random))]
    tier = random.choice(("basic", "basic", "premium"))
    customer = {"id": f"cu-{random.randrange(100_000)}", "tier": tier, "locale": "en"}
    turns[0] = {"customer": customer, "channel": random.choice(("chat", "email")), **turns[0]}
    return turns


def hot_conversation(random: Random, turns: int) -> list[Turn]:
    """A conversation of so many turns: many sagas after each other under one key."""
    found: list[Turn] = []
    while len(found) < turns:
        found += conversation(random)
    return found[:turns]
