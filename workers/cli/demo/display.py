"""The demo's terminal output: events as they happen, and the results."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from workers.cli.demo.checks import ConversationSummary, problems, story
from workers.cli.demo.data import Conversation, Stage
from workers.contracts.decisions import Decision
from workers.embedded.simulators import SimulatedSystems

_LOOK_S: Final = 0.1
_WIDE: Final = 105
"""Columns from which on reason and queue have columns of their own."""
_STYLES: Final[Mapping[str, str]] = {
    "escalate": "yellow",
    "offer": "cyan",
    "recommend": "cyan",
    "suppress": "dim",
    "move": "magenta",
    "claim": "green",
    "refuse": "red",
    "transfer": "magenta",
    "return": "blue",
    "outcome": "blue",
    "update": "dim",
    "rate": "dim",
}


class Narrator:
    """Prints a line for each decision as soon as it is on its topic."""

    def __init__(
        self, console: Console, conversations: Sequence[Conversation], stage: Stage
    ) -> None:
        self._console = console
        self._conversations = {one.id: one for one in conversations}
        self._stage = stage
        self._started = time.monotonic()
        self._told = 0

    async def follow(self, outside: SimulatedSystems) -> None:
        """Print until cancelled."""
        while True:
            self.tell(outside)
            await asyncio.sleep(_LOOK_S)

    def tell(self, outside: SimulatedSystems) -> None:
        """Print what was decided since the last call."""
        decisions = list(outside.decisions.values())
        for decision in decisions[self._told :]:
            self._line(decision)
        self._told = len(decisions)

    def _line(self, decision: Decision) -> None:
        conversation = self._conversations.get(decision.conversation_id)
        name = decision.conversation_id
        who = conversation.customer.name if conversation else ""
        at = f"{time.monotonic() - self._started:5.1f} s"
        line = Text(f"{at}  {name:<22} {who or '':<18} ")
        line.append(self._what(decision), style=_STYLES[decision.action])
        self._console.print(line, no_wrap=True, overflow="ellipsis")

    def _what(self, decision: Decision) -> str:
        cause = (decision.cause or "").replace("_", " ")
        match decision.action:
            case "escalate":
                return f"escalated: {decision.reason} → {decision.target_queue}{_words(decision)}"
            case "offer":
                return f"offered a person: {decision.reason}{_words(decision)}"
            case "recommend":
                return f"the AI is told to consider a person: {decision.reason}"
            case "suppress":
                return f"kept silent, {cause}: {decision.rule or decision.reason}"
            case "move":
                level = f", level {decision.level}" if decision.level else ""
                return f"{cause} → {decision.target_queue}{level}"
            case "claim":
                return f"{self._person(decision)} takes it, knowing the whole conversation"
            case "refuse":
                return f"{self._person(decision)} is refused: {cause}"
            case "transfer":
                return f"{self._person(decision)} transfers it → {decision.target_queue}"
            case _:
                return _aside(decision)

    def _person(self, decision: Decision) -> str:
        person = self._stage.people.get(decision.person or "")
        return person.name if person else decision.person or "a person"


def _aside(decision: Decision) -> str:
    if decision.action == "rate":
        return f"rated {decision.csat} of 5"
    return "still waits" if decision.action == "update" else f"ended: {decision.outcome}"


def _words(decision: Decision) -> str:
    quote = next((one.quote for one in decision.evidence if one.quote), None)
    return f' "{quote}"' if quote else ""


def results(told: Sequence[ConversationSummary], stage: Stage, width: int) -> Table:
    """Return the table of the conversations; those in which nothing was decided share a row."""
    table = Table(
        # Some customers wrote before the demo begins.
        title="What became of the conversations (waits by the customers' own clocks)",
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    wide = width >= _WIDE
    table.add_column("conversation", style="bold", no_wrap=True)
    table.add_column("what happened", ratio=1, min_width=24)
    if wide:
        table.add_column("reason", no_wrap=True)
        table.add_column("queue", no_wrap=True)
    table.add_column("wait", justify="right", no_wrap=True)
    table.add_column("outcome", no_wrap=True)
    table.add_column("", no_wrap=True)
    quiet = [one for one in told if not one.decisions and not problems(one)]
    for one in sorted(told, key=lambda one: (one.opening is None, one.conversation.starts_s)):
        if one not in quiet:
            table.add_row(*_row(one, stage, wide=wide))
    names = f"the AI agent settled them: {', '.join(one.conversation.id for one in quiet)}"
    place = ["", ""] if wide else []
    table.add_row(f"{len(quiet)} others", names, *place, "", "nobody needed", "[green]✓[/green]")
    return table


def _row(one: ConversationSummary, stage: Stage, *, wide: bool) -> list[str]:
    happened = f"[dim]{one.conversation.industry}[/dim]: {story(one, stage)}"
    reason, queue = "", ""
    if one.opening is not None:
        reason, queue = one.opening.reason or "", one.queue or ""
    wait = "" if one.wait_s is None else f"{one.wait_s:.0f} s"
    ended = one.outcome or ("open" if one.opening else "nobody needed")
    as_expected = "[red]✗[/red]" if problems(one) else "[green]✓[/green]"
    if wide:
        return [one.conversation.id, happened, reason, queue, wait, ended, as_expected]
    if reason:
        happened += f" ({reason} → {queue})"
    return [one.conversation.id, happened, wait, ended, as_expected]
