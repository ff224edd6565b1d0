"""The OpenAPI document is valid, and the service keeps to it."""

import copy
import itertools
from collections.abc import Sequence
from typing import Any, cast

import hypothesis
import orjson
from openapi_spec_validator import validate
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from tests.support.bridge import TOKEN
from workers.bridge.control_stream import ControlStreams
from workers.bridge.openapi import openapi
from workers.bridge.publisher import Publisher
from workers.bridge.routes import Doors, make_app
from workers.bridge.senders import CHAT_TYPES, DESK_TYPES, load_senders, token_sha256
from workers.kafka.publishing import Record
from workers.settings import load_settings

_SENDERS = f"""
version: 1
senders:
  - sender: shop
    token_sha256: {token_sha256(TOKEN)}
    events: [{", ".join((*CHAT_TYPES, *DESK_TYPES))}]
    queues: [billing]
"""


class _Taken:
    """Stands for Kafka: takes everything."""

    problem = None

    async def publish(self, records: Sequence[Record]) -> None:
        assert all(record.key and record.value for record in records)


_APP = make_app(
    Doors(
        load_senders(_SENDERS, "senders.yaml", ["billing"]),
        {},
        {},
        cast(Publisher, _Taken()),
        ControlStreams(load_settings(kafka_bootstrap="127.0.0.1:1")),
        None,
        None,
    )
)


async def _lighter(_: Request) -> Response:
    """Answer with the document for shorter arrays, which take less time to make."""
    document = copy.deepcopy(openapi())
    for path in document["paths"].values():
        if content := path.get("post", {}).get("requestBody", {}).get("content"):
            for schema in content["application/json"]["schema"].get("anyOf", []):
                if schema.get("type") == "array":
                    schema["maxItems"] = 2
    return Response(orjson.dumps(document), media_type="application/json")


def test_the_document_is_valid_and_of_json_alone() -> None:
    validate(openapi())
    assert orjson.loads(orjson.dumps(openapi())) == openapi()


def test_types_of_our_own_agents_are_not_in_it() -> None:
    text = orjson.dumps(openapi()["components"]["schemas"])
    for word in (b"ownership", b"PolicyInForce", b"deadline"):
        assert word not in text


def test_every_answer_is_one_that_the_document_names() -> None:
    # Here and not above: its imports are half of what collecting all tests takes.
    import schemathesis
    from schemathesis import GenerationMode, checks
    from schemathesis.core.result import Ok
    from schemathesis.specs.openapi import checks as openapi_checks

    # Whose queue it is, and that a turn needs words, no schema says.
    kept = [
        checks.not_a_server_error,
        openapi_checks.status_code_conformance,
        openapi_checks.content_type_conformance,
        openapi_checks.response_schema_conformance,
    ]
    app = Starlette(routes=[Route("/lighter.json", _lighter), Mount("/", _APP)])
    # What is signed, and how it is refused, is in tests/stream/test_bridge.py.
    schema = schemathesis.openapi.from_asgi("/lighter.json", app).exclude(
        operation_id=["post-webhook", "post-vendor", "follow-control"]
    )
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    names = {operation.definition.raw["operationId"] for operation in operations}
    assert {"post-conversation-events", "post-desk-events"} <= names
    for operation, mode in itertools.product(operations, GenerationMode):
        if mode is GenerationMode.NEGATIVE and not operation.body:
            continue  # nothing in it can be wrong

        @hypothesis.given(case=operation.as_strategy(mode))
        @hypothesis.settings(
            max_examples=5, suppress_health_check=[hypothesis.HealthCheck.too_slow]
        )
        def keeps_to_it(case: Any) -> None:
            case.call_and_validate(headers={"authorization": f"Bearer {TOKEN}"}, checks=kept)

        keeps_to_it()
