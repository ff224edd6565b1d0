"""Effects of each message: the customer's, the AI agent's, a person's, a tool's."""

from typing import Final

import msgspec

from workers.contracts import ids
from workers.contracts.decisions import ClassificationRequest, Doubt
from workers.contracts.events import Customer, Message
from workers.contracts.time import MINUTE, from_ms, to_ms
from workers.conversation import doubts, repetition, tools
from workers.conversation.ai_turns import ai_agent
from workers.conversation.desk_events import claim, note_reply, open_claimed
from workers.conversation.episodes import begin_episode, end, note_mood
from workers.conversation.evidence import CurrentWords, evidence_of
from workers.conversation.offers import accept, asks, decline, refuses_offer, takes_offer
from workers.conversation.placement import await_person
from workers.conversation.rules import consider, signals_of, wait_for_answer
from workers.conversation.state import (
    DOUBTFUL,
    EMAIL_LIMIT,
    FOUND_LIMIT,
    MOODS,
    NAME_LIMIT,
    NOTED_INTENTS,
    OVERALL,
    SUBJECT_LIMIT,
    NotedIntent,
    State,
    drop_due,
    noted,
)
from workers.conversation.state_size import NOTED_INTENT
from workers.conversation.step_context import StepContext
from workers.conversation.transcript import answer_of
from workers.detection import FRUSTRATION_THRESHOLD, CustomerFindings, read_customer
from workers.detection.context import NOTHING, STANDING_OFFER, in_context
from workers.policy import RuleSignal
from workers.redaction.contact_details import ways_in

REQUEST_TEXT_LIMIT: Final = 4_000
"""Characters of a message that the classifier is asked about."""


def message(run: StepContext, event: Message) -> None:
    """Apply one turn; the transcript's count includes it in any case."""
    state = run.state
    state.turns += 1
    state.stale = False
    if event.role in ("customer", "human_agent"):
        state.left = False
    if not state.rated:
        state.rated = (OVERALL,)
    reachable = bool(state.email or state.phone)
    if _note_envelope(state, event):
        run.look()
    role = event.role
    if role == "customer":
        if state.waits_on_ticket and not reachable:
            _note_contact(state, event.content)
        _customer(run, event)
        if state.waits_on_ticket and not reachable and (state.email or state.phone):
            # The ticket that was asked for without a way back gets one.
            run.emit("update", state.open, cause="contact_known")
    elif role == "ai_agent":
        ai_agent(run, event)
    elif role == "tool":
        _tool(run, event)
    elif role == "human_agent":
        _person(run, event)


def _note_envelope(state: State, event: Message) -> bool:
    """Note what a message says about its conversation; whether overrides may hold now."""
    before = (state.tenant, state.tier, state.channel)
    if event.customer is not None:
        _note_customer(state, event.customer)
    if event.subject is not None:
        state.subject = noted(event.subject, SUBJECT_LIMIT)
    if event.ticket_id is not None:
        state.ticket_id = event.ticket_id
    state.channel = event.channel or state.channel
    state.tenant = event.tenant or state.tenant
    return before != (state.tenant, state.tier, state.channel)


def _note_customer(state: State, customer: Customer) -> None:
    state.customer_id = customer.id or state.customer_id
    if customer.name:
        state.customer_name = noted(customer.name, NAME_LIMIT, "standard")
    state.tier = customer.tier or state.tier
    state.locale = customer.locale or state.locale
    state.dedicated_agent = customer.dedicated_agent or state.dedicated_agent
    if customer.email and len(customer.email) <= EMAIL_LIMIT:
        state.email = customer.email
    state.phone = customer.phone or state.phone
    state.preferred_contact = customer.preferred_contact or state.preferred_contact


def _note_contact(state: State, text: str) -> None:
    """Take how a customer whom a ticket could not reach says that they can be reached."""
    ways = ways_in(text)
    state.email = state.email or ways.email
    state.phone = state.phone or ways.phone


def _customer(run: StepContext, event: Message) -> None:
    state = run.state
    if state.owner == "closed":
        begin_episode(state)
    episode = state.episode
    episode.customer_turns += 1
    episode.last_request = event.event_id
    if episode.first_request is None:
        episode.first_request = event.event_id
    if state.owner == "person":
        await_person(run)
        return
    standing = episode.ai_said == STANDING_OFFER and episode.offer is None
    answering = state.owner != "ai" or episode.offer is not None or episode.ai_offered or standing
    findings = read_customer(event.content, answering=answering, lists=run.policy.vocabulary)
    if episode.ai_said and episode.offer is None:
        findings = in_context(findings, event.content, episode.ai_said)
    _note_mood(run, event.event_id, findings)
    if findings.topics and not episode.intents:
        _note_intents(run, event, findings)
    if state.owner == "ai":
        _asks_ai(run, event, findings)
    elif findings.withdraws is not None and not asks(findings):
        said = CurrentWords(event.event_id, event.content, findings)
        found = [RuleSignal("withdrawn", findings.withdraws.score)]
        end(run, "withdrawn", evidence=evidence_of(found, episode, event.event_id, said))
    elif state.waits_on_ticket:
        _weigh(run, event, findings)


def _person(run: StepContext, event: Message) -> None:
    """Take a person's message as a claim.

    Without an escalation it opens one, already claimed.
    """
    state, agent = run.state, event.agent
    person = None if agent is None else agent.id
    if _is_of_before(state, to_ms(event.occurred_at)):
        return
    if state.owner == "person":
        # The customer has an answer, whichever person gave it.
        note_reply(run)
        drop_due(state, "reply", "warn")
        await_person(run)
    elif state.owner == "pending":
        note_reply(run)
        claim(run, person)
    else:
        if state.owner == "closed":
            begin_episode(state)
        open_claimed(run, person)


def _is_of_before(state: State, at: int) -> bool:
    """Return True if a person's message is older than the last end or the open escalation.

    All by the events' own times. Chat systems and desks do not wait for each other, so a message
    from before the end may arrive after it. It opens nothing, and claims nothing opened since.
    """
    if state.owner == "pending":
        return state.open is not None and at < state.open.begun_at
    return state.owner != "person" and bool(state.earlier) and at < state.earlier[-1].own_at


def _tool(run: StepContext, event: Message) -> None:
    state = run.state
    if event.tool is None or not (state.owner == "ai" or state.waits_on_ticket):
        return
    tools.answered(state.episode, event.tool, event.event_id)
    # A tool that works takes signals back: no rule holds that did not hold before.
    if event.tool.status != "ok":
        consider(run, signals_of(state))
    elif run.view.compares:
        answer = answer_of(event.content, event.tool)
        repetition.tool_answered(state.episode, event.tool.call_id, answer)


def _note_intents(run: StepContext, event: Message, findings: CustomerFindings) -> None:
    """Keep what detection found, until the AI agent or the classifier names an intent."""
    episode = run.state.episode
    known = {one.intent for one in episode.noted_intents}
    for topic in findings.topics:
        if topic.intent not in known:
            words = noted(event.content[topic.start : topic.end], FOUND_LIMIT)
            noted_intent = NotedIntent(topic.intent, event.event_id, words)
            episode.noted_intents = (*episode.noted_intents[1 - NOTED_INTENTS :], noted_intent)
            run.state.weight += NOTED_INTENT


def _note_mood(run: StepContext, event_id: str, findings: CustomerFindings) -> None:
    episode = run.state.episode
    frustrated, solved = findings.frustrated, findings.solved
    note_mood(episode, 0.0 if frustrated is None else frustrated.score)
    episode.solved = 0.0 if solved is None else solved.score
    if frustrated is not None:
        episode.mood = (*episode.mood[1 - MOODS :], (event_id, round(frustrated.score, 3)))


def _asks_ai(run: StepContext, event: Message, findings: CustomerFindings) -> None:
    """Apply a message to the AI agent.

    It may answer an offer; else the rules look at it.
    """
    state = run.state
    episode = state.episode
    said = CurrentWords(event.event_id, event.content, findings)
    if episode.offer is not None:
        if takes_offer(episode.offer, said, findings):
            accept(run, said)
            return
        if refuses_offer(episode.offer, said, findings):
            decline(run, said)
    elif episode.ai_offered or episode.ai_said == STANDING_OFFER:
        if findings.accepts is not None and not asks(findings):
            findings = msgspec.structs.replace(findings, requested_human=findings.accepts)
        elif findings.refuses is not None:
            decline(run, None)
    episode.ai_offered, episode.ai_said = False, NOTHING
    repeats = episode.ask_repeats
    if run.view.compares:
        repetition.customer_said(episode, event.content)
    _weigh(run, event, findings)
    if state.owner == "ai":
        _await_answer(run, findings)
        if doubted := _doubts(run, event, findings, repeats):
            _ask_classifier(run, event, findings, doubted)


def _weigh(run: StepContext, event: Message, findings: CustomerFindings) -> None:
    state = run.state
    signals = signals_of(state)
    requested, frustrated = findings.requested_human, findings.frustrated
    if requested is not None:
        signals.requested_human = requested.score
    if frustrated is not None:
        signals.frustrated = frustrated.score
    signals.text = event.content
    since = state.episode.waiting_since
    if since is not None:
        signals.stalled_minutes = (state.clock - since) / MINUTE
    consider(run, signals, CurrentWords(event.event_id, event.content, findings))


def _await_answer(run: StepContext, findings: CustomerFindings) -> None:
    """Count the time from the first message without an answer; thanks need none."""
    episode = run.state.episode
    if episode.waiting_since is None and findings.solved is None:
        episode.waiting_since = run.state.clock
        wait_for_answer(run, run.state.clock)


def _doubts(
    run: StepContext, event: Message, findings: CustomerFindings, repeats_before: int
) -> tuple[Doubt, ...]:
    """Return reasons for the classifier to read a message that stays with the AI agent."""
    episode, frustrated = run.state.episode, findings.frustrated
    in_words = findings.doubtful
    # Worth a question only where its answer can still change something.
    asks = run.view.feels and not (run.effects or episode.offer or episode.declined)
    if asks and frustrated is not None and frustrated.score >= FRUSTRATION_THRESHOLD:
        # Frustrated, and not enough for any rule.
        in_words = True
    found: tuple[Doubt, ...] = ("words",) if in_words else ()
    if asks:
        lists = run.policy.vocabulary
        found += doubts.doubts(episode, event.content, findings, repeats_before, lists)
    return found


def _ask_classifier(
    run: StepContext, event: Message, findings: CustomerFindings, doubted: tuple[Doubt, ...]
) -> None:
    state = run.state
    doubts.note_asked(state.episode, doubted)
    state.episode.doubtful = (*state.episode.doubtful[1 - DOUBTFUL :], event.event_id)
    requested, frustrated = findings.requested_human, findings.frustrated
    run.effects.append(
        ClassificationRequest(
            request_id=ids.derive("request", event.conversation_id, event.event_id),
            conversation_id=event.conversation_id,
            event_id=event.event_id,
            episode=state.number,
            requested_at=from_ms(state.clock),
            turns=state.entries,
            text=event.content[:REQUEST_TEXT_LIMIT],
            requested_human=0.0 if requested is None else requested.score,
            frustrated=0.0 if frustrated is None else frustrated.score,
            home=run.home,
            doubts=doubted,
        )
    )
