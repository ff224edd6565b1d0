"""Decisions of the shipped policies on recorded conversations of AI agents, by domain and rule.

`python -m benchmarks.conversations --data FOLDER`: FOLDER holds `conversations.jsonl.gz`, chat logs
whose metadata say `should_transfer`, `transferred` and `transfer_message`. Each is imported and
decided over as `handoff import` and `handoff replay` do; nothing of its text is printed.
"""

import argparse
import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
from rich.console import Console
from rich.table import Table

from workers.chatlogs.convert import import_conversation
from workers.contracts.codec import Raw, decode_event, decode_message
from workers.contracts.decisions import ClassificationRequest, Decision, Home
from workers.contracts.events import Message
from workers.contracts.ids import derive
from workers.contracts.topics import CLASSIFICATIONS, DECISIONS, EVENTS
from workers.conversation.fold import Incoming, fold_chunk
from workers.conversation.partition_meta import starting_meta
from workers.data import data_path
from workers.replay.counts import is_opening
from workers.settings import load_settings

POLICIES: Final = ("default", "basic")
_HOME: Final = Home(topic=EVENTS, partition=0)
_NEVER: Final = 2**53


class Told(NamedTuple):
    """One conversation under one policy; positions count its messages from 0."""

    conversation_id: str
    domain: str
    should: bool | None
    """True if the reference says that a person was needed; None: it does not say."""
    transferred: int | None
    """The message in which the AI agent itself calls for a person."""
    customers: int
    opened: int | None
    """The message at which a person was called for."""
    rule: str | None
    offered: int | None
    """The message at which the customer was first offered one."""
    recommended: int | None
    asked: list[tuple[str, ...]]
    """Reasons for asking the classifier, for each question."""
    said: Counter[str]
    """Decisions by rule and action."""

    @property
    def when(self) -> str:
        """Return the position of the escalation relative to the AI agent's own transfer."""
        if self.opened is None:
            return "never"
        if self.transferred is None:
            return "no transfer"
        if self.opened < self.transferred:
            return "before"
        return "with it" if self.opened <= self.transferred + 2 else "after"


def conversations(folder: Path) -> Iterator[dict[str, Any]]:
    """The chat logs in a folder."""
    with gzip.open(folder / "conversations.jsonl.gz") as file:
        for line in file:
            yield orjson.loads(line)


def replayed(log: dict[str, Any], policy: str) -> Told:
    """Import one chat log and decide over it."""
    imported = import_conversation(log, 0)
    conversation, metadata = imported.conversation_id, log["metadata"]
    incoming = []
    for offset, value in enumerate(imported.events):
        raw = Raw(conversation.encode(), value, (), _NEVER)
        incoming.append(Incoming(offset, _NEVER, decode_event(raw), raw))
    folded = fold_chunk(incoming, {}, {}, starting_meta(policy), _HOME, keeps_time=True)
    position = _positions(conversation, len(log["messages"]))
    events = [one.event for one in incoming]
    first: dict[str, int] = {}
    said: Counter[str] = Counter()
    rule = None
    asked: list[tuple[str, ...]] = []
    for output in folded.outputs:
        if output.topic == CLASSIFICATIONS:
            asked.append(decode_message(ClassificationRequest, output.value).doubts)
        if output.topic != DECISIONS:
            continue
        decision = decode_message(Decision, output.value)
        event = events[output.offset]
        at = position[event.event_id] if event is not None else 0
        said[f"{decision.rule or 'none'} {decision.action}"] += 1
        kind = "escalate" if is_opening(decision) else decision.action
        if kind == "escalate" and "escalate" not in first:
            rule = decision.rule
        first.setdefault(kind, at)
    return Told(
        conversation_id=conversation,
        domain=metadata["domain"],
        should=metadata["should_transfer"],
        transferred=metadata["transfer_message"] if metadata["transferred"] else None,
        customers=sum(
            1 for event in events if isinstance(event, Message) and event.role == "customer"
        ),
        opened=first.get("escalate"),
        rule=rule,
        offered=first.get("offer"),
        recommended=first.get("recommend"),
        asked=asked,
        said=said,
    )


def _positions(conversation: str, messages: int) -> dict[str, int]:
    """The position of the message that each event was made of."""
    return {
        derive("import", conversation, index + 1, part): index
        for index in range(messages)
        for part in range(2)
    }


def run(folder: Path, *, listed: bool) -> None:
    """Replay every conversation under both policies and print what became of them."""
    logs = list(conversations(folder))
    console = Console(width=130, highlight=False)
    for name in POLICIES:
        policy = data_path(f"policies/{name}.yaml").read_text(encoding="utf-8")
        told = [replayed(log, policy) for log in logs]
        console.print(_rates(name, told))
        _leads(console, told)
        console.print(_rules(name, told))
        _costs(console, told)
        if listed:
            _list(told)


def _rates(name: str, told: list[Told]) -> Table:
    table = Table(title=f"policies/{name}.yaml", title_justify="left")
    table.add_column("domain")
    for column in (
        "conversations", "AI's own transfers", "escalated", "offered only",
        "should: caught", "should not: escalated", "before any transfer",
        "transfers caught", "before / with / after",
    ):  # fmt: skip
        table.add_column(column, justify="right")
    domains = sorted({one.domain for one in told})
    for domain in [*domains, "all"]:
        table.add_row(domain, *_row([one for one in told if domain in (one.domain, "all")]))
    return table


def _row(told: list[Told]) -> list[str]:
    escalated = [one for one in told if one.opened is not None]
    transferred = [one for one in told if one.transferred is not None]
    caught = Counter(one.when for one in transferred)
    should = [one for one in told if one.should]
    not_needed = [one for one in told if one.should is False]
    wrongly = [one for one in not_needed if one.opened is not None]
    unprompted = [one for one in wrongly if one.when in ("before", "no transfer")]
    return [
        str(len(told)),
        _share(len(transferred), len(told)),
        _share(len(escalated), len(told)),
        str(sum(1 for one in told if one.opened is None and one.offered is not None)),
        f"{sum(1 for one in should if one.opened is not None)} of {len(should)}",
        _share(len(wrongly), len(not_needed)),
        str(len(unprompted)),
        f"{len(transferred) - caught['never']} of {len(transferred)}",
        f"{caught['before']} / {caught['with it']} / {caught['after']}",
    ]


def _leads(console: Console, told: list[Told]) -> None:
    """Say how many messages before the AI agent's own transfer a person was called for."""
    leads = sorted(
        one.transferred - one.opened
        for one in told
        if one.opened is not None and one.transferred is not None
    )
    console.print(
        f"messages before the AI's own transfer: 0 or after it {sum(n < 1 for n in leads)}, "
        f"1 {leads.count(1)}, 2 to 5 {sum(1 < n < 6 for n in leads)}, "
        f"more {sum(n > 5 for n in leads)}"
    )


def _share(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.0%})" if whole else "none"


def _rules(name: str, told: list[Told]) -> Table:
    """Conversations by the rule that called a person, and what rules said otherwise."""
    table = Table(title=f"by rule, policies/{name}.yaml", title_justify="left")
    table.add_column("rule")
    for column in ("escalated first", "of which should", "should not", "AI had transferred"):
        table.add_column(column, justify="right")
    table.add_column("decisions in all")
    rules = sorted({key.rsplit(" ", 1)[0] for one in told for key in one.said})
    total: Counter[str] = Counter()
    for one in told:
        total += one.said
    for rule in rules:
        first = [one for one in told if one.rule == rule]
        actions = sorted(
            (key.rsplit(" ", 1)[1], n) for key, n in total.items() if key.rsplit(" ", 1)[0] == rule
        )
        table.add_row(
            rule,
            str(len(first)),
            str(sum(1 for one in first if one.should)),
            str(sum(1 for one in first if one.should is False)),
            str(sum(1 for one in first if one.when in ("with it", "after"))),
            ", ".join(f"{action} {n}" for action, n in actions),
        )
    return table


_TOKENS: Final = (1_000, 50)
"""Tokens of a question and of an answer, estimated from their length; docs/classifier.md says how.
"""


def _costs(console: Console, told: list[Told]) -> None:
    """Say how often the classifier would be asked, and what that costs at the default prices."""
    settings = load_settings()
    asked = [one for one in told if one.asked]
    calls = sum(len(one.asked) for one in told)
    why = Counter(doubt for one in told for doubts in one.asked for doubt in doubts)
    each = (
        _TOKENS[0] * settings.classifier_input_price + _TOKENS[1] * settings.classifier_output_price
    ) / 1e6
    messages = sum(one.customers for one in told)
    console.print(
        f"classifier: {calls:,} questions about {messages:,} customer messages, in {len(asked)} "
        f"conversations: {1000 * calls * each / len(told):.4f} dollars per thousand conversations"
    )
    console.print("  because of", ", ".join(f"{doubt} {n}" for doubt, n in why.most_common()))


def _list(told: list[Told]) -> None:
    for one in sorted(told, key=lambda one: (one.domain, one.conversation_id)):
        missed = one.opened is None and (one.should or one.transferred is not None)
        wrong = one.should is False and one.opened is not None
        if missed or wrong or one.should:
            kind = "missed" if missed else "should not" if wrong else "should"
            print(
                f"{kind:10} {one.domain:8} {one.conversation_id} rule {one.rule} at {one.opened}, "
                f"transfer {one.transferred} ({one.when}), offered {one.offered}, "
                f"told {one.recommended}"
            )


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.conversations", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--list", action="store_true", help="name misses and false alarms")
    arguments = parser.parse_args()
    run(arguments.data, listed=arguments.list)


if __name__ == "__main__":
    main()
