"""The items that a tool's result or a message lists, by name."""

import re
from typing import Final

_LIST: Final = re.compile(r'"(?:items|products|articles|line_items|positions)":\s*\[')
_NAME: Final = re.compile(r'"(?:name|title|product_name)":\s*"([^"\\]{2,40})"')
_OF_PRODUCTS: Final = re.compile(r'"(?:product_id|item_id|sku)"')
_ITEM: Final = re.compile(
    r'"(?:name|title|product_name)":\s*"(?P<name>[^"\\]{2,40})"[^{}\[\]]{0,120}?'
    r'"(?:item_id|sku|id)":\s*"(?P<id>[\w#-]{3,40})"'
)
_NAMED: Final = re.compile(
    r"(?:\b(?:the|an?|and|your|my) |[:*\u2014] ?)"
    r"(?P<name>[A-Z][a-z][\w'-]{1,24}(?: [A-Z][\w'-]{1,24}){0,3})"
    r"(?: [\w-]{1,24}){0,6} \((?:[Ii]tem )?(?:[Ii][Dd]:? ?)?#?(?P<id>\d{6,20})\)",
)
"""A name with an id in prose."""
_ITEMS: Final = 12
"""Names of items that are kept of a thing."""
_BRACKET: Final = re.compile(r"[\[\]]")


def items_in(text: str) -> tuple[tuple[str, ...], bool]:
    """Return the names of the items in a result, and whether there are or may be more."""
    began = _LIST.search(text) if text.lstrip().startswith("{") else None
    if began is None:
        return (), False
    end = _list_end(text, began.end())
    names = [*dict.fromkeys(_NAME.findall(text, began.end(), end if end >= 0 else len(text)))]
    return tuple(names[:_ITEMS]), end < 0 or len(names) > _ITEMS


def _list_end(text: str, start: int) -> int:
    """Return where a list ends that began before `start`; -1 where it was cut."""
    depth = 1
    for found in _BRACKET.finditer(text, start):
        depth += 1 if found.group() == "[" else -1
        if not depth:
            return found.start()
    return -1


def item_names(text: str) -> dict[str, str]:
    """Return the names of the items that a result or a message lists, by their ids."""
    named = {found["id"]: found["name"] for found in _NAMED.finditer(text)}
    return named | {found["id"]: found["name"] for found in _ITEM.finditer(text)}


def products_in(text: str) -> list[str]:
    """Return the names of all products in a result."""
    return _NAME.findall(text) if _OF_PRODUCTS.search(text) else []
