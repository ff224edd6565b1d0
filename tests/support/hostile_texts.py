"""Texts that cost a careless reader much more than prose of their length."""

from typing import Final

PROSE: Final = (
    "Hello, I ordered a kettle on 3 May and it still is not here. The order is 4711-2283. Could "
    "you tell me where my parcel is? I asked twice, and your colleague promised to call me about "
    "my account or to write to ann@example.org, but nobody did. I live at 12 Main Street. "
)
SHAPES: Final = {
    "digits and blanks": "5 4 3 2 ",
    "digits and dashes": "5-4-",
    "digits and dots": "5.4.3.2.",
    "digits and nothing to see": "5\u200b4\u200b",
    "pairs": "12 34 ",
    "fours": "4444 ",
    "dates": "12/34/56 ",
    "digits": "5432",
    "account numbers": "DE12 ",
    "a code told": "1234 is ",
    "passwords": "my password is ",
    "streets": "1 Main ",
    "at": "@",
    "mail": "a.b@c.d ",
    "links": "://a:",
    "base64": "QUJD123xyz+/",
    "quotes": "\"'",
    "brackets": "([{<",
    "blanks": " ",
    "lines": "\n",
    "emoji": "\U0001f600",
    "one token": "a",
    "colons": "a:b:",
    "questions": "?!",
    "keys": "-----BEGIN ",
    "tags": "<a b='",
    "entities": "&amp&#1;",
    "comments": "<!--",
}
"""Each is repeated to the length that is wanted."""


def repeated(shape: str, length: int) -> str:
    """Return a shape again and again, `length` characters of it."""
    return (shape * (length // len(shape) + 1))[:length]
