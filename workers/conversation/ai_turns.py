"""Words and actions of the AI agent, and the classifier's verdict on the customer."""

import msgspec

from workers.contracts.events import AgentTurn, Message, Signal
from workers.conversation import doubts, repetition, tools
from workers.conversation.episodes import begin_episode
from workers.conversation.evidence import CurrentWords
from workers.conversation.rules import add_agent, consider, signals_of
from workers.conversation.state import (
    CONFIDENCES,
    INTENTS,
    MOODS,
    NOTE_LIMIT,
    RATED,
    State,
    drop_due,
    noted,
    subject_key,
)
from workers.conversation.step_context import StepContext
from workers.conversation.transcript import handover_note
from workers.detection import AgentFindings, read_agent
from workers.detection.context import DIRECT_OFFER, said_last


def ai_agent(run: StepContext, event: Message) -> None:
    """Apply an AI turn, unless it comes from before the conversation changed hands."""
    state, agent = run.state, event.agent
    if _is_stale(state, agent):
        state.stale = True
        return
    if state.owner == "closed":
        begin_episode(state)
    state.episode.last_answer = event.event_id
    if agent is not None:
        _note_agent(state, agent, event.event_id)
    findings = _note_words(run, event) if event.content else None
    signals = signals_of(state)
    add_agent(signals, agent)
    signals.ai_answered = bool(event.content)
    # While a ticket waits, a person is on the way: to say so promises nothing new.
    if findings is not None and findings.promises_person is not None and state.owner == "ai":
        signals.promised_person = findings.promises_person.score
    consider(run, signals, CurrentWords(event.event_id, event.content, findings))


def _is_stale(state: State, agent: AgentTurn | None) -> bool:
    if agent is not None and agent.epoch is not None and agent.epoch < state.epoch:
        return True
    return state.owner == "person" or (state.owner == "pending" and not state.waits_on_ticket)


def _note_agent(state: State, agent: AgentTurn, event_id: str) -> None:
    episode = state.episode
    state.ai_id = agent.id or state.ai_id
    if agent.version is not None and agent.version != state.ai_version:
        state.ai_version = agent.version
        _rate(state, "version", agent.version)
    if agent.confidence is not None:
        episode.confidences = (*episode.confidences[1 - CONFIDENCES :], round(agent.confidence, 3))
    if agent.context_tokens is not None and agent.context_limit is not None:
        episode.context_used = round(min(1.0, agent.context_tokens / agent.context_limit), 3)
    if agent.intents:
        _note_intents(state, agent.intents)
    if agent.tool_calls:
        tools.called(episode, agent.tool_calls, event_id)
        repetition.ai_called(episode, agent.tool_calls)
    if agent.resolved is not None:
        episode.solved = 1.0 if agent.resolved else 0.0
    if note := handover_note(agent):
        episode.ai_note = noted(note, NOTE_LIMIT)


def _note_intents(state: State, intents: tuple[str, ...]) -> None:
    """Add intents that are new in this episode."""
    episode = state.episode
    if intents:
        # A named intent wins over one found in the words.
        episode.noted_intents = ()
    for intent in intents:
        if intent not in episode.intents:
            episode.intents = (*episode.intents, intent)[-INTENTS:]
            _rate(state, "intent", intent)


def _rate(state: State, kind: str, name: str) -> None:
    key = subject_key(kind, name)
    if key not in state.rated and len(state.rated) < RATED:
        state.rated = (*state.rated, key)


def _note_words(run: StepContext, event: Message) -> AgentFindings:
    """Note an AI turn with words, which ends the customer's wait; return what detection found."""
    state, episode, text = run.state, run.state.episode, event.content
    episode.ai_turns += 1
    waited = 0 if episode.waiting_since is None else state.clock - episode.waiting_since
    doubts.ai_spoke(episode, text, waited)
    episode.waiting_since = None
    drop_due(state, "answer")
    findings = read_agent(text, run.policy.vocabulary)
    episode.ai_said = said_last(text, findings)
    episode.ai_offered = episode.ai_said == DIRECT_OFFER
    if episode.offer is not None:
        asked = episode.offer.ai_asked or ("?" in text and not episode.ai_offered)
        episode.offer = msgspec.structs.replace(episode.offer, ai_spoke=True, ai_asked=asked)
    # Words beside a tool call only tell what is being done.
    if run.view.compares and not (event.agent is not None and event.agent.tool_calls):
        repetition.ai_said(episode, text)
    return findings


def signal(run: StepContext, event: Signal) -> None:
    """Let the rules look again at a message that the classifier has judged, if it still matters."""
    state = run.state
    episode = state.episode
    if event.about not in episode.doubtful:
        return
    episode.doubtful = tuple([other for other in episode.doubtful if other != event.about])
    if event.about == episode.last_request:
        episode.solved = episode.solved if event.solved is None else round(event.solved, 3)
        if event.frustrated is not None:
            episode.frustrated = event.frustrated
            others = [mood for mood in episode.mood if mood[0] != event.about]
            episode.mood = (*others[1 - MOODS :], (event.about, round(event.frustrated, 3)))
    _note_intents(state, event.intents)
    signals = signals_of(state)
    signals.requested_human = event.requested_human or 0.0
    signals.frustrated = event.frustrated or 0.0
    consider(run, signals, CurrentWords(event.about, "", None))
