"""Certificates and bearer tokens of the tests, made with openssl."""

import json
import subprocess
import time
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Final, NamedTuple

KEY_PASSWORD: Final = "of-the-key"
"""The client's key is encrypted, once for each way of reading it."""


class Authority(NamedTuple):
    """A certificate authority, what it has given a server at 127.0.0.1, and what a client."""

    folder: Path
    ca: Path
    key: Path
    certificate: Path
    client_key: Path
    """Encrypted with KEY_PASSWORD."""
    client_certificate: Path

    @property
    def keystore(self) -> Path:
        """The server's key and certificate in one PEM file, as Kafka takes them."""
        file = self.folder / "keystore.pem"
        file.write_text(self.key.read_text() + self.certificate.read_text())
        return file


def make_authority(folder: Path) -> Authority:
    """Make everything anew."""
    ca_key, ca = folder / "ca.key", folder / "ca.pem"
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    # fmt: off
    _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test-ca",
             "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", ca_key, "-out", ca)
    for name in ("server", "client"):
        _openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
                 "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.csr")
        _openssl("x509", "-req", "-days", "2", "-in", folder / f"{name}.csr", "-CA", ca,
                 "-CAkey", ca_key, "-CAcreateserial", "-extfile", folder / "names",
                 "-out", folder / f"{name}.pem")
    _openssl("pkcs8", "-topk8", "-in", folder / "client.key", "-passout", f"pass:{KEY_PASSWORD}",
             "-out", folder / "client.encrypted")
    # fmt: on
    return Authority(
        folder,
        ca,
        folder / "server.key",
        folder / "server.pem",
        folder / "client.encrypted",
        folder / "client.pem",
    )


class TokenIssuer:
    """Signs bearer tokens; `keys` is the file with which a broker checks them."""

    def __init__(self, folder: Path) -> None:
        self._key = folder / "issuer.key"
        _openssl("genrsa", "-out", self._key, "2048")
        modulus = _openssl("rsa", "-in", self._key, "-noout", "-modulus").decode()
        number = bytes.fromhex(modulus.strip().partition("=")[2])
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "1", "e": "AQAB"}
        self.keys = folder / "keys.json"
        self.keys.write_text(json.dumps({"keys": [{**key, "n": _text(number)}]}))

    def token(self, user: str, lifetime_s: float) -> str:
        """Return a token that names a user; a negative lifetime has passed."""
        now = time.time()
        parts = (
            {"alg": "RS256", "typ": "JWT", "kid": "1"},
            {"sub": user, "scope": "kafka", "iat": int(now - 60), "exp": int(now + lifetime_s)},
        )
        said = ".".join(_text(json.dumps(part).encode()) for part in parts)
        signature = _openssl("dgst", "-sha256", "-sign", self._key, given=said.encode())
        return f"{said}.{_text(signature)}"


def _text(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def _openssl(*arguments: str | Path, given: bytes | None = None) -> bytes:
    return subprocess.run(
        ["openssl", *arguments], check=True, capture_output=True, input=given
    ).stdout
