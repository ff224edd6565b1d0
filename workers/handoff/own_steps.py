"""The steps that customers say they took themselves, each once, with what came of it."""

import re
from typing import Final, NamedTuple

from workers.contracts.decisions import Turn
from workers.handoff.sentences import DID, PERSON, STILL
from workers.handoff.view import CUSTOMER, PacketView
from workers.handoff.wording import word_count

_TURNS: Final = 40
"""Turns of the customer that are read for steps."""
_SENTENCES: Final = 24
_IN_A_SENTENCE: Final = 3
_WORDS: Final = 14
_WITH_RESULT: Final = 22
_SHORT: Final = 3
_SAYS: Final = 2
"""Words of content in a step: the act and its object."""
_LEAST: Final = 12
"""Characters of a clause, so that it says something."""
_MORE: Final = re.compile(
    r"\bi(?:['\u2019]ve| have)? (?:just |also |now |then )?(?:set|opened|deleted|downloaded|"
    r"re-?enabled|re-?inserted|put)\b",
    re.IGNORECASE,
)
"""Words of doing besides those that every request is read for."""
_QUOTE_ENDS: Final = re.compile(r"(?<=[.!?]['\"\u201d\u2019])\s+(?=[A-Z])")
"""The end of a sentence within quotation marks."""
_END: Final = re.compile(
    r"[;:—(]|\.\s|,|\s(?=(?:but|so|as|like|because|since|aber|weil|mais|car|pero|porque|ma|perché|"
    r"mas|maar|omdat)\s)"
    r"|\sand\s(?=(?:it|the|my|now|they|there|nothing|still|everything|i)\b)"
)
_GOES_ON: Final = re.compile(r",? (?:and )?then (?:\w+ed|reset|ran|put|set)\b", re.IGNORECASE)
_HANGS: Final = re.compile(
    r"\b(?:once|if|when|after|before|until|as soon as|what|that|which|than|how|where|wenn|sobald|"
    r"was|quand|que|cuando|si|se|quando|als|wat)\b[^,;]*$",
    re.IGNORECASE,
)
"""Words before a step that was not done, or is only spoken of."""
_FOLLOWED: Final = re.compile(
    r"i(?:['\u2019]ve| have)? (?:just )?(?:followed (?:all )?(?:your|the|those|these) "
    r"(?:\w+ )?(?:steps?|instructions?|advice|suggestions?|guidance)|went ahead)"
    r"(?: and| to|,)?\s*",
    re.IGNORECASE,
)
"""Words that say nothing of the act; the words after them may."""
_VAGUE: Final = re.compile(
    r"^here\b|\bsteps you\b|"
    r"\b(?:both|those|these|all|some|the|my|your)(?: of)?(?: the| your)? "
    r"(?:settings?|steps?|checks?|instructions?|things?|options?|ones?|test|check)$"
    r"|\b(?:it|this|that|them|those|these|both|everything)$|\bwhat you\b",
    re.IGNORECASE,
)
"""An end without which only the message before tells what was done."""
_NO_STEP: Final = re.compile(
    r"\bpaid (?:for|with|by|via|using|extra|too|so|\W?\d)|\bchanged my mind\b|\bset (?:to|on)\b|"
    r"\bconfirmed (?:my|the) (?:name|e-?mail|address)|\b(?:wanted|going) to\b",
    re.IGNORECASE,
)
_TESTS: Final = re.compile(
    r"\b(?:ran|run|running|tried|tested|checked|versucht|geprüft|essayé|vérifié|probado|"
    r"comprobado|provato|controllato|tentei|geprobeerd)\b",
    re.IGNORECASE,
)
"""Steps that tell little without what came of them."""
_TELLS: Final = re.compile(
    r"\b(?:fail\w*|works?|worked|working|shows?|showed|says?|said|results?|[gm]bps|errors?|"
    r"sees?|funktioniert|zeigt|fonctionne|affiche|funciona|muestra|funziona|mostra|werkt|toont)\b",
    re.IGNORECASE,
)
_RESULT: Final = re.compile(
    r"[\s,;:—\u2013]*(?:and |but |however,? |unfortunately,? )*(?:now )?"
    r"(?:it|the|my|i|there|nothing|that|es|der|die|das|il|elle|le|la|el|lo|het|de)\b",
    re.IGNORECASE,
)
_NEXT: Final = re.compile(r"(?:the result|it|now,? (?:it|my|the))\b", re.IGNORECASE)
_ASIDE: Final = frozenset(
    "i i've have just again also now already then the my a an on off back both tried to running "
    "ran run turned switched toggled enabled disabled activated turning and up in of with".split()
)
_ALIKE: Final = {"rebooted": "restarted", "phone": "device", "handset": "device"}
_WORD: Final = re.compile(r"[^\W_][\w'\u2019-]*")
_WITHDRAWS: Final = re.compile(
    r"\b(?:i (?:(?:did|have|had)(?: not|n['\u2019]?t)|never)|my mistake|"
    r"i was wrong|i was mistaken)\b",
    re.IGNORECASE,
)


_REPORTS: Final = re.compile(
    r"\b(?:resolved|fixed|solved|back to normal|now (?:shows?|says?|works?|working)|"
    r"behoben|gelöst|résolu|resuelto|risolto|resolvido|opgelost)\b",
    re.IGNORECASE,
)
"""Words on how it is in the end."""
_FEELS: Final = re.compile(
    r"\W*(?:thank|thanks|i(?:['\u2019]m| am) (?:so |very )?glad)\b|\b(?:frustrat|annoy|upset)",
    re.IGNORECASE,
)
_LAST: Final = 3
"""Messages of the customer in which the last report is looked for."""
_REPORT_WORDS: Final = 24
_REPORT_PARTS: Final = 2


class Step(NamedTuple):
    """One step, as the customer told it."""

    turn: Turn
    text: str
    """Their words, with what came of it where they say so and it belongs to the step."""


class _Told(NamedTuple):
    turn: Turn
    text: str
    longer: str
    key: frozenset[str]


def steps_of(view: PacketView) -> tuple[Step, ...]:
    """Return what the customers say they did themselves, in order, the latest word on each."""
    told: list[_Told] = []
    for turn in view.said_by(CUSTOMER)[-_TURNS:]:
        parts = [
            piece for part in view.sentences(turn)[:_SENTENCES] for piece in _QUOTE_ENDS.split(part)
        ]
        for number, part in enumerate(parts):
            if _WITHDRAWS.search(part):
                words = set(map(str.lower, _WORD.findall(part)))
                told = [one for one in told if not one.key & words]
            after = parts[number + 1] if number + 1 < len(parts) else ""
            for one in _steps_in(turn, part, after):
                # A repeated step tells how it is now.
                told = [known for known in told if not known.key <= one.key]
                told.append(one)
    last = told[-1] if told else None
    return tuple(
        Step(one.turn, _closed(one.longer if one is last or _TESTS.search(one.text) else one.text))
        for one in told
    )


def last_report(view: PacketView) -> Step | None:
    """Return how the customers say it is after their steps: their last words on it."""
    for turn in view.said_by(CUSTOMER)[: -_LAST - 1 : -1]:
        kept: list[str] = []
        room = _REPORT_WORDS
        for part in reversed(view.sentences(turn)[:_SENTENCES]):
            tells = _TELLS.search(part) or STILL.search(part) or _REPORTS.search(part)
            told = tells and not part.endswith("?") and not _FEELS.search(part)
            if told and len(kept) < _REPORT_PARTS and word_count(part) <= room:
                room -= word_count(part)
                kept.insert(0, part)
        if kept:
            return Step(turn, " ".join(kept))
    return None


def _closed(text: str) -> str:
    """Return words whose last quotation mark was cut off with it."""
    if text.count('"') % 2:
        return f'{text}"'
    return f"{text}\u201d" if text.count("\u201c") > text.count("\u201d") else text


def _steps_in(turn: Turn, part: str, after: str) -> list[_Told]:
    found: list[_Told] = []
    at = 0
    for _ in range(_IN_A_SENTENCE):
        starts = [one for words in (DID, _MORE) if (one := words.search(part, at)) is not None]
        if not starts or part.endswith("?"):
            break
        start = min(one.start() for one in starts)
        end = _end_of(part, start)
        at = max(end, start + 1)
        if _HANGS.search(part[:start]):
            continue
        if (lead := _FOLLOWED.match(part, start, end)) is not None:
            start = lead.end()
        text = part[start:end].rstrip(" ,;.")
        few = len(text.split()) < _SHORT or word_count(text) > _WORDS
        if few or _VAGUE.search(text) or _NO_STEP.search(text) or PERSON.search(text):
            continue
        key = frozenset(
            _ALIKE.get(word, word)
            for word in map(str.lower, _WORD.findall(text.replace("\u2019", "'")))
            if word not in _ASIDE
        )
        if len(key) >= _SAYS:
            found.append(_Told(turn, text, _with_result(part, start, end, after), key))
    return found


def _end_of(part: str, start: int) -> int:
    """Return where a clause ends; where the next one only goes on with another step, its end."""
    end = _clause_end(part, start + _LEAST)
    return _clause_end(part, end + _LEAST) if _GOES_ON.match(part, end) else end


def _clause_end(part: str, start: int) -> int:
    found = _END.search(part, start)
    return found.start() if found else len(part)


def _with_result(part: str, start: int, end: int, after: str) -> str:
    """Return a step with what came of it, where that is said next; else the step alone."""
    text = part[start:end].rstrip(" ,;.")
    longer = told = ""
    if (began := _RESULT.match(part, end)) is not None:
        longer = part[start : _clause_end(part, began.end())]
        told = longer[end - start :]
    elif not part[end:].strip(" .!") and _NEXT.match(after):
        told = after[: _clause_end(after, _LEAST)]
        longer = f"{text}. {told}"
    longer = longer.rstrip(" ,;.")
    if not longer or word_count(longer) > _WITH_RESULT:
        return text
    return longer if _TELLS.search(told) or STILL.search(told) else text
