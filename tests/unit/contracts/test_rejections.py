"""The value that a refusal shows."""

import orjson
import pytest

from workers.contracts.codec import UNSIGNED, Raw, decode_event
from workers.contracts.rejections import Rejected

_EVENT = {
    "event_id": "e",
    "conversation_id": "c",
    "occurred_at": "2026-01-05T10:00:00Z",
    "role": "customer",
    "content": "x",
}


@pytest.mark.parametrize("field", ["content", "subject"])
@pytest.mark.parametrize("value", [48291377, 48291377.5])
def test_a_number_that_a_customer_may_have_written_is_not_quoted(field: str, value: float) -> None:
    raw = Raw(b"c", orjson.dumps({**_EVENT, field: value}), (), 1_800_000_000_000)
    with pytest.raises(Rejected, match=f"{field}: a number: Expected str") as refused:
        decode_event(raw, UNSIGNED)
    assert "48291377" not in str(refused.value)
