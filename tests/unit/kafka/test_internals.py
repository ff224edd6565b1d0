"""The private parts of aiokafka and Faust that are used have the shape they were read with.

When one of these fails, read the new version's source, adapt the module that is named, and only
then change the test.
"""

import inspect
import re

import faust
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState, TopicPartitionState
from faust.transport.drivers import aiokafka as driver


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (AIOKafkaClient.fetch_all_metadata, ["self"]),
        (Fetcher._proc_fetch_request, ["self", "assignment", "node_id", "request"]),
        (Fetcher._create_fetch_waiter, ["self"]),
        (Fetcher.fetched_records, ["self", "partitions", "timeout", "max_records"]),
        (SubscriptionState.fetch_context, ["self"]),
        (GroupCoordinator.check_errors, ["self"]),
        (GroupCoordinator.fetch_committed_offsets, ["self", "partitions"]),
        (driver.AIOKafkaConsumerThread._create_worker_consumer, ["self", "transport"]),
        (driver.AIOKafkaConsumerThread._commit, ["self", "offsets"]),
        (driver.Consumer._new_consumer_thread, ["self"]),
        (driver.Producer._settings_default, ["self"]),
        (driver.Producer._settings_auth, ["self"]),
        (faust.App._create_directories, ["self"]),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_what_is_called_takes_what_it_took(function: object, parameters: list[str]) -> None:
    assert callable(function)
    assert [*inspect.signature(function).parameters] == parameters


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        (AIOKafkaConsumer, ("_client", "_coordinator", "_fetcher", "_closed", "_max_poll_records")),
        (Fetcher, ("_records", "_closed", "_subscriptions")),
        (faust.App, ("_rebalancing_sensor_state",)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_looked_at_is_still_set(kind: type, attributes: tuple[str, ...]) -> None:
    source = inspect.getsource(kind)
    missing = [name for name in attributes if not re.search(rf"self\.{name}\b.*=", source)]
    assert missing == []


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (SubscriptionState, ("reassignment_in_progress", "subscription")),
        (TopicPartitionState, ("position", "has_valid_position")),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_properties_are_still_properties(kind: type, names: tuple[str, ...]) -> None:
    assert all(isinstance(inspect.getattr_static(kind, name), property) for name in names)
