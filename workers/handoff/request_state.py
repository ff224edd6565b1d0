"""A request of the customer's, and what became of it."""

import re
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from workers.contracts.decisions import Turn
from workers.handoff.acts import ACTS, SETTLED_BY_TOOLS, acts_of, acts_wanted, does
from workers.handoff.sentences import FAILED, INFORMS
from workers.handoff.tool_work import ToolWork
from workers.handoff.view import AI, CUSTOMER, PacketView

_SEEKS: Final = re.compile(
    r"\banything (?:\w+ ){0,2}(?:do|help)\b|\bany (?:other )?way\b|\birgend(?:was|etwas|wie)\b|"
    r"\bquelque chose (?:à|pour)\b|\balg(?:o|uma coisa) que\b|\bqualcosa che\b|"
    r"\biets (?:aan|doen)\b",
    re.IGNORECASE,
)
"""A request for anything that helps: a no leaves it open."""
_PAYING: Final = frozenset({"pay", "compensate"})
_HOW_TO_PAY: Final = re.compile(
    r"\b(?:use|using|charge|apply|cover|put it on|pay with|nehmen|verwenden|belasten|utilise[rz]?|"
    r"usa[r]?|usare|usi|gebruik\w*)\b",
    re.IGNORECASE,
)
"""The answer to the question how to pay: the payment is over when the change is made."""
_SHORTEST_VERB: Final = 4
"""Letters."""
_ANOTHER: Final = re.compile(
    r"\b(?:another|other|different|also|next|second|as well|too|actually|instead|"
    r"back|again|ander\w*|auch|noch ein\w*|"
    r"autre|aussi|otr[oa]s?|también|altr[oaie]|anche|outr[oa]s?|também|nog een|ook)\b",
    re.IGNORECASE,
)
"""A request for one thing more, beside what was done already."""
_SHARED: Final = 2
"""Words in common by which a refusal is known to answer a question."""
_LONG: Final = re.compile(r"[^\W\d_]{5,}")
_COMMON: Final = frozenset(
    "please would could should change changed changes update order there about which their".split()
)

AskState = Literal["open", "settled", "refused", "answered", "partly"]
CLOSED: Final = ("settled", "answered")
"""States in which nothing of a request is open."""


class Ask(NamedTuple):
    """One request in the customer's words."""

    turn: Turn
    position: int
    """Position of the turn among those that were spoken."""
    text: str
    start: int
    """The place in the text at which it begins to ask."""
    acts: frozenset[str]
    worth: float


def state_of(view: PacketView, ask: Ask, asks: Sequence[Ask], done: Sequence[ToolWork]) -> AskState:
    """Tell whether tools did all that was asked, or it was refused; open where neither is sure."""
    asked = view.places.get(ask.turn.event_id, 0)
    works = [
        work
        for work in done
        if work.kind == "action" and view.places.get(work.events[-1], -1) > asked
    ]
    acts = ask.acts & SETTLED_BY_TOOLS
    done_acts = frozenset(act for act in acts if _did(works, act, ask))
    if acts and done_acts == acts:
        return "partly" if _left_out(view, ask, works) else "settled"
    only_pays = ask.acts and ask.acts <= _PAYING and _HOW_TO_PAY.search(ask.text) is not None
    if only_pays and any(work.status == "ok" for work in works):
        return "settled"
    if any(
        work.status in ("refused", "denied") and does(work.name, act, ask.text)
        for work in works
        for act in acts
    ):
        return "refused"
    answers = _answers(view, ask, asks)
    if _was_refused(view, ask, answers, acts - done_acts if done_acts else None):
        return "refused"
    if answers and asks_to_know(ask) and view.refusals(answers[0]):
        return "refused"
    if acts and all(_did(works, act, ask) for act in acts - {"refund"}) and acts != {"refund"}:
        # A return or a cancellation includes the refund, unless that was refused.
        return "settled"
    if not acts and any(work.status == "ok" and _named(work, ask) for work in works):
        return "settled"
    return "answered" if _answered(view, ask, answers) else "open"


def _answers(view: PacketView, ask: Ask, asks: Sequence[Ask]) -> list[Turn]:
    """Return the AI's turns between a request and the next one for something else."""
    until = next(
        (one.position for one in asks if one.position > ask.position and not one.acts & ask.acts),
        None,
    )
    return [turn for turn in view.spoken[ask.position + 1 : until] if turn.role == AI]


def _was_refused(
    view: PacketView, ask: Ask, answers: Sequence[Turn], left: frozenset[str] | None
) -> bool:
    """Return whether the AI refused a request; `left` are the acts of it that no tool did."""
    for turn in answers:
        for part in view.refusals(turn):
            if left is not None and not acts_of(part) & left:
                continue  # It refused something else than what it did.
            if _concerns(part, ask) and not FAILED.search(part):
                return True
    return _SEEKS.search(ask.text) is not None and any(map(view.refusals, answers))


def _left_out(view: PacketView, ask: Ask, works: Sequence[ToolWork]) -> bool:
    """Return whether the AI refused a part of a request before or as it told that it is done."""
    done = {work.events[-1] for work in works if any(_did([work], act, ask) for act in ask.acts)}
    turns = view.episode[view.episode.index(ask.turn) + 1 :]
    last = max((at for at, turn in enumerate(turns) if turn.event_id in done), default=0)
    told = next((at for at, turn in enumerate(turns[last:]) if turn.role == AI and turn.content), 0)
    return any(
        ask.acts & acts_of(part) and not FAILED.search(part)
        for turn in turns[: last + told + 1]
        if turn.role == AI
        for part in view.refusals(turn)
    )


def _named(work: ToolWork, ask: Ask) -> bool:
    """Return whether the first word of a tool's name, its verb, is the act asked for."""
    verb = work.words.split()[0] if work.words else ""
    return len(verb) >= _SHORTEST_VERB and verb in ask.text.lower()


def _concerns(part: str, ask: Ask) -> bool:
    """Return whether the AI's words are about the request: the same act, on the same thing."""
    shared = ask.acts & acts_of(part)
    if shared & SETTLED_BY_TOOLS - {"change"} and not asks_to_know(ask):
        return True
    # Many things can be changed, and a question may be about anything.
    return bool(shared) and len(_content(part) & _content(ask.text)) >= _SHARED


def asks_to_know(ask: Ask) -> bool:
    """Return whether a request is answered by telling something."""
    after = ask.text.partition(": ")[2]
    return any(INFORMS.match(text) for text in (ask.text, ask.text[ask.start :], after))


def _content(text: str) -> set[str]:
    return {word for word in map(str.lower, _LONG.findall(text)) if word not in _COMMON}


def _answered(view: PacketView, ask: Ask, answers: Sequence[Turn]) -> bool:
    """Return whether a question got an answer, after which the customer went on."""
    if not answers or not (asks_to_know(ask) or (not ask.acts and ask.text.endswith("?"))):
        return False
    last = view.last(CUSTOMER)
    return last is not None and last is not ask.turn


def _did(works: Sequence[ToolWork], act: str, ask: Ask) -> bool:
    return did(works, act, ask.text) and not any(
        work.status != "ok" and does(work.name, act, ask.text) for work in works
    )


def did(works: Sequence[ToolWork], act: str, text: str) -> bool:
    """Return whether a tool did an act on what a sentence is about."""
    return any(
        work.kind == "action" and work.status == "ok" and does(work.name, act, text)
        for work in works
    )


def done_ever(works: Sequence[ToolWork], ask: Ask) -> frozenset[str]:
    """Return the acts that tools did at any time, on what a request is about."""
    return frozenset(act for act in ACTS if did(works, act, ask.text))


def is_for_another(ask: Ask) -> bool:
    """Return whether a request is for one thing more, beside what was done already."""
    return _ANOTHER.search(ask.text.partition(": ")[0]) is not None


def done_of(view: PacketView, works: Sequence[ToolWork], ask: Ask) -> frozenset[str]:
    """Return the acts of a request that tools did: at any time, or after it for another thing."""
    by = _after(view, works, ask.turn) if is_for_another(ask) else works
    return frozenset(act for act in ask.acts if did(by, act, ask.text))


def was_done(view: PacketView, works: Sequence[ToolWork], turn: Turn, text: str) -> bool:
    """Return whether tools did all for which a sentence of a turn asks, after that turn."""
    acts, later = acts_wanted(text), _after(view, works, turn)
    return bool(acts) and all(did(later, act, text) for act in acts)


def _after(view: PacketView, works: Sequence[ToolWork], turn: Turn) -> list[ToolWork]:
    asked = view.places.get(turn.event_id, 0)
    return [work for work in works if view.places.get(work.events[-1], -1) > asked]
