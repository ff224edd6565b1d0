"""Settings from the environment: servers, credentials, secrets and a few of the workers' limits."""

import asyncio
import difflib
import os
import re
import ssl
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

_OURS: Final = "HANDOFF_"
_OTHERS: Final = (
    *("BRIDGE_SENDERS", "HEALTH_PORT", "LOG_LEVEL", "POLICY", "SUPERVISOR", "TOPICS", "WORDS"),
    *("CONSOLE_DATA", "CONSOLE_LISTEN", "CONSOLE_PROXIES", "CONSOLE_TOKENS_FILE"),
    *("CONSOLE_USER_HEADER", "CONSOLE_WORKERS"),
)
"""Variables of ours that commands read themselves, without the prefix."""
_ALIKE: Final = 0.88
_DATABASE: Final = re.compile(r"[0-9]{1,5}")


class SettingsError(ValueError):
    """A setting is missing or wrong; the message names its variable and what to do."""


_NO_KEY: Final = "there is no key in it: give one, or unset the variable to sign nothing"


class _FromFiles(PydanticBaseSettingsSource):
    """Reads NAME from the file that NAME_FILE names, as container secrets are mounted."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the content of the file for one field, or None."""
        variable = f"{field.validation_alias or field_name.upper()}_FILE"
        named = os.environ.get(variable)
        if not named:
            return None, field_name, False
        try:
            return _read(Path(named)), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{variable}={named}: cannot be read: {error}") from error

    def __call__(self) -> dict[str, Any]:
        """Return every field that a file gives."""
        values = {
            str(field.validation_alias or name): self.get_field_value(field, name)[0]
            for name, field in self.settings_cls.model_fields.items()
        }
        return {name: value for name, value in values.items() if value is not None}


class Settings(BaseSettings):
    """The environment, checked; every variable may come from a file through NAME_FILE instead."""

    model_config = SettingsConfigDict(
        extra="ignore", frozen=True, env_ignore_empty=True, populate_by_name=True
    )

    kafka_bootstrap: str | None = None
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: (
        Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None
    ) = None
    kafka_sasl_username: str | None = None
    kafka_sasl_password: SecretStr | None = None
    kafka_oauth_token_file: Path | None = None
    """File that holds the bearer token; read for every connection, because the token is renewed."""
    kafka_session_timeout_s: float = Field(default=10, ge=1)
    """Seconds without a sign of life after which a worker's partitions go to another one."""
    kafka_fetch_max_wait_ms: int = Field(default=500, ge=1)
    """Milliseconds for which the broker may hold back the answer to a fetch that finds nothing."""
    kafka_ssl_cafile: Path | None = None
    kafka_ssl_certfile: Path | None = None
    kafka_ssl_keyfile: Path | None = None
    kafka_ssl_key_password: SecretStr | None = None

    redis_url: str | None = Field(default=None, repr=False)
    redis_prefix: str = Field(default="handoff", validation_alias="HANDOFF_REDIS_PREFIX")

    handoff_secret: Annotated[list[SecretStr], NoDecode] = []
    """Keys of the header on our own event types: the first signs, all verify; empty: unsigned."""
    anthropic_api_key: SecretStr | None = None
    """Without it no model is asked and nothing is sent to one."""
    classifier_model: str = Field(
        default="claude-haiku-5-5", min_length=1, validation_alias="HANDOFF_CLASSIFIER_MODEL"
    )
    classifier_calls_per_minute: int = Field(
        default=120, ge=0, validation_alias="HANDOFF_CLASSIFIER_CALLS_PER_MINUTE"
    )
    """The budget of one process; questions beyond it are not asked."""
    classifier_input_price: float = Field(
        default=0.10, ge=0, validation_alias="HANDOFF_CLASSIFIER_INPUT_PRICE"
    )
    """Dollars per million tokens sent to the model, for the cost that is reported."""
    classifier_output_price: float = Field(
        default=0.50, ge=0, validation_alias="HANDOFF_CLASSIFIER_OUTPUT_PRICE"
    )

    words: Path | None = Field(default=None, validation_alias="HANDOFF_WORDS")
    """A folder of the deployment's own word lists, which become part of the policy."""
    notifier: Path | None = Field(default=None, validation_alias="HANDOFF_NOTIFIER")
    """notifier.yaml: recipients of notifications; without it only readers of the topic see them."""
    tickets: Path | None = Field(default=None, validation_alias="HANDOFF_TICKETS")
    """File of the ticket system in which tickets are made; without it none are made."""
    observe: bool = Field(default=False, validation_alias="HANDOFF_OBSERVE")
    """Decisions are published, nothing is placed and no one is told."""
    chunk_size: int = Field(default=500, ge=1, le=5000, validation_alias="HANDOFF_CHUNK_SIZE")
    """Limit of the records of one partition that are folded at once."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Rank arguments above the environment, and the environment above files."""
        return init_settings, env_settings, _FromFiles(settings_cls)

    @property
    def signing_keys(self) -> tuple[bytes, ...]:
        """Return the keys that HANDOFF_SECRET holds, as `Secrets` takes them."""
        return tuple(key.get_secret_value().encode() for key in self.handoff_secret)

    @field_validator("handoff_secret", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        keys = [key for part in value.split(",") if (key := part.strip())]
        if not keys:
            raise ValueError(_NO_KEY)
        return keys

    @field_validator("redis_url")
    @classmethod
    def _redis_address(cls, value: str | None) -> str | None:
        # Text in place of an address may be part of a password, so nothing is quoted.
        if value is None:
            return value
        try:
            parts = urlsplit(value)
            _ = parts.port
        except ValueError:
            raise ValueError("its port is no number up to 65535") from None
        if parts.scheme not in ("redis", "rediss", "unix"):
            raise ValueError("must begin with redis://, rediss:// or unix://")
        database = parts.path.strip("/")
        if parts.scheme != "unix" and (
            (database and not _DATABASE.fullmatch(database)) or "@" in parts.query + parts.fragment
        ):
            raise ValueError(
                "what follows the address is no database's number; in a password, write / as %2F, "
                "? as %3F, # as %23 and @ as %40"
            )
        return value

    @model_validator(mode="after")
    def _sasl_is_whole(self) -> Self:
        if not self.kafka_security_protocol.startswith("SASL"):
            return self
        if self.kafka_sasl_mechanism is None:
            raise ValueError("KAFKA_SASL_MECHANISM is needed with KAFKA_SECURITY_PROTOCOL=SASL_*")
        if self.kafka_sasl_mechanism == "OAUTHBEARER":
            if self.kafka_oauth_token_file is None:
                raise ValueError("OAUTHBEARER needs KAFKA_OAUTH_TOKEN_FILE, a file with the token")
        elif self.kafka_sasl_username is None or self.kafka_sasl_password is None:
            raise ValueError("KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD are needed with SASL")
        return self


def load_settings(**given: object) -> Settings:
    """Read the environment once at start; an argument that is not None outranks it."""
    _refuse_misspelt(os.environ)
    fields = Settings.model_fields
    values = {
        str(fields[name].validation_alias or name): value
        for name, value in given.items()
        if value is not None
    }
    try:
        settings = Settings(**values)  # type: ignore[arg-type]  # checked by pydantic itself
    except ValidationError as error:
        # The input is left out: it may be a secret.
        problems = [
            f"{'.'.join(str(part) for part in problem['loc']).upper() or 'environment'}: "
            f"{problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_input=False, include_url=False)
        ]
        raise SettingsError("; ".join(problems)) from None
    named = [name for name in ("HANDOFF_SECRET", "HANDOFF_SECRET_FILE") if name in os.environ]
    if named and not settings.handoff_secret:
        raise SettingsError(f"{named[0]}: {_NO_KEY}")
    return settings


def _refuse_misspelt(environment: Iterable[str]) -> None:
    """Refuse names that resemble a setting's, because a misspelt setting would go unnoticed."""
    fields = Settings.model_fields.items()
    names = {str(field.validation_alias or name.upper()) for name, field in fields}
    names |= {f"{_OURS}{name}" for name in _OTHERS}
    names |= {f"{name}_FILE" for name in names}
    for variable in sorted(environment):
        if not variable.startswith(_OURS) or variable in names:
            continue
        if meant := difflib.get_close_matches(variable[:100], names, n=1, cutoff=_ALIKE):
            raise SettingsError(f"{variable}: there is no such setting: {meant[0]} is meant")


def redis_address(url: str) -> str:
    """Return the address of a Redis URL without its credentials, for messages and logs."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return parts.path
    return f"{parts.hostname or 'localhost'}:{parts.port or 6379}"


def kafka_client_kwargs(settings: Settings) -> dict[str, Any]:
    """Return the keywords that every aiokafka producer, consumer or admin client takes."""
    if settings.kafka_bootstrap is None:
        raise SettingsError("no Kafka: set KAFKA_BOOTSTRAP=HOST:PORT or pass --kafka")
    kwargs: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap,
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_security_protocol.endswith("SSL"):
        kwargs["ssl_context"] = _ssl_context(settings)
    if settings.kafka_security_protocol.startswith("SASL"):
        kwargs |= _sasl(settings)
    return kwargs


class _Parting(ssl.SSLObject):
    """Says goodbye without waiting for an answer.

    A broker with a fetch of ours in hand sends data instead of one, and closing would take the
    event loop's whole 30 s.
    """

    def unwrap(self) -> None:
        with suppress(ssl.SSLWantReadError):
            super().unwrap()


def _ssl_context(settings: Settings) -> ssl.SSLContext:
    from aiokafka.helpers import create_ssl_context

    password = settings.kafka_ssl_key_password
    try:
        context: ssl.SSLContext = create_ssl_context(
            cafile=_text(settings.kafka_ssl_cafile),
            certfile=_text(settings.kafka_ssl_certfile),
            keyfile=_text(settings.kafka_ssl_keyfile),
            password=password.get_secret_value() if password else None,
        )
    except OSError as error:
        raise SettingsError(f"KAFKA_SSL_CAFILE, _CERTFILE or _KEYFILE: {error}") from error
    context.sslobject_class = _Parting
    return context


def _sasl(settings: Settings) -> dict[str, Any]:
    if settings.kafka_sasl_mechanism == "OAUTHBEARER" and settings.kafka_oauth_token_file:
        return {
            "sasl_mechanism": "OAUTHBEARER",
            "sasl_oauth_token_provider": _token_from(settings.kafka_oauth_token_file),
        }
    password = settings.kafka_sasl_password
    return {
        "sasl_mechanism": settings.kafka_sasl_mechanism,
        "sasl_plain_username": settings.kafka_sasl_username,
        "sasl_plain_password": password.get_secret_value() if password else None,
    }


def _token_from(file: Path) -> Any:
    from aiokafka.abc import AbstractTokenProvider

    try:
        _read(file)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"KAFKA_OAUTH_TOKEN_FILE={file}: cannot be read: {error}") from error

    class TokenFile(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka is untyped
        async def token(self) -> str:
            return await asyncio.to_thread(_read, file)

    return TokenFile()


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8").strip()
