"""`handoff bridge`: events over HTTP."""

import asyncio
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workers.cli.common import CliError, kafka_option, read_topics, settings_from, topics_option
from workers.cli.worker import loop_factory, setup_logging

if TYPE_CHECKING:
    from workers.bridge.routes import Keys
    from workers.bridge.senders import Senders
    from workers.settings import Settings


@click.group(invoke_without_command=True)
@kafka_option
@topics_option
@click.option(
    "--senders",
    envvar="HANDOFF_BRIDGE_SENDERS",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Who may post what (HANDOFF_BRIDGE_SENDERS); see docs/bridge.md.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8088, show_default=True, type=click.IntRange(1, 65_535))
@click.option(
    "--log-level",
    envvar="HANDOFF_LOG_LEVEL",
    default="INFO",
    type=click.Choice(("DEBUG", "INFO", "WARNING", "ERROR"), case_sensitive=False),
    help="Of our own messages; those of libraries stay at warnings.",
)
@click.pass_context
def bridge(context: click.Context, /, **options: Any) -> None:
    """Take events over HTTP until told to stop, from systems without a Kafka client.

    An answer of 200 says that Kafka has acknowledged every event of the post. TLS is for the proxy
    in front of it.
    """
    if context.invoked_subcommand is None:
        _serve(options)


@bridge.command()
@click.argument("sender")
def token(sender: str) -> None:
    """Make a token for a new sender, and print what the file of senders holds of it."""
    from workers.bridge.senders import token_sha256

    made = secrets.token_urlsafe(32)
    click.echo(f"# for {sender} alone, and shown only now: {made}", err=True)
    click.echo(f"  - sender: {sender}\n    token_sha256: {token_sha256(made)}")


def _serve(options: dict[str, Any]) -> None:
    from workers.errors import ConfigurationError

    setup_logging(options["log_level"], "bridge")
    settings = settings_from(options["kafka"])
    if settings.kafka_bootstrap is None:
        raise CliError("no Kafka: set KAFKA_BOOTSTRAP or pass --kafka HOST:PORT", exit_code=2)
    if options["senders"] is None:
        raise CliError("nobody may post: name a file of senders with --senders", exit_code=2)
    declared = read_topics(options["topics"])
    senders, webhooks = _read_senders(options["senders"], declared.queues)
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(_run(settings, senders, webhooks, options["host"], options["port"]))
    except ConfigurationError as error:
        raise CliError(str(error), error.exit_code) from None


def _read_senders(file: Path, queues: Any) -> "tuple[Senders, dict[str, Keys]]":
    from standardwebhooks import Webhook

    from workers.bridge.routes import Keys
    from workers.bridge.senders import SecretFileError, load_senders, read_keys
    from workers.contracts.yaml import YamlFileError

    try:
        senders = load_senders(file.read_text(encoding="utf-8"), str(file), queues)
        webhooks = {
            sender.sender: Keys(
                sender, tuple(map(Webhook, read_keys(sender.webhook_secret_file, file)))
            )
            for sender in senders
            if sender.webhook_secret_file is not None
        }
    except (YamlFileError, SecretFileError) as error:
        raise CliError(str(error), exit_code=2) from None
    return senders, webhooks


async def _run(
    settings: "Settings", senders: "Senders", webhooks: "dict[str, Keys]", host: str, port: int
) -> None:
    from workers.bridge.publisher import Publisher
    from workers.bridge.routes import make_app
    from workers.bridge.server import serve
    from workers.contracts.topics import DESKS, EVENTS

    publisher = Publisher(settings, (EVENTS, DESKS))
    await publisher.start()
    try:
        await serve(make_app(senders, webhooks, publisher), host, port)
    finally:
        await publisher.stop()
