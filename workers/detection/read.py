"""Read one turn of a customer or of the AI agent."""

from __future__ import annotations

import re

from workers.detection.findings import AgentFindings, CustomerFindings, Finding

THRESHOLD = 0.7
FRUSTRATION_THRESHOLD = 0.5
_LIMIT = 3000

_PERSON = (
    r"(?:human|person|people|agent|representative|rep|operator|supervisor|manager|someone|somebody|"
    r"anyone|anybody|advisor|adviser|specialist|executive|assistant)s?"
)
_REQUEST = re.compile(
    rf"\b(?:talk|speak|chat|connect|transfer|escalate|contact|reach|hand|put|pass|forward)\b"
    rf"[^.!?]{{0,40}}\b{_PERSON}\b|\b(?:real|live|actual) (?:human|person|agent)\b|"
    rf"^\W*(?:(?:a|an|the|human|please|need|want|i|get|me|give) )*{_PERSON}\W*(?:please)?\W*$",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    r"\b(?:no need|don'?t (?:need|want|transfer|escalate|connect)|rather not|without)\b",
    re.IGNORECASE,
)
_FRUSTRATED = re.compile(
    r"\b(?:ridiculous|unacceptable|useless|terrible|horrible|awful|pathetic|frustrat\w+|fed up|"
    r"worst|waste of (?:my )?time|sick of|angry|furious|disgusting|joke|scam|wtf|"
    r"not satisfied|(?:third|fourth|fifth) time|how many times)\b",
    re.IGNORECASE,
)
_YES = re.compile(r"^\W*(?:yes|yeah|yep|sure|ok(?:ay)?|please do|go ahead)\b", re.IGNORECASE)
_NO = re.compile(r"^\W*(?:no|nope|nah|not now)\b|\bkeep going with you\b", re.IGNORECASE)
_WITHDRAWS = re.compile(
    r"\bnever ?mind\b|\bno need for (?:an?|the) (?:agent|human|person)\b", re.IGNORECASE
)
_SOLVED = re.compile(
    r"\b(?:that|it|this) work(?:s|ed)\b|\bworks now\b|\bthat(?:'s| is) all\b|"
    r"\bsolved\b|\bthanks?[^.!?]{0,20}(?:help|perfect|great)\b",
    re.IGNORECASE,
)
_PROMISE = re.compile(
    r"\b(?:connecting|transferring|escalating|putting you through|will (?:now )?(?:connect|transfer|"
    r"escalate)|being transferred)\b[^.?!]{0,60}",
    re.IGNORECASE,
)
_OFFER = re.compile(
    r"\b(?:would you like|do you want|shall i|should i|want me to)\b[^.?!]{0,60}"
    r"\b(?:connect|transfer|speak|talk|human|agent|person)\b",
    re.IGNORECASE,
)


def _bounded(text: str) -> str:
    return text if len(text) <= _LIMIT else text[:_LIMIT]


def _found(pattern: re.Pattern[str], text: str, score: float) -> Finding | None:
    match = pattern.search(text)
    return Finding(score, match.start(), match.end()) if match else None


def read_customer(text: str) -> CustomerFindings:
    """Tell what one customer turn asks for and how it feels; never raises."""
    text = _bounded(text)
    withdraws = _found(_WITHDRAWS, text, 0.8)
    negated = _found(_NEGATED, text, 0.8)
    requested = None if withdraws or negated else _found(_REQUEST, text, 0.9)
    return CustomerFindings(
        requested_human=requested,
        frustrated=_found(_FRUSTRATED, text, 0.7),
        refuses=negated or _found(_NO, text, 0.8),
        accepts=_found(_YES, text, 0.8),
        withdraws=withdraws,
        solved=_found(_SOLVED, text, 0.8),
    )


def read_agent(text: str) -> AgentFindings:
    """Tell whether one AI turn promises or offers a person; never raises."""
    text = _bounded(text)
    return AgentFindings(
        promises_person=_found(_PROMISE, text, 0.8), offers_person=_found(_OFFER, text, 0.8)
    )
