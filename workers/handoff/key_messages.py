"""The few sentences that a person should read besides what the claims say."""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from workers.contracts.decisions import Turn
from workers.contracts.handoffs import KeyMessage, PacketTurn
from workers.contracts.time import from_ms
from workers.handoff.packet_findings import PacketFindings, agreed_on
from workers.handoff.person_requests import asks_for_person
from workers.handoff.request_state import was_done
from workers.handoff.sentences import ASKS, DID, DISPUTES, FILLER, REFERS
from workers.handoff.told import EMPTY
from workers.handoff.view import CUSTOMER, PacketView
from workers.handoff.view import PERSON as HUMAN
from workers.handoff.wording import has_details, says_something, trim, word_count

KEY_MESSAGES: Final = 5
WORDS: Final = 22
"""Words of one key message, at most."""
LAST: Final = 12
"""Turns of customer and persons that are read, with the first two."""
_SENTENCES: Final = 8
_LEAST: Final = 5
_ALONE: Final = 8
_WORTH: Final = 1.5
_FAILS: Final = re.compile(
    r"\b(?:not (?:set|found|available|connected)|missing|locked|disabled|failed|none|false|"
    r"unable|error)\b",
    re.IGNORECASE,
)
"""Reports of a device that does not do what it should."""
_TO_COME: Final = re.compile(
    r"\b(?:i(?:['\u2019]ll| will)|let me) (?:let you know|check|try|do (?:that|it|so)|get back)\b",
    re.IGNORECASE,
)
"""An announcement, which is over when the next message comes."""
_GIVES_REASON: Final = re.compile(
    r"\b(?:because|since|due to|reason|so that|deadline|by (?:today|tomorrow|monday|friday)|weil|"
    r"wegen|grund|parce que|porque|motivo|perché|omdat)\b",
    re.IGNORECASE,
)


class Candidate(NamedTuple):
    """A sentence that may be quoted beside the statements."""

    worth: float
    place: int
    """Its place among all that were read, in their order of time."""
    turn: Turn
    text: str


def key_messages(
    view: PacketView, found: PacketFindings, shown: Sequence[PacketTurn], room: int
) -> tuple[KeyMessage, ...]:
    """Choose up to five sentences that say what the claims do not, in their order of time.

    Whole sentences, none twice, no greeting, no bare identifier; they are among the turns that the
    packet shows.
    """
    if found.closing is not None:
        return ()
    heard = agreed_on(view, found)
    # The AI's summary, to which the customer agreed, holds all that was said before it.
    within = {turn.event_id for turn in shown if view.places.get(turn.event_id, 0) > heard}
    ranked = sorted(_candidates(view, found, within), key=lambda one: (-one.worth, -one.place))
    chosen: list[Candidate] = []
    for one in ranked:
        if len(chosen) == KEY_MESSAGES or one.worth < _WORTH:
            break
        text = one.text
        if word_count(text) > min(room, WORDS):
            text = trim(text, min(room, WORDS)) if room >= WORDS // 2 else ""
        if not text or view.is_quoted(text) or view.says_nothing_new(text):
            continue
        view.quote(text, one.text)
        room -= word_count(text)
        chosen.append(one._replace(text=text))
    chosen.sort(key=lambda one: one.place)
    return tuple(
        KeyMessage(
            event_id=one.turn.event_id, role=one.turn.role, at=from_ms(one.turn.at), text=one.text
        )
        for one in chosen
    )


def _candidates(view: PacketView, found: PacketFindings, within: set[str]) -> Iterator[Candidate]:
    said = [(at, turn) for at, turn in enumerate(view.spoken) if turn.role in (CUSTOMER, HUMAN)]
    read = said if len(said) <= LAST + 2 else [*said[:2], *said[-LAST:]]
    values = [one.value for one in found.identifiers]
    for position, turn in read:
        if turn.event_id not in within:
            continue
        for number, text in enumerate(view.sentences(turn)[:_SENTENCES]):
            if text.endswith("?") and turn is not view.last(CUSTOMER):
                continue  # What the AI answered since tells nothing more.
            if was_done(view, found.works, turn, text):
                continue
            worth = _worth(turn, text, values) + position / (len(view.spoken) or 1)
            yield Candidate(worth, position * _SENTENCES + number, turn, text)


def _worth(turn: Turn, text: str, identifiers: Sequence[str]) -> float:
    if not says_something(text) or FILLER.match(text):
        return -9
    if asks_for_person(text):
        return -9  # That a person is wanted is why they read it.
    rest = text
    for value in identifiers:
        rest = rest.replace(value, "")
    if len(rest.split()) < _LEAST or (
        rest != text and len(rest.split()) < 9 and not ASKS.search(rest)
    ):
        # The identifiers stand in a block of their own.
        return -9
    if _TO_COME.search(text):
        return -9
    if EMPTY.search(text) or (REFERS.search(text) and len(rest.split()) < _ALONE):
        return -9
    worth = 1.0 if turn.role == HUMAN else 0.0
    worth += _FAILS.search(text) is not None
    worth += 1.5 * (DID.search(text) is not None) + (DISPUTES.search(text) is not None)
    worth += _GIVES_REASON.search(text) is not None
    worth += 0.5 * has_details(rest) + 0.7 * (ASKS.search(text) is not None)
    return worth
