"""The environment: what is read, what is refused and how, and that no secret is shown."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from workers.cli.worker import worker
from workers.settings import (
    Settings,
    SettingsError,
    kafka_client_kwargs,
    load_settings,
    redis_address,
)

_CANARY = "canary-5f2c"


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, field in Settings.model_fields.items():
        variable = str(field.validation_alias or name.upper())
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(f"{variable}_FILE", raising=False)


def test_what_is_given_outranks_the_environment_and_that_outranks_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "bootstrap"
    file.write_text("file:1\n")
    assert load_settings().kafka_bootstrap is None
    monkeypatch.setenv("KAFKA_BOOTSTRAP_FILE", str(file))
    assert load_settings().kafka_bootstrap == "file:1"
    monkeypatch.setenv("KAFKA_BOOTSTRAP", "environment:2")
    assert load_settings().kafka_bootstrap == "environment:2"
    assert load_settings(kafka_bootstrap="given:3").kafka_bootstrap == "given:3"
    assert load_settings(kafka_bootstrap=None).kafka_bootstrap == "environment:2"


def test_variables_with_a_name_of_their_own_are_read_and_overridden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HANDOFF_OBSERVE", "true")
    monkeypatch.setenv("HANDOFF_CHUNK_SIZE", "64")
    settings = load_settings()
    assert (settings.observe, settings.chunk_size) == (True, 64)
    assert load_settings(chunk_size=128, observe=False).chunk_size == 128


def test_an_empty_variable_is_an_absent_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "")
    monkeypatch.setenv("HANDOFF_CHUNK_SIZE", "")
    settings = load_settings()
    assert settings.anthropic_api_key is None
    assert settings.chunk_size == 500


@pytest.mark.parametrize("variable", ["HANDOFF_SECRET", "HANDOFF_SECRET_FILE"])
@pytest.mark.parametrize("value", ["", " , "])
def test_a_secret_without_a_key_is_refused(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if variable.endswith("FILE") and value:
        file = tmp_path / "secret"
        file.write_text(value)
        value = str(file)
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=r"HANDOFF_SECRET.*: there is no key in it: give one"):
        load_settings()


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("HANDOFF_SECERT", "HANDOFF_SECRET"),
        ("HANDOFF_SECRETS", "HANDOFF_SECRET"),
        ("HANDOFF_SECRET_FILES", "HANDOFF_SECRET_FILE"),
        ("HANDOFF_OBSERV", "HANDOFF_OBSERVE"),
        ("HANDOFF_POLICYS", "HANDOFF_POLICY"),
    ],
)
def test_a_misspelt_setting_is_refused(
    variable: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, _CANARY)
    with pytest.raises(SettingsError, match=f"no such setting: {meant} is meant") as refused:
        load_settings()
    assert _CANARY not in str(refused.value)


def test_variables_that_a_cluster_sets_are_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HANDOFF_ROUTING_SERVICE_HOST", "HANDOFF_DESK_PORT", "HANDOFF_DESK_PORT_80_TCP"):
        monkeypatch.setenv(name, "10.0.0.1")
    load_settings()


def test_several_secrets_keep_their_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("new, old\n")
    monkeypatch.setenv("HANDOFF_SECRET_FILE", str(file))
    secrets = [secret.get_secret_value() for secret in load_settings().handoff_secret]
    assert secrets == ["new", "old"]


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDOFF_SECRET", _CANARY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", _CANARY)
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", _CANARY)
    monkeypatch.setenv("REDIS_URL", f"redis://user:{_CANARY}@store:6380/2")
    settings = load_settings()
    assert _CANARY not in repr(settings) + str(settings)
    assert redis_address(settings.redis_url or "") == "store:6380"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"HANDOFF_CHUNK_SIZE": "0"}, "HANDOFF_CHUNK_SIZE: .*greater than or equal to 1"),
        ({"HANDOFF_CHUNK_SIZE": "many"}, "HANDOFF_CHUNK_SIZE: .*valid integer"),
        ({"REDIS_URL": f"http://:{_CANARY}@x"}, "REDIS_URL: must begin with redis://"),
        ({"REDIS_URL": f"redis://:{_CANARY}@x:²"}, "REDIS_URL: its port is no number up to 65535"),
        ({"REDIS_URL": "redis://u:12/ss@h:6379/0"}, "REDIS_URL: .*write / as %2F"),
        ({"REDIS_URL": "redis://u:12?ss@h:6379/0"}, "REDIS_URL: .*write / as %2F"),
        ({"REDIS_URL": f"redis://h:1/{_CANARY}"}, "REDIS_URL: .*no database's number"),
        ({"KAFKA_SECURITY_PROTOCOL": "TLS"}, "KAFKA_SECURITY_PROTOCOL: .*'SASL_SSL'"),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, "KAFKA_SASL_MECHANISM is needed"),
        (
            {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "PLAIN"},
            "KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD are needed",
        ),
        (
            {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "OAUTHBEARER"},
            "OAUTHBEARER needs KAFKA_OAUTH_TOKEN_FILE",
        ),
        ({"HANDOFF_SECRET_FILE": "/nowhere/secret"}, "HANDOFF_SECRET_FILE=/nowhere/secret: cannot"),
    ],
)
def test_a_wrong_setting_is_named_without_its_secret(
    variables: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=said) as refused:
        load_settings()
    assert _CANARY not in str(refused.value)


def test_client_keywords_without_a_bootstrap_say_what_to_set() -> None:
    with pytest.raises(SettingsError, match="KAFKA_BOOTSTRAP=HOST:PORT or pass --kafka"):
        kafka_client_kwargs(load_settings())


async def test_client_keywords_follow_the_security_protocol(tmp_path: Path) -> None:
    plain = load_settings(kafka_bootstrap="broker:9092")
    assert kafka_client_kwargs(plain) == {
        "bootstrap_servers": "broker:9092",
        "security_protocol": "PLAINTEXT",
    }
    scram = load_settings(
        kafka_bootstrap="broker:9092",
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_sasl_username="user",
        kafka_sasl_password=_CANARY,
    )
    kwargs = kafka_client_kwargs(scram)
    assert kwargs.pop("ssl_context").check_hostname
    assert kwargs == {
        "bootstrap_servers": "broker:9092",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "user",
        "sasl_plain_password": _CANARY,
    }
    token = tmp_path / "token"
    token.write_text("first\n")
    bearer = load_settings(
        kafka_bootstrap="broker:9092",
        kafka_security_protocol="SASL_PLAINTEXT",
        kafka_sasl_mechanism="OAUTHBEARER",
        kafka_oauth_token_file=token,
    )
    provider = kafka_client_kwargs(bearer)["sasl_oauth_token_provider"]
    assert await provider.token() == "first"
    token.write_text("second\n")
    assert await provider.token() == "second"


def test_a_certificate_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = load_settings(
        kafka_bootstrap="broker:9092",
        kafka_security_protocol="SSL",
        kafka_ssl_cafile=tmp_path / "ca.pem",
    )
    with pytest.raises(SettingsError, match=r"KAFKA_SSL_CAFILE.*No such file"):
        kafka_client_kwargs(settings)


def test_a_worker_with_a_file_that_is_not_there_ends_as_wrongly_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "SSL")
    monkeypatch.setenv("KAFKA_SSL_CAFILE", "/nowhere/ca.pem")
    called = ["desk", "--kafka", "127.0.0.1:1", "--redis", "redis://127.0.0.1:1"]
    result = CliRunner().invoke(worker, called)
    assert result.exit_code == 2
    assert "KAFKA_SSL_CAFILE" in result.stderr


def test_a_token_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = load_settings(
        kafka_bootstrap="broker:9092",
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="OAUTHBEARER",
        kafka_oauth_token_file=tmp_path / "token",
    )
    with pytest.raises(SettingsError, match=r"KAFKA_OAUTH_TOKEN_FILE=.*token: cannot be read"):
        kafka_client_kwargs(settings)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://localhost", "localhost:6379"),
        ("rediss://a:b@store.example:7000/3?ssl_ca_certs=x", "store.example:7000"),
        ("unix:///run/valkey.sock?db=1", "/run/valkey.sock"),
    ],
)
def test_the_address_of_a_store_is_short(url: str, address: str) -> None:
    assert redis_address(url) == address
