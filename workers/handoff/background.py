"""The background of a request: its conditions and reasons, and what the AI cannot do."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from workers.contracts.decisions import Turn
from workers.handoff.acts import acts_of
from workers.handoff.sentences import (
    CLOSES,
    CONDITIONAL,
    DID,
    FAILED,
    FILLER,
    PERSON,
    point,
)
from workers.handoff.told import AiSentence
from workers.handoff.view import AI, CUSTOMER, PacketView
from workers.handoff.wording import content

_TURNS: Final = 12
_SENTENCES: Final = 16
_LEAST: Final = 4
_FIRST: Final = 2.0
"""Worth of what the customer takes if what they ask cannot be."""
_RECENT: Final = 0.15
"""Worth that a condition gains by each message before it."""
_SAME: Final = 0.5
"""Share of content words from which on two sentences say the same."""
_LIMITS: Final = re.compile(
    r"\b(?:under|below|less than|at most|up to|no more than|maximum|cheaper than|unter|"
    r"höchstens|moins de|menos de|meno di|minder dan) ?[$€£]? ?\d"
    r"|\b(?:only if|as long as|provided that|unless|on condition|only want|nur wenn|solange|"
    r"à condition|solo si|siempre que|a patto che|desde que|alleen als)\b",
    re.IGNORECASE,
)
_MANNER: Final = re.compile(
    r"\b(?:non-?stop|direct|same day|urgent(?:ly)?|asap|as soon as possible|deadline|"
    r"overnight|dringend|sofort|spoed|urgente?)\b",
    re.IGNORECASE,
)
_REASONS: Final = re.compile(
    r"\b(?:because|since|due to|so that|emergency|weil|wegen|parce que|porque|perché|omdat)\b",
    re.IGNORECASE,
)
_EVENTS: Final = re.compile(
    r"\b(?:sick|ill|illness|passed away|died|death|hospital|surgery|funeral|lost|stolen|"
    r"damaged|by mistake|change of plans?|plans (?:have )?changed|krank|malade|enferm[oa]|"
    r"malat[oa]|doente|ziek)\b",
    re.IGNORECASE,
)
_OTHERWISE: Final = re.compile(
    r"\b(?:don['\u2019]t|do not) (?:want|use|need)\b|\brather not\b|"
    r"\binstead of\b|\bprefer\b|\bwilling to\b|\bwithout (?:a|any|the)\b|\bexcept\b|"
    r"\bkeep(?:ing)?\b|\bnot authori[sz]ing\b|"
    r"\bmöchte kein\w*\b|\bno quiero\b|\bje ne veux pas\b|\bnon voglio\b|\bnão quero\b",
    re.IGNORECASE,
)
_PAYMENT: Final = re.compile(
    r"\b(?:refund|credit|money)\w*\b[^.!?]{0,30}\b(?:to|on|onto) (?:my|a|an|the)\b|"
    r"\b(?:gift card|original payment)\b",
    re.IGNORECASE,
)
_WAS_TOLD: Final = re.compile(
    r"\b(?:(?:i|we)(?: was|['\u2019]ve been| have been| were| got)(?: \w+)?|"
    r"(?:they|someone|somebody|your (?:\w+ )?(?:agents?|reps?|colleagues?|team|website|staff))"
    r"(?: (?:had|has|have|also))?) (?:told|advised|promised|assured|informed|guaranteed|"
    r"given the impression)\b|"
    r"\b(?:spoke|talked|chatted) (?:with|to)\b[^.?!]{0,60}\b(?:said|told|promised|confirmed)\b|"
    r"\bmir wurde\b[^.!?]{0,60}\b(?:gesagt|versprochen|zugesagt|mitgeteilt)\b|"
    r"\bon m['\u2019]a (?:dit|promis|assuré|informé)|\bme (?:dijeron|prometieron|aseguraron|"
    r"informaron)\b|\bmi (?:è stato|avevano|hanno) (?:detto|promesso|assicurato)\b|"
    r"\bme (?:disseram|prometeram|garantiram|informaram)\b|"
    r"\b(?:mij|me) (?:is|werd)\b[^.!?]{0,60}\b(?:gezegd|beloofd|verteld|toegezegd)\b",
    re.IGNORECASE,
)
"""Promises and advice from before, on which the customer relies."""
_AT_LEAST: Final = re.compile(
    r"\bat (?:the )?(?:very |absolute )?(?:least|minimum)\b|\beven an? (?:\d|partial|half)|\d ?%|"
    r"\b(?:not asking for|better than nothing|settle for|would (?:also )?accept)\b|"
    r"\b(?:mindestens|wenigstens|au moins|al menos|por lo menos|almeno|pelo menos|ten minste|"
    r"minstens)\b",
    re.IGNORECASE,
)
"""The least with which the customer would be content."""
FALLS_BACK: Final = re.compile(
    r"^(?:(?:and|but|so|or) )?if\b[^,;:.?!]{0,60}\b(?:can(?:no|['\u2019])t|cannot|isn['\u2019]t|"
    r"is not|not (?:possible|available|allowed)|no \w+|none|won['\u2019]t|doesn['\u2019]t|unable|"
    r"impossible)\b[^.?!]{4,}|\bif not\b, ?[^.?!]{4,}|"
    r"\botherwise,? (?:i|please|just|then)\b|"
    r"^(?:und |aber )?(?:wenn|falls)\b[^.?!]{0,60}\bnicht\b[^.?!]{0,60}\b(?:dann|bitte)\b|"
    r"\bsi (?:ce n['\u2019]est pas|no es|non è)\b|\bse (?:non|não) (?:è|é|for)\b|\bals dat niet\b",
    re.IGNORECASE,
)
"""The second best, if what is asked cannot be."""
_CUES: Final = (
    FALLS_BACK,
    _LIMITS,
    _MANNER,
    _REASONS,
    _EVENTS,
    _OTHERWISE,
    _PAYMENT,
    _WAS_TOLD,
    _AT_LEAST,
)
_REPLACED: Final = {_CUES.index(_LIMITS), _CUES.index(_MANNER), _CUES.index(_PAYMENT)}
"""Kinds of which a later word replaces an earlier one."""
_IDENTITY: Final = re.compile(
    r"\b(?:names?|zip|code|id|number|e-?mail|address|phone)\b[^.]{0,12}\bis\b|\border id\b|"
    r"\bitem id\b|\b(?:remember|recall|handy)\b",
    re.IGNORECASE,
)
_REPORTS: Final = re.compile(r"\b(?:icons?|status|signal|settings?)\b", re.IGNORECASE)
"""In what the customer reports of a device, no words are conditions."""
_GRANTS: Final = re.compile(
    r"\bplease (?:proceed|go ahead|cancel|submit)\b|"
    r"^(?:\d[).] ?)?(?:yes|yeah|ja|oui|sí|sì|sim)\b|\blet['\u2019]s\b",
    re.IGNORECASE,
)
_TELL: Final = re.compile(r"(?:please )?(?:tell|show|list|give|let) me\b", re.IGNORECASE)
"""A question, which the AI has answered since or which stands as the request."""
_CANNOT: Final = re.compile(
    r"\b(?:i|we)(?:['\u2019]m| am|['\u2019]re| are)? (?:can(?:no|['\u2019])t|cannot|"
    r"unable|not able|(?:don['\u2019]t|do not) have (?:\w+ )?(?:access|visibility|ability|way|"
    r"tools?|option|information))\b|"
    r"\b(?:ich kann|wir können|je ne peux|no puedo|non posso|não posso|ik kan)\b",
    re.IGNORECASE,
)


def conditions(view: PacketView, asked: Sequence[str], since: int) -> list[tuple[Turn, str, int]]:
    """Return what the customer says of conditions and reasons, most telling first.

    `since` is the place in the episode up to which they are over. Of those about the same, as of
    payment, the latest counts.

    Each with its turn and the place at which the condition stands; none of the sentences that
    are quoted as the request.
    """
    found: list[tuple[float, Turn, str, int]] = []
    known = set().union(*map(content, asked))
    said = view.said_by(CUSTOMER)
    later = [turn for turn in said[-_TURNS:] if view.places[turn.event_id] > since]
    seen: set[int] = set()
    for at, turn in reversed([*enumerate(later)]):
        for text in view.asked(turn)[:_SENTENCES]:
            places = {kind: cue.start() for kind, cue in cues_in(text)}
            replaced = places.keys() & _REPLACED
            is_over = bool(replaced) and replaced <= seen
            seen |= places.keys()
            if not places or is_over or text in asked or not is_condition(text):
                continue
            old = text.endswith("?") and turn is not said[-1]
            if old and not (_LIMITS.search(text) or _MANNER.search(text)):
                continue
            if len((words := content(text)) & known) > _SAME * len(words):
                continue
            worth = (
                len(places)
                + (_FIRST if 0 in places else 0)
                + _RECENT * at
                - 0.5 * (DID.search(text) is not None)
            )
            found.append((worth, turn, text, min(places.values())))
    found.sort(key=lambda one: -one[0])
    return [one[1:] for one in found]


def cues_in(text: str) -> Iterator[tuple[int, re.Match[str]]]:
    """Yield the kinds of condition of which a sentence has words, with the first of them."""
    for kind, words in enumerate(_CUES):
        if (cue := words.search(text)) is not None:
            yield kind, cue


def is_condition(text: str) -> bool:
    """Return whether a sentence with such words can be a condition or a reason."""
    few = len(text.split()) < _LEAST or FILLER.match(text) or _TELL.match(text)
    grants = () if FALLS_BACK.search(text) else (_GRANTS,)
    other = (_REPORTS, _IDENTITY, CLOSES, *grants, PERSON)
    return not few and not any(words.search(text) for words in other)


def unable(view: PacketView, but: AiSentence | None) -> list[AiSentence]:
    """Return what the AI said it cannot do, latest first, each once, without what it refused."""
    kept: list[AiSentence] = []
    known = [content(but.text)] if but is not None else []
    for turn in view.said_by(AI)[: -_TURNS - 1 : -1]:
        for text in view.sentences(turn)[:_SENTENCES]:
            hidden = text.endswith("?") or FAILED.search(text) or CONDITIONAL.match(text)
            if hidden or not _CANNOT.search(text):
                continue
            words = content(text)
            if but is not None and acts_of(text) and acts_of(text) <= acts_of(but.text):
                continue
            if any(len(words & one) > _SAME * min(len(words), len(one)) for one in known):
                continue
            known.append(words)
            kept.append(AiSentence(turn, point(text)))
    return kept
