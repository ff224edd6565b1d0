"""Answers to an offer, requests taken back, and problems solved: short turns, mostly."""

from __future__ import annotations

from workers.detection.findings import Finding
from workers.detection.grammar import Wording, class_codes, rules
from workers.detection.tokens import ClassifiedTurn

SECTION = "reply"
CODES = class_codes(
    """yes=y assent=Y please=p no=n stay=s go_on=c person=H never_mind=v drop=d request=r anymore=a
    want=w works=W fixed=F arrived=A all_done=D thanks=t praise=g help=h not=x question=z if=q but=b
    past=o i=i it=I !=."""
)
# Worth a second look: how an answer begins, what takes a request back, what closes a matter.
YES, OPENINGS = "yY", "ynY"
TURNING, CLOSING = "sv", "WFD"
# In short turns these too.
HINTS = "ynpdaAtg"

_MACROS = {"close": r"(?=[.,\"]*$)", "end": r"(?=$|[.,tpghaD])"}
_ACCEPTS = rules(
    r"""
0.9  ^[.,pg]{0,2}y[y,.pt]{0,5}$
0.9  ^[.,]{0,2}(?:y[,.]{0,3})?Y(?=$|[.,pty])
0.85 ^[.,]{0,2}y[,.]{0,3}[pwYH]
0.8  ^p[,.p]{0,3}$
0.75 ^y[.,](?![bqx?iw])
0.6  ^y(?![qbx?])
""",
    _MACROS,
)
_REFUSES = rules(
    r"""
0.9  ^[.,]{0,2}n[nptgci,.]{0,6}$
0.85 ^n[,.]{0,3}.{0,6}[sc]
0.85 ^[^?]{0,8}s
0.85 [xn](?:w[_Ip]{0,3}|[_I]?)H
0.85 n[_p]{0,3}H
0.8  ^n\.
""",
    _MACROS,
)
_WITHDRAWS = rules(
    r"""
0.85 v[.,_]{0,3}.{0,8}(?:H|W|F|A|a)
0.85 [xn][_wp]{0,4}H[^?]{0,6}a
0.85 a[_i]{0,2}w?_{0,2}H
0.85 aH|_,s.{0,4}nH
0.85 d[_I]{0,3}r?_{0,2}H
0.8  d_{0,2}r
0.7  ^[.,_]{0,2}v
""",
    _MACROS,
)
_SOLVED = rules(
    r"""
0.9  [gt][._,pg]{0,3}(?:[Iia_]{0,3}[WF]|D)<end>
0.9  [WFDA][.,a_p]{0,3}[tg]
0.85 (?:^|[.,n])[Ii_gzn]{0,3}[WF]{1,2}(?:<end>|I)
0.85 D<end>
0.8  t[g_p]{0,4}h|[gp]t<close>
0.75 g[.,_]{0,2}t|tg
0.5  ^[.,y]{0,2}t<close>
""",
    _MACROS,
)

RULES = [*_ACCEPTS, *_REFUSES, *_WITHDRAWS, *_SOLVED]


def _first(found: list[Wording], needed: str, turn: ClassifiedTurn) -> Finding | None:
    classes = turn.classes
    if not any(map(classes.__contains__, needed)):
        return None
    for rule in found:
        match = rule.find(classes)
        if match is not None and match.end() > match.start():
            return Finding(rule.score, *turn.span(*match.span()))
    return None


def find_acceptance(turn: ClassifiedTurn) -> Finding | None:
    """Give the words by which the turn says yes to an offer."""
    return _first(_ACCEPTS, "yYp", turn)


def find_refusal(turn: ClassifiedTurn) -> Finding | None:
    """Give the words by which the turn declines an offer, or wants no person."""
    return _first(_REFUSES, "nsx", turn)


def find_withdrawal(turn: ClassifiedTurn) -> Finding | None:
    """Give the words by which the turn takes a request for a person back."""
    return _first(_WITHDRAWS, "vdas", turn)


def find_solved(turn: ClassifiedTurn) -> Finding | None:
    """Give the words by which the turn says that nothing is left to do."""
    if turn.classes.startswith("z") or any(map(turn.classes.__contains__, "?bxq")):
        return None
    return _first(_SOLVED, "WFDAtg", turn)
