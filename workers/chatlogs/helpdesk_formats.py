"""Exports of help desks and chat platforms: Chatwoot, Zendesk, Intercom, Twilio."""

import re
from html import unescape
from typing import Any, Final

from workers.chatlogs.json_values import Log, as_dict, as_list, as_number, only
from workers.chatlogs.model_formats import messages_of

# ---- Chatwoot ---------------------------------------------------------------------------------

_CHATWOOT: Final = {
    "0": "customer",
    "incoming": "customer",
    "1": "human_agent",
    "outgoing": "human_agent",
    "3": "ai_agent",
    "template": "ai_agent",
}


def _chatwoot_messages(log: Any) -> list[Any]:
    return as_list(as_dict(log).get("payload")) or messages_of(log)


def fits_chatwoot(log: Any) -> bool:
    """Return True if a log is a list of messages of a Chatwoot conversation."""
    messages = [as_dict(one) for one in _chatwoot_messages(log)]
    return bool(messages) and all("message_type" in one for one in messages)


def read_chatwoot(log: Any) -> Log:
    """Return it as messages, with who wrote them."""
    messages = []
    for one in map(as_dict, _chatwoot_messages(log)):
        role = _CHATWOOT.get(str(one.get("message_type")))
        sender = as_dict(one.get("sender"))
        if role is None or one.get("private"):
            continue
        if str(sender.get("type") or one.get("sender_type")).casefold() in _BOTS:
            role = "ai_agent"
        kept = only(one, "content", "created_at", "attachments")
        messages.append({"role": role, "sender": sender, **kept})
    head = as_dict(log)
    first = as_dict(_chatwoot_messages(log)[0])
    contact = as_dict(
        as_dict(head.get("meta")).get("sender") or as_dict(head.get("meta")).get("contact")
    )
    number = head.get("id") or head.get("display_id") or first.get("conversation_id")
    return {"id": number, "customer": only(contact, "id", "name"), "messages": messages}


_BOTS: Final = frozenset(("agent_bot", "agentbot", "bot", "captain::assistant"))


def fits_zendesk(log: Any) -> bool:
    """Return True if a log is a Zendesk ticket with comments, or a chat with a history."""
    one = as_dict(log)
    chat = any("msg" in as_dict(turn) for turn in as_list(one.get("history")))
    comments = [as_dict(comment) for comment in as_list(one.get("comments"))]
    return chat or (bool(comments) and all("author_id" in comment for comment in comments))


def read_zendesk(log: Log) -> Log:
    """Return it as messages, with who wrote them."""
    if "history" in log:
        return _zendesk_chat(log)
    ticket = as_dict(log.get("ticket")) or log
    roles = {one.get("id"): one for one in map(as_dict, as_list(log.get("users")))}
    requester = ticket.get("requester_id", as_dict(ticket.get("requester")).get("id"))
    if requester is None and log["comments"]:
        requester = as_dict(log["comments"][0]).get("author_id")
    messages = []
    for one in map(as_dict, log["comments"]):
        if one.get("public") is False:
            continue
        author = one.get("author_id")
        customer = author == requester or as_dict(roles.get(author)).get("role") == "end-user"
        text = one.get("plain_body") or one.get("body") or plain_text(str(one.get("html_body")))
        sender = {"id": author, "name": as_dict(roles.get(author)).get("name")}
        role = "customer" if customer else "human_agent"
        said = {"role": role, "content": text, "sender": sender}
        messages.append({**said, **only(one, "created_at", "attachments")})
    person = as_dict(roles.get(requester))
    customer_of = {"id": requester, **only(person, "name")}
    head = {"id": ticket.get("id"), "subject": ticket.get("subject"), "channel": "ticket"}
    return {**head, "ticket_id": ticket.get("id"), "customer": customer_of, "messages": messages}


def _zendesk_chat(log: Log) -> Log:
    visitor = as_dict(log.get("visitor"))
    messages = []
    for one in map(as_dict, as_list(log.get("history"))):
        if not one.get("msg"):
            continue
        kind = str(one.get("sender_type") or one.get("nick")).casefold()
        role = "human_agent"
        if kind.startswith("visitor"):
            role = "customer"
        elif kind.startswith(("trigger", "bot", "answer")):
            role = "ai_agent"
        sender = {"name": one.get("name") or one.get("display_name")}
        said = {"role": role, "content": one["msg"], "sender": sender}
        messages.append({**said, **only(one, "timestamp")})
    return {"id": log.get("id"), "customer": only(visitor, "id", "name"), "messages": messages}


_INTERCOM: Final = {
    "user": "customer",
    "lead": "customer",
    "contact": "customer",
    "admin": "human_agent",
    "team": "human_agent",
    "bot": "ai_agent",
    "fin": "ai_agent",
}


def fits_intercom(log: Any) -> bool:
    """Return True if a log is an Intercom conversation with parts."""
    return isinstance(as_dict(log).get("conversation_parts"), dict | list)


def read_intercom(log: Log) -> Log:
    """Return it as messages, with who wrote them."""
    parts = log["conversation_parts"]
    listed = as_list(parts) or as_list(as_dict(parts).get("conversation_parts"))
    source = as_dict(log.get("source"))
    messages = []
    for one in [{"created_at": log.get("created_at"), **source}, *map(as_dict, listed)]:
        # What is written while assigning is for colleagues, what is written while closing is not.
        internal = str(one.get("part_type")).startswith(("note", "assign"))
        if internal or not (one.get("body") or one.get("attachments")):
            continue
        author = as_dict(one.get("author"))
        role = _INTERCOM.get(str(author.get("type")).casefold(), "human_agent")
        if author.get("from_ai_agent") or author.get("is_ai_answer"):
            role = "ai_agent"
        said = {"role": role, "content": plain_text(one.get("body") or ""), "sender": author}
        messages.append({**said, **only(one, "created_at", "attachments")})
    person = as_dict(source.get("author"))
    return {"id": log.get("id"), "customer": only(person, "id", "name"), "messages": messages}


_TWILIO_CUSTOMER: Final = re.compile(r"\+\d|whatsapp:|messenger:|sms:|rcs:")


def fits_twilio(log: Any) -> bool:
    """Return True if a log is a list of messages of Twilio Conversations."""
    messages = [as_dict(one) for one in messages_of(log)]
    return bool(messages) and all({"author", "body"} <= one.keys() for one in messages)


def read_twilio(log: Any) -> Log:
    """Return it as messages, with who wrote them."""
    messages = []
    for one in sorted(map(as_dict, messages_of(log)), key=lambda one: as_number(one.get("index"))):
        author = str(one.get("author"))
        role = "human_agent"
        if _TWILIO_CUSTOMER.match(author) or author.casefold() in ("customer", "user", "guest"):
            role = "customer"
        elif author.casefold() in ("system", "bot", "assistant", "autopilot"):
            role = "ai_agent"
        said = {"role": role, "content": one.get("body"), "sender": {"id": author}}
        messages.append({**said, **only(one, "date_created", "dateCreated", "media")})
    head = as_dict(log)
    first = as_dict(messages_of(log)[0])
    sid = head.get("sid") or first.get("conversation_sid") or first.get("channel_sid")
    return {"id": sid or head.get("id"), "messages": messages}


_BLOCK: Final = re.compile(r"<(?:br|p|div|li)(?=[\s/>])[^<>]{0,2000}>", re.IGNORECASE)
_TAG: Final = re.compile(r"</?[a-zA-Z][^<>]{0,2000}>")


def _without_comments(html: str) -> str:
    kept, at = [], 0
    while (start := html.find("<!--", at)) >= 0 and (end := html.find("-->", start)) >= 0:
        kept.append(html[at:start])
        at = end + 3
    return "".join([*kept, html[at:]])


def plain_text(html: str) -> str:
    """Return the text of a fragment of HTML; text without tags comes back as it is."""
    if "<" not in html and "&" not in html:
        return html
    # The parser of the standard library takes minutes for some fragments of a few kilobytes.
    text = unescape(_TAG.sub("", _BLOCK.sub("\n", _without_comments(html))))
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(filter(None, lines))
