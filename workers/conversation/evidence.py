"""Evidence: the event and the words in which each signal of a decision was found."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from workers.contracts.decisions import QUOTE_LIMIT, Evidence
from workers.conversation.state import Episode
from workers.detection import AgentFindings, CustomerFindings, Finding
from workers.detection.topic_finding import SCORE as TOPIC_SCORE
from workers.policy import FOUND_INTENTS, RuleSignal
from workers.redaction.redact import quote

EVIDENCE: Final = 8
"""Signals that a decision cites at most."""


class CurrentWords(NamedTuple):
    """The words of the event at hand, and what detection found in them."""

    event_id: str
    text: str
    findings: CustomerFindings | AgentFindings | None


def evidence_of(
    found: Iterable[RuleSignal], episode: Episode, event_id: str, said: CurrentWords | None
) -> tuple[Evidence, ...]:
    """Return the evidence for what was found.

    `event_id` stands in where no other event is the source.
    """
    evidence: dict[str, Evidence] = {}
    for signal, score in found:
        if signal == FOUND_INTENTS:
            evidence |= {one.event_id: one for one in found_evidence(episode)}
        source = _SOURCES.get(signal)
        if source is None or signal in evidence:
            continue
        where = source(episode) or event_id
        words = None
        if said is not None and signal in _QUOTED:
            where, words = said.event_id, _words(signal, said)
        evidence[signal] = Evidence(event_id=where, signal=signal, score=score, quote=words)
    return tuple(evidence.values())[:EVIDENCE]


def found_evidence(episode: Episode) -> tuple[Evidence, ...]:
    """Return the words in which detection found intents, each with its event."""
    return tuple(
        [
            Evidence(
                event_id=one.event_id, signal=FOUND_INTENTS, score=TOPIC_SCORE, quote=one.words
            )
            for one in episode.noted_intents
        ]
    )


def _words(signal: str, said: CurrentWords) -> str | None:
    if signal == "substrings":
        span: Finding | None = Finding(1.0, 0, min(len(said.text), QUOTE_LIMIT))
    else:
        span = getattr(said.findings, _QUOTED[signal], None)
    if span is None:
        return None
    return quote(said.text, span.start, span.end)[:QUOTE_LIMIT] or None


def _this_event(_: Episode) -> str | None:
    return None


def _last_answer(episode: Episode) -> str | None:
    return episode.last_answer


def _last_request(episode: Episode) -> str | None:
    return episode.last_request


def _last_mood(episode: Episode) -> str | None:
    return episode.mood[-1][0] if episode.mood else episode.last_request


def _failing_tool(episode: Episode) -> str | None:
    failing = [tool for tool in episode.tools if tool.failing]
    return failing[-1].event_id if failing else episode.last_answer


def _repeater(episode: Episode) -> str | None:
    by_customer = episode.ask_repeats > max(episode.answer_repeats, episode.call_repeats)
    return episode.last_request if by_customer else episode.last_answer


_QUOTED: Final[Mapping[str, str]] = {
    "requested_human": "requested_human",
    "substrings": "",
    "frustrated": "frustrated",
    "promised_person": "promises_person",
    "offer_accepted": "accepts",
    "declined": "refuses",
    "withdrawn": "withdraws",
}
"""Signals found in words, and what detection calls them."""
_SOURCES: Final[Mapping[str, Callable[[Episode], str | None]]] = {
    "requested_human": _this_event,
    "substrings": _this_event,
    "frustrated": _last_mood,
    "promised_person": _this_event,
    "requested_escalation": _this_event,
    "policy_exception": _this_event,
    "tool_calls": _this_event,
    "offer_accepted": _this_event,
    "declined": _this_event,
    "withdrawn": _this_event,
    "intents": _last_answer,
    "low_confidence_turns": _last_answer,
    "low_confidence": _last_answer,
    "confidence_trend": _last_answer,
    "context_used": _last_answer,
    "turns": _this_event,
    "repetition": _repeater,
    "tool_failures": _failing_tool,
    "stalled_minutes": _last_request,
    "stalled": _last_request,
}
"""Conditions that say nothing of themselves (who the customer is, what is not solved, a sum of
others) have no evidence."""
