"""The input of a packet, with every text redacted once."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

import msgspec

from workers.contracts.decisions import Decision, Facts, Turn
from workers.contracts.events import Attachment, Customer
from workers.contracts.time import to_ms
from workers.handoff.frames import Frame, frame
from workers.handoff.sentences import refuses
from workers.handoff.splitting import asked_in, sentences
from workers.handoff.tool_calls import PairedCall, calls_in
from workers.handoff.wording import READ_LIMIT, content
from workers.redaction.redact import Redaction, redact

CUSTOMER: Final = "customer"
AI: Final = "ai_agent"
PERSON: Final = "human_agent"
_NOT_WORDS: Final = re.compile(r"\W+")
REFUSALS_READ: Final = 24
"""Sentences of a turn that are read for a refusal."""
_NEW: Final = 0.4
"""Share of a quote's words that were not said before."""
_SAME: Final = 40
"""Characters by which two quotes are known to be the same words."""


@dataclass(frozen=True)
class PacketView:
    """Facts, transcript and decision of one escalation, as the destination may see them."""

    facts: Facts
    transcript: Sequence[Turn]
    decision: Decision
    rule: Redaction
    frame: Frame = field(default_factory=lambda: frame(None))

    def last_turns(self, count: int) -> "PacketView":
        """Return the view of the last turns, which knows what this one has redacted."""
        view = replace(self, transcript=self.transcript[len(self.transcript) - count :])
        view._texts.update(self._texts)
        return view

    def text(self, turn: Turn) -> str:
        """Return a turn's words, redacted."""
        known = self._texts
        if turn.event_id not in known:
            known[turn.event_id] = redact(turn.content, self.rule)
        return known[turn.event_id]

    def sentences(self, turn: Turn) -> list[str]:
        """Return the sentences of a turn; points of a list are sentences."""
        known = self._sentences
        if turn.event_id not in known:
            known[turn.event_id] = sentences(self.text(turn))
        return known[turn.event_id]

    def refusals(self, turn: Turn) -> list[str]:
        """Return the sentences of a turn that refuse something."""
        known = self._refusals
        if turn.event_id not in known:
            known[turn.event_id] = [*filter(refuses, self.sentences(turn)[:REFUSALS_READ])]
        return known[turn.event_id]

    def asked(self, turn: Turn) -> list[str]:
        """Return the sentences of a turn; a list that a colon leads to is one."""
        known = self._asked
        if turn.event_id not in known:
            known[turn.event_id] = asked_in(self.text(turn))
        return known[turn.event_id]

    def beginning(self, turn: Turn) -> str:
        """Return the beginning of a turn's words, redacted: all that is said of it in a few."""
        return self._texts.get(turn.event_id) or redact(turn.content, self.rule, READ_LIMIT)

    @cached_property
    def _texts(self) -> dict[str, str]:
        return {}

    @cached_property
    def _sentences(self) -> dict[str, list[str]]:
        return {}

    @cached_property
    def _refusals(self) -> dict[str, list[str]]:
        return {}

    @cached_property
    def _asked(self) -> dict[str, list[str]]:
        return {}

    @cached_property
    def _quoted(self) -> list[str]:
        return []

    def quote(self, text: str, whole: str = "") -> str:
        """Return words in quotation marks; the packet has said them, and the `whole` of them."""
        self._quoted.extend(_plain(one) for one in (text, whole) if one)
        return f"“{text}”" if text else ""

    def quote_of(self, words: str, said: Sequence[str]) -> str:
        """Return words in quotation marks; of `said` the packet has said those that they hold."""
        for one in said:
            if one in words:
                self.quote(one)
        return self.quote(words)

    def is_quoted(self, text: str) -> bool:
        """Return whether the packet has said these words already, or most of them."""
        plain = _plain(text)[:_SAME]
        return not plain or any(
            plain in said or said[:_SAME] in plain for said in self._quoted if said
        )

    def says_nothing_new(self, text: str) -> bool:
        """Return whether most words of a text that say something were quoted already."""
        words = content(text)
        known = set().union(*map(content, self._quoted))
        return len(words - known) < _NEW * len(words)

    def hide(self, text: str) -> str:
        """Return any other text, redacted."""
        known = self._hidden
        if text not in known:
            known[text] = redact(text, self.rule)
        return known[text]

    @cached_property
    def _hidden(self) -> dict[str, str]:
        return {}

    @cached_property
    def customer(self) -> Customer | None:
        """Return the customer as of their last turn that says so; decisions only know an id."""
        told = next((turn for turn in reversed(self.transcript) if turn.customer_id), None)
        named = next((turn for turn in reversed(self.transcript) if turn.customer_name), None)
        reached = next((turn for turn in reversed(self.transcript) if turn.role == CUSTOMER), None)
        known = self.facts.customer or Customer()
        who = msgspec.structs.replace(
            known,
            id=told.customer_id if told else known.id,
            name=named.customer_name if named else known.name,
            email=(reached and reached.customer_email) or known.email,
            phone=(reached and reached.customer_phone) or known.phone,
            preferred_contact=(reached and reached.preferred_contact) or known.preferred_contact,
        )
        return None if who == Customer() else who

    def file(self, attachment: Attachment) -> Attachment:
        """Return an attachment with every text of it redacted: senders write what they like."""
        return msgspec.structs.replace(
            attachment,
            id=self.hide(attachment.id) if attachment.id else None,
            type=self.hide(attachment.type) if attachment.type else None,
            name=self.hide(attachment.name) if attachment.name else None,
            url=self.hide(attachment.url) if attachment.url else None,
        )

    @cached_property
    def by_id(self) -> dict[str, Turn]:
        """The transcript by event id."""
        return {turn.event_id: turn for turn in self.transcript}

    @cached_property
    def episode(self) -> tuple[Turn, ...]:
        """The turns since the AI took over, or all when none is that young."""
        since = to_ms(self.facts.episode_started_at)
        return tuple(turn for turn in self.transcript if turn.at >= since) or tuple(self.transcript)

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each turn in the episode, from 0, by event id."""
        return {turn.event_id: at for at, turn in enumerate(self.episode)}

    @cached_property
    def calls(self) -> tuple[PairedCall, ...]:
        """The calls of tools in the episode, each with its result."""
        return calls_in(self.episode)

    @cached_property
    def spoken(self) -> tuple[Turn, ...]:
        """The episode's turns that the customer saw, or sent."""
        return tuple(
            turn
            for turn in self.episode
            if turn.role in (CUSTOMER, AI, PERSON)
            and turn.status != "stale"
            and (turn.content or turn.attachments)
        )

    def said_by(self, role: str) -> list[Turn]:
        """Return the turns of a role that the customer saw, or sent, oldest first."""
        return [turn for turn in self.spoken if turn.role == role]

    def last(self, role: str) -> Turn | None:
        """Return the last turn of a role that the customer saw."""
        return next((turn for turn in reversed(self.spoken) if turn.role == role), None)

    def before(self, event_id: str, role: str) -> Turn | None:
        """Return the last turn of a role that was spoken before an event."""
        found = None
        for turn in self.spoken:
            if turn.event_id == event_id:
                return found
            if turn.role == role:
                found = turn
        return None

    def find(self, wanted: Callable[[Turn], bool]) -> Turn | None:
        """Return the first turn of the episode for which `wanted` holds."""
        return next((turn for turn in self.episode if wanted(turn)), None)

    def last_that(self, wanted: Callable[[Turn], bool]) -> Turn | None:
        """Return the last turn of the episode for which `wanted` holds."""
        return next((turn for turn in reversed(self.episode) if wanted(turn)), None)

    @property
    def cause(self) -> str:
        """The event to cite when no other is known."""
        return self.decision.trigger_event_id

    @property
    def seconds(self) -> int:
        """Return the length of the episode up to the decision, in seconds."""
        began = to_ms(self.facts.episode_started_at)
        return max(0, (to_ms(self.decision.decided_at) - began) // 1000)


def _plain(text: str) -> str:
    return _NOT_WORDS.sub(" ", text[:400]).strip().lower()
