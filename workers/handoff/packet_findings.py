"""The findings in a conversation, from which a packet's statements are made."""

from collections.abc import Iterable
from typing import NamedTuple

from workers.contracts.handoffs import Claim
from workers.handoff.acts import acts_of
from workers.handoff.identifiers import Identifier
from workers.handoff.issues import Issue
from workers.handoff.told import AiSentence, Told
from workers.handoff.tool_work import ToolWork
from workers.handoff.view import AI, PacketView
from workers.handoff.wording import word_count


class PacketFindings(NamedTuple):
    """The findings in a conversation, from which the statements are made."""

    works: tuple[ToolWork, ...]
    issue: Issue | None
    told: Told
    steps: tuple[AiSentence, ...]
    """The customer's own steps."""
    identifiers: tuple[Identifier, ...]


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


def refusal(view: PacketView, found: PacketFindings) -> AiSentence | None:
    """Return what the AI refused last of what is asked, unless something was done since."""
    said = found.told.refused
    if said is None or said.turn is view.last(AI):
        return said
    issue = found.issue
    asked = issue.now.acts | (issue.began.acts if issue.began else frozenset()) if issue else ()
    if not acts_of(said.text) & frozenset(asked):
        return None
    since = view.places.get(said.turn.event_id, 0)
    done = any(
        work.kind == "action"
        and work.status == "ok"
        and view.places.get(work.events[-1], 0) > since
        for work in found.works
    )
    return None if done else said


def words_of(claims: Iterable[Claim]) -> int:
    """Count the words of some statements."""
    return sum(word_count(claim.text) for claim in claims)
