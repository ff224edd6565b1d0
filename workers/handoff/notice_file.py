"""notices.yaml beside a policy: a deployment's own words for some customers."""

from collections.abc import Collection, Iterator, Mapping
from string import Formatter
from typing import Annotated, Any, Final, Literal

import msgspec

from workers.contracts.decisions import Reason
from workers.contracts.events import Word
from workers.contracts.yaml import Document, YamlFileError, convert, load_yaml, suggestion

FILE_NAME: Final = "notices.yaml"
"""In the folder of the policy."""

FIELDS: Final = ("team", "ticket", "wait", "within", "opens", "contact")
"""Fields that a text may name in braces: the team, the ticket's number, the estimated wait, the
queue's deadline for a claim, when a closed queue opens, how to reach a person."""
KINDS: Final = (
    *("queued", "offer", "still_waiting", "passed_on", "missed", "raised", "joined"),
    *("ticket_requested", "ticket", "contact", "no_contact", "expired", "expired_no_contact"),
    *("returned", "resolved", "withdrawn"),
)
"""Every line that a customer may be told."""
_TEXT_LIMIT: Final = 500
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=_TEXT_LIMIT)]


class NoticeMatch(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The customers whom a text is for; what is left out matches everybody."""

    reason: Reason | None = None
    queue: Word | None = None
    tier: Word | None = None
    channel: Word | None = None

    @property
    def rank(self) -> tuple[bool, ...]:
        """Return how specific it is; the greater wins: reason, queue, tier, channel in order."""
        return tuple(part is not None for part in msgspec.structs.astuple(self))

    def holds(
        self, reason: str | None, queue: str | None, tier: str | None, channel: str | None
    ) -> bool:
        """Return whether it is for this customer."""
        found = (reason, queue, tier, channel)
        wanted = msgspec.structs.astuple(self)
        return all(want in (None, is_) for want, is_ in zip(wanted, found, strict=True))


class NoticeRule(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Texts by language (ISO 639-1) and kind, for those whom `match` names."""

    match: NoticeMatch = NoticeMatch()
    texts: dict[str, dict[str, Text]]


class NoticesFile(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The file as it is written."""

    version: Literal[1]
    notices: Annotated[tuple[NoticeRule, ...], msgspec.Meta(min_length=1, max_length=1000)]


def load_notice_rules(
    text: str, name: str, languages: Mapping[str, Any], queues: Collection[str]
) -> tuple[NoticeRule, ...]:
    """Return the rules of a notices.yaml; `name` is the file's, for errors.

    Raises YamlFileError, `file:line: field: value: what to do`: an unknown language, kind, queue
    or field in braces.
    """
    document = load_yaml(text, name)
    file = convert(document, NoticesFile)
    for problem in _problems(document, file, languages, queues):
        raise problem
    return file.notices


def fields_of(text: str) -> frozenset[str]:
    """Return what a text names in braces; ValueError when they do not close."""
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def _problems(
    document: Document, file: NoticesFile, languages: Mapping[str, Any], queues: Collection[str]
) -> Iterator[YamlFileError]:
    for index, rule in enumerate(file.notices):
        queue = rule.match.queue
        if queue is not None and queue not in queues:
            path = ("notices", index, "match", "queue")
            yield document.error(path, suggestion(queue, sorted(queues)))
        for language, texts in rule.texts.items():
            where = ("notices", index, "texts", language)
            if language not in languages:
                yield document.error(where, f"no such language: use one of {', '.join(languages)}")
            for kind, text in texts.items():
                if kind not in (*KINDS, "because"):
                    yield document.error((*where, kind), suggestion(kind, KINDS))
                elif advice := _bad_fields(text, FIELDS if kind in KINDS else ()):
                    yield document.error((*where, kind), advice)


def _bad_fields(text: str, known: Collection[str]) -> str | None:
    """Return why a text cannot be filled in; None when it can."""
    try:
        parts = list(Formatter().parse(text))
    except ValueError:
        return "close every brace: write {team}, or {{ for a brace"
    for _, name, form, conversion in parts:
        if name is None:
            continue
        if name not in known or form or conversion:
            named = ", ".join(f"{{{one}}}" for one in known)
            return f"{{{name}}}: use {named}" if known else f"{{{name}}}: name nothing here"
    return None
