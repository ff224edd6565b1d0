"""The playbook: what to do next, by intent, reason, queue and tier, in a team's own words."""

from collections.abc import Collection, Iterator
from hashlib import sha256
from typing import Annotated, Final, NamedTuple

import msgspec
import orjson

from workers.contracts.decisions import Decision, Reason
from workers.contracts.yaml import Document, YamlFileError, convert, load_yaml, suggestion
from workers.handoff.languages import DEFAULT_LANGUAGE, code_of
from workers.handoff.wording import word_count

NEXT_WORDS: Final = 14
"""Words of a next step, so that it fits the packet beside what the facts add."""
MOST_CHECKS: Final = 5

Line = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
Words = dict[str, Line] | Line
"""Words by language, or the same for all."""


class EntryWhen(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The escalations an entry is for: all that is named must hold, one of each list."""

    intents: tuple[str, ...] = ()
    reason: Reason | tuple[Reason, ...] = ()
    queue: str | tuple[str, ...] = ()
    tier: str | tuple[str, ...] = ()


class Entry(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One entry: when it holds, the next step, what to check and links to read."""

    when: EntryWhen = EntryWhen()
    next: Words
    check: Annotated[tuple[Words, ...], msgspec.Meta(max_length=MOST_CHECKS)] = ()
    links: Annotated[tuple[Line, ...], msgspec.Meta(max_length=MOST_CHECKS)] = ()


class PlaybookFile(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The file."""

    version: str | int | float
    description: str | None = None
    entries: tuple[Entry, ...]


class Playbook(NamedTuple):
    """A playbook that was read and checked."""

    version: str
    hash: str
    entries: tuple[Entry, ...]


class Advice(NamedTuple):
    """The playbook's advice about one escalation, in the queue's language."""

    next: str
    check: tuple[str, ...]
    links: tuple[str, ...]
    hash: str
    general: bool = False
    """It holds for everything: steps that the conversation suggests go before it."""


def load_playbook(text: str, name: str, queues: Collection[str] | None = None) -> Playbook:
    """Return the playbook of a YAML text; raises YamlFileError, which names file and line.

    With `queues`, the names that exist, every queue that an entry names must be among them.
    """
    document = load_yaml(text, name)
    file = convert(document, PlaybookFile)
    for problem in _problems(document, file, queues):
        raise problem
    content = orjson.dumps(document.data, option=orjson.OPT_SORT_KEYS)
    return Playbook(str(file.version), sha256(content).hexdigest()[:12], file.entries)


def _problems(
    document: Document, file: PlaybookFile, queues: Collection[str] | None
) -> Iterator[YamlFileError]:
    for at, entry in enumerate(file.entries):
        texts = entry.next if isinstance(entry.next, dict) else {"": entry.next}
        for language, text in texts.items():
            path: list[str | int] = ["entries", at, "next", *([language] if language else [])]
            if word_count(text) > NEXT_WORDS:
                yield document.error(path, f"{word_count(text)} words: use at most {NEXT_WORDS}")
        if isinstance(entry.next, dict) and DEFAULT_LANGUAGE not in entry.next:
            yield document.error(("entries", at, "next"), f"no {DEFAULT_LANGUAGE}: add it")
        for number, check in enumerate(entry.check):
            if isinstance(check, dict) and DEFAULT_LANGUAGE not in check:
                where = ("entries", at, "check", number)
                yield document.error(where, f"no {DEFAULT_LANGUAGE}: add it")
        for queue in _listed(entry.when.queue):
            if queues is not None and queue not in queues:
                yield document.error(
                    ("entries", at, "when", "queue"), suggestion(queue, sorted(queues))
                )


def advise(playbook: Playbook, decision: Decision, queue: str | None, language: str) -> Advice:
    """Return what the first entry that holds says; nothing where none does."""
    entry = next((one for one in playbook.entries if _holds(one.when, decision, queue)), None)
    if entry is None:
        return Advice("", (), (), playbook.hash)
    check = tuple(_in(language, one) for one in entry.check)
    general = entry.when == EntryWhen()
    return Advice(_in(language, entry.next), check, entry.links, playbook.hash, general)


def _holds(when: EntryWhen, decision: Decision, queue: str | None) -> bool:
    facts = decision.facts
    tier = facts.customer.tier if facts.customer is not None else None
    named = (
        (when.intents, set(facts.intents)),
        (_listed(when.reason), {decision.reason}),
        (_listed(when.queue), {queue}),
        (_listed(when.tier), {tier}),
    )
    return all(not wanted or not found.isdisjoint(wanted) for wanted, found in named)


def _listed(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def _in(language: str, words: Words) -> str:
    if isinstance(words, str):
        return words
    return words.get(code_of(language)) or words[DEFAULT_LANGUAGE]
