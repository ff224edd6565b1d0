"""`handoff bridge`: events over HTTP in, calls to other systems out."""

import asyncio
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workers.cli.common import (
    CliError,
    kafka_option,
    print_json,
    read_topics,
    redis_option,
    settings_from,
    topics_option,
)
from workers.cli.worker import loop_factory, setup_logging

if TYPE_CHECKING:
    from workers.bridge.senders import Senders
    from workers.contracts.topics import Topics
    from workers.outbound.vendor_file import Vendor

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(invoke_without_command=True)
@kafka_option
@redis_option
@topics_option
@click.option(
    "--senders",
    envvar="HANDOFF_BRIDGE_SENDERS",
    type=_file,
    help="File of senders and their rights (HANDOFF_BRIDGE_SENDERS); see docs/bridge.md.",
)
@click.option(
    "--vendor",
    "vendors",
    multiple=True,
    type=_file,
    help="A vendor's file, as in vendors/chatwoot.yaml; may be given more than once, needs Redis.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8088, show_default=True, type=click.IntRange(1, 65_535))
@click.option(
    "--log-level",
    envvar="HANDOFF_LOG_LEVEL",
    default="INFO",
    type=click.Choice(("DEBUG", "INFO", "WARNING", "ERROR"), case_sensitive=False),
    help="Level of handoff's own log; libraries log warnings only.",
)
@click.pass_context
def bridge(context: click.Context, /, **options: Any) -> None:
    """Connect systems without a Kafka client over HTTP, until told to stop.

    An answer of 200 says that Kafka has acknowledged every event of the post. The bridge speaks
    plain HTTP: put a proxy that ends TLS in front of it.
    """
    if context.invoked_subcommand is None:
        _serve(options)


@bridge.command()
@click.argument("sender")
def token(sender: str) -> None:
    """Make a token for a new sender, and print its entry for the file of senders."""
    from workers.bridge.senders import token_sha256

    made = secrets.token_urlsafe(32)
    click.echo(f"# for {sender} alone, and shown only now: {made}", err=True)
    click.echo(f"  - sender: {sender}\n    token_sha256: {token_sha256(made)}")


@bridge.command()
@click.argument("vendor_file", metavar="FILE", type=_file)
@click.argument("payloads", metavar="PAYLOAD…", nargs=-1, type=click.File("rb"))
@click.option(
    "--known",
    type=click.File("rb"),
    help="JSON of the values noted of the conversation, as in {'state': 'waiting'}.",
)
def check(vendor_file: Path, payloads: tuple[Any, ...], known: Any) -> None:
    """Show the events that follow from webhooks, and the calls that follow from our messages.

    A PAYLOAD is a file with the JSON of one webhook, of one record of conversation-control or of
    one of a handoff-<queue> topic. Nothing is sent, and secrets are shown by their names.
    """
    from workers.bridge.vendor_check import checked
    from workers.bridge.vendor_intake import BadPayloadError, payload_of

    vendor = _read_vendor(vendor_file, secrets=False)
    try:
        noted = {} if known is None else payload_of(known.read())
        results = [
            {"payload": payload.name, **checked(vendor, payload_of(payload.read()), noted)}
            for payload in payloads
        ]
    except BadPayloadError as error:
        raise CliError(f"a payload: {error}", exit_code=2) from None
    print_json({"vendor": vendor.name, "payloads": results})
    if any(result["problems"] for result in results):
        raise SystemExit(1)


def _serve(options: dict[str, Any]) -> None:
    from workers.bridge.service import Configured, run
    from workers.errors import ConfigurationError

    setup_logging(options["log_level"], "bridge")
    settings = settings_from(options["kafka"], options["redis"])
    if settings.kafka_bootstrap is None:
        raise CliError("no Kafka: set KAFKA_BOOTSTRAP or pass --kafka HOST:PORT", exit_code=2)
    if options["senders"] is None and not options["vendors"]:
        raise CliError("no sender may post: pass --senders FILE or --vendor FILE", exit_code=2)
    if options["vendors"] and settings.redis_url is None:
        raise CliError("no Redis: set REDIS_URL or pass --redis, for --vendor", exit_code=2)
    topics = read_topics(options["topics"])
    senders, webhooks = _read_senders(options["senders"], topics)
    vendors: dict[str, Vendor] = {}
    for file in options["vendors"]:
        vendor = _read_vendor(file)
        if vendor.name in vendors:
            raise CliError(f"{file}: vendor {vendor.name} is in two files", exit_code=2)
        vendors[vendor.name] = vendor
    configured = Configured(settings, topics, senders, webhooks, vendors)
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(run(configured, options["host"], options["port"]))
    except ConfigurationError as error:
        raise CliError(str(error), error.exit_code) from None


def _read_senders(
    file: Path | None, topics: "Topics"
) -> "tuple[Senders, dict[str, tuple[str, ...]]]":
    from workers.bridge.senders import NOBODY, SecretFileError, load_senders, read_keys
    from workers.contracts.yaml import YamlFileError

    if file is None:
        return NOBODY, {}
    try:
        senders = load_senders(file.read_text(encoding="utf-8"), str(file), topics.queues)
        webhooks = {
            sender.sender: read_keys(sender.webhook_secret_file, file)
            for sender in senders
            if sender.webhook_secret_file is not None
        }
    except (YamlFileError, SecretFileError) as error:
        raise CliError(str(error), exit_code=2) from None
    return senders, webhooks


def _read_vendor(file: Path, *, secrets: bool = True) -> "Vendor":
    from workers.contracts.yaml import YamlFileError
    from workers.outbound.vendor_file import load_vendor

    try:
        return load_vendor(file, secrets=secrets)
    except YamlFileError as error:
        raise CliError(str(error), exit_code=2) from None
