"""The findings in a conversation, from which a packet's statements are made."""

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from workers.contracts.decisions import Turn
from workers.contracts.handoffs import Statement
from workers.handoff.acts import acts_of, acts_wanted
from workers.handoff.identifiers import Identifier
from workers.handoff.issues import Issue
from workers.handoff.last_exchange import LastExchange
from workers.handoff.own_steps import Step
from workers.handoff.sentences import ASKS, IF_ANOTHER, INSTEAD, PERSON
from workers.handoff.told import AiSentence, Told
from workers.handoff.tool_work import ToolWork
from workers.handoff.view import AI, PacketView
from workers.handoff.wording import is_courtesy, word_count

_GOES_OVER: Final = re.compile(
    r"(?:ok(?:ay)?|alright|fine|well|i (?:see|understand))?[\s,.!]*(?:in that case|then|instead|"
    r"dann|alors|entonces|allora|então|dan)\b|(?:ok(?:ay)?|alright|fine)[\s,.!]+(?:let|i|can|please)",
    re.IGNORECASE,
)
"""An answer to a refusal that takes it, and goes on to something else."""
_GO_TOGETHER: Final = (
    frozenset({"cancel", "refund", "compensate", "undo"}),
    frozenset({"exchange", "return", "refund", "compensate", "deliver"}),
)


class PacketFindings(NamedTuple):
    """The findings in a conversation, from which the statements are made."""

    works: tuple[ToolWork, ...]
    issue: Issue | None
    told: Told
    steps: tuple[Step, ...]
    """The customer's own steps."""
    identifiers: tuple[Identifier, ...]
    last: LastExchange
    closing: Turn | None
    """The customer's last turn, where it says that they need nothing more."""

    @property
    def asked(self) -> frozenset[str]:
        """Return the acts that the customer asks for, now and from the beginning."""
        return self.issue.acts if self.issue is not None else frozenset()


def last_change(view: PacketView, found: PacketFindings, what: str | None = None) -> int:
    """Return the place in the episode at which a tool last changed something; -1 for never."""
    return max(
        (
            view.places.get(work.events[-1], -1)
            for work in found.works
            if work.kind == "action" and work.status == "ok" and (what is None or what in work.what)
        ),
        default=-1,
    )


def agreed_on(view: PacketView, found: PacketFindings) -> int:
    """Return the place of the AI's message to which the customer agreed last; -1 for none."""
    agreed = found.last.agreed
    return -1 if agreed is None else view.places.get(agreed.asked.event_id, -1)


def refusal(view: PacketView, found: PacketFindings) -> AiSentence | None:
    """Return what the AI refused last of what is asked, unless something was done since.

    Nor where it then proposed another way to which the customer agreed.
    """
    said = found.told.refused
    agreed = found.last.agreed
    if found.closing is not None:
        # They took it, and need nothing more.
        return None
    if said is not None and agreed is not None and is_before(view, said.turn, agreed.reply):
        return None
    if said is None or _is_over(said, found.last.said):
        return None
    if _went_on(view, found, said) or moved_on(view, found, said):
        return None
    after = [turn for turn in view.said_by(AI) if is_before(view, said.turn, turn)]
    if all(is_courtesy(part) for turn in after for part in view.sentences(turn)):
        return said
    if not acts_of(said.text) & found.asked or changed_since(view, found, said.turn):
        return None
    return said


def _is_over(refused: AiSentence, said: Sequence[str]) -> bool:
    """Return whether the customer's last words ask for something else than what was refused."""
    asks = [part for part in said if ASKS.search(part)]
    asked = frozenset[str]().union(*map(acts_wanted, asks))
    acts = acts_of(refused.text) - {"fix", "deliver"}
    return bool(asked and acts) and not asked & acts and any(map(_GOES_OVER.match, said))


def moved_on(view: PacketView, found: PacketFindings, refused: AiSentence) -> bool:
    """Return whether the customer now asks for something instead, or means another thing.

    They do the latter where the AI asked which thing it is, and they only answered that.
    """
    answer = found.last.turn
    if answer is None or not is_before(view, refused.turn, answer):
        return False
    if any(ASKS.search(part) and INSTEAD.search(part) for part in found.last.said):
        return True
    parts = view.sentences(refused.turn)
    at = next((at for at, part in enumerate(parts) if refused.text[1:] in part), len(parts))
    return any(
        part.endswith("?") and IF_ANOTHER.match(part) and not PERSON.search(part)
        for part in parts[at + 1 :]
    )


def _went_on(view: PacketView, found: PacketFindings, refused: AiSentence) -> bool:
    """Return whether the customer asked for another act after a refusal, or it was of a fault."""
    acts = acts_of(refused.text) - {"deliver"}
    if acts and acts <= {"fix", "access"}:
        return refused.turn is not view.last(AI)
    issue = found.issue
    if issue is None or not is_before(view, refused.turn, issue.now.turn):
        return False
    asked = issue.now.acts - {"fix", "pay", "deliver"}
    return bool(asked and acts) and not asked & acts and not go_together(asked, acts)


def go_together(asked: frozenset[str], refused: frozenset[str]) -> bool:
    """Return whether one act may have been refused where another was asked for."""
    return any(asked & group and refused & group for group in _GO_TOGETHER)


def is_before(view: PacketView, one: Turn, other: Turn) -> bool:
    """Return whether one turn of the episode was said before another."""
    return view.places.get(one.event_id, -1) < view.places.get(other.event_id, -1)


def changed_since(view: PacketView, found: PacketFindings, turn: Turn) -> bool:
    """Return whether a tool changed something after a turn."""
    return last_change(view, found) > view.places.get(turn.event_id, -1)


def words_of(claims: Iterable[Statement]) -> int:
    """Count the words of some statements."""
    return sum(word_count(claim.text) for claim in claims)
