"""Every example is what it says, to both validators and to our own decoders."""

from typing import Any

import orjson
import pytest

from tests.support.schema_files import (
    CONFIG_SCHEMAS,
    Example,
    error_paths,
    examples,
    record_of,
    schema_names,
    verdicts,
)
from workers.contracts.codec import encode
from workers.contracts.registry import TYPED_BY_FIELD, decode_record
from workers.contracts.rejections import REJECTION_REASONS, Rejected


@pytest.mark.parametrize("example", examples("valid"), ids=str)
def test_valid_example_passes_everywhere(example: Example) -> None:
    assert verdicts(example.schema, example.content) == (True, True)
    decode_record(example.schema, record_of(example.schema, example.content))


# Dead letters are headers; their way there and back is tested elsewhere.
WRITTEN = [example for example in examples("valid") if example.schema != "dead-letters"]


@pytest.mark.parametrize("example", WRITTEN, ids=str)
def test_valid_example_survives_a_second_way_through(example: Example) -> None:
    """Decoded, encoded and decoded again it is the same, and what we write passes the schema."""
    record = record_of(example.schema, example.content)
    once: Any = decode_record(example.schema, record)
    written = encode(once)
    assert decode_record(example.schema, record._replace(value=written)) == once
    assert verdicts(example.schema, orjson.loads(written)) == (True, True)


@pytest.mark.parametrize("example", examples("invalid"), ids=str)
def test_invalid_example_fails_as_it_says(example: Example) -> None:
    content = example.content
    error, by = content["error"], content["error"].get("found_by", ["schema", "decoder"])
    value = content.get("text", content.get("event"))
    assert error["reason"] in REJECTION_REASONS
    if "schema" in by:
        assert verdicts(example.schema, value) == (False, False)
        assert error["path"] in error_paths(example.schema, value)
    elif "event" in content:
        assert verdicts(example.schema, value) == (True, True)
    record = record_of(example.schema, value, content.get("record"))
    if "decoder" not in by:
        decode_record(example.schema, record)
        return
    with pytest.raises(Rejected) as caught:
        decode_record(example.schema, record)
    assert caught.value.reason == error["reason"]
    if example.schema != "dead-letters":
        assert caught.value.detail.split(":")[0] == error["path"]


@pytest.mark.parametrize("kind", ["valid", "invalid"])
def test_every_schema_of_a_topic_has_examples(kind: str) -> None:
    assert {example.schema for example in examples(kind)} == set(schema_names()) - CONFIG_SCHEMAS


def test_the_examples_show_every_kind_of_record_and_every_reason_a_decoder_finds() -> None:
    shown = {
        (example.schema, example.content.get("type", "message"))
        for example in examples("valid")
        if example.schema in ("conversation-events", "desk-events", "handoff-queue")
    }
    assert shown == {(name, kind) for name, kinds in TYPED_BY_FIELD.items() for kind in kinds}
    reasons = {example.content["error"]["reason"] for example in examples("invalid")}
    # The rest needs a megabyte, a secret, a crash, or the ledger.
    others = {"too_large", "unsigned", "poison", "unknown_escalation", "unknown_queue"}
    others |= {"undelivered", "unknown_conversation"}
    assert reasons == set(REJECTION_REASONS) - others
