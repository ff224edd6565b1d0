"""The act to which a customer said yes, and the AI's words for it."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from workers.contracts.decisions import Turn
from workers.handoff.acts import BESIDE, acts_of, acts_wanted
from workers.handoff.person_requests import asks_for_person
from workers.handoff.sentences import (
    CONDITIONAL,
    DECLINES,
    DID,
    IDENTIFIES,
    PERSON,
    THANKS,
    refuses,
)
from workers.handoff.splitting import without_markup
from workers.handoff.told import CODES, LEADS
from workers.handoff.view import AI, PacketView
from workers.handoff.whole_sentences import in_words, with_what_leans
from workers.handoff.wording import READ_LIMIT, has_details, is_courtesy, one_line, word_count

_SENTENCES: Final = 12
"""Sentences of one message that are read."""
_ASKED_BACK: Final = 8
"""Messages of the AI, the last, in which it may have asked for the customer's yes."""
_FEW: Final = 4
_LATER: Final = 0.1
"""Worth that a sentence gains by each one before it."""
_BRIEF: Final = 12
_LEAST_ASKED: Final = 8
_SAYS_MUCH: Final = 16
_EARLY: Final = 40
"""Characters at the beginning of a sentence."""
_ID_ASIDE: Final = re.compile(
    r" \((?:[\w-]+ ){0,2}(?:item |product |order |article )?(?:id|sku|no|number|nr)\.?:? ?"
    r"#?[\w-]{3,24}\)",
    re.IGNORECASE,
)
_TO_CONFIRM: Final = re.compile(
    r"^(?:(?:just )?to confirm|let me confirm(?: the details)?|to summari[sz]e|"
    r"just to (?:be sure|double-check))[,:] (?:you(?:['\u2019]d like| want| would like) to )?",
    re.IGNORECASE,
)
_BIDS: Final = re.compile(
    r"(?:please|kindly|just )?\s?(?:confirm|reply|respond|let me know|once you confirm)\b|bitte\b",
    re.IGNORECASE,
)
_OF_RULE: Final = re.compile(
    r"\b(?:only|not) (?:be )?(?:allowed|possible|available|permitted)\b", re.IGNORECASE
)
"""A rule, and nothing that is about to be done."""
_CLEAR: Final = 2.0
"""Worth of a sentence that says by itself what will be done."""
_AGREES: Final = re.compile(
    r"^\W*(?:yes|yeah|yep|yup|sure|ok(?:ay)?|alright|correct|exactly|absolutely|perfect|"
    r"sounds (?:good|great|right)|that works|that (?:is|sounds|looks) (?:good|great|right|correct|"
    r"fine|perfect)|that['\u2019]s (?:right|correct|fine|good|great|perfect)|please do|"
    r"go ahead|do it|get it done|ja|genau|einverstanden|oui|d['\u2019]accord|sí|si|vale|de acuerdo|"
    r"claro|va bene|d['\u2019]accordo|sim|pode ser|akkoord)\b",
    re.IGNORECASE,
)
_GOES_AHEAD: Final = re.compile(
    r"\b(?:please|let['\u2019]s|i(?:['\u2019]d| would) like(?: you)? to|i want to|you can|"
    r"i confirm|happy to) (?:\w+ )?(?:proceed|go ahead|go with|confirm)\b|\bgo ahead and\b|"
    r"\bi (?:confirm|agree|authori[sz]e)\b|"
    r"\bbitte (?:machen|weiter)\b|\ballez-y\b|\badelante\b|\bproceda\b",
    re.IGNORECASE,
)
_CONSENT: Final = re.compile(
    r"\b(?:would you (?:still )?like (?:me )?to|would you like (?:this|that|these|the)\b|"
    r"do you (?:want|wish|confirm|agree)|shall (?:i|we)|"
    r"should i|(?:can|may) i (?:proceed|go ahead|cancel|book|submit|process)|"
    r"are you (?:sure|okay|ok|happy)|proceed\b|go ahead|to confirm|please confirm|"
    r"(?:is|are) (?:that|this|these|they|everything) (?:correct|right|ok)|"
    r"does (?:that|this|everything) (?:look|sound)|confirm (?:that|if|this|these|the)|"
    r"(?:if|once|when) you (?:confirm|agree|approve)\b|"
    r"(?:yes|no)[/ ](?:or )?[\"“”']?(?:no|yes)|reply|respond with|"
    r"möchten sie|soll ich|bestätigen|souhaitez-vous|voulez-vous|confirme[rz]?\b|"
    r"desea|quiere que|confirma\b|vuole che|deseja|quer que|wilt u|zal ik|bevestig\w*)",
    re.IGNORECASE,
)
_ASKS_FOR_WORD: Final = re.compile(
    r"\b(?:please|reply|respond|confirm(?!ed|ation)\w*|let me know|bitte|bestätig\w*|"
    r"confirme[rz]?|conferm\w*|"
    r"confirma|bevestig\w*)\b",
    re.IGNORECASE,
)
_ASKS_WHO: Final = re.compile(
    r"\b(?:provide|share|tell me|what is|your (?:full )?(?:name|zip|e-?mail|user|account|"
    r"phone|order (?:id|number)|reservation (?:id|number)))\b",
    re.IGNORECASE,
)
"""A question for what the customer knows, to which yes is no consent."""
_CHOICES: Final = re.compile(
    r"(?:you(?:r profile)? (?:have|has)|(?:your |the )?(?:available|saved|payment) \w+)\b",
    re.IGNORECASE,
)
"""The beginning of a list of ways to pay, or the like."""
_REPORTS: Final = re.compile(r"(?:i|we)(?:['\u2019]ve| have) ", re.IGNORECASE)
_NEEDS: Final = re.compile(
    r"\b(?:i(?:['\u2019]ll| will)? (?:also )?need|i have to)\b", re.IGNORECASE
)
_MONEY: Final = re.compile(r"[$€£]\s?\d")
_POINTS_ON: Final = re.compile(
    r"\b(?:below (?:is|are)|(?:details|options?|summary|steps?|actions?) below|as follows|"
    r"exact (?:action|details|steps?))\b",
    re.IGNORECASE,
)
"""A sentence that only says that something follows."""
_OWN_PART: Final = re.compile(
    r"(?:(?:and|so|also) )?(?:do|should|will|would|must) (?:i|we)\b", re.IGNORECASE
)
"""A question on the customer's own part in what is to be done."""
_NO_MORE: Final = re.compile(
    r"no,? (?:other|further|more|additional|need|changes|thanks)\b", re.IGNORECASE
)
_BUT: Final = re.compile(
    r"\b(?:actually|wait|hold on|before (?:i|we|you (?:do|go))|instead|not yet|"
    r"(?:check|see|know|ask|think|look|confirm|tell me|read)\b[^.?!]{0,40}\bfirst|"
    r"(?:what|how) about|"
    r"eigentlich|warte|"
    r"attendez|en realidad|espera|in realtà|aspetta|na verdade|espere|eigenlijk|wacht)\b",
    re.IGNORECASE,
)
IS_DONE: Final = re.compile(
    r"\b(?:has|have|had|was|were|is|are) (?:now |also |already |been |successfully ){0,3}"
    r"(?:processed|completed?|cancell?ed|submitted|updated|changed|confirmed|booked|exchanged|"
    r"refunded|added|removed|done)\b|\bsuccessfully\b",
    re.IGNORECASE,
)
_ORDINALS: Final = (
    r"first|erste\w*|première?|primer[ao]|prim[ao]|primeir[ao]|eerste",
    r"second|zweite\w*|deuxième|segund[ao]|second[ao]|tweede",
    r"third|dritte\w*|troisième|tercer[ao]|terz[ao]|terceir[ao]|derde",
)
_CHOICE: Final = re.compile(
    r"\b(?:the|die|den|das|la|le|el|il|o|a|de) (?:"
    + "|".join(f"({words})" for words in _ORDINALS)
    + r")(?: (?:one|option|choice|item|flight|variante|opción|opzione|opção|optie))?\b(?! \w+ing)"
    r"|\b(?:option|number|choice|nr\.?|opción|opzione|opção|optie) ?#?(\d)\b",
    re.IGNORECASE,
)
_OPTION: Final = re.compile(r"(?:\b[Oo]ption |(?<!\S)#?)(\d)[.:)]\s")
_OPTIONS: Final = 2
_AFTER_OPTION: Final = re.compile(r"\s(?=(?:Would|Which|Please|Do|Shall|Let|To|If) )|\s-{3,}")
"""The place at which the AI goes on after a list without an end."""


class Agreement(NamedTuple):
    """A yes of the customer's to what the AI was about to do."""

    reply: Turn
    asked: Turn
    """The AI's message that the yes answers."""
    summary: tuple[str, ...]
    """The AI's words for what it was about to do: sentences, or a list on one line."""
    acts: frozenset[str]
    yes: str
    """The sentences of the reply that agree."""


def only_agrees(part: str) -> bool:
    """Return whether a sentence says yes and nothing besides."""
    few = len(part.split()) < _BRIEF and "," not in part[len("yes, please,") :]
    return few and not CODES.search(part) and _agrees(part)


def _agrees(part: str) -> bool:
    return _AGREES.search(part) is not None or _GOES_AHEAD.search(part) is not None


def agreement_of(view: PacketView, reply: Turn) -> Agreement | None:
    """Return the act to which a message of the customer's agrees, if it does."""
    parts = view.asked(reply)[:_SENTENCES]
    goes_ahead = any(map(_GOES_AHEAD.search, parts))
    agrees = any(map(_agrees, parts)) or _CHOICE.search(view.text(reply)[:READ_LIMIT])
    if not agrees or any(map(_objects, parts)):
        return None
    answers_else = any(IDENTIFIES.search(part) or asks_for_person(part) for part in parts)
    if answers_else and not goes_ahead:
        return None
    at = view.spoken.index(reply)
    told = [turn for turn in view.spoken[:at] if turn.role == AI][-_ASKED_BACK:]
    for turn in reversed(told):
        said = view.asked(turn)
        asks = [part for part in said[-_SENTENCES:] if asks_consent(part)]
        if asks:
            return _agreed_to(view, reply, told[: told.index(turn) + 1], asks, goes_ahead)
        if len(" ".join(said).split()) > _SAYS_MUCH:
            return None
        # It did not understand: what it asked before is answered.
    return None


def asks_consent(part: str) -> bool:
    """Return whether a sentence of the AI's asks for a yes to what it is about to do."""
    asks = part.endswith("?") or _ASKS_FOR_WORD.search(part)
    return (
        bool(asks)
        and not _is_code(part)
        and _CONSENT.search(part) is not None
        and not refuses(part)
    )


def _agreed_to(
    view: PacketView, reply: Turn, told: Sequence[Turn], asks: Sequence[str], goes_ahead: bool
) -> Agreement | None:
    """Return what the last of the AI's messages `told` was about to do, for which it `asks`."""
    said = view.asked(told[-1])
    if all(_ASKS_WHO.search(part) or _is_of_person(said, part) for part in asks):
        return None
    if not goes_ahead and any(part.endswith("?") and _ASKS_WHO.search(part) for part in said):
        return None
    chosen = _chosen(view, told[-1], reply)
    summary = (chosen,) if chosen else _summary(view, said, reply, acts_of(" ".join(asks)))
    clear = any(_planned(part) > _CLEAR for part in summary)
    names_act = any(acts_of(part) - BESIDE or _is_list(part) for part in summary)
    if not chosen and not (clear and names_act):
        # It was asked before, and only a question of the customer's answered since.
        summary = (*_asked_before(view, told[:-1], reply, view.text(told[-1])), *summary)
    questions = [part for part in asks if acts_of(part) and len(part.split()) >= _LEAST_ASKED]
    meant = [said[said.index(one) - 1] for one in questions if _refers(one) and one != said[0]]
    meant = [one for one in meant if not _OF_RULE.search(one)]
    more = [one for one in (*meant[:1], *questions) if one not in summary]
    summary = (*summary, *more) or tuple(asks)
    acts = acts_of(" ".join((*summary, *asks)))
    yes = " ".join(filter(_agrees, view.asked(reply)[:_SENTENCES]))
    wanted = acts_wanted(yes)
    acts = (acts & wanted) or acts or wanted
    of_price = any(map(_MONEY.search, summary))
    return Agreement(reply, told[-1], summary, acts, yes) if acts or chosen or of_price else None


def _objects(part: str) -> bool:
    """Return whether a sentence takes a yes back, or says what was done instead."""
    declines = DECLINES.search(part) is not None and not _NO_MORE.match(part)
    but = _BUT.search(part)
    # Late in a long sentence, “first” or “before” is of something else.
    few = len(part.split()) < _SAYS_MUCH and not part.endswith("?")
    early = but is not None and but.start() < _EARLY and not _OWN_PART.match(part)
    holds_back = but is not None and (early or few)
    return bool(declines or holds_back or DID.search(part))


def _is_of_person(said: Sequence[str], question: str) -> bool:
    """Return whether a question is about having a person, or refers to the offer of one."""
    at = said.index(question)
    before = said[at - 1] if at and _refers(question) and len(question.split()) < _BRIEF else ""
    return PERSON.search(question) is not None or PERSON.search(before) is not None


def _refers(question: str) -> bool:
    """Return whether a question makes no sense without the sentence before it."""
    return re.search(r"\b(?:this|these|that|those|diese\w*)\b", question) is not None


def _chosen(view: PacketView, turn: Turn, reply: Turn) -> str:
    """Return the option of the AI's list that a message takes by its number; else nothing."""
    found = _CHOICE.search(view.text(reply)[:READ_LIMIT])
    if found is None:
        return ""
    number = next(at for at, word in enumerate(found.groups(), 1) if word)
    number = int(found[number]) if number > len(_ORDINALS) else number
    text = one_line(without_markup(view.text(turn)))
    marks = [*_OPTION.finditer(text)]
    at = max((at for at, mark in enumerate(marks) if int(mark[1]) == number), default=-1)
    if at < 0 or len({mark[1] for mark in marks}) < _OPTIONS:
        return ""
    end = marks[at + 1].start() if at + 1 < len(marks) else None
    return _AFTER_OPTION.split(text[marks[at].end() : end])[0].strip(" -*;,.")


def _summary(
    view: PacketView, said: Sequence[str], reply: Turn, asked: frozenset[str]
) -> tuple[str, ...]:
    """Return the sentences that say what the AI is about to do, of what the reply names."""
    done = max((at for at, part in enumerate(said) if IS_DONE.search(part)), default=-1)
    told = [
        part
        for part in said[done + 1 :]
        # A consequence of the last change is not what is asked for now.
        if _is_of_what_follows(part) and (done < 0 or acts_of(part) & asked)
    ]
    named = CODES.findall(view.text(reply)[:READ_LIMIT])
    of_named = [
        part for part in told if not CODES.search(part) or any(code in part for code in named)
    ]
    is_of_use = any(code in part for part in told for code in named)
    return tuple((of_named if is_of_use else None) or told)


def _asked_before(view: PacketView, told: Sequence[Turn], reply: Turn, now: str) -> tuple[str, ...]:
    """Return what the AI's message before was about to do, if it asked for a yes, too."""
    said = view.asked(told[-1]) if told else []
    if not any(map(asks_consent, said[-_SENTENCES:])):
        return ()
    # A thing that the last message does not name may have been given up since.
    named = set(CODES.findall(now))
    return tuple(
        part
        for part in _summary(view, said, reply, frozenset())
        if not named or not CODES.search(part) or named.intersection(CODES.findall(part))
    )


def _is_of_what_follows(part: str) -> bool:
    """Return whether a sentence can say what the AI is about to do."""
    if is_courtesy(part) or THANKS.match(part) or part.endswith("?") or CONDITIONAL.match(part):
        return False
    if refuses(part) or _is_code(part) or _CHOICES.match(part) or _OF_RULE.search(part):
        return False
    leads = LEADS.match(part) or _POINTS_ON.search(part)
    if (leads or _REPORTS.match(part) or _NEEDS.search(part)) and not _is_list(part):
        return False
    if _CONSENT.search(part) and not _is_list(part) and len(part.split()) < _BRIEF:
        return False
    if len(part.split()) < _FEW and not CODES.search(part):
        return False
    tells_price = _MONEY.search(part) is not None and len(part.split()) >= _FEW
    names = tells_price or CODES.search(part) is not None
    return _is_list(part) or acts_of(part) != frozenset() or names


def _is_code(part: str) -> bool:
    """Return whether a sentence is what an AI showed of a tool's arguments."""
    return part.count('":') > 1


def _is_list(part: str) -> bool:
    return part.count(": ") + part.count("; ") > 1 or " following" in part


def summed_up(agreed: Agreement, room: int) -> str:
    """Return what was agreed on in at most `room` words, first what is of its acts."""
    summary = tuple(
        _without_asides(part) if word_count(part) > room else part for part in agreed.summary
    )
    summary = with_what_leans(summary, room)
    summary = tuple(one for one in summary if not _only_asks(one)) or summary
    says_it = any(_planned(part) > _CLEAR or has_details(part) for part in summary)
    if not says_it and has_details(agreed.yes):
        # The AI only asked whether it should: what it should is in the reply.
        summary = (agreed.yes,)
    return in_words(
        summary,
        room,
        lambda part: (
            # The last sentence is closest to the question.
            _planned(part)
            + 2.0 * bool(acts_of(part) & (agreed.acts - BESIDE or agreed.acts))
            + _LATER * summary.index(part)
            # A mere question for the yes names nothing.
            - 2.0 * (part.endswith("?") and not has_details(part))
        ),
    )


def _only_asks(part: str) -> bool:
    """Return whether a sentence asks for the yes and names nothing of what it is for."""
    names = has_details(part) or _is_list(part) or (acts_of(part) and not _refers(part))
    asks = part.endswith("?") or _BIDS.match(part) is not None
    return asks and asks_consent(part) and not names and len(part.split()) < _BRIEF


def _without_asides(part: str) -> str:
    """Return a sentence without numbers in brackets, and without what only leads in to it."""
    shorter = _ID_ASIDE.sub("", _TO_CONFIRM.sub("", part))
    return shorter[:1].upper() + shorter[1:]


def _planned(part: str) -> float:
    """Return how much a sentence of the AI's says of what it is about to do."""
    return (
        3.0 * _is_list(part)
        + 2.0 * (part.endswith("?") and acts_of(part) != frozenset())
        + (acts_of(part) != frozenset())
        + has_details(part)
        + (_MONEY.search(part) is not None)
    )
