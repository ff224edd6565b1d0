"""Success and failure of a tool call, from its result."""

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
    ({}, '{"error": "none"}'),
    ({}, '{"error": "N/A"}'),
    ({}, '{"error": "No errors."}'),
    ({}, '{"error": "OK"}'),
    ({}, '{"error": 0, "error_code": 0, "error_message": ""}'),
    ({}, '{"error": {"code": 0, "message": ""}}'),
    ({}, '{"error": {"code": null}, "result": "success"}'),
    ({}, '{"errors": [null]}'),
    ({}, '{"errors": {"count": 0, "items": []}}'),
    ({}, '{"success": "true", "error": "-"}'),
    ({}, '[{"error": null}, {"error": ""}]'),
    ({}, '"{\\"error\\": null}"'),
    ({}, "{'error': None, 'eta': 1}"),
    ({}, '{"failed": false, "has_error": false}'),
    ({}, '{"claim": 7, "status": "denied"}'),
    ({}, '{"product": "lamp", "status": "unavailable"}'),
    ({}, '{"code": 404, "product": "lamp"}'),
    ({}, "Error: none"),
    ({}, "Errors: 0"),
    ({}, "exception: null"),
    ({}, "404 Main Street"),
    ({"status": "204 No Content"}, ""),
    ({"status": {"code": 200}}, ""),
    ({"isError": "False"}, "fine"),
    ({"is_error": None, "error": None}, "fine"),
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
    ({}, '{"error": true}', "error"),
    ({}, '{"errors": [{"message": "gone"}]}', "error"),
    ({}, '{"error": "none of your orders match"}', "error"),
    ({}, '{"error": {"code": 500}}', "error"),
    ({}, '{"error_code": "E_GONE"}', "error"),
    ({}, '{"failed": true}', "error"),
    ({}, '{"hasErrors": true}', "error"),
    ({}, '{"ok": false}', "error"),
    ({}, '{"code": 404, "message": "no such order"}', "error"),
    ({}, '{"status": {"code": 500}}', "error"),
    ({}, '[{"error": "gone"}]', "error"),
    ({}, '"{\\"error\\": \\"gone\\"}"', "error"),
    ({}, "{'error': 'gone'}", "error"),
    ({}, "500 Internal Server Error", "error"),
    ({}, "Failed to fetch the order", "error"),
    ({}, "Tool execution failed: gone", "error"),
    ({}, "<tool_use_error>gone</tool_use_error>", "error"),
    ({}, "Connection timed out", "timeout"),
    ({"status": "500 Internal Server Error"}, "", "error"),
    ({"is_error": "yes"}, "gone", "error"),
]


@pytest.mark.parametrize(("result", "text"), SUCCEEDED)
def test_a_success_is_no_failure(result: dict[str, Any], text: str) -> None:
    assert outcome_of(result, text) == ("ok", None)


@pytest.mark.parametrize(("result", "text", "status"), FAILED)
def test_a_failure_is_no_success(result: dict[str, Any], text: str, status: str) -> None:
    assert outcome_of(result, text).status == status


@pytest.mark.parametrize("text", ["{'" * 4000, '{"error":' * 900 + "1" + "}" * 900, "[" * 60_000])
def test_a_hostile_result_costs_nothing_and_breaks_nothing(text: str) -> None:
    assert outcome_of({}, text).status in ("ok", "error")
