"""The text of notifications as a mail and as a post to a chat room."""

from collections.abc import Sequence
from email.message import EmailMessage
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

import msgspec
from jinja2 import Environment, StrictUndefined

from workers.contracts.characters import escaped
from workers.contracts.tickets import Notification
from workers.contracts.topics import Language
from workers.contracts.yaml import load_yaml
from workers.outbound.notifier_file import NotifierRoutes, severity_of
from workers.outbound.trees import TreeError, render

SHOWN: Final = 50
"""Notifications that one message has in full; the others are counted."""
_SUBJECT: Final = 150
_SLACK: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})

_TEXT: Final = """\
{% for item in items %}
{{ item.heading }}{% if item.about %}: {{ item.about }}{% endif %}


{{ item.text }}

{% for label, value in item.facts %}
{{ label }}: {{ value }}
{% endfor %}
{% if item.advice %}

{{ item.advice }}
{% endif %}
{% if not loop.last %}

----

{% endif %}
{% endfor %}
{% if more %}

{{ words.more.format(count=more) }}
{% endif %}
"""
_HTML: Final = """\
<!doctype html><html lang="{{ language }}"><body style="font-family: sans-serif">
{% for item in items %}
<h2 style="font-size: 1.1em">{{ item.heading }}{% if item.about %}: {{ item.about }}{% endif %}</h2>
<p>{{ item.text }}</p>
<table>
{% for label, value in item.facts %}
<tr><th style="text-align: left; padding-right: 1em">{{ label }}</th><td>{{ value }}</td></tr>
{% endfor %}
</table>
{% if item.advice %}<p>{{ item.advice }}</p>{% endif %}
{% if item.link %}<p><a href="{{ item.link }}">{{ words.open }}</a></p>{% endif %}
{% endfor %}
{% if more %}<p>{{ words.more.format(count=more) }}</p>{% endif %}
</body></html>
"""


class NotificationItem(NamedTuple):
    """One notification in the words of a language; no words of a customer are in it."""

    heading: str
    about: str
    """The conversation, or what a rate is about."""
    text: str
    facts: tuple[tuple[str, str], ...]
    advice: str
    link: str | None


_PLAIN: Final = Environment(  # noqa: S701 - plain text has no markup
    undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
).from_string(_TEXT)  # fmt: skip
_MARKUP: Final = Environment(
    undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=True
).from_string(_HTML)  # fmt: skip


@cache
def _words(language: Language) -> dict[str, Any]:
    text = files("workers.outbound").joinpath("notification_words.yaml").read_text(encoding="utf-8")
    words: dict[str, Any] = load_yaml(text, "notification_words.yaml").data[language]
    return words


def item_of(
    notification: Notification, routes: NotifierRoutes, language: Language
) -> NotificationItem:
    """Return a notification in the words of a language, with its link."""
    words = _words(language)
    link = _link(notification, routes)
    label = words["facts"]
    facts = [
        (label["queue"], _team(notification)),
        (label["conversation"], notification.conversation_id),
        (label["customer"], notification.customer),
        (label["reason"], notification.reason and notification.reason.replace("_", " ")),
        (label["level"], str(notification.level or "")),
        (label["due"], notification.due_at and f"{notification.due_at:%Y-%m-%d %H:%M:%S} UTC"),
        (label["time"], f"{notification.occurred_at:%Y-%m-%d %H:%M:%S} UTC"),
        (label["link"], link),
    ]
    return NotificationItem(
        heading=words["kinds"].get(notification.kind, notification.kind.replace("_", " ")),
        about=escaped(notification.conversation_id or notification.subject or ""),
        text=escaped(notification.text),
        facts=tuple((name, escaped(value)) for name, value in facts if value),
        advice=words["advice"].get(notification.kind, ""),
        link=link,
    )


def _team(notification: Notification) -> str | None:
    if notification.team and notification.queue:
        return f"{notification.team} ({notification.queue})"
    return notification.team or notification.queue


def _link(notification: Notification, routes: NotifierRoutes) -> str | None:
    template = routes.file.link
    if template is None or notification.conversation_id is None:
        return None
    data = msgspec.to_builtins(notification)
    try:
        link = render(template, {**routes.base, "notification": data})
    except TreeError:
        return None
    return link if link.startswith(("https://", "http://")) else None


def subject_of(notifications: Sequence[Notification], language: Language) -> str:
    """Return what a mail or a post begins with: what, who and the queue, or how many."""
    words = _words(language)
    urgent = any(severity_of(one) == "urgent" for one in notifications)
    if len(notifications) == 1:
        [one] = notifications
        heading = words["kinds"].get(one.kind, one.kind.replace("_", " "))
        about = one.conversation_id or one.subject
        said = heading + (f": {about}" if about else "") + (f" ({one.queue})" if one.queue else "")
    else:
        queues = sorted({one.queue for one in notifications if one.queue})
        said = words["several"].format(count=len(notifications))
        said += f" ({', '.join(queues[:3])}{', …' if len(queues) > 3 else ''})" if queues else ""
    said = escaped(f"[{words['urgent']}] {said}" if urgent else said)
    return said if len(said) <= _SUBJECT else said[: _SUBJECT - 1] + "…"


def mail_of(
    notifications: Sequence[Notification],
    routes: NotifierRoutes,
    language: Language,
    to: Sequence[str],
) -> EmailMessage:
    """Return the mail that tells notifications, as plain text and as HTML, without its sender."""
    values = _values(notifications, routes, language)
    message = EmailMessage()
    message["To"] = ", ".join(to)
    message["Subject"] = subject_of(notifications, language)
    message["Auto-Submitted"] = "auto-generated"
    if any(severity_of(one) == "urgent" for one in notifications):
        message["X-Priority"] = "1"
    message.set_content(_PLAIN.render(values).strip() + "\n")
    message.add_alternative(_MARKUP.render(values), subtype="html")
    return message


def _values(
    notifications: Sequence[Notification], routes: NotifierRoutes, language: Language
) -> dict[str, Any]:
    return {
        "items": [item_of(one, routes, language) for one in notifications[:SHOWN]],
        "more": max(0, len(notifications) - SHOWN),
        "words": _words(language),
        "language": language,
    }


def post_of(
    style: str, notifications: Sequence[Notification], routes: NotifierRoutes, language: Language
) -> dict[str, Any]:
    """Return the JSON of a post: our own form, or what Slack's and Teams' webhooks take."""
    items = [item_of(one, routes, language) for one in notifications[:SHOWN]]
    subject = subject_of(notifications, language)
    if style == "standard":
        return {
            "type": "escalation.notifications",
            "subject": subject,
            "notifications": [
                {**msgspec.to_builtins(one), "severity": severity_of(one)} for one in notifications
            ],
        }
    more = len(notifications) - len(items)
    last = [_words(language)["more"].format(count=more)] if more else []
    if style == "slack":
        lines = [f"*{subject.translate(_SLACK)}*", *(_slack(item) for item in items), *last]
        return {"text": "\n".join(lines)}
    blocks = [{"text": subject, "weight": "Bolder"}]
    blocks += [{"text": text} for item in items for text in (item.text, item.link) if text]
    blocks += [{"text": text} for text in last]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [{"type": "TextBlock", "wrap": True, **block} for block in blocks],
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}


def _slack(item: NotificationItem) -> str:
    text = item.text.translate(_SLACK)
    return f"• {text} <{item.link.translate(_SLACK)}|↗>" if item.link else f"• {text}"
