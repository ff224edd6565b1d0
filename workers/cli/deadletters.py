"""`handoff deadletters`: records that no worker could use, listed, shown or sent again."""

import asyncio
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import click

from workers.cli.common import (
    CliError,
    json_option,
    kafka_option,
    naming_servers,
    print_json,
    progress,
    require_servers,
    settings_from,
)
from workers.cli.output import print_columns
from workers.cli.time_option import Moment
from workers.contracts.characters import escaped
from workers.contracts.deadletters import Origin
from workers.contracts.rejections import REJECTION_REASONS, named
from workers.contracts.time import nearest_moment
from workers.contracts.topics import DEAD_LETTERS
from workers.handoff.wording import counted
from workers.kafka.dead_letter_topic import FoundLetter, LetterFilter, read_letters, send_again

if TYPE_CHECKING:
    from workers.settings import Settings

_PLACE: Final = re.compile(r"([a-zA-Z0-9._-]{1,249})\[([0-9]{1,9})\]@([0-9]{1,18})")


def _filters(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--since", type=Moment(), help="Only those dead-lettered from this time on."),
        click.option("--topic", metavar="TOPIC", help="Only those that were on this topic."),
        click.option(
            "--reason",
            "reasons",
            multiple=True,
            type=click.Choice(REJECTION_REASONS),
            help="Only those of this reason; may be repeated.",
        ),
    ):
        command = option(command)
    return command


@click.group()
def deadletters() -> None:
    """List records that could not be used, show one, or send them again."""


@deadletters.command("list")
@_filters
@kafka_option
@json_option
def list_letters(
    reasons: tuple[str, ...], topic: str | None, since: int | None, kafka: str | None, as_json: bool
) -> None:
    """List reason and origin, oldest first, and never the content of a message.

    Exit code: 0 printed, 1 the topic cannot be read, 2 bad usage.
    """
    settings = settings_from(kafka=kafka)
    require_servers(settings, redis=False)
    with naming_servers(settings):
        found = _read(settings, LetterFilter(reasons, topic, since))
    rows = [_row(one) for one in found]
    if as_json:
        print_json(rows)
        return
    columns = ("at", "reason", "topic", "partition", "offset", "key", "again", "detail")
    print_columns(columns, [[str(row[name]) for name in columns] for row in rows])
    click.echo(counted(len(rows), "dead letter"), err=True)


@deadletters.command()
@click.argument("record")
@kafka_option
@json_option
def show(record: str, kafka: str | None, as_json: bool) -> None:
    """Print all of one dead letter: its reason, the record as it was, and how to go on.

    RECORD is the place where it was, as `retry --dry-run` prints it: topic[partition]@offset.
    Unprintable bytes are escaped. The record is not redacted: it may hold a customer's words.

    Exit code: 0 printed, 1 there is no such dead letter, 2 bad usage.
    """
    place = _PLACE.fullmatch(record)
    if place is None:
        raise CliError(f"{named(record)}: write it as conversation-events[2]@20", 2)
    origin = Origin(place[1], int(place[2]), int(place[3]))
    settings = settings_from(kafka=kafka)
    require_servers(settings, redis=False)
    with naming_servers(settings):
        found = _read(settings, LetterFilter((), origin.topic, None))
    here = [one for one in found if one.letter.origin == origin]
    # The last one, where a topic that was made anew had another record there before.
    one = here[-1] if here else None
    if one is None:
        raise CliError(f"no dead letter of {record}: `handoff deadletters list` has them all")
    letter = one.letter
    told = {
        **_row(one),
        "key": _escaped(letter.raw.key),
        "headers": [[name, _escaped(value)] for name, value in letter.raw.headers],
        "value": _escaped(letter.raw.value),
        "next": _next_step(one),
    }
    if as_json:
        print_json(told)
        return
    headers = (f"{_escaped(name.encode())}: {value}" for name, value in told.pop("headers"))
    value, step = told.pop("value"), told.pop("next")
    for name, text in (*told.items(), *(("header", header) for header in headers)):
        click.echo(f"{name:<10} {text}")
    click.echo(f"\n{value}\n\n{step}")


def _escaped(content: bytes | None) -> str:
    if content is None:
        return "none"
    return escaped(content.decode("utf-8", "backslashreplace"))


def _next_step(one: FoundLetter) -> str:
    letter = one.letter
    if letter.cut:
        return (
            "It was too large to be kept whole: mend the sender and send it anew from its source."
        )
    if one.retried:
        return (
            "It was sent again already; if it was refused again, that is a dead letter of its own."
        )
    return (
        "If the record is wrong, mend the sender and send it anew, mended, with `handoff send`. If "
        "what reads it was wrong and is mended, send it as it is: `handoff deadletters retry "
        f"--topic {letter.origin.topic} --reason {letter.reason}`."
    )


@deadletters.command()
@_filters
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing.")
@kafka_option
@json_option
def retry(
    reasons: tuple[str, ...],
    topic: str | None,
    since: int | None,
    dry_run: bool,
    kafka: str | None,
    as_json: bool,
) -> None:
    """Send each dead letter back once, unchanged, to its topic and partition.

    Key, value and headers are the original ones, and so is the partition. Each letter that was sent
    again is marked on dead-letters and left out from then on; an event that was applied meanwhile
    is known by its event_id and changes nothing.

    Exit code: 0 all were sent, 1 some could not be and are named, 2 bad usage.
    """
    settings = settings_from(kafka=kafka)
    require_servers(settings, redis=False)
    with naming_servers(settings):
        found = _read(settings, LetterFilter(reasons, topic, since))
        sent = [one for one in found if not one.retried]
        left: dict[str, str] = {}
        if not dry_run:
            with progress("dead letters", len(sent)) as advance:
                sent, left = asyncio.run(send_again(settings, sent, advance))
    for place, problem in left.items():
        click.echo(f"{place}: not sent: {problem}", err=True)
    if as_json:
        problems = [{"record": place, "problem": problem} for place, problem in left.items()]
        places = [one.place for one in sent]
        print_json({"dry_run": dry_run, "sent": places, "not_sent": problems})
    else:
        for one in sent if dry_run else ():
            click.echo(f"{one.place}: {one.letter.reason}")
        done = "would be sent" if dry_run else "sent again"
        click.echo(f"{len(sent):,} {done}, {len(left):,} not")
    raise SystemExit(1 if left else 0)


def _row(one: FoundLetter) -> dict[str, Any]:
    letter = one.letter
    return {
        "at": nearest_moment(one.at_ms).isoformat(timespec="milliseconds"),
        "reason": escaped(letter.reason),
        "topic": escaped(letter.origin.topic),
        "partition": letter.origin.partition,
        "offset": letter.origin.offset,
        "record_at": nearest_moment(letter.raw.timestamp_ms).isoformat(timespec="milliseconds"),
        "key": _key(letter.raw.key),
        "bytes": len(letter.raw.value or b""),
        "agent": escaped(letter.agent),
        "again": "sent" if one.retried else "no",
        "detail": escaped(letter.detail),
    }


def _key(key: bytes | None) -> str:
    if key is None:
        return "none"
    return named(key.decode(errors="replace"))


def _read(settings: "Settings", wanted: LetterFilter) -> list[FoundLetter]:
    with progress(f"reading {DEAD_LETTERS}") as advance:
        return asyncio.run(read_letters(settings, wanted, advance))
