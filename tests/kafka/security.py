"""Servers that trust nobody: SCRAM over TLS with ACLs enforced, a store behind TLS with users."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import confluent_kafka.admin

from tests.kafka.server import KafkaServer

admin: Final[Any] = confluent_kafka.admin
PASSWORD: Final = "a password of the tests"

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
}
"""What each worker may do, and no more; docs/security.md lists the same. READ and WRITE imply
DESCRIBE; each may READ its own consumer group, `handoff-<worker>`."""

REDIS_RULES: Final = (
    "~handoff:*", "resetchannels", "+@read", "+@write", "+@connection", "-@dangerous",
    "+eval", "+evalsha", "+script|load", "+info",
)  # fmt: skip
"""What the workers' user of the store may do."""


class Authority(NamedTuple):
    """A certificate authority of the tests and a server's certificate for 127.0.0.1."""

    ca: Path
    key: Path
    certificate: Path
    keystore: Path
    """Key and certificate in one PEM file, as Kafka takes them."""


def make_authority(folder: Path) -> Authority:
    """Make everything with openssl."""
    ca_key, ca = folder / "ca.key", folder / "ca.pem"
    key, request, certificate = folder / "s.key", folder / "s.csr", folder / "s.pem"
    names = folder / "names"
    names.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    # fmt: off
    commands: list[list[str | Path]] = [
        ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test-ca",
         "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", ca_key, "-out", ca],
        ["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1",
         "-keyout", key, "-out", request],
        ["x509", "-req", "-days", "2", "-in", request, "-CA", ca, "-CAkey", ca_key,
         "-CAcreateserial", "-extfile", names, "-out", certificate],
    ]
    # fmt: on
    for command in commands:
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    keystore = folder / "keystore.pem"
    keystore.write_text(key.read_text() + certificate.read_text())
    return Authority(ca, key, certificate, keystore)


def secured_kafka(folder: Path, authority: Authority) -> KafkaServer:
    """A broker whose second listener wants SCRAM over TLS, and who may do nothing unlisted.

    Its first listener is for the tests themselves, who are superuser there.
    """
    properties = {
        "listener.security.protocol.map": (
            "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:SASL_SSL"
        ),
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.proxied.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(authority.keystore),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.ca),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }
    return KafkaServer(folder, properties=properties, proxies=[0])


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
    for name, operations in TOPIC_ACLS[worker].items():
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


@asynccontextmanager
async def behind_tls(authority: Authority, port: int) -> AsyncIterator[int]:
    """Put TLS before a server that has none, as a sidecar does; yields the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.certificate, authority.key)

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(65_536):
                writer.write(piece)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The loop ends what is still open when the test does.
        with suppress(asyncio.CancelledError):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
