"""The log that a command replays: files of events, or the topic itself."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from workers.chatlogs.event_files import local_files
from workers.cli.common import CliError, naming_servers, require_servers, settings_from
from workers.cli.input_check import require_event_files
from workers.cli.policy_option import PolicyText
from workers.errors import EXIT_DEAD_LETTERS
from workers.replay.backtest import CandidatePolicy
from workers.replay.planning import Asked, Prepared, plan_files, plan_topic


class LogSource(NamedTuple):
    """Files, or with `topic` the log on Kafka between two of its timestamps in milliseconds."""

    files: tuple[str, ...]
    topic: str | None
    since: int | None
    until: int | None
    kafka: str | None

    def names(self) -> list[str]:
        """Return the names of the files, or of the topic, for a report."""
        if self.topic is not None:
            return [f"topic {self.topic}"]
        return ["standard input" if name == "-" else name for name in self.files]


@contextmanager
def planned(
    source: LogSource, candidates: Sequence[CandidatePolicy], default: PolicyText, asked: Asked
) -> Iterator[Prepared]:
    """Yield the plan of a replay; the files it names exist until the block is left."""
    if source.topic is None:
        with local_files(source.files) as paths:
            require_event_files(paths)
            yield plan_files(paths, candidates, default.text, asked, default_name=default.name)
        return
    settings = settings_from(kafka=source.kafka)
    require_servers(settings, redis=False)
    with naming_servers(settings):
        prepared = plan_topic(
            settings, source.topic, candidates, default.text, asked, default_name=default.name,
            since_ms=source.since, until_ms=source.until,
        )  # fmt: skip
        if not prepared.plan.homes:
            raise CliError(f"{source.topic}: no such topic at {settings.kafka_bootstrap}")
        yield prepared


def require_events(records: int, events: int) -> None:
    """Raise CliError when there were lines and none of them was an event."""
    if records and not events:
        raise CliError(f"none of the {records:,} lines is an event", EXIT_DEAD_LETTERS)
