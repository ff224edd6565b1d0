"""Does the customer ask for a person? A grammar over word classes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from workers.detection.findings import Finding
from workers.detection.grammar import class_codes, mask, plan, rules
from workers.detection.linear import class_features, load
from workers.detection.tokens import Turn

SECTION = "request"
CODES = class_codes(
    """human=H person=1 people=g person_or_nobody=Q staff=A trade=Z chief=M somebody=S desk=D
    part=5 unit=> level=2 real=R bot=B talk=T talking=U spoke=V contact=C call=@ transfer=X move=3
    transferred=Y assisted=< escalate=E escalated=F get=G have=J ask=9 let=L want=W modal=q
    future=6 do=z i=i me=m you=u your=y my=P other_people=h to=p preposition=l about=a
    determiner=d object=O please=k greeting=K yes=k not=n cannot=4 unwanted=N enough=x that=t
    be=b was=% there_is=e present=r who_can=w how=j but=c and=& if=f whether=7 price=8 help=v
    say=s cardinal=0 queue=I perhaps=# recommend=o another=/ find=~ other=_ ?=. !=."""
)
# A sentence without any of these asks for nobody.
CUES = "H1gQAZMSBTXEFYD2/s"
_CUE_CLASSES = frozenset(CUES)

# From here on a sentence that no rule covers is a request, or a matter for a model.
LIKELY, _PERHAPS = 0.87, 0.5
_MODEL = load("request")

_MACROS = {
    # What may stand before the word for a person: "one of your real, Spanish speaking ..."
    "pre": r"[dRyklpr]{0,5}_?U?[RkHAD]{0,3}",
    "person": r"[HAMZ1]",
    "any": r"(?:[HAMZ1SQD2/>]|[Ry]g|[_dyO>]5)",
    "of-you": r"(?:l(?:[D>]5?|y[_DA5>]{0,2}|d?_?[DA5v>])|_y[_DA5>]{1,2})",
    # What may follow it without making it something else ("human resources")
    "end": r"(?=$|[,\"kKa&cft6#qWinbl4r])",
    "goes-on": r"(?=$|[,\"kK&cft6#qWinbapvTC@Xrluw4HR])",
    "does": r"(?=$|[,\"kK&cft6#qWinbavw4]|[pl][dyOmviTC@XGDWkPa]|p_?5)",
    "clause": r"(?:^|(?<=[,&c]))",
    "close": r"$",
}


_TALK = r"""
0.95 T[kmu,ORd]{0,3}(?:[p0]k?<pre>|[dyRk]{0,3}[RHAD]{0,2})(?:<person>|[_O]5)
0.9  T[kmuO]{0,2}(?:_?[p0])?<pre>(?:[SQ/]|[Ry]g)(?![bV])
0.85 TpPA
0.8  (?<=[_dkv])Up<pre>(?:H|R1)
0.85 T[kmu]{0,2}_?p<pre>(?:[D2>]|[dy>]5)
0.8  T[kmu]{0,2}p[dy]?vk{0,2}(?=$|a)
0.9  T_{1,2}p<pre><person>
0.85 [pd]<pre>[HAMZ1SD]_{0,3}[kpqmPO_ladD5]{0,4}T
0.85 [Wq][pdyik]{1,3}[HAM1S]_?T
0.85 W[pkdql]{0,2}Up<pre><any>
0.85 v[mkp]{0,2}Up?<pre><any>
0.75 <clause>k?Up[dyk]{0,2}[HA]{1,2}<close>
"""
_TRANSFER = r"""
0.95 X[mOkdupPl0]{0,5}<pre>[HAM1]
0.95 X[mOkup]{0,4}[pd]{0,2}[dyk]{0,2}(?:[D2]|>5)
0.95 X[Ok]{0,2}mp[dyk]{0,2}>
0.9  Xp[dyk]{0,2}>$
0.85 Xp<pre>(?:_5|[dy]5)
0.9  X[mOku]{1,4}[pdk]{1,3}<pre>(?:[SZ/]|Rg|_5|[dy>]5)
0.9  3[dO]l?p<pre>[HAM1S]<goes-on>
0.9  3[Odku]{0,2}[mO][kO]?[pdlk]{1,3}<pre>(?:[HAM1D2SZ/>]|_5|[dy>]5)
0.85 (?:3|_)[Od]?p(?:[dyk]{1,3}[RHA]?[MH]|M)<goes-on>
0.8  Xu?k?m[kpl]{0,3}<close>
0.8  qumX<close>
0.75 (?:Xd?[HAM1S][pklr]{0,2}|3d?[HAM1S]l{1,2})<end>
0.8  3[yd][HAM]l<end>
0.8  3dRk?[HA]p[dO]k{0,2}<close>|3dAp[dO]k{0,2}<close>
0.9  [mp][pd]{0,3}<pre>[HAM1]k?X
0.9  (?:[WG]p?[mi]?b?|qi?k?b?|qpb)[YX<][pklr]{0,2}<pre><any>
0.7  (?:Wp?b|qib)Y<close>
"""
_WANT = r"""
0.92 W[pdkml]{0,4}[Ryk]{0,2}(?:[HA]{0,2}|D)[HAM]<goes-on>
0.85 W[dkl]{0,3}_A<goes-on>
0.92 W[pdkml]{0,4}[yk]?R[RkH]{0,2}[1gA]<goes-on>
0.88 W[pdkml]{0,4}[yk]?1<does>
0.9  W[pdkl]{0,4}_UA<goes-on>
0.85 (?:6|i6d{1,2})R?[HAM]<close>
0.9  W[pdkl]{0,4}(?:[RH]v|vH)
0.85 W[pdkl]{0,3}RT<end>
0.85 Wt?m?vd?[HAM1S]<end>
0.85 (?:J|_)d{1,2}[HAM1]W<close>
0.9  W[pkd]{0,3}(?:v|pv|pGv|Gv)[pl]<pre>[HAM1]
0.72 W[pk]{0,2}(?:Gv|v|pv)[pl][dyk]{0,2}S<end>
0.9  W[pkdt]{0,3}[RHA]{0,2}[HAM1S][pq]?[kdm]{0,2}p?(?:C|T|@)[pkd]{0,2}(?:m|$|k)
0.85 W[pkd]{0,2}S<of-you>
0.75 WSw(?:v|<close>)
0.85 WStqv
0.75 [Wq][^.,]{1,6}[lp]d?(?:R?H|R1)<close>
0.75 q[^.,]{1,3}b[_v]l{1,2}d1<close>
0.85 W[^,]{1,4}b[vl_]l{1,2}d?[HAM1]<close>
0.75 W[^.,]{0,3}z[dO]{0,2}p<pre>[HA1]
0.85 Wp?_[dy]M<goes-on>
0.75 Ws["]?[HA]<close>
"""
_GET = r"""
0.92 G[mku]{0,3}p?[dyRk]{0,4}(?:[HA]{0,2}|D)[HAM]<goes-on>
0.85 G[mk]{1,3}[dyRk]{0,4}_A<goes-on>
0.9  G[mk]{1,3}[pu]?[mdyRk]{0,4}[1H]<does>
0.9  G[mk]{0,3}[dy]?R[RkH]{0,2}[1gA]<goes-on>
0.85 Gmk?D<end>
0.8  Gmk?[S/](?=$|[,kt]|<of-you>|[pl][vTCm]|wv|w<close>)
0.85 [G9][dykl]{0,2}(?:[HAM1S]p(?:C|T|@)[pk]?m|[HAM1]pvm)
0.65 9d[HAM]
0.88 q[iul]q?G[mk]?[dyRk]{0,4}(?:[HA]{0,2}|_|D)[HAM]<goes-on>
0.88 q[iul]q?G[mk]?[dyRk]{0,4}1<does>
0.75 GSld?_?<close>
0.75 (?:^k?|&)GS<close>
0.8  Gm?k?[S/]ld?O
0.85 G[^,]{1,5}&H<end>
0.85 Lm[Jk]{1,2}d?[HAM1]<does>
0.88 [q#]{1,2}i?k?J[dyRk]{0,4}(?:[HA]{0,2}|_|D)[HAM1]<does>
0.88 qi?J[dyRk]{0,4}(?:[HA]{0,2}|_|D)[HAM1]<does>
0.85 [GJXL][dyRk]{0,3}[HAM1SZ]p?k?(?:C|T|@)[pk]?(?:m|$)
0.8  [JL]S(?:<of-you>)?p?vm
"""
_DOES = r"""
0.85 (?:q|W|6|J)[mdyRk]{0,4}[HAMS1Z](?:<of-you>)?[pqW6kO]{0,3}(?:[CT@]p?k?m|@<close>)
0.85 [SHA]qm[C@]<close>
0.85 (?:mq?|qm)[C@][SHA]<close>
0.85 [HAM1S](?:<of-you>)?q[CT@]m
0.85 [qS](?:[dk]?[HAM1S])?[qk]?[mb][C@]<close>
0.85 e[dRk]{0,3}[HAM1S](?:<of-you>)?p?k?[CT@]p?m
0.85 [SHAM1]p?Gmd?@
0.85 (?:q|L|J|W)m?[dyRk]{0,4}[RH]{0,2}[HAM1][pqkm]{0,2}[vGX]
0.8  [q6#]d?Hk{1,3}[_3]
0.85 (?:q|L)[dyRk]{0,3}S<of-you>[pqk]{0,3}[CTvG@]
0.85 q[dk]?(?:SR|RS)[pqk]?[CTvG@]
0.8  <clause>[dRk]{0,3}[H1M](?:qb?|[WJ]p|p)[kp]{0,2}[vT]
0.8  <clause>[dk]{0,2}S(?:<of-you>)?[qWJpk]{0,4}[C@][pk]{0,2}m
0.8  <clause>[dk]{0,2}S[lp]d?k?(?:1k{0,2}<close>|H)
0.75 <clause>[kd]{0,2}S<of-you>k{0,3}<close>
0.8  S[d&c]{0,3}[ld]?d?B[k]{0,2}<close>
"""
_PRESENT = r"""
0.85 e[r_]?[dRyk]{0,4}[HA]{0,2}[HA1Q](?=$|[,\"kKrtwlB]|i|qiT|pT|piq|pqiT)
0.85 e[dk]{0,2}Rg
0.85 e[dRyk]{0,4}(?:M|[yR]?g)(?=r|[it]?[it]?qi|[it]i)
0.85 e[^.,]{0,4}[HAM1SZgQ/][^.,]{0,6}i[qk]{0,2}T
0.85 e[^.,]{0,4}[HAM1SZQ][^.,]{0,4}qT
0.8  e[dk]{0,2}[SQ](?:k?r(?:<end>|pT)|RB?r?<end>|H|[piqkt]{0,4}T|B)
0.75 e[dk]{0,2}[SQ]<close>
0.8  e_?R?H|e[dyk]{1,2}R?H
0.8  [SHAM1](?:t?iq|qi|pqi)T
0.8  bS(?:<of-you>)?[kdR]{0,2}(?:r[kR]{0,2}(?:<end>|p[TvC])|H)
0.85 b[dRk]{0,3}(?:[HM1A]|Rg)rk{0,2}(?:pT|<end>)
0.8  <clause>[dkK]{0,2}(?:S[HR]|[H1A])r[k]{0,2}<close>
0.75 <clause>[dkK]{0,2}S[HR]l
0.75 f?enR?H|fenS
0.75 Tp0<close>
0.85 q[^,]{1,4}fiVp<pre>[HAM1S]
0.75 <clause>[kK]{0,2}d(?:g|Rg)[rkR]{1,3}<close>
0.65 <clause>[dkK]{0,2}Sr[k]{0,2}<close>
0.75 ^[k&]?j(?:bd(?:R?[HA]|Rg)|b?dR?H)(?=$|[iWl])
0.75 w[iq]{0,2}[kW]?p?Tp?(?:a[dO])?k?<close>
0.6  w[iq]{0,2}[kW]?p?T
0.6  w[iq]{0,2}k?[C@]<end>
"""
_NOT_A_BOT = r"""
0.9  [nNx][a-zA-Z_]{0,4}(?:[TC][pdykO]{0,4}|U[dykO]{0,2}p[pdykO]{0,3})[kH]?B
0.85 [nx][pd]{1,3}BT
0.85 Uk?n[pd]{1,3}B
0.75 <clause>[k]{0,2}i?nW[pdlyk]{0,3}B[k]{0,3}<close>
0.65 <clause>[k]{0,2}ix[pdlyk]{0,3}B[k]{0,3}<close>
0.6  nWpTpu<close>
0.75 <clause>[k]{0,2}[nx][pdlk]{0,3}B[k]{0,3}<close>
0.85 G[m]?[l]{1,2}[dyO]{0,3}B
0.8  <clause>Upd?B
0.9  St[bnidk]{0,4}nd?B
0.85 nd?B[,k]{0,2}d?[H1A]
"""
_ESCALATE = r"""
0.9  <clause>[kKiuqWpjzdO&]{0,7}E[kd]{0,2}(?:[POk]{0,4}|dO)k{0,3}<close>
0.9  E[dk]{0,2}[HAM]<goes-on>
0.9  E(?:[PdO_k]{0,4})p[pdyRk]{0,3}<any>
0.85 (?:Wp?|q|L|G)[mPOyu_kdp]{0,4}(?:bF|F|E)(?:[kp]{0,3}<end>|p<pre><any>)
0.85 (?:W|X|3|G|Wp)[dpl]{0,2}E<end>
0.85 W[dOP_]{1,2}F
0.85 [WX3EGT][mOPpdyk_]{0,4}2
0.8  ^k{0,2}2[vDAk]{0,3}<close>
"""
_CONTACT = r"""
0.85 jCi?d?[HAM1]
0.85 [Wq][^,]{0,2}[HAM1S][mb][C@]<close>
0.85 C[kp]{0,2}<pre>[HAM1Z]<goes-on>
0.85 (?<!d)@[kpl]{0,2}<pre>[HAM]<goes-on>
0.75 C[kpl]{0,3}[kd]?[S/]<end>
0.9  ~mk?[dyk]{0,2}(?:R?[HA]{1,2}|M|R[1g]|1)<does>
0.65 e/<close>
0.6  jb[dy]M<close>
0.85 [Wq][^.,]{0,3}@m?l[dyk]{0,2}(?:[HAM1S]|[yR]g)
0.85 <clause>k?@ml[dyk]{0,2}[HAM1]
0.8  (?:W[p_]{0,2}|G|<clause>k?_?|q_|qiJ)d?@p<pre>(?:<any>|S)
0.75 qi@[kp]{0,3}S<end>
0.6  (?<!d)@[kp]{0,3}[dk]?S<end>
0.55 (?:C|@)[kp]{0,2}[dyk]{0,2}(?:D|_5)
0.75 s0|0[lp]A
"""
# The person alone, as a message or as one sentence of it.
_BARE = r"""
0.85 ^n,k?[dR]{0,2}[HA]k{0,2}$
0.85 ^(?:k?B_{0,2})?(?:0|_)?B?[HA]i?W?k{0,2}$
0.9  ^k{0,4}[dR]{0,3}(?:[HAD]{0,3})[HAM](?:lR)?(?:[kA]{0,3}[,]?[kKA]{0,3})(?=$|,[pn])
0.9  ,[kd]{0,3}(?:R?[HA]{1,2}|[HA]{0,2}[HAM]k|k[HAM])[HAk0d]{0,3}<close>
0.85 ^k{0,4}d?(?:_|D)Ak{0,3}<close>
0.85 (?:^|,)k{0,3}[dR]{0,3}(?:1k{0,3}|[RHA]{0,2}[RHA]v)k{0,2}<close>
0.8  ^[k]{0,2}R{1,2}[TZ1X]k{0,3}$
0.6  Wp?Tk{0,2}<close>
0.8  ^k{0,2}R?(?:[HAM1]{1,2}|Hv)Wk{0,2}<close>
0.75 ^/k{1,3}$
0.85 ^k{0,2}v[pl]<pre>[HAM1]k{0,2}$
0.7  ^k{0,2}Dk{1,3}$|^kD$
0.6  (?:^|,)k{0,2}Dk{0,3}$
0.8  ^k{0,3}p[dR]{0,2}[HA]k{1,3}$
0.9  ^k{0,2}Ek{0,2}$
0.7  ^Xk{1,2}$
0.6  ^X$
"""
_GUARDED = (_TALK, _TRANSFER, _WANT, _GET, _DOES, _PRESENT, _ESCALATE, _CONTACT, _BARE)
RULES = [
    *rules("".join(_GUARDED), _MACROS),
    *rules(_NOT_A_BOT, _MACROS, guarded=False),
]
RULES.sort(key=lambda rule: -rule.score)
_PLAN = plan(RULES)

_TURNED_ROUND = re.compile(
    r"(?:[nx][kqbWGJpdRz]{0,4}|n[kqb]{0,2}W[um]p?|N[^.,c&]{0,8}|(?:z[iu]|7)[WJpk]{0,3}"
    r"|(?<![qko])f[iu][Wkz]{0,2}p?|V[miu]?p?d?|8[^.,]{0,6}|zu[_k]{0,2}Wp?|[jfw]z?u|9mp?|d_[q6]|Kl)$"
)
# "I will talk to a manager" tells; "ich will mit einem Menschen sprechen" asks
_TOLD = re.compile(r"(?<!f)i[6#]$")
_OTHERS_DO = re.compile(r"(?<!q)h[kqz6#]{0,2}$")
# "I had a lovely chat with ..."
_HAD = re.compile(r"V[d_]{1,3}$")
# "you need more agents", "she had to get a supervisor" tell of others
_OTHERS = re.compile(r"(?:(?<![q6eWkb])u[kqz]{0,2}|h[kqz6#]{0,2}(?:Wp?)?)$")
_ASKED_HOW = re.compile(r"(?:[jw]zn?[iu][WJpk]{0,3}|[jq6]n[u]k?L?)$")


class Asking(NamedTuple):
    """How surely the classes from ``start`` to ``end`` ask for a person."""

    score: float
    start: int
    end: int


def _vetoed(left: str, first: str) -> bool:
    if _ASKED_HOW.search(left):
        return False
    if first == "T" and _HAD.search(left):
        return True
    if first in "TC@XE3" and (_TOLD.search(left) or _OTHERS_DO.search(left)):
        return True
    if first == "6" and left.endswith("j"):
        return True
    if first in "WG" and _OTHERS.search(left):
        return True
    return _TURNED_ROUND.search(left) is not None


def _quoted(classes: str, start: int, end: int) -> bool:
    return start > 1 and classes.count('"', 0, start) % 2 == 1 and '"' in classes[end:]


def sentences(classes: str) -> Iterator[tuple[int, str]]:
    """Yield the start and the classes of each sentence that may ask for somebody."""
    start = 0
    for sentence in classes.split("."):
        if not _CUE_CLASSES.isdisjoint(sentence):
            yield start, sentence
        start += len(sentence) + 1


def _surest(classes: str, offset: int, sentence: str) -> Asking | None:
    """The surest way in which a sentence asks for a person; score 0 where it denies to ask."""
    present = mask(sentence)
    denied = None
    for needs, rule in _PLAN:
        if not present & needs:
            continue
        for match in rule.pattern.finditer(sentence):
            start, end = match.span()
            if (rule.guarded and _vetoed(sentence[:start], sentence[start])) or _quoted(
                classes, offset + start, offset + end
            ):
                denied = Asking(0.0, offset, offset)
                continue
            start += sentence[start] == ","
            return Asking(rule.score, offset + start, offset + end)
    return denied


def by_rules(turn: Turn) -> list[Asking | None]:
    """What the rules make of each sentence that may ask; None where no rule covers it."""
    return [_surest(turn.classes, *sentence) for sentence in sentences(turn.classes)]


def _by_likeness(offset: int, sentence: str) -> Asking:
    """The same for a sentence that no rule covers, by its likeness to requests."""
    likely = _MODEL.probability(class_features(sentence))
    end = offset + len(sentence)
    if likely >= LIKELY:
        return Asking(0.7 + 0.2 * (likely - LIKELY) / (1 - LIKELY), offset, end)
    if likely >= _PERHAPS:
        return Asking(0.5 + 0.19 * (likely - _PERHAPS) / (LIKELY - _PERHAPS), offset, end)
    return Asking(0.0, offset, end)


def find_request(turn: Turn) -> Finding | None:
    """Give the surest way in which the turn asks for a person, with its words."""
    surest = Asking(0.0, 0, 0)
    for sentence in sentences(turn.classes):
        asking = _surest(turn.classes, *sentence) or _by_likeness(*sentence)
        if asking.score > surest.score:
            surest = asking
    if not surest.score:
        return None
    return Finding(round(surest.score, 3), *turn.span(surest.start, surest.end))
