"""The ways to ask for a person: the classes of words, and the rules over them."""

from __future__ import annotations

from workers.detection.grammar import class_codes, rules

SECTION = "request"
CODES = class_codes(
    """human=H person=1 people=g person_or_nobody=Q staff=A trade=Z chief=M somebody=S desk=D
    part=5 unit=> level=2 real=R bot=B talk=T talking=U spoke=V contact=C call=@ transfer=X move=3
    transferred=Y assisted=< escalate=E escalated=F get=G have=J ask=9 let=L want=W modal=q
    future=6 do=z i=i me=m you=u your=y my=P other_people=h to=p preposition=l about=a
    determiner=d object=O please=k greeting=K yes=k not=n cannot=4 unwanted=N enough=x that=t
    be=b was=% there_is=e present=r who_can=w how=j but=c and=& if=f whether=7 price=8 help=v
    say=s cardinal=0 queue=I perhaps=# recommend=o another=/ find=~ other=_ ?=. !=.
    callback=' on_phone=; by_phone=` outsider=: contact_me=é"""
)

_MACROS = {
    # Words that may stand before the word for a person: "one of your real, Spanish speaking ..."
    "pre": r"[dRyklpr]{0,5}_?U?[RkHAD]{0,3}",
    "person": r"[HAMZ1]",
    "any": r"(?:[HAMZ1SQD2/>]|[Ry]g|[_dyO>]5)",
    "of-you": r"(?:l(?:[D>]5?|y[_DA5>]{0,2}|d?_?[DA5v>])|_y[_DA5>]{1,2})",
    # Words that may follow it without making it something else ("human resources")
    "end": r"(?=$|[,\"kKa&cft6#qWinbl4r])",
    "goes-on": r"(?=$|[,\"kK&cft6#qWinbapvTC@Xrluw4HR])",
    "does": r"(?=$|[,\"kK&cft6#qWinbavw4]|[pl][dyOmviTC@XGDWkPa]|p_?5)",
    "clause": r"(?:^|(?<=[,&c]))",
    "close": r"$",
    # Somebody or some office, known or not, but nobody of the customer's own
    "whom": r"[dykRpl]{0,3}(?:[_>5DHAMZS/QRv1]{1,5}|yg)(?:[lt][dyk]{0,2}[_>5DA]{1,3})?",
    "anyone": r"[dyklR0]{0,3}[_>5DHAMZS1g/QRb]{1,5}(?:[lt][dyi]{0,2}[_>5DVO]{1,3})?",
    "ask": r"(?:(?:(?<!o)[qLWJ6]|(?<!i)#)[imkpdqWuJ]{0,5})",
    # The same, but not asking what the other one wants
    "ask-of": r"(?:(?:(?<!o)[qLWJ6]|(?<!i)#)[imkpdqWJ]{0,5})",
    "after": r"(?=$|[,kla&0p;`])",
}


_TALK = r"""
0.95 T[kmu,ORd]{0,3}(?:[p0]k?<pre>|[dyRk]{0,3}[RHAD]{0,2})(?:<person>|[_O]5)
0.9  T[kmuO]{0,2}(?:_?[p0])?<pre>(?:[SQ/]|[Ry]g)(?![bV])
0.85 TpPA
0.8  (?<=[_dkv])Up<pre>(?:H|R1)
0.85 T[kmu]{0,2}_?p<pre>(?:[D2>]|[dy>]5)
0.8  T[kmu]{0,2}p[dy]?vk{0,2}(?=$|a)
0.9  T_{1,2}p<pre><person>
0.85 [pd]<pre>(?:[HAMZ1S]_{0,3}[kpqmPO_ladD5]{0,4}|D_{0,3}[kpqm]{1,4})T
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
0.85 (?:3[Od]?p(?:[dyk]{1,3}[RHA]?[MH]|M)|_[Od]?p[dyk]{1,2}R?H)<goes-on>
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
0.85 [SHA]qm[C@]<close>|[ZM1HAS]qm[C@]
0.85 (?:mq?|qm)[C@][SHA](?:<close>|l)
0.85 [HAM1S](?:<of-you>)?q[CT@]m
0.85 [qS](?:[dk]?[HAM1S])?[qk]?[mb][C@]<close>
0.85 e[dRk]{0,3}[HAM1S](?:<of-you>)?p?k?[CT@]p?m
0.85 [SHAM1]p?Gmd?@
0.85 (?:q|L|J|W)m?[dyRk]{0,4}[RH]{0,2}[HAM1][pqkm]{0,2}[vGX](?![_>5:])
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
0.8  e(?:_?|[dyk]{1,2})R?H(?!.{0,4}&d?B)
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
# The person who is talked to, or calls, need not be known.
_OPEN = r"""
0.75 (?:<clause>[kKB]{0,3}|<ask>)[TU][kmuO]{0,2}p<whom>(?=$|[,kKl&atqWief])
0.8  X[mkO]{0,1}mk?[pk]{1,2}<whom>(?=$|[,kKl&atqW])
0.8  Ek?p<whom>(?=$|[,kKl&atqW])
0.8  3[mO]k?[l]{1,2}p<whom>(?=$|[,kKl&atqW])
0.8  (?:G|W|3|L|qi?J)[mkup]{0,3}P?<anyone>k?;(?!0)
0.75 (?:J|G|9|L|<ask-of>)k?<anyone>[pqkd]{0,3}(?:[C@]p?k?m|Gmd?[@'])(?![jf7])
0.8  (?:J|G|9|L|<ask>)k?[dR]{0,2}(?:[HAMSZ1]|yg)(?:<of-you>)?[pqk]{0,2}[C@]p?(?:P_|h<end>)
0.8  <clause>(?!uq)[kKqzuivWpS&dg]{0,6}@m(?=$|[,kla&Oe.0;])
0.8  <clause>[kK]{0,3}@um|qu?mk{0,3}@<after>|<clause>k?q@m<after>|L@<after>
0.75 (?:W[pk]?|[9GO]|Gmk?|qi[GJ])[dkpORG]{0,3}'(?!_)
0.75 ^[kKd]{0,3}[O]?'k{0,3}(?:$|,)
0.75 [WLG][^.,nN]{0,6}[TzO@][dO]?k?[;`]
0.8  q[iu]z[dO]?[;`]
0.8  q[iu]{1,2}k?T?[dO]?;|quGmd@<close>|q[iu]T`<close>
0.75 ^[kKBd,]{0,5}[R_>DAZ]{0,3}(?:[_>]5|D)[kKAT]{0,4}$
0.75 (?:W[pk]?|Gmk?|qi[GJ]k?|3mk?[lp]{1,2})[dyk]{0,2}[R_>]{0,2}>?5<end>
0.75 Gmk?>{1,2}k{0,3}<close>
0.8  (?:Gm|WpG)k?[dy]{0,2}[RD_>:]{0,2}Z(?:<end>|l)
0.75 qi[GJ]k?[dy]{1,2}[RD_>Zb:]{0,2}Zk{0,2}<close>
0.75 ^[kK]{0,3}[RD>]{1,2}Zk{1,3}$
0.85 ql[dyRk]{0,3}(?:[HAM]|R1)<does>
0.8  W[pd_O]{2,5}p[dyR]{0,2}(?:[HM]|R1)(?:<end>|_$)
0.85 T[kmuOP_dl]{1,6}p<pre>(?:[HAMS1]|yg)<goes-on>
0.8  (?:W|q|e|b|L|J|<clause>k?)[^.,]{0,3}[SHAM1][^.,]{0,5}pTp[mi]
0.8  [be]S[^.,]{1,5}r(?:<end>|p)|bd?Z(?:r|[^.,]{0,2}p[^.,]{0,3}T)|b[dyk]{1,3}Zr
0.8  bSr[tO]?iq9|b_{1,2}l[dy]?[>_]{0,2}[5D]r|edgr?k{1,2}<close>
0.8  W[^.,]{0,5}U[dOk_]{0,3}p<pre>(?:<person>|[S/])
0.85 qi[JG][dyRk]{0,3}R?H(?!_[_$])
0.8  vmf[dyR]{0,3}[HAMS1][^.,]{0,4}q
0.85 GmS[tO]|Gm[dyRk]{0,3}A_l
0.8  <clause>[dk]{0,2}R?[H1MA]qbk?W
0.85 i6?3d?R?[HM1]<close>
0.85 [JGW][dO]{1,2}[_<v]l[dyR]{0,3}[HM1]
0.85 ^0{1,4}A$
0.8  t[dyR]{0,2}[HAMS1][mk]{0,2}[C@X]|tm[C@X][dyR]{0,2}[HAMS1]
0.8  [HAMD1]f[TX]
0.8  ^[kK]{0,2}pd?5(?:l>)?
0.8  3mC[dyhkR_]{0,3}<any>
0.85 ^[kK]{0,3}(?:d?R{0,2}H|d[AM])k{1,3},
0.8  X[kO]?mk?ph|[,k]9hp[@C]m|Ghp[@C]m|Jh@m
0.8  tl(?:D|y5)q
0.85 q[dk]?S[^.,]{0,8}[C@]pm<end>
0.8  q[^.,]{0,5}pJ[dyk]{0,2}[>_]?[1HAM]C
0.8  fdR[1H]v|WfdR?[1HA]v
0.75 (?<!j)[Wq#][ipW]{1,3}k?Tph[_k]{0,2}<close>
0.85 S[rd]?tb?ndB|ed[0@]{1,2}jS
0.85 G[mu]p<pre>[HAM1S/]<close>|^k?G[dk]{1,2}Z(?:$|,)
0.8  ^[kKd]{0,6}D,?k{1,3}(?:d?R?[1HA]k{0,2})?$
0.85 ^[kd]{0,2}R?[1H],?k{1,2}$|^[1H]{2,}$
0.85 jz[iu]G[^.,]{0,4}d?R?[HA]<close>
0.8  W[dyR_]{1,3}Zpv[PmO]
0.8  q[^.,]{1,5}fd?R?[1HAM]v
0.85 Wp?J[dyR]{0,3}[HAM]<goes-on>|LmJ[dy]{1,2}_?[HAM]
0.8  X[mO]{1,2}[pklr]{1,4}<any>|Xp[dyO>_]{0,3}5<end>
0.85 qi{1,2}[dy]?M<close>
0.85 [GWJ][pk]?dy(?:Z|g|H)
0.85 i6_[^.,]{0,6}ldR?_?[HA]<end>
0.85 3m[^.,]{1,4}l[d]?R?[1HA]<end>
0.8  X[dP]?[@O']p[dyk]{0,2}[_>RD]{0,2}[HAMDZ5]
0.8  'p[dy_]{0,3}[5D]|ql[^.,]{1,9}@m|qld?'|^'[O_],
0.8  qu[^.,]{0,6}[~G]dR?[HAMg]<end>|u~S<close>
0.75 ld?[_R]{1,2}[1H]pv[PmO]
0.88 W[pdk]{0,3}R{1,2}1(?!_$)
0.8  L[dyR]{0,3}[HAM1S][pqk]?z
0.85 [qWL][ipk]{0,3}3k?p[dy][HAM](?=$|[,kiltw])
0.8  3[dO]{0,2}[_R]{0,2}[ZHA1h]k?l<close>
0.8  WP[AMZ]{1,2}_?p[C@T]|[2D>][ZA1H]W
0.85 q[dyR_k]{0,3}[ZHAMS1][^.,]{0,5};
0.8  qi[9GJ]d?[_'T@]pS
0.8  q[dyRk_]{0,3}(?:[HAMZ]|R1)k?_m
0.8  [WG][^.,]{0,3},?d?R0<end>
0.75 WfiT<close>|<clause>[kK]{0,3}q?u?k?Cp?m(?=$|[,ka])
0.75 xp?_?[pdO]{1,3}B<close>
0.85 B,dp?d?[HAM]<end>
0.8  td?R?[HA1]Cpm|dR?H[C@]p?m|fS@m|Sqvpm
0.8  pw[iq]{0,2}T
0.8  iWp_d?R?H<close>|[q#]W[dR]{0,2}H<end>
0.8  <clause>[dk]{0,2}R?[H1]W(?:l|$|,)
0.75 W[pk]?d?D<close>|<clause>k?mX<close>
0.8  Wd1p[3vT9]|^[kK]{0,2}[_>]{2}Ak{1,2}$|<clause>[dk]?S?Hrp[^.,]{1,4}$|ed?@_?pR?g
0.8  3dR?[1HA]p(?:PO|[dO]O?)k{0,2}<close>
0.8  qOb[^.,]{1,3}l[dR]?[HAM1S]<end>
0.85 GOp[dR]{0,3}[HAM]<end>
0.75 jziD<close>|^[kK]{0,3}[C@]p?[dy]?[Dv]k{0,3}$|j[zq][iu][CT@]p?[dy]?D<close>
0.8  WpCp?[dy]?[Dv]<end>|WUpg<close>
0.75 iWpbV<close>|[ik]Vl[dR]{0,2}[HAM1]<close>
0.85 iWbd?R?[HAM1S]<close>
0.8  ^[kK]{0,2}[:_]U[HA1]|[HAMS1]t_:<end>
0.75 9d?R?H<close>
0.85 X[PdO]{0,2}Tp?<pre>[HAM1DZ5]|XdTk?<close>
0.8  bdgr<close>|SrpT<close>|eS[^.,]{0,2}&u<close>
0.75 <clause>[kK_]{0,2}RTk{0,2}<close>|3h(?:;|l)<close>
0.75 W[dR]?H_k?<close>|^H_k{1,2}$
0.85 [Wq]_U[dOk_]{0,3}p<pre>(?:<person>|[S/])
0.75 W[pd]{0,2}_[pd]{1,3}[AS]<close>|qiLd_pd?[AS]<close>|j6S[C@]m<end>
0.8  L/[pk]?v|[WG]Rvk{0,2}<close>|mpdI<end>|<clause>k?[JG9]>p?[C@]
0.75 [1H]nd?B<close>|bd?y?D5?rk{0,2}<close>
0.8  ^O[dRl]{0,2}[HAM]{1,2}k{0,2}$|[qLJG9u]PZ?[AM][pqk]{0,2}[C@]p?m
0.8  <clause>(?!uq)[kKqzuivWpS&dg]{0,6}é(?![jf7])
0.8  (?:J|G|9|L|<ask>)k?<anyone>[pqkd]{0,3}é
0.8  [HAMS1](?:<of-you>)?[q6Wp]{1,2}é|qy_?[gHAMZD5D]é
0.8  3mk?l?k{0,2}l?ph|3mlpdg|mX[pk]<whom>(?=$|[,kl&a])
0.8  q@[SHAM1](?:<end>|l)|P?q@S(?:<end>|l)|eSr[d&]
0.75 e[^.,]{1,4}iSC|eSiq|eSw(?:v|3P)|4zdpdB
0.8  W[^.,]{0,3}`pS|[q9G_][dpu]{1,3}[HAMS]lm@|WSR<end>
0.8  eS[^.,]{0,4}(?:m[vT]|pm[vT])|qS[^.,]{0,5}m@|[gHAMS1]q[C@]m
0.85 ^[kK]{0,3}d1k{1,3},|^k{0,2}yMk{0,3}<close>
0.8  Xu?k?m[kpl]{0,3}&|<clause>[k_]{0,2}jbd?R?H<close>
0.75 j[z6][dyR]{0,2}[1HAM]v|jz[iu]Gd?R?[1M]<close>|jbd_{1,2}ldR?[HA]<close>
0.75 Gd?R?[HA]_<close>|dWd?R?H|(?<!z)d[1H]Wp|~m?Sw<close>|9d1<close>
0.8  3y[_oR]{0,2}[HAM]l<close>
0.75 <clause>kC(?:$|,)|,qiT<close>|(?:qi|W)[pk]?[G9L]d?Tp
0.8  <clause>[dk]{0,2}Sk?@(?:,|$)|bd[>_5]{0,2}[AMZ]l<close>|J[dy]{0,2}R?[HAM]_pm
0.8  qu9d[AZHM]p[C@]|mqvd?[1SHA]|fT<close>
0.8  3d[dR]?[1HAMS]l(?:<close>|p)|^[kK]{0,2}dR?[HA1]qb[_k]
0.85 dR?[HA]6z|bUpd?R?[H1A]d?q
0.85 [3X][^.,]{0,2}ldBpd?R?[H1AM]|9dR[HAM]pv
0.8  eS[ti]{1,2}q[CT@]|<clause>k?GdZ(?:$|,)|WSpT
0.75 qixdB_?<close>
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
0.85 ^(?:[nk]{1,5}i|[nk]{0,4}(?:nn|k))W[dyk]{0,2}R?[HAM]{1,2}[kA]{0,2}$
0.75 ^[k,]{0,3}i?[W6]n[dk]?Bk{0,3}$
0.0  ^[k,]{0,3}i?[W6]n[dk]{0,2}R?[HAM1]k{0,3}$
0.8  fi[bq]?n[GTUC]k?[dyRkp]{0,3}[HAM1S]
0.85 spGd?R?[HAM1]
0.8  fnGm?(?:0|d?[H1A])|fn,d?[HAM1]k{0,2}<close>
0.8  [W_b]fi[VT]p[dyRk]{0,3}[SHAM1/]|nB,[cd]{1,3}R?[H1A]
0.85 finGpTp[dyR]{0,2}[HAM1S]|nB,?_?d?H<close>
0.75 hWSp[@C]h|nqpTpd?R?[H1AM]|nqld?R?H
"""
_ESCALATE = r"""
0.9  <clause>[kKiuqWpjzdO&]{0,7}E[kd]{0,2}(?:[POk]{0,4}|dO)k{0,3}(?:$|,)
0.9  E[dk]{0,2}[HAM]<goes-on>
0.8  <clause>[kqu]{0,4}E[dOPk]{1,3}f<close>
0.9  E(?:[PdO_k]{0,4})p[pdyRk]{0,3}<any>
0.85 (?:Wp?|q|L|G)[mPOyu_kdp]{0,4}(?:bF|F|E)(?:[kp]{0,3}<end>|p<pre><any>)
0.85 (?:W|X|3|G|Wp)[dpl]{0,2}E<end>
0.85 W[dOP_]{1,2}F
0.85 [WX3EGT][mOPpdyk_]{0,4}2
0.8  ^k{0,2}2[vDAk]{0,3}(?:$|,)
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
0.7  ^X$
"""
_GUARDED = (_TALK, _TRANSFER, _WANT, _GET, _DOES, _PRESENT, _ESCALATE, _CONTACT, _BARE, _OPEN)
RULES = [
    *rules("".join(_GUARDED), _MACROS),
    *rules(_NOT_A_BOT, _MACROS, guarded=False),
]
RULES.sort(key=lambda rule: -rule.score)
