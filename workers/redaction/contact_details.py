"""Finds the contact details in a text, by the same patterns that hide them."""

from typing import Final, NamedTuple

from workers.redaction.personal import emails, named_phones, phones
from workers.redaction.redact import redact

READ_LIMIT: Final = 1_000
"""Characters of a message that are read: an answer to a question is short."""
LONGEST_EMAIL: Final = 120
LONGEST_PHONE: Final = 24


class Ways(NamedTuple):
    """An e-mail address and a telephone number, as they were written."""

    email: str | None
    phone: str | None


def ways_in(text: str) -> Ways:
    """Return the first address and number in a message; cards, codes and references are none."""
    few = redact(text[:READ_LIMIT], "standard")
    mail = next((few[start:end] for start, end, _ in emails(few)), None) if "@" in few else None
    found = [few[start:end] for start, end, _ in phones(few)]
    found = found or [few[start:end] for start, end, _ in named_phones.find(few)]
    phone = next((one.strip() for one in found if len(one) <= LONGEST_PHONE), None)
    return Ways(mail if mail and len(mail) <= LONGEST_EMAIL else None, phone)
