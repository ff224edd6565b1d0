"""One line to the customer for each change, in their language, and only what is true by then."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from workers.contracts.calendars import Opening
from workers.contracts.control import Contact
from workers.contracts.decisions import Decision
from workers.contracts.events import Wait
from workers.contracts.ledger import Plan
from workers.contracts.time import to_ms
from workers.handoff.languages import DEFAULT_LANGUAGE, code_of, words_by_language
from workers.handoff.notice_file import NoticeRule, fields_of

_MISSED: Final = frozenset({"claim_missed", "reply_missed", "ticket_unanswered", "ticket_refused"})
_SAYS_BECAUSE: Final = frozenset({"queued", "offer", "ticket_requested"})
_SAYS_OPENING: Final = frozenset(
    {"ticket_requested", "contact", "no_contact", "expired", "expired_no_contact"}
)
_SAYS_WAIT: Final = frozenset({"queued", "passed_on", "missed", "raised", "still_waiting"})
_LONG_MIN: Final = 90
"""Minutes from which on hours are told."""


class Circumstances(NamedTuple):
    """Facts for a notice beside the decision and its plan; None: not known, or there is none."""

    contact: Contact | None = None
    """The contact details that are given when nobody can take the customer."""
    team: str | None = None
    """Team of the queue that it is about."""
    opens: Opening | None = None
    """The time at which that queue's people are back, if it is closed."""
    asks: bool = False
    """True where a ticket needs to know how the customer can be reached."""


_NOTHING: Final = Circumstances()


class Notices:
    """The texts of a deployment: the shipped ones, under what its notices.yaml says more exactly.

    Pure: equal arguments give equal texts.
    """

    def __init__(self, rules: tuple[NoticeRule, ...] = ()) -> None:
        self._rules = sorted(rules, key=lambda rule: rule.match.rank)
        # Of two that match alike, the later stands.
        self._rules.reverse()

    def notice(self, decision: Decision, plan: Plan, about: Circumstances = _NOTHING) -> str | None:
        """Return what the customer is told about `decision` once `plan` is carried out, or None.

        None where nothing changes for them. The language is that of the customer's locale (a BCP
        47 tag such as de-AT) if there is one, else English. The most specific text wins, by
        reason, queue, tier and channel in this order; one that names what is not known (a wait,
        a deadline, an opening) is passed over.
        """
        kind = None if decision.observe else _kind(decision, plan, about.contact)
        return None if kind is None else self.text(kind, decision, plan, about)

    def text(self, kind: str, decision: Decision, plan: Plan, about: Circumstances) -> str:
        """Return the text of one kind, whether or not it is what this decision calls for."""
        customer = decision.facts.customer
        language = language_of(None if customer is None else customer.locale)
        base = languages()[language]
        known = _known(base, decision, plan, about)
        chosen = self._chosen(kind, language, decision, plan, known) or str(base[kind])
        said = [chosen.format(**known)]
        if kind in _SAYS_BECAUSE and (because := self._because(language, decision, plan)):
            said.insert(0, because)
        named = fields_of(chosen)
        if kind in _SAYS_WAIT and "wait" in known and "wait" not in named:
            said.append(str(base["wait"]).format(**known))
        if kind in _SAYS_OPENING and "opens" in known and "opens" not in named:
            said.append(str(base["opens"]).format(**known))
        if kind == "ticket_requested" and about.asks:
            said.append(str(base["ask"]))
        return " ".join(said)

    def _chosen(
        self, kind: str, language: str, decision: Decision, plan: Plan, known: Mapping[str, str]
    ) -> str | None:
        customer = decision.facts.customer
        tier = None if customer is None else customer.tier
        queue = plan.queue or decision.queue or decision.target_queue
        for rule in self._rules:
            if rule.match.holds(decision.reason, queue, tier, decision.facts.channel):
                text = rule.texts.get(language, {}).get(kind)
                if text is not None and fields_of(text) <= known.keys():
                    return text
        return None

    def _because(self, language: str, decision: Decision, plan: Plan) -> str | None:
        """Return what was understood, where the customer does not know it yet."""
        new = decision.action == "offer" or decision.action == "escalate"
        if not new or decision.cause == "offer_accepted":
            return None
        chosen = self._chosen("because", language, decision, plan, {})
        return chosen or languages()[language]["because"].get(decision.reason)


def languages() -> Mapping[str, dict[str, Any]]:
    """Return the shipped texts of every language by its ISO 639-1 code."""
    return words_by_language("notices.yaml")


def language_of(locale: str | None) -> str:
    """Return the language in which a customer with this locale is told."""
    language = code_of(locale)
    return language if language in languages() else DEFAULT_LANGUAGE


def _kind(decision: Decision, plan: Plan, contact: Contact | None) -> str | None:
    match decision.action:
        case "offer":
            return "offer"
        case "update":
            return "still_waiting" if plan.wait else None
        case "claim":
            # The customer has already seen a person who steps in by writing.
            return None if decision.reason == "human_initiative" else "joined"
        case "move" if decision.cause == "ticketed":
            return "ticket"
        case "escalate" | "move" | "transfer":
            return _placed(decision, plan, contact)
        case "outcome" if decision.outcome == "expired":
            return "expired" if shown_contact(contact) else "expired_no_contact"
        case "return" | "outcome" if decision.outcome in ("returned", "resolved", "withdrawn"):
            return decision.outcome
        case _:
            return None


def _placed(decision: Decision, plan: Plan, contact: Contact | None) -> str | None:
    if plan.place == "contact":
        return "contact" if shown_contact(contact) else "no_contact"
    if plan.place == "ticket":
        return "ticket_requested"
    if plan.place != "queue":
        return None
    if decision.action == "escalate":
        return "queued"
    if decision.cause == "assignee_missed" and plan.queue == decision.queue:
        # They wait where they were told that they wait.
        return None
    if decision.cause == "mandatory_rule":
        return "raised"
    return "missed" if decision.cause in _MISSED else "passed_on"


def _known(
    base: dict[str, Any], decision: Decision, plan: Plan, about: Circumstances
) -> dict[str, str]:
    """Return what a text may name at this moment."""
    known: dict[str, str] = {}
    if decision.ticket_id or decision.cause == "ticketed":
        known["ticket"] = decision.ticket_id or "?"
    if about.team:
        known["team"] = about.team
    if shown := shown_contact(about.contact):
        known["contact"] = shown
    if plan.wait:
        known["wait"] = _wait(base, plan.wait)
    if plan.place == "queue" and plan.claim_due_at is not None:
        minutes = max(1, round((to_ms(plan.claim_due_at) - to_ms(plan.planned_at)) / 60_000))
        known["within"] = _duration(minutes)
    if about.opens:
        known["opens"] = _opening(base, about.opens)
    return known


def shown_contact(contact: Contact | None) -> str:
    """Return the ways to a person as one line shows them; empty when there are none."""
    if contact is None:
        return ""
    ways = ", ".join(filter(None, (contact.phone, contact.email, contact.url)))
    return f"{ways} ({contact.hours})" if ways and contact.hours else ways


def _duration(minutes: int) -> str:
    return f"{minutes} min" if minutes <= _LONG_MIN else f"{-(-minutes // 60)} h"


def _opening(base: dict[str, Any], opens: Opening) -> str:
    text = base["opening"][min(opens.days_ahead, 2)] if opens.days_ahead < 7 else base["opening"][3]
    day = base["days"][opens.day.weekday()]
    return str(text).format(time=opens.time, day=day, date=opens.day.isoformat())


def _wait(base: dict[str, Any], wait: Wait) -> str:
    """Return the range in whole minutes, never narrower than it is."""
    low, high = wait.low_s // 60, max(1, -(-wait.high_s // 60))
    if high > _LONG_MIN:
        low, high, unit = low // 60, -(-high // 60), "h"
    else:
        unit = "min"
    if low == 0:
        return str(base["up_to"]).format(high=f"{high} {unit}")
    return f"{high} {unit}" if low == high else f"{low}\u2013{high} {unit}"
