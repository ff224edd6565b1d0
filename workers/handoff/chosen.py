"""The choices in a call that changes something: flights, days, class, how it is paid."""

import re
from typing import Final

from workers.handoff.tool_results import PAIR

_READ: Final = 1_024
_SHOWN: Final = 4
"""Flights or days that are named."""
_FLIGHT: Final = re.compile(r"(?:flight|train|bus)(?:_?(?:number|no|id))?")
_DAY: Final = re.compile(r"(?:new_|departure_|arrival_|start_|travel_)?date|check_?in|check_?out")
_CLASS: Final = re.compile(r"(?:cabin|fare|seat|travel)(?:_?class)?|class|plan(?:_name)?|size")
_BAGS: Final = re.compile(r"(?:total_)?bag(?:gage)?s?")
_PAYMENT: Final = re.compile(r"(?:payment|refund)(?:_method)?(?:_id)?")
PAYMENT_ID: Final = re.compile(r"[a-z]_?\d{4,}\b")
"""A means of payment with its number, in what was chosen."""
_MEANS: Final = re.compile(r"[a-z]+(?:[_ ][a-z]+)*")
_OBJECT: Final = re.compile(r"\{[^{}]{0,400}\}")
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d")


def chosen_in(arguments: str, *, exact: bool) -> tuple[str, ...]:
    """Return what a call chose, most telling first; of JSON that was cut what is left of it.

    With `exact` the payments have their amounts and ids: what may have been wrong with them.
    """
    pairs = [(key.lower(), value.strip('"')) for key, value in PAIR.findall(arguments[:_READ])]
    flights = _of(pairs, _FLIGHT)
    days = [one for one in _of(pairs, _DAY) if _ISO.fullmatch(one)]
    classes = [one.replace("_", " ") for one in _of(pairs, _CLASS) if not one.isdecimal()]
    bags = [f"{one} bags" for one in _of(pairs, _BAGS) if one.isdecimal() and int(one) > 1]
    payments = _payments(arguments[:_READ]) if exact else _means(pairs)
    groups = (flights, days, classes[:1], bags[:1], payments)
    return tuple(
        ", ".join(group[:_SHOWN]) for group in groups if group and len(group) <= 2 * _SHOWN
    )


def _of(pairs: list[tuple[str, str]], keys: re.Pattern[str]) -> list[str]:
    return [*dict.fromkeys(value for key, value in pairs if value and keys.fullmatch(key))]


def _means(pairs: list[tuple[str, str]]) -> list[str]:
    """Return by what was paid, without the number."""
    found = [_MEANS.match(value.lower()) for value in _of(pairs, _PAYMENT)]
    return [*dict.fromkeys(one.group().replace("_", " ") for one in found if one is not None)][:2]


def _payments(arguments: str) -> list[str]:
    """Return by what should have been paid, each with its amount where it has one."""
    paid: list[str] = []
    for found in _OBJECT.findall(arguments):
        told = {key.lower(): value.strip('"') for key, value in PAIR.findall(found)}
        means = next((told[key] for key in told if _PAYMENT.fullmatch(key)), "")
        if means:
            paid.append(" ".join(filter(None, (told.get("amount", ""), means))))
    return [*dict.fromkeys(paid)]
