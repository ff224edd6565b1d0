"""Findings of the detection stage about one turn."""

from __future__ import annotations

from typing import Literal

import msgspec

FoundIntent = Literal["account_takeover", "billing_problem", "cancellation_intent"]
"""Intents that detection finds by itself, where the AI agent names none."""


class Finding(msgspec.Struct, frozen=True, gc=False):
    """One signal: how sure (``score``, 0 to 1) and the span of the words that caused it."""

    score: float
    start: int
    end: int


class FoundTopic(msgspec.Struct, frozen=True, gc=False):
    """One intent and the span of the words that tell it."""

    intent: FoundIntent
    start: int
    end: int


class CustomerFindings(msgspec.Struct, frozen=True):
    """Findings in one customer turn; None: the signal is absent (score 0)."""

    requested_human: Finding | None = None
    frustrated: Finding | None = None
    refuses: Finding | None = None
    accepts: Finding | None = None
    withdraws: Finding | None = None
    solved: Finding | None = None
    doubtful: bool = False
    topics: tuple[FoundTopic, ...] = ()


class AgentFindings(msgspec.Struct, frozen=True):
    """Findings in one AI turn about a person: a promise, or an offer."""

    promises_person: Finding | None = None
    offers_person: Finding | None = None
