"""One policy over one partition: folds runs of records and keeps count."""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from workers.contracts.codec import encode
from workers.contracts.decisions import Decision, Home
from workers.contracts.events import Message, PolicyInForce
from workers.conversation.fold import Incoming, fold_chunk, wanted
from workers.conversation.partition_meta import PartitionMeta
from workers.replay.conversation_cache import CachedConversation, Memory
from workers.replay.counts import Tally, is_opening


class Firsts:
    """The first escalation of every conversation under each policy, to be compared, on disk."""

    def __init__(self, folder: Path) -> None:
        self.db: Final = sqlite3.connect(folder / "firsts.sqlite", isolation_level=None)
        self.db.execute("PRAGMA journal_mode=OFF")
        self.db.execute("PRAGMA synchronous=OFF")
        columns = "id TEXT PRIMARY KEY, event TEXT, reason TEXT, queue TEXT"
        for lane in (0, 1):
            self.db.execute(f"CREATE TABLE lane{lane} ({columns}) WITHOUT ROWID")

    def close(self) -> None:
        """Close the file; the folder is the caller's."""
        self.db.close()

    def note(self, lane: int, decision: Decision) -> None:
        """Keep where, why and to whom a conversation was escalated first."""
        self.db.execute(
            f"INSERT OR IGNORE INTO lane{lane} VALUES (?, ?, ?, ?)",  # noqa: S608 - lane is 0 or 1
            (
                decision.conversation_id,
                decision.trigger_event_id,
                decision.reason,
                decision.target_queue,
            ),
        )


class PolicyReplay:
    """Folds what one policy, or the log's own policies, make of one partition."""

    def __init__(
        self,
        home: Home,
        meta: PartitionMeta,
        folder: Path,
        *,
        in_memory: int,
        number: int = 0,
        fixed: bool = False,
        keeps_time: bool = False,
        decisions: BinaryIO | None = None,
        firsts: Firsts | None = None,
    ) -> None:
        """Start without conversations.

        A `fixed` lane ignores the log's policy events; one that `keeps_time` reads a log without
        `deadline` events.
        """
        self._home = home
        self._meta = meta
        self._memory = Memory(folder, f"lane{number}-{home.partition}", in_memory)
        self._number = number
        self._fixed = fixed
        self._keeps_time = keeps_time
        self._decisions = decisions
        self._firsts = firsts
        self.tally = Tally()
        self.applied = 0

    def fold(self, incoming: Sequence[Incoming]) -> None:
        """Fold a run of records, in the partition's order."""
        if self._fixed:
            incoming = [one for one in incoming if type(one.event) is not PolicyInForce]
        if not incoming:
            return
        found = {id_: self._memory.get(id_) for id_ in wanted(incoming)}
        known = {id_: entry.ids for id_, entry in found.items() if entry is not None}
        states = {id_: None if entry is None else entry.state for id_, entry in found.items()}
        folded = fold_chunk(
            incoming, states, known, self._meta, self._home, keeps_time=self._keeps_time, dry=True
        )
        self._meta = folded.meta
        # What floods is counted, which is all that a second delivery does not do.
        self.applied += folded.unread
        entries = {}
        for id_, change in folded.changes.items():
            entries[id_] = self._memory.put(id_, change)
            self.applied += len(change.ids)
        self.tally.overall.conversations += sum(
            1
            for id_, entry in found.items()
            if entry is None and id_ in entries and entries[id_].ids
        )
        self._count(incoming, folded.decisions, entries)
        self._memory.trim()

    def _count(
        self,
        incoming: Sequence[Incoming],
        decisions: Iterable[tuple[int, Decision]],
        entries: dict[str, CachedConversation],
    ) -> None:
        by_offset: dict[int, list[Decision]] = {}
        for offset, decision in decisions:
            if self._decisions is not None:
                self._decisions.write(encode(decision) + b"\n")
            by_offset.setdefault(offset, []).append(decision)
        for record in incoming:
            event = record.event
            if type(event) is Message and event.agent is not None and event.role == "ai_agent":
                self.tally.spoken(event, entries[event.conversation_id].seen)
            for decision in by_offset.get(record.offset, ()):
                self._decided(decision, entries[decision.conversation_id])

    def _decided(self, decision: Decision, entry: CachedConversation) -> None:
        self.tally.decided(decision)
        if not is_opening(decision):
            return
        if not entry.escalated:
            entry.escalated = True
            self.tally.escalated(entry.seen)
        if self._firsts is not None:
            self._firsts.note(self._number, decision)

    def close(self) -> None:
        """Close the files; the tally stays."""
        self._memory.close()
