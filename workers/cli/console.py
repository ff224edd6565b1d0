"""`handoff console`: the pages for those who watch, and a desk and a chat for trying it."""

import asyncio
from pathlib import Path
from typing import Final

import click

from workers.cli.common import (
    CliError,
    kafka_option,
    read_topics,
    redis_option,
    settings_from,
    topics_option,
)
from workers.cli.supervised import end_with_supervisor
from workers.cli.worker import setup_logging

CONSOLE_PORT: Final = 8765


@click.command()
@kafka_option
@redis_option
@topics_option
@click.option(
    "--listen",
    envvar="HANDOFF_CONSOLE_LISTEN",
    default=f"127.0.0.1:{CONSOLE_PORT}",
    show_default=True,
    metavar="HOST:PORT",
    help="Address to listen on (HANDOFF_CONSOLE_LISTEN); port 0 takes a free one. An address "
    "beyond this machine needs --tokens.",
)
@click.option(
    "--data",
    envvar="HANDOFF_CONSOLE_DATA",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that keeps the view (HANDOFF_CONSOLE_DATA), so that a start need not read "
    "the topics again; a temporary one when absent.",
)
@click.option(
    "--tokens",
    envvar="HANDOFF_CONSOLE_TOKENS_FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of people, roles and tokens (HANDOFF_CONSOLE_TOKENS_FILE); docs/console.md.",
)
@click.option(
    "--workers",
    envvar="HANDOFF_CONSOLE_WORKERS",
    default="",
    metavar="URL[,…]",
    help="Health addresses of workers to show, as in http://host:9464 (HANDOFF_CONSOLE_WORKERS).",
)
@click.option(
    "--user-header",
    envvar="HANDOFF_CONSOLE_USER_HEADER",
    metavar="NAME",
    help="Header in which a proxy names the person (HANDOFF_CONSOLE_USER_HEADER).",
)
@click.option(
    "--proxies",
    envvar="HANDOFF_CONSOLE_PROXIES",
    default="",
    metavar="ADDRESS[,…]",
    help="Addresses of trusted proxies (HANDOFF_CONSOLE_PROXIES).",
)
def console(
    kafka: str | None,
    redis: str | None,
    topics: Path,
    listen: str,
    data: Path | None,
    tokens: Path | None,
    workers: str,
    user_header: str | None,
    proxies: str,
) -> None:
    """Serve the console until stopped: what happens now, every conversation, a desk and a chat.

    It reads the topics and the store, decides nothing, and runs without workers, too. Every
    visitor on this machine is a lead; to listen elsewhere it needs a file of people and tokens.
    """
    from workers.console.access import admission
    from workers.console.console_server import ConsoleOptions, serve
    from workers.errors import ConfigurationError

    end_with_supervisor()
    setup_logging("INFO", "console")
    settings = settings_from(kafka=kafka, redis=redis)
    declared = read_topics(topics)
    host, port = _address(listen)
    try:
        options = ConsoleOptions(
            host,
            port,
            admission(host, tokens, user_header, proxies, declared),
            data,
            [address.strip().rstrip("/") for address in workers.split(",") if address.strip()],
        )
        asyncio.run(serve(settings, declared, options, _say_where))
    except ConfigurationError as error:
        raise CliError(str(error), error.exit_code) from None
    except ValueError as error:
        raise CliError(str(error), exit_code=2) from None


def _say_where(address: str) -> None:
    click.echo(f"the console is at {address}", err=True)


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise CliError(f"--listen {listen!r}: write HOST:PORT, as in 127.0.0.1:{CONSOLE_PORT}", 2)
    return host.strip("[]"), int(port)
