"""The promises, checked from what is left when a round is over; every broken one is counted."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import orjson
from aiokafka import ConsumerRecord

from tests.faults.chat import Chat
from tests.faults.desks import Desks
from tests.faults.evidence import Evidence, Stored
from tests.faults.load import FOREIGN
from tests.faults.reference_replay import Quiet, replay
from workers.contracts.codec import Raw, decode_message
from workers.contracts.control import Control
from workers.contracts.deadletters import read_dead_letter
from workers.contracts.decisions import Decision, Home
from workers.contracts.outcomes import OutcomeRecord
from workers.contracts.signing import Secrets
from workers.contracts.topics import CONTROL, DEAD_LETTERS, DECISIONS, EVENTS, LEDGER, OUTCOMES
from workers.conversation.state import decode_state, next_due
from workers.outcomes import as_data, outcome_of, report_of
from workers.routing.envelopes import _CONTROLLED

Kind = Literal["lost", "twice", "wrong"]
_ASIDE: Final = ("refuse", "suppress", "rate")
"""Actions that say nothing of where their escalation is."""
SECRETS: Final = Secrets((b"secret-of-this-run",))
_TWICE: Final = ("second_outcome", "opened_twice", "two_open", "told_differently", "left_waiting")


@dataclass
class Verdict:
    """The figures of a round and what was wrong, if anything was."""

    counts: Counter[str] = field(default_factory=Counter)
    broken: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    delay: tuple[float, str] = (0.0, "")
    """The longest time from an event to what the chat system was told of it, and of whom.

    Hostile customers do not count.
    """

    def find(self, kind: Kind, what: str) -> None:
        """Note one broken promise."""
        self.broken[kind].append(what)

    @property
    def clean(self) -> bool:
        """Return True if every promise held."""
        return not any(self.broken.values())


def judge(
    evidence: Evidence, policy: str, chat: Chat, desks: Desks, audit: dict[str, Any]
) -> Verdict:
    """Check everything; nothing may be running but the clock."""
    verdict = Verdict()
    _offsets(verdict, evidence)
    evidence = evidence.without(chat.foreign)
    log = evidence.records[EVENTS]
    poison = _poison(evidence)
    replays = {
        partition: replay(
            Home(topic=EVENTS, partition=partition), records, SECRETS, policy, poison[partition]
        )
        for partition, records in log.items()
    }
    _inputs(verdict, evidence, chat)
    for partition, quiet in replays.items():
        _store(verdict, partition, quiet, evidence.stored[partition], log[partition])
        _letters(verdict, partition, quiet, evidence)
    _other_letters(verdict, evidence, chat.foreign)
    decided = _decisions(verdict, replays, evidence)
    _report(verdict, decided, evidence)
    _control(verdict, decided, evidence, chat)
    came = {name: at for quiet in replays.values() for name, at in quiet.came.items()}
    _delay(verdict, decided, evidence, came)
    _places(verdict, decided, desks)
    _audit(verdict, audit, chat.foreign)
    return verdict


def _poison(evidence: Evidence) -> dict[int, set[int]]:
    """Offsets that were given up because workers died at them."""
    found: dict[int, set[int]] = defaultdict(set)
    for record in evidence.of(DEAD_LETTERS):
        letter = read_dead_letter(_raw(record))
        if letter is not None and letter.reason == "poison" and letter.origin.topic == EVENTS:
            found[letter.origin.partition].add(letter.origin.offset)
    return found


def _inputs(verdict: Verdict, evidence: Evidence, chat: Chat) -> None:
    """Check that everything that Kafka acknowledged is on the log."""
    there = {(record.key, record.value) for record in evidence.of(EVENTS)}
    for sent in chat.acknowledged:
        if (sent.key, sent.value) not in there:
            verdict.find("lost", f"acknowledged, and not on the log: {sent.key!r}")


def _store(
    verdict: Verdict, partition: int, quiet: Quiet, stored: Stored, records: list[ConsumerRecord]
) -> None:
    verdict.counts["events"] += quiet.events
    verdict.counts["sent again"] += quiet.again
    where = f"partition {partition}"
    if records and stored.mark != records[-1].offset:
        verdict.find(
            "lost", f"{where}: the mark is {stored.mark}, the log ends {records[-1].offset}"
        )
    for name, kept in quiet.kept.items():
        there = stored.turns.get(name, [])
        if there != kept.turns:
            kind: Kind = "twice" if len(there) > len(kept.turns) else "lost"
            what = f"{len(there)} turns, the replay has {len(kept.turns)}"
            verdict.find(kind, f"{where}: {name}: {what}")
        if stored.states.get(name) != kept.blob:
            verdict.find("wrong", f"{where}: {name}: the state is not the replay's")
        if stored.ids.get(name, set()) != kept.ids:
            verdict.find("wrong", f"{where}: {name}: the event ids are not the replay's")
        due = next_due(decode_state(name, kept.blob))
        timer = stored.timers.get(name)
        if due is not None and (timer is None or timer > due):
            verdict.find("lost", f"{where}: {name}: due at {due}, its timer says {timer}")
    for name in stored.states.keys() - quiet.kept.keys():
        verdict.find("wrong", f"{where}: {name}: stored, but not in the replay")


def _letters(verdict: Verdict, partition: int, quiet: Quiet, evidence: Evidence) -> None:
    found: Counter[int] = Counter()
    for record in evidence.of(DEAD_LETTERS):
        letter = read_dead_letter(_raw(record))
        if letter is not None and letter.origin[:2] == (EVENTS, partition):
            found[letter.origin.offset] += 1
    verdict.counts["dead letters"] += len(quiet.rejected)
    verdict.counts["repeated"] += found.total() - len(found)
    for offset in quiet.rejected.keys() - found.keys():
        verdict.find("lost", f"partition {partition}: offset {offset} refused, in no dead letter")
    for offset in found.keys() - quiet.rejected.keys():
        verdict.find("wrong", f"partition {partition}: offset {offset} dead-lettered, but readable")


def _other_letters(
    verdict: Verdict, evidence: Evidence, foreign: Collection[tuple[str, int, int]]
) -> None:
    """Desks answer what they were handed, and our own records are good: nothing is refused.

    What is foreign is, wherever a worker reads it that has dead letters.
    """
    left = {place for place in foreign if place[0] not in (EVENTS, LEDGER)}
    for record in evidence.of(DEAD_LETTERS):
        letter = read_dead_letter(_raw(record))
        if letter is None:
            verdict.find("wrong", f"dead-letters: offset {record.offset} is none")
        elif tuple(letter.origin) in foreign:
            left.discard(tuple(letter.origin))
        elif letter.origin.topic != EVENTS:
            verdict.find("lost", f"{letter.origin}: {letter.reason}: {letter.detail}")
    for place in sorted(left):
        verdict.find("lost", f"{place}: foreign, and in no dead letter")


def _decisions(
    verdict: Verdict, replays: dict[int, Quiet], evidence: Evidence
) -> dict[str, Decision]:
    """Compare what was published with the replay's; return the replay's decisions by id."""
    expected: dict[str, bytes] = {}
    decided: dict[str, Decision] = {}
    for quiet in replays.values():
        for output in quiet.outputs:
            if output.topic == DECISIONS and output.value is not None:
                decision = decode_message(Decision, output.value)
                expected[decision.decision_id] = output.value
                decided[decision.decision_id] = decision
    published: Counter[str] = Counter()
    last: dict[str, int] = {}
    for record in evidence.of(DECISIONS):
        decision = decode_message(Decision, record.value)
        published[decision.decision_id] += 1
        if decision.decision_id not in expected:
            verdict.find("twice", f"decided, but not by the replay: {_about(decision)}")
        elif expected[decision.decision_id] != record.value:
            verdict.find("twice", f"decided with other bytes: {_about(decision)}")
        if published[decision.decision_id] == 1:
            if decision.seq <= last.get(decision.conversation_id, -1):
                verdict.find("wrong", f"decided out of order: {_about(decision)}")
            last[decision.conversation_id] = decision.seq
    for missing in expected.keys() - published.keys():
        verdict.find("lost", f"decided, but not published: {_about(decided[missing])}")
    verdict.counts["decisions"] = len(expected)
    verdict.counts["repeated"] += published.total() - len(published)
    opened = {d.escalation_id for d in decided.values() if d.action in ("escalate", "claim")}
    verdict.counts["escalations"] = len(opened)
    _outcomes(verdict, decided.values(), opened)
    return decided


def _outcomes(verdict: Verdict, decided: Iterable[Decision], opened: set[str | None]) -> None:
    ended = Counter(d.escalation_id for d in decided if d.outcome is not None)
    for escalation, times in ended.items():
        if times > 1:
            verdict.find("twice", f"{escalation} ended {times} times")
        if escalation not in opened:
            verdict.find("wrong", f"{escalation} ended and was never opened")
    verdict.counts["ended"] = len(ended)


def _report(verdict: Verdict, decided: dict[str, Decision], evidence: Evidence) -> None:
    """Compare the table of what the outcomes worker wrote with that of the replay, byte by byte."""
    by = ("reason", "queue", "day")
    replayed = [one for decision in decided.values() if (one := outcome_of(decision))]
    ids = {one.decision_id for one in replayed}
    read = [decode_message(OutcomeRecord, record.value) for record in evidence.of(OUTCOMES)]
    # Hostile customers have outcomes, too; hostile producers only write what looks like one.
    written = [
        one for one in read if one.decision_id in ids or not one.conversation_id.startswith(FOREIGN)
    ]
    tables = [orjson.dumps(as_data(report_of(records, by))) for records in (written, replayed)]
    if tables[0] != tables[1]:
        found = {one.decision_id for one in written}
        detail = f"{len(ids - found)} records are missing, {len(found - ids)} too many"
        verdict.find("wrong", f"the outcomes are not the replay's: {detail}")
    verdict.counts["outcomes"] = len(replayed)


def _control(
    verdict: Verdict, decided: dict[str, Decision], evidence: Evidence, chat: Chat
) -> None:
    """Every change is told once and in order; the chat system ends with the right owner."""
    told = _told(verdict, evidence)
    for decision_id in told.keys() - decided.keys():
        verdict.find("wrong", f"told of decision {decision_id}, which was not made")
    final: dict[str, Decision] = {}
    for decision_id, decision in decided.items():
        things = len(told.get(decision_id, ()))
        if things > 1:
            verdict.find("twice", f"the chat system was told two things: {_about(decision)}")
        if decision.action == "update" or decision.action not in _CONTROLLED:
            # An `update` is told only when the wait has changed.
            continue
        final[decision.conversation_id] = decision
        if things == 0:
            verdict.find("lost", f"the chat system was not told: {_about(decision)}")
    for name, decision in final.items():
        seen = chat.conversations.get(name)
        if seen is None or seen.owner != decision.owner:
            verdict.find("wrong", f"the chat system has another owner: {_about(decision)}")
    for (name, seq), times in Counter((name, seq) for name, seq, _ in chat.shown).items():
        if times > 1:
            verdict.find("twice", f"{name}: {times} notices for seq {seq}")
    verdict.counts["notices"] = len(chat.shown)


def _told(verdict: Verdict, evidence: Evidence) -> dict[str, set[tuple[Any, ...]]]:
    """Return the messages to the chat system by decision; one that came too late has no effect."""
    told: dict[str, set[tuple[Any, ...]]] = defaultdict(set)
    last: dict[str, int] = {}
    for record in evidence.of(CONTROL):
        control = decode_message(Control, record.value)
        before = last.get(control.conversation_id, -1)
        if control.caused_by in told:
            verdict.counts["repeated"] += 1
        elif control.seq <= before:
            verdict.find("lost", f"{control.conversation_id}: told too late of seq {control.seq}")
        last[control.conversation_id] = max(before, control.seq)
        said = (control.epoch, control.seq, control.owner, control.ai_may_reply, control.text)
        told[control.caused_by].add(said)
    return told


def _delay(
    verdict: Verdict,
    decided: dict[str, Decision],
    evidence: Evidence,
    came: Mapping[tuple[str, str], int],
) -> None:
    """Return the longest time from the log to the chat system, by the records' own times."""
    told: set[str] = set()
    for record in sorted(evidence.of(CONTROL), key=lambda one: int(one.timestamp)):
        decision = decided.get(decode_message(Control, record.value).caused_by)
        if decision is None or decision.decision_id in told:
            continue
        told.add(decision.decision_id)
        at = came.get((decision.conversation_id, decision.trigger_event_id))
        if at is not None and not decision.conversation_id.startswith(FOREIGN):
            took = (record.timestamp - at) / 1000
            verdict.delay = max(verdict.delay, (took, _about(decision)))


def _places(verdict: Verdict, decided: dict[str, Decision], desks: Desks) -> None:
    """Check that each waiting escalation shows in exactly one place, and any other in none."""
    waits: dict[str, list[str]] = defaultdict(list)
    for (escalation, place), (_, here) in desks.places.items():
        if here:
            waits[escalation].append(place)
    final: dict[str, Decision] = {}
    for decision in decided.values():
        if decision.escalation_id is not None and decision.action not in _ASIDE:
            final[decision.escalation_id] = decision
    for escalation, places in waits.items():
        if len(places) > 1:
            verdict.find("twice", f"{escalation} waits on {' and '.join(sorted(places))}")
        known = final.get(escalation)
        if known is None or known.owner != "pending":
            verdict.find(
                "twice", f"{escalation} still waits on {', '.join(places)}, but should not"
            )
    for escalation, decision in final.items():
        pending = decision.owner == "pending" and decision.outcome is None
        if pending and not waits.get(escalation):
            verdict.find("lost", f"waits nowhere: {_about(decision)}")


def _offsets(verdict: Verdict, evidence: Evidence) -> None:
    for topic, partitions in evidence.records.items():
        for partition, records in partitions.items():
            offsets = [record.offset for record in records]
            compacted = topic == "escalation-ledger"
            if not compacted and offsets != [*range(offsets[0], offsets[0] + len(offsets))]:
                verdict.find("wrong", f"{topic}[{partition}]: gaps between offsets")


def _audit(
    verdict: Verdict, audit: dict[str, Any], foreign: Collection[tuple[str, int, int]]
) -> None:
    """Foreign records on a topic that only we write are findings, once each; nothing else is."""
    unknown = {
        f"{topic}[{partition}] offset {offset}"
        for topic, partition, offset in foreign
        if topic in (DECISIONS, LEDGER)
    }
    verdict.counts["open"] = audit["counts"]["open"]
    opened, ended = verdict.counts["escalations"], verdict.counts["ended"]
    if opened - ended != audit["counts"]["open"]:
        verdict.find(
            "lost", f"{opened} opened, {ended} ended, {audit['counts']['open']} in the audit"
        )
    for finding in audit["findings"]:
        place = finding["detail"].partition(":")[0]
        if finding["kind"] == "unknown_record" and place in unknown:
            unknown.discard(place)
            continue
        kind: Kind = "twice" if finding["kind"] in _TWICE else "lost"
        verdict.find(kind, f"audit: {finding['kind']}: {finding['detail']}")
    for place in sorted(unknown):
        verdict.find("wrong", f"audit: says nothing of {place}")


def _about(decision: Decision) -> str:
    what = decision.outcome or decision.cause or decision.reason
    return f"{decision.conversation_id} seq {decision.seq} {decision.action} {what}"


def _raw(record: ConsumerRecord) -> Raw:
    return Raw(record.key, record.value, record.headers, record.timestamp)
