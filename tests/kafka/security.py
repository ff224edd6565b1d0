"""Servers that trust nobody: SASL over TLS with ACLs enforced, a store with TLS and users."""

import asyncio
import re
import shutil
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Self

import confluent_kafka.admin
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.kafka.server import KafkaServer
from tests.support.authority import KEY_PASSWORD, Authority, TokenIssuer
from workers.embedded import GuardedServer, ServerError
from workers.embedded.child import free_port
from workers.settings import Settings, load_settings

admin: Final[Any] = confluent_kafka.admin
PASSWORD: Final = "a-password-of-the-tests"
TOKEN_S: Final = 6.0
REAUTHENTICATED_S: Final = 2
"""The broker lets nobody stay for longer without a new proof of who it is."""

TOPIC_ACLS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "escalation": {
        "conversation-events": ("READ", "WRITE"),
        "escalation-decisions": ("WRITE",),
        "classification-requests": ("WRITE",),
        "escalation-notifications": ("WRITE",),
        "dead-letters": ("READ", "WRITE"),
        "escalation-ledger": ("READ",),
    },
    "routing": {
        "escalation-decisions": ("READ",),
        "escalation-ledger": ("READ", "WRITE"),
        "conversation-events": ("WRITE",),
        "conversation-control": ("WRITE",),
        "support-tickets": ("WRITE",),
        "escalation-notifications": ("WRITE",),
        "dead-letters": ("WRITE",),
        "handoff-*": ("WRITE",),
    },
    "desk": {
        "desk-events": ("READ",),
        "escalation-ledger": ("READ",),
        "conversation-events": ("WRITE",),
        "dead-letters": ("WRITE",),
    },
    "classifier": {
        "classification-requests": ("READ",),
        "conversation-events": ("WRITE",),
        "dead-letters": ("WRITE",),
    },
    "outcomes": {
        "escalation-decisions": ("READ",),
        "escalation-outcomes": ("WRITE",),
        "dead-letters": ("WRITE",),
    },
}
"""The rights that each worker needs, and no more; docs/security.md lists the same. READ and
WRITE imply DESCRIBE; each may READ its own consumer group, `handoff-<worker>`."""

OUTBOUND_ACLS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "tickets": {
        "support-tickets": ("READ",),
        "desk-events": ("WRITE",),
        "dead-letters": ("WRITE",),
    },
    "notifier": {"escalation-notifications": ("READ",), "dead-letters": ("WRITE",)},
    "bridge": {
        "conversation-control": ("READ",),
        "handoff-*": ("READ",),
        "conversation-events": ("WRITE",),
        "desk-events": ("WRITE",),
        "dead-letters": ("WRITE",),
    },
}
"""The same for those that speak with other systems; the bridge is one with a vendor."""

_CLIENT: Final = "-@all +hello +ping"
_LEDGER: Final = (
    "~handoff:ledger:* ~handoff:ledger-positions ~handoff:escalation:* ~handoff:customer:* "
    "~handoff:{load}:*"
)
REDIS_RULES: Final[Mapping[str, str]] = {
    "escalation": (
        f"~handoff:{{conversation-events:*}}:* ~handoff:partitions:* {_CLIENT} +info +evalsha "
        "+script|load +get +set +del +expire +persist +hget +hmget +hset +hdel +hgetall +hvals "
        "+rpush +sadd +sismember +zadd +zrem +zscore +zrangebyscore +scan +unlink"
    ),
    "routing": (
        f"{_LEDGER} ~handoff:trying:handoff-routing:* ~handoff:undelivered "
        f"%R~handoff:{{conversation-events:*}}:t:* {_CLIENT} +eval +eval_ro +get +set +expire "
        "+pexpire +persist +hget +hmget +hset +hdel +hgetall +llen +lrange +lpush +ltrim +sadd "
        "+smembers +srem +zadd +zcard +zrange +zrank +zrem +zremrangebyrank +zscore "
        "+zrangebyscore"
    ),
    "desk": (
        f"{_LEDGER} ~handoff:trying:handoff-desk:* %R~handoff:partitions:* "
        f"%R~handoff:{{conversation-events:*}}:s:* {_CLIENT} +eval +exists +get +set +pexpire "
        "+persist +hget +hmget +hset +hdel +hgetall +lrange +lpush +ltrim +zadd +zcard +zrem "
        "+zremrangebyrank +zscore"
    ),
    "classifier": (
        f"~handoff:trying:handoff-classifier:* %R~handoff:{{conversation-events:*}}:t:* {_CLIENT} "
        "+eval_ro +llen +lrange +hmget +hset +hdel"
    ),
    "outcomes": f"~handoff:trying:handoff-outcomes:* {_CLIENT} +hmget +hset +hdel",
    "notifier": (
        f"~handoff:trying:handoff-notifier:* ~handoff:notifier:* {_CLIENT} +eval +get +set +del "
        "+incr +rpush +llen +lrange +ltrim +hget +hmget +hset +hdel +hincrby +zadd +zrem +zscore "
        "+zrangebyscore"
    ),
    "tickets": (
        f"~handoff:trying:handoff-tickets:* ~handoff:tickets:* "
        f"%R~handoff:{{conversation-events:*}}:t:* {_CLIENT} +eval +exists +lrange +hget +hmget "
        "+hset +hdel +hincrby +pexpire +zadd +zcard +zrem +zscore +zrangebyscore"
    ),
    "bridge": (
        f"~handoff:deliveries:* {_CLIENT} +eval +hget +hgetall +hset +hdel +pexpire +rpush +lindex "
        "+lpop +lset +llen +zadd +zrem +zscore +zrangebyscore"
    ),
}
"""The rights of each worker's user in the store; docs/security.md lists the same."""


def secured_kafka(folder: Path, authority: Authority, issuer: TokenIssuer) -> KafkaServer:
    """A broker whose second listener wants a client's certificate, and SCRAM or a bearer token.

    Nobody may do there what is not listed, and everybody has to prove again every
    REAUTHENTICATED_S who it is. The first listener is for the tests themselves, superusers there.
    """
    mechanisms = "listener.name.proxied"
    modules = "org.apache.kafka.common.security"
    keys = issuer.keys.as_uri()
    properties = {
        "listener.security.protocol.map": (
            "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:SASL_SSL"
        ),
        "sasl.enabled.mechanisms": "SCRAM-SHA-512,OAUTHBEARER",
        f"{mechanisms}.scram-sha-512.sasl.jaas.config": (
            f"{modules}.scram.ScramLoginModule required;"
        ),
        f"{mechanisms}.oauthbearer.sasl.jaas.config": (
            f"{modules}.oauthbearer.OAuthBearerLoginModule required;"
        ),
        f"{mechanisms}.oauthbearer.sasl.server.callback.handler.class": (
            f"{modules}.oauthbearer.OAuthBearerValidatorCallbackHandler"
        ),
        f"{mechanisms}.oauthbearer.connections.max.reauth.ms": str(REAUTHENTICATED_S * 1000),
        "sasl.oauthbearer.jwks.endpoint.url": keys,
        f"{mechanisms}.ssl.client.auth": "required",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(authority.keystore),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.ca),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }
    options = [
        f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={keys}",
        # Every right that is made use of is in its log.
        "-Dorg.slf4j.simpleLogger.log.kafka.authorizer.logger=debug",
    ]
    return KafkaServer(folder, properties=properties, proxies=[0], options=options)


def add_users(bootstrap: str, users: Iterable[str]) -> None:
    """Create SCRAM users, all with PASSWORD."""
    client = admin.AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    mechanism = admin.ScramMechanism.SCRAM_SHA_512
    added = [
        admin.UserScramCredentialUpsertion(
            user, admin.ScramCredentialInfo(mechanism, 4096), PASSWORD.encode()
        )
        for user in users
    ]
    for future in client.alter_user_scram_credentials(added).values():
        future.result(15)


def allow(bootstrap: str, worker: str) -> None:
    """Give a worker's user its ACLs."""
    client = admin.AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    topic, group = admin.ResourceType.TOPIC, admin.ResourceType.GROUP
    literal, prefixed = admin.ResourcePatternType.LITERAL, admin.ResourcePatternType.PREFIXED
    wanted = [(group, f"handoff-{worker}", literal, "READ")]
    for name, operations in {**TOPIC_ACLS, **OUTBOUND_ACLS}[worker].items():
        pattern = prefixed if name.endswith("*") else literal
        wanted += [(topic, name.rstrip("*"), pattern, operation) for operation in operations]
    bindings = [
        admin.AclBinding(
            kind,
            name,
            pattern,
            f"User:{worker}",
            "*",
            admin.AclOperation[operation],
            admin.AclPermissionType.ALLOW,
        )
        for kind, name, pattern, operation in wanted
    ]
    for future in client.create_acls(bindings).values():
        future.result(15)


class SecuredRedis:
    """A store that speaks nothing but TLS, asks for a client's certificate, and has users.

    `admin` may do everything; the default user nothing. The embedded one was built without TLS.
    """

    def __init__(self, folder: Path, authority: Authority) -> None:
        found = shutil.which("redis-server") or shutil.which("valkey-server")
        if found is None:
            raise ServerError("no redis-server with TLS: apt-get install redis-server")
        self._authority = authority
        self._port = free_port()
        self._folder = folder
        users = folder / "users.acl"
        rules = {"admin": "~* &* +@all", **REDIS_RULES}
        lines = ["user default off"]
        for user, allowed in rules.items():
            lines.append(f"user {user} on >{PASSWORD} resetchannels {allowed}")
        users.write_text("\n".join(lines) + "\n")
        # fmt: off
        self._command = [
            found, "--bind", "127.0.0.1", "--port", "0", "--tls-port", str(self._port),
            "--tls-cert-file", str(authority.certificate), "--tls-key-file", str(authority.key),
            "--tls-ca-cert-file", str(authority.ca), "--tls-auth-clients", "yes",
            "--aclfile", str(users), "--dir", str(folder), "--save", "",
            "--appendonly", "yes", "--maxmemory-policy", "noeviction",
        ]
        # fmt: on

    def url(self, user: str) -> str:
        """Return the address for a user, with its password and certificates."""
        ours = self._authority
        files = f"ssl_ca_certs={ours.ca}&ssl_certfile={ours.client_certificate}"
        key = f"ssl_keyfile={ours.client_key}&ssl_password={KEY_PASSWORD}"
        return f"rediss://{user}:{PASSWORD}@127.0.0.1:{self._port}/0?{files}&{key}"

    def __enter__(self) -> Self:
        self._server = GuardedServer(self._command, self._folder / "redis.log")
        until = time.monotonic() + 10
        with Redis.from_url(self.url("admin")) as client:
            while True:
                try:
                    client.ping()
                except RedisConnectionError as error:
                    if not self._server.running or time.monotonic() > until:
                        self._server.stop()
                        raise ServerError(f"no store: {error} {self._server.tail()}") from None
                    time.sleep(0.05)
                else:
                    return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()


def environment(kafka: KafkaServer, authority: Authority, user: str) -> dict[str, str]:
    return {
        "KAFKA_BOOTSTRAP": f"127.0.0.1:{kafka.brokers[0].behind_proxy}",
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "KAFKA_SASL_USERNAME": user,
        "KAFKA_SASL_PASSWORD": PASSWORD,
        "KAFKA_SSL_CAFILE": str(authority.ca),
        "KAFKA_SSL_CERTFILE": str(authority.client_certificate),
        "KAFKA_SSL_KEYFILE": str(authority.client_key),
        "KAFKA_SSL_KEY_PASSWORD": KEY_PASSWORD,
    }


def with_token(variables: dict[str, str], token: Path) -> dict[str, str]:
    """The same with a bearer token instead of a password."""
    kept = {name: value for name, value in variables.items() if "SASL" not in name}
    return {
        **kept,
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_MECHANISM": "OAUTHBEARER",
        "KAFKA_OAUTH_TOKEN_FILE": str(token),
    }


def settings_of(variables: dict[str, str]) -> Settings:
    return load_settings(**{name.lower(): value for name, value in variables.items()})


@asynccontextmanager
async def renewed(token: Path, issuer: TokenIssuer, user: str) -> AsyncIterator[None]:
    """A file that holds a token of TOKEN_S, replaced by a newer one long before that is over."""

    def write() -> None:
        newer = token.with_suffix(".new")
        newer.write_text(issuer.token(user, TOKEN_S) + "\n")
        newer.replace(token)

    async def keep() -> None:
        while True:
            await asyncio.sleep(TOKEN_S / 3)
            await asyncio.to_thread(write)

    write()
    task = asyncio.create_task(keep())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


def used_rights(log: Path) -> set[tuple[str, str, str]]:
    """The rights on topics that the broker says it was asked for and had given."""
    found = re.findall(
        r"Principal = User:(\w+) is Allowed operation = (\w+) .* resource = Topic:LITERAL:([\w-]+)",
        log.read_text(errors="replace"),
    )
    return {
        (user, operation, "handoff-*" if topic.startswith("handoff-") else topic)
        for user, operation, topic in found
    }
