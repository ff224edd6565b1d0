"""Tells the numbers that a person must read (orders, parcels, invoices) from those of a person."""

import re
from typing import Final

_BEFORE: Final = 48
"""Characters before a number in which its label stands."""
_LABEL: Final = re.compile(
    r"(?<![^\W\d_])(?:(?P<reference>"
    r"orders?|tracking|track|parcels?|packages?|shipments?|shipping|invoices?|bills?|tickets?|cases?"
    r"|ref(?:erence)?s?|products?|ean|upc|gtin|producto|produit|produkt\w*|prodotto|produto|bookings?|reservation|serial|sku|isbn|articles?|items?|parts?|models?"
    r"|version|firmware|release|build|receipt|delivery|consignment|waybill|return|rma|meter"
    r"|bestel\w*|auftrag\w*|sendung\w*|paket\w*|rechnung\w*|vorgang\w*|artikel\w*|serien\w*"
    r"|beleg\w*|buchung\w*|lieferung\w*|zählerst\w*|retoure\w*"
    r"|commandes?|colis|factures?|suivi|expédition|référence|dossier|réservation|livraison"
    r"|pedidos?|paquetes?|env[ií]os?|facturas?|seguimiento|reserva|referencia|entrega"
    r"|ordin[ei]|pacc[oh]\w*|spedizion[ei]|fattur[ae]|tracciamento|prenotazione|riferimento"
    r"|encomendas?|faturas?|rastreio|rastreamento|remessa|nota fiscal"
    r"|bestelling\w*|pakket\w*|zending\w*|factuur\w*|boeking\w*|levering\w*"
    r"|dhl|ups|usps|fedex|gls|dpd|hermes|postnl|colissimo|evri|ctt|seur|brt"
    r")|(?P<other>"
    r"accounts?|acct|iban|konto\w*|compte|cuenta|conto|conta|rekening\w*|kunden\w*|customer|clien\w*"
    r"|policy|member\w*|tel\w*|phone|mobile?|mobiel|cell\w*|celular|whatsapp|handy|rufnummer|portable"
    r"|m[oó]vil|call|ring|text|sms|anruf\w*|erreich\w*|appel\w*|llam\w*|chiam\w*|lig\w{1,4}|bel|bell"
    r"|(?:my|mein\w?|mon|mi|mio|meu|mijn|mn) (?:nr|num\w*|n[uú]mer\w*|nummer)"
    r"|card|karte\w*|carte|tarjeta|carta|cart[aã]o|kaart\w*|passport|ssn|social|id|bsn|nif|dni|cpf"
    r"))(?!\w)",
    re.IGNORECASE,
)
_LETTER: Final = re.compile(r"[^\W\d_]")
_LISTED: Final = re.compile(r"\d[\d-]{3,24} ?(?:,|&|/|and|or|und|oder|et|ou|y|o|e|en|of) ?\Z")
"""A number of a list, which has the label of the one after it."""
_ANOTHER: Final = re.compile(r"\d{7}|\d(?:[ ./-]?\d){8}")


def is_reference(text: str, start: int) -> bool:
    """Return whether the number that begins at `start` is labelled as an order's or the like.

    The nearest label before it decides; a number that comes after another one has none.
    """
    before = text[max(0, start - _BEFORE) : start]
    # Without a letter there is no label, and digits without a word cost the most to look through.
    if not _LETTER.search(before):
        return False
    before = _LISTED.sub(" ", before)
    last = None
    for label in _LABEL.finditer(before):
        last = label
    return (
        last is not None
        and last["reference"] is not None
        and _ANOTHER.search(before, last.end()) is None
    )
