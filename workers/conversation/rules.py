"""Effects of the policy's rules on an event: escalate, offer, recommend, raise, or keep silent."""

from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

from workers.contracts import ids
from workers.contracts.decisions import Cause, Evidence, Reason
from workers.contracts.events import AgentTurn, Message
from workers.contracts.time import MINUTE, to_ms
from workers.conversation.episodes import mood_of
from workers.conversation.evidence import (
    EVIDENCE,
    CurrentWords,
    evidence_of,
    found_evidence,
)
from workers.conversation.placement import raise_level
from workers.conversation.state import FIRED, Escalation, Offer, State, set_due
from workers.conversation.step_context import StepContext
from workers.policy import FOUND_INTENTS, Rule, Signals, explain, holding, route, route_for


def signals_of(state: State) -> Signals:
    """Return what stands in a conversation at this moment; the caller adds what this event says."""
    episode = state.episode
    return Signals(
        mood=mood_of(episode),
        solved=episode.solved,
        turns=episode.customer_turns + episode.ai_turns,
        confidences=episode.confidences,
        context_used=episode.context_used,
        tool_failures=episode.tool_failures,
        repeated_by_ai=episode.answer_repeats,
        repeated_by_customer=episode.ask_repeats,
        repeated_by_tool=episode.call_repeats,
        intents=episode.intents,
        found_intents=tuple([one.intent for one in episode.noted_intents]),
        tier=state.tier,
        channel=state.channel,
        tenant=state.tenant,
        locale=state.locale,
    )


def add_agent(signals: Signals, agent: AgentTurn | None) -> None:
    """Add what an AI agent reports of its turn, words aside."""
    if agent is None:
        return
    if agent.requested_escalation is not None:
        signals.requested_escalation = agent.requested_escalation.reason
    if agent.tool_calls:
        signals.tool_calls = tuple([call.name for call in agent.tool_calls])


def consider(run: StepContext, signals: Signals, said: CurrentWords | None = None) -> None:
    """Let the rules decide about an event while the AI agent owns the conversation.

    While only a ticket waits, mandatory rules may raise the level of what is open.
    """
    if _is_silenced(run):
        _take_over(run, signals)
        return
    rules = holding(run.view, signals)
    if not rules:
        return
    if run.state.owner == "ai":
        _decide(run, rules, signals, said)
    elif run.state.waits_on_ticket:
        _raise(run, rules, signals, said)


_SILENCED: Final = -2
"""In place of a rule's key: while observing, it was said in this episode; it has raised a ticket
that waits."""


def _is_silenced(run: StepContext) -> bool:
    """Return whether something was just said under an AI version that must not go on.

    Time alone sweeps nothing: a customer who does not write needs no person.
    """
    state = run.state
    if type(run.event) is not Message or state.ai_version not in run.silenced:
        return False
    if state.owner == "ai":
        return _SILENCED not in state.episode.silenced
    held = () if state.open is None else state.open.held
    return state.waits_on_ticket and _SILENCED not in held


def _take_over(run: StepContext, signals: Signals) -> None:
    """Hand over what an AI version had that must not go on, where the routes want it."""
    state = run.state
    where = state.episode.last_answer or run.event.event_id
    evidence = (Evidence(event_id=where, signal="ai_silenced", score=1.0),)
    if state.open is not None:
        state.open = msgspec.structs.replace(state.open, held=(_SILENCED, *state.open.held))
        if run.policy.above(state.open.target) is not None:
            raise_level(run, "mandatory_rule", None, {"evidence": evidence})
        return
    if run.observe:
        state.episode.silenced = (*state.episode.silenced, _SILENCED)
    to = route_for(run.view, "ai_silenced", None, run.policy.default_queue, signals)
    open_escalation(
        run,
        (_SILENCED,),
        reason="ai_silenced",
        rule=None,
        target_queue=to.queue,
        claim_minutes=to.claim_minutes,
        reply_minutes=to.reply_minutes,
        evidence=evidence,
    )


def _decide(
    run: StepContext, rules: Sequence[Rule], signals: Signals, said: CurrentWords | None
) -> None:
    for rule in rules:
        silence = _silence(run, rule)
        if silence is None:
            _act(run, rule, rules, signals, said)
            return
        if silence != "offered":
            suppress(run, rule, silence, signals, said)


def _silence(run: StepContext, rule: Rule) -> Literal["declined", "cooldown", "offered"] | None:
    """Return the cause for which a rule that holds keeps silent; None if it decides."""
    state = run.state
    if state.episode.declined and not rule.mandatory:
        return "declined"
    if state.episode.offer is not None and rule.mode == "offer":
        return "offered"
    fired = next((at for key, at in state.fired if key == rule.key), None)
    if fired is None:
        return None
    # A rule that leaves the conversation with the AI agent would hold again at its next word.
    lasting = run.observe or (rule.mode != "escalate" and not rule.cooldown_ms)
    if lasting and fired >= state.episode.started_at:
        return "cooldown"
    return "cooldown" if state.clock - fired < rule.cooldown_ms else None


def suppress(
    run: StepContext, rule: Rule, cause: Cause, signals: Signals, said: CurrentWords | None
) -> None:
    """Say once per rule and episode why it keeps silent."""
    episode = run.state.episode
    if rule.key in episode.silenced:
        return
    episode.silenced = (*episode.silenced, rule.key)
    about = run.state.open
    run.emit("suppress", about, cause=cause, **_because(run, rule, signals, said))


def _act(
    run: StepContext, rule: Rule, rules: Sequence[Rule], signals: Signals, said: CurrentWords | None
) -> None:
    _fire(run, rule)
    because = _because(run, rule, signals, said)
    to = route(run.view, rule, signals)
    because |= {
        "target_queue": to.queue,
        "claim_minutes": to.claim_minutes,
        "reply_minutes": to.reply_minutes,
    }
    if to.by_found_intent and all(one.signal != FOUND_INTENTS for one in because["evidence"]):
        because["evidence"] = (*because["evidence"], *found_evidence(run.state.episode))[:EVIDENCE]
    if rule.mode == "escalate":
        open_escalation(run, [one.key for one in rules if one.mandatory], **because)
        return
    run.emit(rule.mode, observe=run.observe, **because)
    if rule.mode == "offer" and not run.observe:
        offer = Offer(
            rule.name, rule.key, rule.reason, to.queue, to.claim_minutes, to.reply_minutes
        )
        run.state.episode.offer = offer
        set_due(run.state, "offer", run.state.clock + run.policy.offer_ms)


def _fire(run: StepContext, rule: Rule) -> None:
    """Remember when a rule decided, if that can ever silence it."""
    state = run.state
    if rule.mode == "escalate" and not rule.cooldown_ms and not run.observe:
        return
    others = [fired for fired in state.fired if fired[0] != rule.key]
    state.fired = (*others[1 - FIRED :], (rule.key, state.clock))


def open_escalation(
    run: StepContext,
    held: Sequence[int],
    *,
    reason: Reason,
    rule: str | None,
    target_queue: str,
    claim_minutes: float | None,
    reply_minutes: float | None,
    score: float = 1.0,
    **told: Any,
) -> None:
    """Open an escalation and have it placed; while observing, only say so."""
    state, event = run.state, run.event
    escalation = Escalation(
        id=ids.escalation_id(event.conversation_id, event.event_id),
        reason=reason,
        rule=rule,
        opened_by=event.event_id,
        opened_at=state.clock,
        score=score,
        target=target_queue,
        claim_minutes=claim_minutes,
        reply_minutes=reply_minutes,
        held=tuple(held),
        begun_at=to_ms(event.occurred_at),
    )
    state.escalated = True
    if run.observe:
        run.emit("escalate", escalation, observe=True, **told)
        return
    state.owner = "pending"
    state.deadlines = ()
    state.episode.offer = None
    placing = run.emit("escalate", escalation, **told)
    state.open = msgspec.structs.replace(escalation, placing=placing)


def _raise(
    run: StepContext, rules: Sequence[Rule], signals: Signals, said: CurrentWords | None
) -> None:
    """Raise what waits on a ticket, by the first mandatory rule with something new to say."""
    escalation = run.state.open
    if escalation is None:
        return
    new = [
        rule for rule in rules if rule.mandatory and (rule.fresh or rule.key not in escalation.held)
    ]
    if not new:
        return
    rule = new[0]
    own = route(run.view, rule, signals).queue
    above = own if run.policy.is_above(own, escalation.target) else None
    if above is None and run.policy.above(escalation.target) is None:
        suppress(run, rule, "mandatory_rule", signals, said)
        return
    _fire(run, rule)
    held = {*escalation.held, *[rule.key for rule in rules if rule.mandatory]}
    because = _because(run, rule, signals, said)
    run.state.open = msgspec.structs.replace(escalation, held=tuple(sorted(held)))
    raise_level(run, "mandatory_rule", above, {**because, "reason": escalation.reason})


def _because(
    run: StepContext, rule: Rule, signals: Signals, said: CurrentWords | None
) -> dict[str, Any]:
    """Return what a decision says about the rule behind it."""
    verdict = explain(run.view, rule, signals)
    episode, event_id = run.state.episode, run.event.event_id
    return {
        "reason": rule.reason,
        "rule": rule.name,
        "score": verdict.score,
        "evidence": evidence_of(verdict.found, episode, event_id, said),
        "near_misses": verdict.near_misses,
    }


def stalled(run: StepContext) -> None:
    """Ask the rules about a customer who waits; ask again at the next age that one names."""
    state = run.state
    since = state.episode.waiting_since
    if since is None:
        return
    waited = state.clock - since
    signals = signals_of(state)
    signals.stalled_minutes = waited / MINUTE
    consider(run, signals)
    if state.owner == "ai":
        wait_for_answer(run, since, waited)


def wait_for_answer(run: StepContext, since: int, waited: int = 0) -> None:
    """Set the deadline for the AI's answer to a message of `since`, if a rule asks for one."""
    later = [age for age in run.view.stalled_ms if age > waited]
    if later:
        set_due(run.state, "answer", since + later[0])
