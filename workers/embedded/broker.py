"""The process of the embedded broker: librdkafka's mock cluster, which lives while stdin is open.

Run by path, and without imports of ours, so that it starts fast. The first line it prints is the
bootstrap address; then it reads one JSON command a line and answers each with a line, null or
an error.
"""

import ctypes
import json
import sys
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import cimpl

_PRODUCER: Final = 0
_ALREADY_EXISTS: Final = 36
_ERROR_SIZE: Final = 512
# The leader of every partition is the only broker.
_BROKER_ID: Final = 1


def _library() -> ctypes.CDLL:
    """Load the wheel's librdkafka: a look-up in an extension searches what it links, too."""
    library = ctypes.CDLL(cimpl.__file__)
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    for name, result, arguments in (
        ("rd_kafka_conf_new", pointer, []),
        ("rd_kafka_conf_set", ctypes.c_int, [pointer, text, text, text, ctypes.c_size_t]),
        ("rd_kafka_new", pointer, [ctypes.c_int, pointer, text, ctypes.c_size_t]),
        ("rd_kafka_err2str", text, [ctypes.c_int]),
        ("rd_kafka_mock_cluster_new", pointer, [pointer, ctypes.c_int]),
        ("rd_kafka_mock_cluster_bootstraps", text, [pointer]),
        ("rd_kafka_mock_group_initial_rebalance_delay_ms", None, [pointer, ctypes.c_int32]),
        ("rd_kafka_mock_topic_create", ctypes.c_int, [pointer, text, ctypes.c_int, ctypes.c_int]),
        ("rd_kafka_mock_broker_set_down", ctypes.c_int, [pointer, ctypes.c_int32]),
        ("rd_kafka_mock_broker_set_up", ctypes.c_int, [pointer, ctypes.c_int32]),
    ):
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library


class MockCluster:
    """One broker in memory; it ends with the process."""

    def __init__(self) -> None:
        self._library = _library()
        error = ctypes.create_string_buffer(_ERROR_SIZE)
        conf = self._library.rd_kafka_conf_new()
        # Every connection that a client closes would be a line on standard error.
        self._library.rd_kafka_conf_set(conf, b"log_level", b"2", error, _ERROR_SIZE)
        client = self._library.rd_kafka_new(_PRODUCER, conf, error, _ERROR_SIZE)
        if not client:
            raise RuntimeError(f"librdkafka: {error.value.decode()}")
        self._cluster = self._library.rd_kafka_mock_cluster_new(client, 1)
        if not self._cluster:
            raise RuntimeError("librdkafka could not start its mock cluster")
        # The default of three seconds is for fleets that start together.
        self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)

    @property
    def bootstrap(self) -> str:
        """Return host:port."""
        address: bytes = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster)
        return address.decode()

    def create(self, topic: str, partitions: int) -> str | None:
        """Create a topic, which may exist; return an error or None."""
        code = self._library.rd_kafka_mock_topic_create(
            self._cluster, topic.encode(), partitions, 1
        )
        return None if code == _ALREADY_EXISTS else self._error(code)

    def down(self) -> str | None:
        """Close every connection and accept none; the logs are kept."""
        return self._error(self._library.rd_kafka_mock_broker_set_down(self._cluster, _BROKER_ID))

    def up(self) -> str | None:
        """Accept connections again on the same address."""
        return self._error(self._library.rd_kafka_mock_broker_set_up(self._cluster, _BROKER_ID))

    def _error(self, code: int) -> str | None:
        text: bytes = self._library.rd_kafka_err2str(code)
        return text.decode() if code else None


def main() -> None:
    """Serve until the parent closes our standard input, which its end does too."""
    cluster = MockCluster()
    commands: dict[str, Callable[..., str | None]] = {
        "create": cluster.create,
        "down": cluster.down,
        "up": cluster.up,
    }
    print(cluster.bootstrap, flush=True)  # noqa: T201 - the parent reads it
    for line in sys.stdin:
        command: list[Any] = json.loads(line)
        print(json.dumps(commands[command[0]](*command[1:])), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
