"""Identifiers that the customer gave: order, booking, user, ticket, tracking numbers, names."""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final, NamedTuple

from workers.contracts.decisions import Turn
from workers.handoff.tool_results import RESULT_READ, pairs_in, person_in
from workers.handoff.tool_work import is_look_up, is_profile, named_by_tools, unknown_to_tools
from workers.handoff.view import AI, CUSTOMER, PacketView
from workers.handoff.wording import one_line

IDENTIFIERS: Final = 8
_READ: Final = 2_000
_TOKENS: Final = 40
"""Words of one turn that may be identifiers."""
_BEFORE: Final = 60
_AFTER: Final = 30
_CERTAIN: Final = 5
"""Digits from which on a number may be named from further away."""
_NEAR: Final = 18
_LAST: Final = 6
"""Turns in which a thing that tools worked on was spoken of, so that it is the one at hand."""
_WORKED_ON: Final = 3
_LONG: Final = ("", "item", "payment")
"""Kinds of numbers that are longer than four digits."""
OF_MATTER: Final = ("order", "booking", "ticket", "invoice", "contract", "tracking")

_KINDS: Final[dict[str, str]] = {
    "order": r"orders?|bestell\w*|auftrag\w*|commande|pedido|ordine|encomenda|bestelling",
    "booking": (
        r"bookings?|reservations?|confirmation(?: (?:number|code))?|record locator|pnr|"
        r"buchung\w*|reserv\w*|réservation|prenotazione|boeking"
    ),
    "user": (
        r"user(?:name)?|account|customer[ _](?:id|number)|member(?:ship)?|kunden\w*|"
        r"benutzer\w*|identifiant|client|cliente|usuario|utente|klant\w*"
    ),
    "ticket": r"ticket|case|claim|reference|vorgang\w*|référence|referencia|caso|pratica|zaak\w*",
    "tracking": (
        r"tracking|parcel|shipment|package|sendung\w*|paket\w*|suivi|colis|seguimiento|envío|"
        r"spedizione|pacco|rastreio|zending"
    ),
    "invoice": r"invoice|bill|rechnung\w*|facture|factura|fattura|fatura|factuur",
    "item": r"item|product|serial|artikel\w*|article|artículo|articolo|artigo",
    "flight": r"flight|flug\w*|vol|vuelo|volo|voo|vlucht",
    "contract": r"contract|policy number|vertrag\w*|contrat|contrato|contratto|contract\w*",
    "phone": (
        r"phone|mobile|cell|line|telefon\w*|handy\w*|téléphone|teléfono|telefono|telefone|"
        r"telefoon\w*"
    ),
    "zip": r"zip|postcode|postal code|plz|postleitzahl|code postal|código postal|cap|cep",
    "sku": r"imei|sim|device|gerät\w*|appareil|dispositivo|toestel",
}
_KIND: Final = re.compile(
    # An underscore ends a word here: user_id, item_id.
    r"(?<![^\W_])(?:"
    + "|".join(f"(?P<{kind}>{words})" for kind, words in _KINDS.items())
    + r")(?![^\W_])",
    re.IGNORECASE,
)
_PAYMENT: Final = re.compile(
    r"(?:gift_?card|paypal|credit_?card|card|bank|iban|payment)[_-]", re.IGNORECASE
)
_STATE: Final = re.compile(r"[a-z], [A-Z]{2},? $")
"""Words before a number that is the end of an address."""
_CARD: Final = re.compile(
    r"\b(?:gift ?card|card|visa|mastercard|amex|paypal|voucher|certificate|gutschein|karte|carte|"
    r"tarjeta|carta|cartão|kaart)\b[^.!?\n]{0,14}$",
    re.IGNORECASE,
)
"""Words before a number that is that of a means of payment."""
_LABELS: Final = frozenset(
    "shipping billing zip email e-mail phone address order user account date city state postal "
    "code id number birth dob mobile booking reservation customer delivery home street and my the "
    "last first full".split()
)
"""Words after a name that begin the next line of a form."""
_OF_CARD: Final = re.compile(
    r"\b(?:ending|ends|end) (?:in|with) $|\blast (?:four|4)(?: digits)?(?: are| is)? $",
    re.IGNORECASE,
)
"""Words before the last digits of a card."""
_THEN_CARD: Final = re.compile(r" (?:card|karte|visa|mastercard|amex)\b", re.IGNORECASE)
_NAMED: Final = {"sku": "device"}
_EMAIL: Final = r"(?<![*\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{2,63}){1,4}"
_TOKEN: Final = re.compile(
    rf"(?P<email>{_EMAIL})|(?P<phone>(?<![\w#])\+?\d{{1,4}}(?:[ ./-]\(?\d{{2,8}}\)?){{1,4}}(?!\w))"
    r"|"
    r"(?P<code>(?<![\w@/.-])#?(?=[A-Za-z0-9_-]{0,30}\d)[A-Za-z0-9](?:[A-Za-z0-9_-]{2,38}[A-Za-z0-9])(?![\w@]))"
    r"|(?P<letters>(?<![\w@])[A-Z]{5,8}(?!\w))"
)
_MAYBE: Final = re.compile(r"\d|@|[A-Z]{5}")
"""Without any of these a message holds no identifier."""
_OWN_NOUN: Final = re.compile(
    r"\b(?:meter\w*|reading|serial|model|zähler\w*|stand|compteur|relevé|modèle|contador|lectura|"
    r"modelo|contatore|lettura|modello|leitura|imei|vin|plate)\b",
    re.IGNORECASE,
)
"""Names of what is no order or the like, whatever the AI had asked for."""
_DATE: Final = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{1,2}(?:st|nd|rd|th|am|pm|h|"
    r"gb|mb|kg|km|cm|mm|ml|min)"
    r"|\d{1,2}h\d{2}|[45]g(?:/\dg)?|(?:19|20)\d\d|\d{1,2}-\d{1,2}|\d+(?:-?(?:inch|hour|day|minute|year|month|"
    r"piece|pack))s?|\d{2,3}(?:gb|tb|mbps)|\d{3,5}(?:ml|cl|g|mg|kg|w|v|mm|cm|ft|lbs?|oz|mah|px)|24h|mp[34]|usb\w?|ipx?\d",
    re.IGNORECASE,
)
_MONEY_BEFORE: Final = re.compile(r"[$€£]\s?$")
_MONEY_AFTER: Final = re.compile(
    r"^\s?(?:[$€£%]|eur|usd|dollars|euros?|hours?|days?|minutes?|%)", re.IGNORECASE
)
_NAME: Final = re.compile(
    r"(?i:\bmy (?:full )?name(?: is|['\u2019]s|:)|\bthis is|\bunder the name(?: of)?|\bname:|"
    r"\bich (?:heiße|heisse)|\bmein name ist|\bje m['\u2019]appelle"
    r"|\bmon nom est|\bme llamo|\bmi nombre es|\bmi chiamo|\bil mio nome è|\bchamo-me|"
    r"\bmeu nome é|\bik heet|\bmijn naam is|\bi['\u2019]m|\bi am)"
    r"\s+(?P<name>[A-ZÀ-Ý][\w'\u2019-]{1,24}(?: (?:van |de |von |da |"
    r"di )?[A-ZÀ-Ý][\w'\u2019-]{1,24}){1,2})"
)
_FIRST_LAST: Final = re.compile(
    r"first name(?: is|:)?\s*(?P<first>(?-i:[A-ZÀ-Ý])[\w'\u2019-]{1,24}).{0,20}?last "
    r"name(?: is|:)?\s*(?P<last>(?-i:[A-ZÀ-Ý])[\w'\u2019-]{1,24})",
    re.IGNORECASE | re.DOTALL,
)
_KEY: Final = re.compile(r'"(\w{1,30})":\s*$')
_ZIP_DIGITS: Final = 5
_ASKS_ZIP: Final = re.compile(rf"\b(?:{_KINDS['zip']})\b", re.IGNORECASE)


class Identifier(NamedTuple):
    """One identifier as the customer wrote it."""

    kind: str
    """order, booking, user…; empty where nothing says which."""
    value: str
    event_id: str
    by_tools: bool = False
    """The customer did not give it: tools worked on it."""


def identifiers_of(view: PacketView) -> tuple[Identifier, ...]:
    """Return what the customer gave, each once, at most eight; the latest ones of a kind first."""
    found: dict[str, Identifier] = {}
    keys = named_by_tools(view)
    asked, kinds_asked = "", dict[str, str]()
    for turn in view.transcript:
        if turn.role == AI and turn.content:
            asked = turn.event_id
        elif turn.role == CUSTOMER:
            for one in _given(view, turn, asked, kinds_asked):
                key = one.value.lstrip("#").lower()
                called = keys.get(key) or _key_in_results(view, one.value)
                if (named := _KIND.search(called)) is not None:
                    # A tool took it under this name: the words around it say less.
                    kind = named.lastgroup or one.kind
                    one = one._replace(kind=_NAMED.get(kind, kind))  # noqa: PLW2901
                known = found.get(key)
                if known is None or not known.kind:
                    found[key] = one
    unknown = {value.lstrip("#") for value in unknown_to_tools(view)}
    for value in unknown:
        # It leads nobody to the customer: it was mistyped, or is another system's.
        found.pop(value, None)
    ranked = sorted(found.values(), key=lambda one: not one.kind)
    kept = {one.value for one in ranked[:IDENTIFIERS]}
    given = [one for one in found.values() if one.value in kept]
    room = IDENTIFIERS - len(given)
    return (*given, *_worked_on(view, keys, {**found, **dict.fromkeys(unknown)}, room))


def _key_in_results(view: PacketView, value: str) -> str:
    """Return the key under which a tool's result has a value, as flight_number; else nothing."""
    written = f'"{value}"'
    for call in view.calls:
        text = view.text(call.result) if call.result is not None else ""
        at = text.find(written)
        if at >= 0 and (key := _KEY.search(text, max(0, at - _BEFORE), at)) is not None:
            return key[1].lower()
    return ""


def _worked_on(
    view: PacketView, keys: dict[str, str], given: Mapping[str, Identifier | None], room: int
) -> tuple[Identifier, ...]:
    """Return what tools worked on, where the customer did not name it.

    That is what was spoken of last, what was changed last, and what alone of its kind was used.
    """
    last = " ".join(view.text(turn) for turn in view.spoken[-_LAST:])
    used: dict[str, Identifier] = {}
    changed = ""
    for call in view.calls if room > 0 else ():
        turn = call.call
        written = call.arguments
        if turn is None or turn.handover is not None or not written:
            continue
        for token in _TOKEN.finditer(view.hide(written)):
            value = token.group()
            plain_value = value.lstrip("#").lower()
            named = _KIND.search(keys.get(plain_value, ""))
            kind = named.lastgroup if named is not None else None
            if kind in OF_MATTER and plain_value not in given:
                used.pop(plain_value, None)
                used[plain_value] = Identifier(kind or "", value, turn.event_id, by_tools=True)
                if not is_look_up(call.name):
                    changed = plain_value
    kinds = [one.kind for one in (*used.values(), *given.values()) if one is not None]
    found = [
        one
        for plain_value, one in used.items()
        if one.value in last or plain_value == changed or kinds.count(one.kind) == 1
    ]
    return tuple(found[-min(room, _WORKED_ON) :]) if room > 0 else ()


def _given(
    view: PacketView, turn: Turn, asked: str, kinds_asked: dict[str, str]
) -> Iterator[Identifier]:
    text = view.text(turn)[:_READ]
    if _MAYBE.search(text) is None:
        return
    for match in islice(_TOKEN.finditer(text), _TOKENS):
        shape, value = match.lastgroup or "", match.group()
        if "(" not in value:
            value = value.rstrip(")")
        if _OF_CARD.search(text[max(0, match.start() - _NEAR) : match.start()]):
            continue
        if _THEN_CARD.match(text, match.end()):
            continue
        if shape == "email":
            yield Identifier("email", value, turn.event_id)
            continue
        if _is_figure(text, match):
            continue
        kind = _kind_of(view, text, match, asked, kinds_asked)
        if _is_identifier(shape, value, kind):
            named = "phone" if shape == "phone" and kind in ("", "user", "order") else kind
            yield Identifier(_NAMED.get(named, named), value, turn.event_id)


def _is_figure(text: str, match: re.Match[str]) -> bool:
    """Return whether a number is a date, an amount, a part of an address or the like."""
    start, end = match.span()
    return (
        _DATE.fullmatch(match.group().lstrip("#")) is not None
        or _MONEY_BEFORE.search(text, max(0, start - 3), start) is not None
        or _MONEY_AFTER.match(text[end : end + 12]) is not None
        or _STATE.search(text, max(0, start - _NEAR), start) is not None
    )


def _is_identifier(shape: str, value: str, kind: str) -> bool:
    bare = value.lstrip("#")
    digits = sum(map(str.isdigit, bare))
    if shape == "letters":
        return kind in ("booking", "order", "ticket", "tracking")
    if shape == "phone":
        return digits >= 7
    if bare.isdigit():
        return digits >= 5 or (digits >= 4 and (value.startswith("#") or kind not in _LONG))
    return digits >= 1 and (bool(kind) or digits >= 3) and len(bare) >= 4


def _kind_of(
    view: PacketView, text: str, match: re.Match[str], asked: str, kinds_asked: dict[str, str]
) -> str:
    """Name an identifier by the words around it, else by what the AI asked for."""
    if _PAYMENT.match(match.group()):
        return "payment"
    start = max(text.rfind(mark, 0, match.start()) for mark in ".!?\n;") + 1
    before = text[max(start, match.start() - _BEFORE) : match.start()]
    if _CARD.search(before):
        return "payment"
    near = before[-_NEAR:] if match.group().isdigit() and len(match.group()) < _CERTAIN else before
    kinds = [found.lastgroup or "" for found in _KIND.finditer(near)]
    if match.group().startswith("#") and "ticket" not in kinds and "invoice" not in kinds:
        return "order"
    if kinds:
        return kinds[-1]
    after = re.split(r"[.!?\n,;]", text[match.end() : match.end() + _AFTER], maxsplit=1)[0]
    if (found := _KIND.search(after)) is not None and re.search(
        r"\b(?:is|ist|est|es|è|é)\b", after
    ):
        return found.lastgroup or ""
    if _OWN_NOUN.search(before.rpartition(",")[2]):
        return ""
    digits = match.group()
    if digits.isdigit() and len(digits) == _ZIP_DIGITS and _asks_zip(view, asked):
        return "zip"
    if asked not in kinds_asked:
        kinds_asked[asked] = _asked_for(view, asked)
    return kinds_asked[asked]


def _asks_zip(view: PacketView, asked: str) -> bool:
    turn = view.by_id.get(asked)
    return turn is not None and _ASKS_ZIP.search(view.text(turn)[:_READ]) is not None


def _asked_for(view: PacketView, asked: str) -> str:
    """Return the one kind that the AI's last question is about; empty where it asks for several."""
    turn = view.by_id.get(asked)
    if turn is None:
        return ""
    asking = [part for part in view.sentences(turn) if "?" in part or "provide" in part.lower()]
    kinds = {found.lastgroup or "" for part in asking[-2:] for found in _KIND.finditer(part)}
    return kinds.pop() if len(kinds) == 1 else ""


def name_of(view: PacketView) -> tuple[str, str] | None:
    """Return the name by which the customer introduced themselves, and the turn.

    Where a record of theirs has it, too, it is told as it stands there.
    """
    for turn in view.transcript:
        if turn.role != CUSTOMER:
            continue
        text = view.text(turn)[:_READ]
        if "name" not in text.lower() and not _NAME.search(text):
            continue
        name = ""
        if (both := _FIRST_LAST.search(text)) is not None:
            name = f"{both['first']} {both['last']}"
        elif (found := _NAME.search(text)) is not None:
            name = _without_labels(one_line(found["name"]))
        if name:
            return _as_recorded(view, name) or (name, turn.event_id)
    return None


def _without_labels(name: str) -> str:
    words = name.split()
    while words and words[-1].lower() in _LABELS:
        words.pop()
    return " ".join(words) if len(words) > 1 else ""


def _as_recorded(view: PacketView, name: str) -> tuple[str, str] | None:
    """Return the name in the customer's record and its event, if it is another form of theirs."""
    words = set(name.lower().split())
    for call in reversed(view.calls):
        if call.result is None or call.result.status not in (None, "ok"):
            continue
        if is_profile(call.name):
            text = view.text(call.result)[:RESULT_READ]
            recorded = one_line(person_in(pairs_in(text), "")[0])
            if len(words & set(recorded.lower().split())) > 1:
                return recorded, call.event_id
    return None
