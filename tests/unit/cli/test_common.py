"""Common parts of commands: messages that name the address, exit codes, input, progress."""

import io
import random
import socket

import click
import orjson
import pytest
from aiokafka.errors import KafkaConnectionError
from click.testing import CliRunner
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from workers.cli.common import (
    CliError,
    input_argument,
    json_option,
    kafka_option,
    naming_servers,
    numbered_lines,
    print_json,
    progress,
    redis_option,
    require_servers,
    settings_from,
)
from workers.cli.policy_option import PolicyChoice, policy_option
from workers.embedded.child import free_port
from workers.settings import load_settings


@pytest.fixture(autouse=True)
def _no_servers_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KAFKA_BOOTSTRAP", "REDIS_URL", "HANDOFF_POLICY"):
        monkeypatch.delenv(name, raising=False)


@click.command
@input_argument
@kafka_option
@redis_option
@policy_option
@json_option
def _command(
    source: io.BufferedReader,
    kafka: str | None,
    redis: str | None,
    policy: PolicyChoice,
    as_json: bool,
) -> None:
    settings = settings_from(kafka, redis)
    print_json(
        {
            "lines": [[number, line.decode()] for number, line in numbered_lines(source)],
            "kafka": settings.kafka_bootstrap,
            "redis": settings.redis_url,
            "policy": policy.origin,
            "json": as_json,
        }
    )


def test_options_and_standard_input() -> None:
    arguments = ["-", "--kafka", "a:1,b:2", "--json"]
    result = CliRunner(env={"REDIS_URL": "redis://c:3/0"}).invoke(
        _command, arguments, input=" one\n\n\ttwo"
    )
    assert orjson.loads(result.stdout) == {
        "lines": [[1, "one"], [3, "two"]],
        "kafka": "a:1,b:2",
        "redis": "redis://c:3/0",
        "policy": "shipped",
        "json": True,
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.jsonl"], "nowhere.jsonl"),
        (["-", "--policy", "nowhere.yaml"], "nowhere.yaml"),
        (["-", "--redis", "store:6379"], "REDIS_URL: must begin with redis://"),
    ],
)
def test_a_wrong_call_ends_with_two_and_names_the_value(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(_command, arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_servers_that_are_not_named() -> None:
    with pytest.raises(CliError, match="set KAFKA_BOOTSTRAP or pass --kafka") as kafka:
        require_servers(load_settings())
    with pytest.raises(CliError, match="set REDIS_URL or pass --redis"):
        require_servers(load_settings(), kafka=False)
    assert kafka.value.exit_code == 2
    require_servers(load_settings(), kafka=False, redis=False)


def test_servers_that_are_not_there_are_named_with_their_address() -> None:
    dead = free_port()
    with pytest.raises(CliError, match=f"Kafka at 127.0.0.1:{dead} is not reachable: .*refused"):
        require_servers(load_settings(kafka_bootstrap=f"127.0.0.1:{dead}"), redis=False)
    url = f"redis://:canary@127.0.0.1:{dead}/0"
    with pytest.raises(CliError, match=f"Redis at 127.0.0.1:{dead} is not reachable") as refused:
        require_servers(load_settings(redis_url=url), kafka=False)
    assert "canary" not in refused.value.message
    for address in ("localhost", "localhost:²", "localhost:٣", "localhost:99999", ":9092"):
        with pytest.raises(CliError, match=f"'{address}' is not HOST:PORT"):
            require_servers(load_settings(kafka_bootstrap=address), redis=False)


def test_one_reachable_broker_is_enough() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        bootstrap = f"127.0.0.1:{free_port()}, 127.0.0.1:{server.getsockname()[1]}"
        require_servers(load_settings(kafka_bootstrap=bootstrap), redis=False)


def test_connection_errors_of_clients_get_the_address_and_others_pass() -> None:
    settings = load_settings(kafka_bootstrap="broker:9092", redis_url="redis://:canary@store/0")
    with (
        pytest.raises(CliError, match="Redis at store:6379 is not reachable: lost"),
        naming_servers(settings),
    ):
        raise RedisConnectionError("lost")
    with (
        pytest.raises(CliError, match="Kafka at broker:9092 is not reachable"),
        naming_servers(settings),
    ):
        raise KafkaConnectionError("lost")
    with pytest.raises(ResponseError), naming_servers(settings):
        raise ResponseError("OOM")


def test_progress_off_a_terminal_is_silent_at_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("workers.cli.common.time.monotonic", lambda: now)
    with progress("sent", 14_705) as advance:
        advance(1_000)
        assert capsys.readouterr().err == ""
        now = 102.5
        advance(2_000)
        assert capsys.readouterr().err == "sent: 3,000 of 14,705\n"
        advance(1)
        assert capsys.readouterr().err == ""


def test_progress_on_a_terminal_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress("sent", 4) as advance:
        advance(4)
    assert "sent" in terminal.getvalue()
    assert "4/4" in terminal.getvalue()


def test_processes_forked_from_one_try_other_ports() -> None:
    state, drawn = random.getstate(), []
    for _ in range(2):
        random.setstate(state)
        drawn.append([free_port() for _ in range(4)])
    assert drawn[0] != drawn[1]
