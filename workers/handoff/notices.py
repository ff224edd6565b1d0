"""One line to the customer for each change, in their language, and only what is true by then."""

from functools import cache
from importlib.resources import files
from typing import Any, Final

from workers.contracts.control import Contact
from workers.contracts.decisions import Decision
from workers.contracts.handoffs import Wait
from workers.contracts.ledger import Plan
from workers.contracts.yaml import load_yaml

DEFAULT_LANGUAGE: Final = "en"
_MISSED: Final = frozenset({"claim_missed", "reply_missed", "ticket_unanswered", "ticket_refused"})


def notice(
    decision: Decision, plan: Plan, contact: Contact | None, locale: str | None
) -> str | None:
    """Return what the customer is told about `decision` once `plan` is carried out, or None.

    None where nothing changes for them. `contact` is what is given when nobody can take them;
    `locale` is a BCP 47 tag such as de-AT: its language is used if there is one, else English.
    """
    if decision.observe:
        return None
    texts = _texts(locale)
    if decision.action == "offer":
        return _after_reason(texts, decision, "offer")
    if decision.action == "claim":
        # Who steps in by writing has already been seen.
        return None if decision.reason == "human_initiative" else str(texts["joined"])
    if decision.action == "move" and decision.cause == "ticketed":
        return str(texts["ticket"]).format(ticket=decision.ticket_id or "?")
    if decision.action == "update":
        return f"{texts['still_waiting']} {_wait(texts, plan.wait)}" if plan.wait else None
    if decision.action in ("escalate", "move", "transfer"):
        return _placed(texts, decision, plan, contact)
    if decision.action == "outcome" and decision.outcome == "expired":
        return _with_contact(texts, "expired", contact)
    if decision.action in ("return", "outcome"):
        text = texts.get(decision.outcome or "")
        return None if text is None else str(text)
    return None


def languages() -> dict[str, dict[str, Any]]:
    """Return the texts of every language by its ISO 639-1 code."""
    return _all_texts()


def _placed(
    texts: dict[str, Any], decision: Decision, plan: Plan, contact: Contact | None
) -> str | None:
    if plan.place == "contact":
        return _with_contact(texts, "contact", contact)
    if plan.place == "ticket":
        return _after_reason(texts, decision, "ticket_requested")
    if plan.place != "queue":
        return None
    if decision.action == "escalate":
        text = _after_reason(texts, decision, "queued")
    elif decision.cause == "mandatory_rule":
        text = str(texts["raised"])
    else:
        text = str(texts["missed" if decision.cause in _MISSED else "passed_on"])
    return f"{text} {_wait(texts, plan.wait)}" if plan.wait else text


def _after_reason(texts: dict[str, Any], decision: Decision, key: str) -> str:
    """Put what was understood before the text, where the customer does not know it yet."""
    new = decision.action == "offer" or decision.action == "escalate"
    accepted = decision.cause == "offer_accepted"
    because = texts["because"].get(decision.reason) if new and not accepted else None
    return f"{because} {texts[key]}" if because else str(texts[key])


def _with_contact(texts: dict[str, Any], key: str, contact: Contact | None) -> str:
    shown = _contact(contact)
    if shown:
        return str(texts[key]).format(contact=shown)
    return str(texts["no_contact" if key == "contact" else "expired_no_contact"])


def _contact(contact: Contact | None) -> str:
    if contact is None:
        return ""
    ways = ", ".join(filter(None, (contact.phone, contact.email, contact.url)))
    return f"{ways} ({contact.hours})" if ways and contact.hours else ways


def _wait(texts: dict[str, Any], wait: Wait) -> str:
    """Return the range in whole minutes, never narrower than it is."""
    low, high = wait.low_s // 60, max(1, -(-wait.high_s // 60))
    if high > 90:
        low, high, unit = low // 60, -(-high // 60), "h"
    else:
        unit = "min"
    if low == 0:
        shown = str(texts["up_to"]).format(high=f"{high} {unit}")
    else:
        shown = f"{high} {unit}" if low == high else f"{low}\u2013{high} {unit}"
    return str(texts["wait"]).format(wait=shown)


def _texts(locale: str | None) -> dict[str, Any]:
    known = _all_texts()
    language = (locale or "").replace("_", "-").partition("-")[0].lower()
    return known.get(language, known[DEFAULT_LANGUAGE])


@cache
def _all_texts() -> dict[str, dict[str, Any]]:
    name = "notices.yaml"
    texts: dict[str, dict[str, Any]] = load_yaml(
        files("workers.handoff").joinpath(name).read_text(encoding="utf-8"), name
    ).data
    return texts
