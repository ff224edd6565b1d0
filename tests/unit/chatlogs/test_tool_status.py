"""What a tool's result says of success and failure, both ways."""

from typing import Any

import pytest

from workers.chatlogs.tool_status import outcome_of

SUCCEEDED: list[tuple[dict[str, Any], str]] = [
    ({}, "Delivered on Monday"),
    ({}, '{"error": null, "eta": "tomorrow"}'),
    ({}, '{"error" : false}'),
    ({}, '{"errors": []}'),
    ({}, '{"errors": {}, "data": {"a": 1}}'),
    ({}, '{"error": ""}'),
    ({}, '{"status": "SUCCESS"}'),
    ({}, '{"status": "cancelled", "order": 4}'),
    ({}, '{"status": 200}'),
    ({}, '{"success": true}'),
    ({}, '{"message": "Error: is the name of a band"}'),
    ({"status": 200}, "{}"),
    ({"status": "200"}, "{}"),
    ({"status": "succeeded"}, "Error: is a film"),
    ({"status": "ok"}, ""),
    ({"is_error": "false"}, "ok"),
    ({"is_error": False}, "fine"),
    ({"is_error": 0}, "fine"),
    ({"error": []}, "fine"),
    ({"error": {}}, "fine"),
    ({"status": "in transit"}, "fine"),
    ({}, "There was no error."),
    ({}, "The error rate is 2 %"),
]
FAILED: list[tuple[dict[str, Any], str, str]] = [
    ({}, "Error: no such order", "error"),
    ({}, "ValueError: bad id", "error"),
    ({}, "HTTP 503 Service Unavailable", "error"),
    ({}, "Traceback (most recent call last):\n  ...", "error"),
    ({}, '{"error": "no such order"}', "error"),
    ({}, '{"error": {"message": "gone", "code": 9}}', "error"),
    ({}, '{"errors": ["a"]}', "error"),
    ({}, '{"status": "error", "message": "gone"}', "error"),
    ({}, '{"status": "FAILED"}', "error"),
    ({}, '{"success": false, "message": "gone"}', "error"),
    ({}, '{"isError": true}', "error"),
    ({}, '{"statusCode": 500}', "error"),
    ({}, '{"status": 404}', "error"),
    ({"is_error": True}, "gone", "error"),
    ({"is_error": "true"}, "gone", "error"),
    ({"status": "error"}, "gone", "error"),
    ({"status": 500}, "gone", "error"),
    ({"error": "gone"}, "", "error"),
    ({}, '{"error": "timed out after 30 s"}', "timeout"),
    ({"status": "timeout"}, "", "timeout"),
    ({"is_error": True}, "permission denied", "denied"),
    ({"status": 403}, "", "denied"),
]


@pytest.mark.parametrize(("result", "text"), SUCCEEDED)
def test_a_success_is_no_failure(result: dict[str, Any], text: str) -> None:
    assert outcome_of(result, text) == ("ok", None)


@pytest.mark.parametrize(("result", "text", "status"), FAILED)
def test_a_failure_is_no_success(result: dict[str, Any], text: str, status: str) -> None:
    assert outcome_of(result, text).status == status
