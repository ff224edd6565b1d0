"""`handoff notices check`: whether a notices.yaml can be used, and how every line reads."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final

import click

from workers.cli.common import CliError, json_option, print_json, topics_option
from workers.cli.output import print_columns
from workers.contracts.calendars import Opening
from workers.contracts.control import Contact
from workers.contracts.decisions import Decision, Facts, Home
from workers.contracts.events import Customer, Wait
from workers.contracts.ledger import Plan
from workers.handoff.notice_file import KINDS, NoticeMatch, NoticeRule, load_notice_rules
from workers.handoff.notices import Circumstances, Notices, languages

_NOW: Final = datetime(2026, 11, 2, 18, 0, tzinfo=UTC)
_ABOUT: Final = Circumstances(
    contact=Contact(phone="+1 555 0100", email="support@example.com"),
    team="Billing",
    opens=Opening(1, date(2026, 11, 3), "9:00"),
)
_ON_QUEUES: Final = frozenset({"queued", "still_waiting", "passed_on", "missed", "raised"})


@click.group()
def notices() -> None:
    """Check the lines that customers are told."""


@notices.command()
@click.argument("source", metavar="[FILE]", type=click.File("rb"), required=False)
@topics_option
@json_option
def check(source: IO[bytes] | None, topics: Path, as_json: bool) -> None:
    """Say whether the notices.yaml in FILE can be used; print every line in every language.

    Without FILE the shipped texts are printed; - is standard input. Values are examples: a wait
    of 2 to 5 minutes, a deadline of 60 minutes, a queue that opens tomorrow. A text with a
    placeholder is used only when its value is known. Exit code: 0 it can be used, 1 it cannot.
    """
    lines = list(_lines(_rules(source, topics)))
    if as_json:
        print_json(lines)
    else:
        print_columns(list(lines[0]), [list(line.values()) for line in lines])


def _rules(source: IO[bytes] | None, topics: Path) -> tuple[NoticeRule, ...]:
    from workers.contracts.topics import load_topics
    from workers.contracts.yaml import YamlFileError

    if source is None:
        return ()
    name = getattr(source, "name", "-")
    name = "standard input" if name in ("-", "<stdin>") else name
    try:
        queues = load_topics(topics.read_text(encoding="utf-8"), str(topics)).queues
        return load_notice_rules(source.read().decode("utf-8"), name, languages(), queues)
    except UnicodeDecodeError as error:
        raise CliError(f"{name}: not UTF-8 at byte {error.start}: save it as UTF-8") from None
    except YamlFileError as error:
        raise CliError(str(error)) from None


def _lines(rules: tuple[NoticeRule, ...]) -> Iterator[dict[str, str]]:
    """Yield the notices for all customers, then those of single rules."""
    told = Notices(rules)
    for match in dict.fromkeys([NoticeMatch(), *(rule.match for rule in rules)]):
        whom = ", ".join(filter(None, (match.reason, match.queue, match.tier, match.channel)))
        for language in languages():
            for kind in KINDS:
                decision, plan = _example(kind, language, match)
                text = told.text(kind, decision, plan, _ABOUT)
                yield {"for": whom or "all", "language": language, "notice": kind, "text": text}


def _example(kind: str, language: str, match: NoticeMatch) -> tuple[Decision, Plan]:
    """Return a decision and a plan after which this kind is told to those of `match`."""
    on_queue = kind in _ON_QUEUES
    fields: dict[str, Any] = {"cause": "ticketed", "ticket_id": "T-1"} if kind == "ticket" else {}
    decision = Decision(
        decision_id="example",
        conversation_id="example",
        escalation_id="example",
        seq=1,
        epoch=1,
        episode=1,
        action="escalate" if kind in ("queued", "ticket_requested") else "move",
        owner="pending",
        reason=match.reason or "explicit_request",
        policy_version="example",
        policy_hash="example",
        target_queue=match.queue,
        trigger_event_id="example",
        decided_at=_NOW,
        home=Home(topic="conversation-events", partition=0),
        facts=Facts(
            turns=1,
            started_at=_NOW,
            episode_started_at=_NOW,
            customer=Customer(tier=match.tier, locale=language),
            channel=match.channel,
        ),
        **fields,
    )
    plan = Plan(
        place="queue" if on_queue else None,
        queue=match.queue,
        claim_due_at=_NOW + timedelta(minutes=60) if on_queue else None,
        wait=Wait(low_s=120, high_s=300) if on_queue else None,
        planned_at=_NOW,
    )
    return decision, plan
