"""The bridge as a whole: what comes in, what goes out, and what both need."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Final, NamedTuple

from aiokafka.errors import KafkaError

from workers.bridge.control_stream import ControlStreams
from workers.bridge.outgoing import OutgoingReader, letter
from workers.bridge.publisher import Publisher, UnavailableError
from workers.bridge.routes import Doors, make_app
from workers.bridge.senders import Senders
from workers.bridge.server import serve
from workers.bridge.vendor_presence import report_presence
from workers.contracts.topics import CONTROL, DEAD_LETTERS, DESKS, EVENTS, Topics
from workers.outbound.dispatcher import Dispatcher
from workers.outbound.vendor_file import Vendor
from workers.runtime.clock import now_ms
from workers.runtime.failstop import fail_stop
from workers.settings import Settings, redis_address
from workers.stores.connection import connect, wait_for_redis
from workers.stores.deliveries import Delivery, DeliveryStore

_AGAIN_S: Final = 1.0

logger = logging.getLogger(__name__)


class Configured(NamedTuple):
    """The configuration that the bridge reads at its start."""

    settings: Settings
    topics: Topics
    senders: Senders
    webhooks: Mapping[str, tuple[str, ...]]
    """Keys of Standard Webhooks by sender."""
    vendors: Mapping[str, Vendor]


async def run(configured: Configured, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; ConfigurationError when something must be mended first."""
    needed = (EVENTS, DESKS, CONTROL, *((DEAD_LETTERS,) if configured.vendors else ()))
    publisher = Publisher(configured.settings, needed)
    async with AsyncExitStack() as stack:
        await publisher.start()
        stack.push_async_callback(publisher.stop)
        store, following = None, None
        if configured.vendors:
            store = await _store(configured.settings, stack)
            following = _start_outgoing(configured, publisher, store, stack)
        doors = Doors(
            configured.senders,
            configured.webhooks,
            configured.vendors,
            publisher,
            ControlStreams(configured.settings),
            store,
            following,
        )
        await serve(make_app(doors), host, port)


async def _store(settings: Settings, stack: AsyncExitStack) -> DeliveryStore:
    redis = connect(settings)
    stack.push_async_callback(redis.aclose)
    await wait_for_redis(redis, settings)
    return DeliveryStore(redis, settings.redis_prefix, redis_address(settings.redis_url or ""))


def _start_outgoing(
    configured: Configured, publisher: Publisher, store: DeliveryStore, stack: AsyncExitStack
) -> asyncio.Event:
    """Start to tell vendors; the event that is returned is set while no message is missed."""

    async def give_up(delivery: Delivery, why: str) -> None:
        while True:
            try:
                await publisher.publish([letter(delivery, why)])
            except UnavailableError:
                await asyncio.sleep(_AGAIN_S)
            else:
                return

    dispatcher = Dispatcher(configured.vendors, store, give_up, now_ms)
    stack.push_async_callback(dispatcher.close)
    queues = [queue.topic for queue in configured.topics.queues.values()]
    reader = OutgoingReader(
        configured.settings, [CONTROL, *queues], configured.vendors, store, dispatcher.wake
    )
    _keep_up("deliveries", dispatcher.run, stack)
    _keep_up("outgoing messages", reader.run, stack)
    for vendor in configured.vendors.values():
        if vendor.file.presence is not None:
            report = partial(
                report_presence, vendor, dispatcher.sender(vendor.name), publisher.publish
            )
            _keep_up(f"presence of {vendor.name}", report, stack)
    return reader.assigned


def _keep_up(name: str, work: Callable[[], Awaitable[None]], stack: AsyncExitStack) -> None:
    """Run `work` until the end; start it again when a server was away."""

    async def again() -> None:
        while True:
            try:
                await work()
            except (KafkaError, UnavailableError, OSError) as error:
                logger.warning("%s: %s; beginning again", name, type(error).__name__)
            except Exception as error:  # noqa: BLE001 - the end of the process is the same for all
                fail_stop(f"the bridge: {name}", error)
            await asyncio.sleep(_AGAIN_S)

    task = asyncio.create_task(again(), name=name)

    async def end() -> None:
        task.cancel()
        await asyncio.wait({task})

    stack.push_async_callback(end)
