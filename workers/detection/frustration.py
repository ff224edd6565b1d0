"""Frustration of the customer with the service: evidence that adds up."""

from __future__ import annotations

import re
from itertools import repeat
from math import sqrt
from string import ascii_lowercase, ascii_uppercase

from workers.detection.findings import Finding
from workers.detection.grammar import RuleIndex, class_codes, rules
from workers.detection.linear_model import LinearModel, load, word_features
from workers.detection.tokens import ClassifiedTurn

SECTION = "mood"
CODES = class_codes(
    """strong=F cross=M gave_up=R sigh=S threat=L treated=X rhetorical=Q ironic=J still=s again=a
    already=A every_time=e times=t ordinal=d number=0 unit=T wait=w keep=k told=v promise=V nobody=N
    reply=r fail=f why=W you=y i=I not=n pleased=p intensifier=i praise=P oh=O thanks=h worked=K
    resolved=B others=o product=c harmless=H enough=E swear=x scam=C only_been=b helping=m
    know=g company=u time=z done=l"""
)
# One of the telling classes is worth a second look; of the faint ones it takes two, or one in a
# short turn.
TELLING = "FMRSLXQJECx"
FAINT = "saAedkwNVWpbtrf"

# So many words are read by the model.
_MOST = 64
# The model's probability at which a text counts as frustrated: there its score is 0.5. Chosen by
# false alarms on ordinary requests (docs/detection.md).
CUT = 0.19
# A message that the rules call frustrated and the model doubts so much is for a classifier.
_SURE, _UNLIKELY, _DOUBTED = 0.5, 0.3, 0.45
# A message that the rules know to be harmless or settled needs this much more.
_CALMED = 0.6
_MODEL = load("mood")
# Below this sum of its words' weights, by the root of their number, no text is likely.
_HARMLESS = -80
_WORDS = {word: weight for word, weight in _MODEL.weights.items() if " " not in word}
# Of the words of a text so many must be known to the model before it may speak of it or doubt the
# rules.
_KNOWN = 0.6

_MACROS = {"i": "[i_]{0,2}", "end": r"(?=$|[.,!?])"}
EVIDENCE = rules(
    r"""
0.75 F
0.55 M
0.55 n[i_]{0,2}p(?![_i]{0,2}c)
0.75 E<end>
0.35 x
0.55 [yuv][i_]{0,2}x|vIx
0.55 [yui_]{1,3}C(?=[.,!]|$)|u[i_]{0,3}C
0.45 l<end>
0.35 b
0.4  b,?f|e[^.!?]{0,6}f
0.55 dz[I_i]{0,3}v
0.3  a[^!?]{1,12}a
0.65 ip[.,]n
0.5  R
0.45 S
0.1  ^[.!,]*S[.!,]*$
0.55 L
0.6  X
0.6  Q
0.65 J
0.7  [yu][i_]{0,2}[FM]
0.45 [vk]{0,2}d[i_]?z|0t[i_]{0,2}(?:A|$|[.!?])|A[i_]{0,2}v[^.!?]{0,6}0t|v[^.!?]{0,4}0t
0.35 (?:sn|ns|s[i_]?f)
0.3  s[i_]?w
0.25 s(?=[^.!?]{0,6}(?:0[i_]?T|T))
0.3  [Iy][iA_]{0,2}A[i_]?v|IAv|Av
0.5  yk
0.45 k[i_]?[vr]|k[_i]{0,2}me
0.3  e
0.5  N[i_yu]{0,5}[rvmg]|y[i_]{0,2}n[i_]{0,2}[rm]|yn[i_]{0,2}v|(?:^|[.,!])[_i]{0,2}n[_i]?m
0.45 y_?v[i_]{0,2}A
0.4  V.*V
0.5  d[i_]?z(?=[.!?,])
0.4  0[i_]?t[i_]{0,2}(?:now|A|$|[.!?])
0.45 w[^.!?]{0,5}(?:0?[i_]?T)|(?:0|i)T[^.!?]{0,4}w
0.25 w
0.15 0[i_]?T
0.2  a
0.25 V
0.3  W[i_]{0,2}[ny]|Wn|W(?=.{0,8}a)
0.5  (?:^|[.!?]|O,?i?)I?P[^.!?hKB]{0,10}(?:f|0T|n[_i]{0,2}[rm]|w)
0.35 O[,]?[i]?P(?![^.!?]{0,4}[KhB])
0.3  (?:ya|f[^.!?]{0,4}a)
""",
    _MACROS,
)
_PLAN = RuleIndex(EVIDENCE)
_DAMPED = re.compile(r"(?:n[i_]{0,2}|[oc][i_]{0,3})$")
_FOR_OTHERS = re.compile(r"^[i_I]{0,3}[ocPK]")
# Looking back last: a pattern that begins with its class is found much faster.
_RESOLVED = re.compile(r"B(?<!nB)(?<!n.B)")
_PLEASED = re.compile(r"h|K(?<!nK)(?<!n.K)(?<!n..K)")
_LOUD = ("!!", "?!", "!?", "??")
_ANGRY_FACES = re.compile("[\U0001f620\U0001f621\U0001f624\U0001f92c\U0001f644\U0001f595]")
_UPPER, _LOWER = ascii_uppercase.encode(), ascii_lowercase.encode()
# So many capitals, and more than small letters, are shouting.
_SHOUTED = 8
# A lower score says nothing.
LEAST = 0.05


def _shouted(text: str) -> bool:
    if text.islower():
        return False
    plain = text.encode("ascii", "replace")
    capitals = len(plain) - len(plain.translate(None, _UPPER))
    return capitals >= _SHOUTED and capitals > len(plain) - len(plain.translate(None, _LOWER))


def _emphasis(text: str) -> float:
    loud = any(map(text.__contains__, _LOUD))
    angry = not text.isascii() and _ANGRY_FACES.search(text) is not None
    return 0.25 * loud + 0.2 * angry + 0.3 * _shouted(text)


def _damped(classes: str, start: int, end: int) -> bool:
    """Return True if strong words are denied, or meant for someone or something else."""
    if classes[start] not in "FMRSLX":
        return False
    return bool(_DAMPED.search(classes[:start]) or _FOR_OTHERS.match(classes[end:]))


def by_rules(turn: ClassifiedTurn, text: str) -> tuple[float, int, int] | None:
    """Add up the evidence of the rules: the score, first and last class of the strongest."""
    classes = turn.classes
    calm, strongest, span = 1.0, 0.0, (0, 0)
    for rule in _PLAN.candidates(classes):
        match = rule.find(classes)
        while match is not None and _damped(classes, *match.span()):
            match = rule.pattern.search(classes, match.start() + 1)
        if match is not None:
            calm *= 1 - rule.score
            if rule.score > strongest:
                strongest, span = rule.score, match.span()
    if not strongest:
        return None
    score = 1 - calm * (1 - _emphasis(text))
    if _RESOLVED.search(classes) or (_PLEASED.search(classes) and strongest < 0.5):
        score *= 0.6
    elif "P" in classes and score < 0.6 and classes[span[0]] not in "LXJPO.!?I":
        score *= 0.85
    return round(score, 3), *span


def word_traits(words: list[str], text: str) -> set[str]:
    """Return what the model knows a text by without the grammar: words, pairs, its writing."""
    found = word_features(words[:_MOST], text)
    if "#" in text:
        found.add("\x02#")
    if any(map(text.__contains__, _LOUD)) or "..." in text:
        found.add("\x02loud")
    if _shouted(text):
        found.add("\x02shouted")
    return found


def features(turn: ClassifiedTurn, words: list[str], text: str, ruled: float) -> set[str]:
    """Return what the model knows a text by: its words, its classes, and what the rules made of it.

    `ruled` is the score of the rules.
    """
    found = word_traits(words, text)
    found.update(map("\x01".__add__, set(turn.classes).difference(" _,.!?")))
    found.add(f"\x00{int(5 * ruled)}")
    return found


def plain_features(words: list[str], text: str) -> set[str]:
    """Return what the model knows a text by that has none of the grammar's telling words."""
    return {*word_traits(words, text), "\x00-"}


def by_words(words: list[str], text: str) -> float:
    """Score a text that has none of the grammar's telling words; 0 in a language it cannot read."""
    few = words[:_MOST]
    if sum(map(_WORDS.get, few, repeat(0))) < _HARMLESS * sqrt(len(few)) or not _is_known(few):
        return 0.0
    return scored(_MODEL.probability(plain_features(words, text)))


def _is_known(words: list[str]) -> bool:
    """Return whether the model knows enough of the words: in another language it knows few."""
    return sum(map(_WORDS.__contains__, words)) >= _KNOWN * len(words)


def scored(likely: float) -> float:
    """Return a probability of the model as a score, which is 0.5 at CUT."""
    odds = likely * (1 - CUT)
    return odds / (odds + CUT * (1 - likely))


def _calm(classes: str, found: tuple[float, int, int] | None) -> bool:
    """Return True if the rules know strong words here to be harmless, or the customer pleased."""
    if "H" in classes or _RESOLVED.search(classes) or _PLEASED.search(classes):
        return True
    return found is None and not set("FMJLX").isdisjoint(classes)


def find_frustration(
    turn: ClassifiedTurn,
    words: list[str],
    text: str,
    model: LinearModel | None = None,
    *,
    asked: bool = False,
) -> Finding | None:
    """Give how frustrated about the service the turn is, with its most telling words.

    `asked`: it asks for a person, which alone is no sign of frustration.
    """
    found = by_rules(turn, text)
    ruled = found[0] if found else 0.0
    known = _is_known(words[:_MOST])
    likely = scored((model or _MODEL).probability(features(turn, words, text, ruled)))
    if not known:
        # Of another language: the classes are the same, the words are not.
        score = ruled
    elif ruled >= _SURE:
        score = max(ruled, likely) if likely >= _UNLIKELY else min(ruled, _DOUBTED)
    else:
        score = likely * (_CALMED if asked or _calm(turn.classes, found) else 1.0)
    span = turn.span(*found[1:]) if found else turn.span(0, len(turn.classes))
    return Finding(round(score, 3), *span) if score >= LEAST else None
