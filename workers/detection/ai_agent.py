"""Read one turn of the AI agent: a promise of a person, or the offer of one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workers.detection.findings import AgentFindings, Finding
from workers.detection.grammar import RuleIndex, rules
from workers.detection.lexicons import SHIPPED, Vocabulary, remember
from workers.detection.offered_person import OFFERED, find_offer
from workers.detection.tokens import ClassifiedTurn, first_words, folded, parted, tokens

# A promise stands at the beginning of a long turn, or at its end.
_HEAD, _TAIL = 1600, 800
_OTHER_WORDING = 0.85

_MACROS = {
    "person": r"[dRykl_pPr]{0,6}(?:[HAM1SDZg]|[_yOD>]5)",
    "case": r"[yOdPW_k]{0,4}",
    "they": r"[dyklP_]{0,4}(?:[HAMSD]|Rg|[R_]1|[lP][ydP]?[gZ5]|dPZ)[HA]?(?:l[ydP]?[_D>]?[5D>]|_)?",
}
# A person and the customer, or the case, brought together; the rest of the sentence tells
# whether that is promised, offered or refused.
_HANDOVER = rules(
    r"""
0.95 [X3EG]k?[um][kl_]{0,3}[pld]{1,2}<person>
0.9  [XE]<case>[pld]{1,2}<person>
0.85 [pd]<person>k?X
0.9  3[Od]{1,3}[kl]{0,2}p<person>
0.85 Xk?[um](?=[k,_]{0,4}$)
0.85 3ul{1,2}(?=$|[pk,])
0.85 [XE]k{1,2}$
0.85 (?:i6|Lm|ib|^[k,]{0,4})k?E<case>k{0,3}$
0.9  [GL3](?:l|u)?[dyRkP]{0,4}[HA]{0,2}(?:[HAM]|R1|1(?=[k,]*$|lu))
0.85 [GJ9][pdykl]{0,2}[HAMS][HA]?p?(?:C|@|G|T|J|_)u?
0.9  [b%][bk%]{0,2}[YX3F<][kl]{0,3}[pl]{1,2}<person>
0.85 ub?[bk]{0,2}(?:6k?)?b[bk]{0,2}[YX]$
0.9  (?:J|_)k{0,2}[YF<]<case>[kl]{0,2}[pl]<person>
0.85 J<d?[HAM]|iJ[V9]d[HAM]{1,2}p
0.85 i6[^,]{1,5}[HAM1][HA]?[GC@vX]
0.85 iJk?F[yOdPk]{1,4}(?=$|[kpl,])
0.9  (?:^|[,&y])<they>6k?(?:b(?!q)|[C@vTG3Xxz]|_)
0.85 (?:[HAM]|R1)b[k]{0,2}(?:r|_l|l|3)
0.85 6bUp<person>
0.85 [yO]O?bk{0,2}[pl][Pdy]?<person>
0.85 I.{0,14}[HAM]|bkI|[lp]dI
""",
    _MACROS,
)
_HEADINGS = frozenset("transfer connect contact escalate forward speak talk redirect".split())
# To hand one of these on is no promise of a person.
_FEEDBACK = frozenset(
    "feedback suggestion suggestions idea ideas compliment compliments praise wishes "
    "verbesserungsvorschlag vorschlag vorschlaege vorschläge idee ideen lob anregung "
    "anregungen sugerencia sugerencias comentarios idee idees idée idées suggestie suggesties "
    "voorstel ideeën sugestao sugestão sugestoes sugestões ideia ideias suggerimento suggerimenti "
    "remarque remarques opmerking opmerkingen".split()
)
# In a question, or where it is the customer's choice, this offers a person.
_OFFER = rules(
    r"""
0.9  T_{0,2}p?<person>|p<person>T
0.85 [WG]<person>
""",
    _MACROS,
)
RULES = [*_HANDOVER, *_OFFER]
_ASKED, _TOLD = RuleIndex(RULES), RuleIndex(_HANDOVER)
# Words between the beginning of the clause and the handover.
_CLAUSE = re.compile(r".*(?:[,c]|&(?=i|Lm|k?[XE]))")
_DENIED = re.compile(r"[nN4]")
_REFUSED = re.compile(r"[nN4Vhg]|(?<!^)#|^#(?!i)|^[kK]?p$|f[iu]$")
# "I need to transfer you" still waits for the customer's word; "Transfer to an agent" is a heading
_NEEDED = re.compile(r"W_?p$")
_CHOICE = re.compile(r"uq_?[TW]|f[yu]|quW")
_OFFERED = re.compile(r"[qos]|^#|Wm|W$|f[yu]")


def _sentences(turn: ClassifiedTurn) -> Iterator[tuple[int, str, bool]]:
    """Yield (start, classes, is it a question) of each sentence."""
    start = 0
    for end, code in enumerate(turn.classes + "."):
        if code == ".":
            if end > start:
                yield start, turn.classes[start:end], turn.word(end) == "?"
            start = end + 1


def _judged(sentence: str, start: int, question: bool) -> str:
    """Tell from its sentence whether a handover is a promise, an offer or neither."""
    before = sentence[:start]
    clause = _CLAUSE.sub("", before)
    if question and not _DENIED.search(clause):
        return "offer"
    if _REFUSED.search(clause):
        return ""
    if "s" in before or _OFFERED.search(clause):
        return "offer"
    if "f" in before or _NEEDED.search(clause):
        return ""
    return "promise"


def _feedback(turn: ClassifiedTurn, start: int, end: int) -> bool:
    return any(turn.word(at) in _FEEDBACK for at in range(start, end))


def _read(text: str, lists: Vocabulary) -> dict[str, Finding]:
    words = first_words(text)[1]
    telling = bool(lists.agent_cues.look(words))
    asking = "?" in text and (telling or not OFFERED.isdisjoint(words))
    if not telling and not asking:
        return {}
    parts = parted(folded(text))
    found = _handed_over(parts, lists) if telling else {}
    if asking and "offer" not in found and (span := find_offer(parts)) is not None:
        found["offer"] = Finding(_OTHER_WORDING, *span)
    return found


def _handed_over(parts: str, lists: Vocabulary) -> dict[str, Finding]:
    turn = ClassifiedTurn(parts, tokens(parts), lists.request)
    found: dict[str, Finding] = {}
    for at, sentence, question in _sentences(turn):
        asked = question or _CHOICE.search(sentence) is not None
        for rule in (_ASKED if asked else _TOLD).candidates(sentence):
            match = rule.find(sentence)
            if match is None:
                continue
            if not match.start() and turn.word(at) in _HEADINGS:
                break
            kind = "offer" if rule in _OFFER else _judged(sentence, match.start(), question)
            of_customer = "u" in match.group()
            if kind == "promise" and not of_customer and _feedback(turn, at, at + match.end()):
                break
            if kind and (kind not in found or found[kind].score < rule.score):
                span = turn.span(at + match.start(), at + match.end())
                found[kind] = Finding(rule.score, *span)
            break
    return found


def read_agent(text: str, lists: Vocabulary = SHIPPED) -> AgentFindings:
    """Tell whether one AI turn of any length promises or offers a person; never raises.

    From a score of 0.7 on it does. A refusal, a condition or what others did is neither. Of a very
    long turn only the beginning and the end are read. `lists` are those of the policy in force.
    """
    if lists.remembered is None:
        return _whole(text, lists)
    return lists.remembered.get(text) or remember(lists, text, _whole(text, lists))


def _whole(text: str, lists: Vocabulary) -> AgentFindings:
    found = _read(text if len(text) <= _HEAD + _TAIL else text[:_HEAD], lists)
    if len(text) > _HEAD + _TAIL:
        by = len(text) - _TAIL
        for kind, finding in _read(text[-_TAIL:], lists).items():
            moved = Finding(finding.score, finding.start + by, finding.end + by)
            found.setdefault(kind, moved)
    return AgentFindings(promises_person=found.get("promise"), offers_person=found.get("offer"))
