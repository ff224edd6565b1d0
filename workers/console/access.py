"""Users of the console, and what each may see."""

import hashlib
import hmac
import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple

import msgspec

from workers.contracts.topics import QueueName, Topics
from workers.contracts.yaml import YamlFileError, convert, load_yaml, suggestion
from workers.errors import ConfigurationError
from workers.redaction.redact import REDACTIONS, Redaction

Role = Literal["viewer", "desk", "lead"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "::1")


class Identity(NamedTuple):
    """A person who is signed in."""

    name: str
    role: Role
    queues: frozenset[str] | None
    """Queues that this person may see; None: all, and conversations that are on none."""

    @property
    def may_work(self) -> bool:
        """Return True if they may act at the desk and use the chat."""
        return self.role != "viewer"

    @property
    def sees_customers(self) -> bool:
        """Return True if customers' names and ids are shown to them and may be searched for."""
        return self.role != "viewer"

    def sees(self, queues: Sequence[str | None]) -> bool:
        """Return True if they may see what was on these queues; None stands for no queue yet."""
        return self.queues is None or any(queue in self.queues for queue in queues)

    def rule(self, topics: Topics, involved: Sequence[str | None]) -> Redaction:
        """Return how texts of a conversation are redacted that was on these queues."""
        if self.role == "lead":
            return "standard"
        if self.role == "viewer":
            return "strict"
        mine = [
            topics.queues[queue].redaction
            for queue in involved
            if queue in topics.queues and self.sees([queue])
        ]
        return max(mine, key=REDACTIONS.index, default="strict")


LOOPBACK_LEAD: Final = Identity("lead", "lead", None)
"""The user at this machine, where nothing is configured."""

_HASH: Final = "the token's SHA-256: printf %s TOKEN | sha256sum"
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$", description=_HASH)]
PersonName = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class Person(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One entry of the tokens file."""

    name: PersonName
    role: Role
    queues: tuple[QueueName, ...] | None = None
    """Absent: all."""
    sha256: Sha256 = ""
    """Absent: only a proxy may say that this is who calls."""


class _PeopleFile(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    version: Literal[1]
    people: Annotated[tuple[Person, ...], msgspec.Meta(min_length=1)]


class People:
    """The tokens file; a change of it counts from the next request on."""

    def __init__(self, path: Path, topics: Topics) -> None:
        """Read the file; ConfigurationError says what is wrong with it."""
        self._path = path
        self._topics = topics
        self._read: tuple[int, int] | None = None
        self._people: tuple[Person, ...] = ()
        self._load()

    def by_token(self, token: str) -> tuple[Identity, str] | None:
        """Return whose token it is, and the token's digest; None: unknown."""
        digest = hashlib.sha256(token.encode(errors="replace")).hexdigest()
        found = None
        for person in self._current():
            if hmac.compare_digest(person.sha256, digest):
                found = (_identity(person), digest)
        return found

    def by_digest(self, digest: str) -> Identity | None:
        """Return whose token had this digest when they signed in, if they still may."""
        for person in self._current():
            if person.sha256 and hmac.compare_digest(person.sha256, digest):
                return _identity(person)
        return None

    def by_name(self, name: str) -> Identity | None:
        """Return the person of whom a proxy said the name."""
        found = [person for person in self._current() if person.name == name]
        return _identity(found[0]) if found else None

    @property
    def has_tokens(self) -> bool:
        """Return True if someone can sign in by a token."""
        return any(person.sha256 for person in self._current())

    def _current(self) -> tuple[Person, ...]:
        try:
            stat = self._path.stat()
        except OSError:
            # Without its file no one may come in.
            self._read, self._people = None, ()
            return ()
        if (stat.st_mtime_ns, stat.st_size) != self._read:
            try:
                self._load()
            except ConfigurationError:
                # Half a file must not lock all users out; the last whole one counts.
                self._read = (stat.st_mtime_ns, stat.st_size)
        return self._people

    def _load(self) -> None:
        try:
            stat = self._path.stat()
            document = load_yaml(self._path.read_text(encoding="utf-8"), str(self._path))
            file = convert(document, _PeopleFile)
            for index, person in enumerate(file.people):
                path = ("people", index, "name")
                if person.name in [other.name for other in file.people[:index]]:
                    raise document.error(path, "named twice: keep one")
                for number, queue in enumerate(person.queues or ()):
                    if queue not in self._topics.queues:
                        advice = suggestion(queue, list(self._topics.queues))
                        raise document.error(("people", index, "queues", number), advice)
        except (YamlFileError, OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{error}") from None
        self._read, self._people = (stat.st_mtime_ns, stat.st_size), file.people


def _identity(person: Person) -> Identity:
    queues = None if person.queues is None else frozenset(person.queues)
    return Identity(person.name, person.role, queues)


class Admission(NamedTuple):
    """The rules that tell callers apart; `admission` makes them once at start."""

    people: People | None
    """None: loopback only, and every user there is a lead."""
    user_header: str | None
    proxies: tuple[Network, ...]

    def is_proxy(self, address: str | None) -> bool:
        """Return True if a connection comes from one of the listed proxies."""
        try:
            peer = ipaddress.ip_address(address or "")
        except ValueError:
            return False
        return any(peer in network for network in self.proxies)


def admission(
    host: str, tokens_file: Path | None, user_header: str | None, proxies: str, topics: Topics
) -> Admission:
    """Return how callers are told apart, or raise ConfigurationError rather than let anyone in."""
    networks = _networks(proxies)
    if bool(user_header) != bool(networks):
        raise ConfigurationError(
            "HANDOFF_CONSOLE_USER_HEADER and HANDOFF_CONSOLE_PROXIES belong together: name both, "
            "the header that your proxy sets and the addresses that it calls from"
        )
    if tokens_file is None and (user_header or not is_loopback(host)):
        raise ConfigurationError(
            f"the console would show conversations to anyone who reaches {host}: name a file of "
            "people, roles and tokens (HANDOFF_CONSOLE_TOKENS_FILE), or listen on 127.0.0.1"
        )
    people = None if tokens_file is None else People(tokens_file, topics)
    return Admission(people, user_header or None, networks)


def is_loopback(host: str) -> bool:
    """Return True if an address to listen on can be reached from this machine only."""
    if host in _LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _networks(listed: str) -> tuple[Network, ...]:
    networks = []
    for part in filter(None, (part.strip() for part in listed.split(","))):
        try:
            networks.append(ipaddress.ip_network(part, strict=False))
        except ValueError:
            raise ConfigurationError(
                f"HANDOFF_CONSOLE_PROXIES: {part!r} is no address: write 10.0.0.5 or 10.0.0.0/24"
            ) from None
    return tuple(networks)


def new_secret() -> str:
    """Return a key for the signatures of sessions."""
    return os.urandom(32).hex()
