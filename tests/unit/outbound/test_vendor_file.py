"""A vendor's file: what is wrong with one, and what the shipped one makes of payloads."""

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from workers.bridge.vendor_check import checked
from workers.contracts.yaml import YamlFileError
from workers.data import data_path
from workers.outbound.vendor_file import Vendor, load_vendor

_CHATWOOT = data_path("vendors") / "chatwoot.yaml"
_OPEN = {
    "state": "claimed",
    "escalation_id": "esc-1",
    "queue": "tier_2_support",
    "epoch": "12",
    "agent_id": "chatwoot:1:user:5",
}
_MESSAGE: dict[str, Any] = {
    "id": 118,
    "event": "message_created",
    "content": "hi",
    "created_at": "2021-07-23T18:02:48.000Z",
    "message_type": "incoming",
    "content_type": "text",
    "private": False,
    "content_attributes": {},
    "sender": {"id": 14, "name": "little-haze-776"},
    "inbox": {"id": 1, "name": "Acme Support"},
    "conversation": {"id": 10, "status": "open", "of tomorrow": {}},
    "account": {"id": 1, "name": "Acme Inc"},
}
_STATUS: dict[str, Any] = {
    "id": 10,
    "event": "conversation_status_changed",
    "status": "resolved",
    "meta": {},
    "timestamp": 1627063369,
}
_AT = {"updated_at": 1627063369.5}


@pytest.fixture(scope="module")
def chatwoot() -> Vendor:
    return load_vendor(_CHATWOOT, secrets=False)


def _by(kind: str, number: int) -> dict[str, Any]:
    sender = {"id": number, "name": "Ana", "type": kind}
    return {**_MESSAGE, "message_type": "outgoing", "sender": sender}


def _updated(field: str, **meta: object) -> dict[str, Any]:
    changed = [{field: {"previous_value": None, "current_value": 1}}]
    return {**_STATUS, "event": "conversation_updated", "changed_attributes": changed, "meta": meta}


@pytest.mark.parametrize(
    ("payload", "known", "rules"),
    [
        (_MESSAGE, {}, ["customer-says"]),
        ({**_MESSAGE, "private": True}, {}, []),
        ({**_MESSAGE, "content": None}, {}, []),
        ({**_MESSAGE, "content": "", "attachments": [{"id": 1, "file_type": "image"}]}, {},
         ["customer-says"]),
        (_by("agent_bot", 3), {}, ["bot-says"]),
        (_by("user", 5), {}, ["person-says"]),
        (_by("user", 5), _OPEN, ["person-says", "person-replies"]),
        (_by("user", 1), _OPEN, []),
        ({**_by("user", 5), "private": True}, _OPEN, []),
        ({**_MESSAGE, "message_type": "activity", "sender": None}, _OPEN, []),
        (_updated("assignee_id", assignee={"id": 5, "name": "Ana"}), {**_OPEN, "state": "waiting"},
         ["person-takes"]),
        (_updated("assignee_id", assignee={"id": 5, "name": "Ana"}), _OPEN, []),
        (_updated("assignee_id", assignee=None), {**_OPEN, "state": "waiting"}, []),
        (_updated("team_id", team={"id": 2}), _OPEN, ["person-moves"]),
        (_updated("team_id", team={"id": 1}), _OPEN, []),
        (_updated("team_id", team={"id": 99}), _OPEN, []),
        (_updated("labels"), _OPEN, []),
        (_STATUS, _OPEN, ["person-resolves"]),
        (_STATUS, {}, ["closed"]),
        (_STATUS, {**_OPEN, "state": "ended"}, ["closed"]),
        ({**_STATUS, "status": "pending"}, _OPEN, ["person-returns"]),
        ({**_STATUS, "status": "pending"}, {}, []),
        ({**_STATUS, "status": "pending"}, {**_OPEN, "state": "waiting"}, ["person-returns"]),
        ({**_STATUS, "status": "open"}, _OPEN, []),
        # Webhooks come in any order: these were before the escalation, or before what is known.
        ({**_STATUS, **_AT}, {**_OPEN, "since": "1627063369.9"}, []),
        ({**_STATUS, **_AT}, {**_OPEN, "since": "1627063369.4"}, ["person-resolves"]),
        ({**_STATUS, **_AT, "status": "pending"}, {**_OPEN, "since": "1627063369.9"}, []),
        ({**_updated("team_id", team={"id": 2}), **_AT}, {**_OPEN, "since": "1627063369.9"}, []),
        (
            {**_updated("assignee_id", assignee={"id": 5, "name": "Ana"}), **_AT},
            {**_OPEN, "state": "waiting", "since": "1627063369.9"},
            [],
        ),
        ({**_STATUS, **_AT}, {"noted_at": "1627063369.9", "status": "pending"}, []),
        ({**_STATUS, **_AT}, {"noted_at": "1627063369.9", "status": "resolved"}, ["closed"]),
        # The customer wrote to what was resolved.
        (
            {
                **_STATUS,
                "status": "pending",
                "changed_attributes": [
                    {"status": {"previous_value": "resolved", "current_value": "pending"}}
                ],
            },
            _OPEN,
            [],
        ),
        (
            {
                **_MESSAGE,
                "event": "message_updated",
                "content_type": "input_csat",
                "content_attributes": {
                    "submitted_values": {"csat_survey_response": {"rating": 4}}
                },
            },
            {**_OPEN, "state": "ended"},
            ["customer-rates"],
        ),
        ({"event": "webwidget_triggered", "id": 12}, {}, []),
        ({"event": "message_created"}, {}, []),
        ({}, {}, []),
    ],
)  # fmt: skip
def test_what_chatwoots_webhooks_become(
    chatwoot: Vendor, payload: dict[str, Any], known: dict[str, str], rules: list[str]
) -> None:
    found = checked(chatwoot, payload, known)
    assert found["problems"] == []
    assert [event["rule"] for event in found["events"]] == rules
    for event in found["events"]:
        assert event["event"]["conversation_id"] == "chatwoot:1:10"


@pytest.mark.parametrize("conversation", [None, {}, "10"])
def test_a_message_without_its_conversation_is_of_none(
    chatwoot: Vendor, conversation: object
) -> None:
    found = checked(chatwoot, {**_MESSAGE, "conversation": conversation}, {})
    assert found["conversation_id"] is None
    assert found["problems"]


@pytest.mark.parametrize("sender", [None, {}, {"name": "Ana"}])
def test_the_words_of_a_contact_who_is_gone_are_kept(chatwoot: Vendor, sender: object) -> None:
    found = checked(chatwoot, {**_MESSAGE, "sender": sender}, {})
    assert found["problems"] == []
    assert found["events"][0]["event"]["content"] == "hi"


def test_a_webhook_that_comes_twice_is_the_same_event(chatwoot: Vendor) -> None:
    for payload, known in ((_MESSAGE, {}), (_STATUS, _OPEN), (_by("user", 5), _OPEN)):
        first, again = (checked(chatwoot, payload, known) for _ in range(2))
        assert first == again


@pytest.mark.parametrize(
    ("name", "calls"),
    [
        ("handoff", ["team", "priority", "labels", "packet"]),
        ("claimed", []),
        ("refused", ["refusal"]),
    ],
)
def test_what_chatwoot_is_told_of_a_queues_messages(
    chatwoot: Vendor, name: str, calls: list[str]
) -> None:
    (file,) = data_path("schemas").glob(f"examples/handoff-queue/1/valid/{name}.json")
    message = {**json.loads(file.read_text()), "conversation_id": "chatwoot:1:10"}
    found = checked(chatwoot, message, {})
    assert found["problems"] == []
    assert [call["call"] for call in found["calls"]] == calls
    assert all("access-token" not in json.dumps(call) for call in found["calls"])


@pytest.mark.parametrize(
    ("message", "known", "calls"),
    [
        ({"ai_may_reply": False, "owner": "pending", "text": "Soon."}, {}, ["silence", "notice"]),
        ({"ai_may_reply": False, "owner": "person"}, {"status": "resolved"}, []),
        ({"ai_may_reply": False, "owner": "person"}, {"status": "open"}, []),
        ({"ai_may_reply": False, "owner": "pending"}, {"overtaken": "true"}, []),
        ({"ai_may_reply": False, "owner": "person"}, {"status": "pending"}, ["silence"]),
        ({"ai_may_reply": True, "owner": "ai", "kind": "ownership"}, {}, ["return"]),
        ({"ai_may_reply": True, "owner": "ai", "kind": "offer", "text": "?"}, {}, ["notice"]),
        ({"ai_may_reply": True, "owner": "ai", "kind": "ownership"}, {"status": "resolved"}, []),
    ],
)
def test_what_chatwoot_is_told_of_control(
    chatwoot: Vendor, message: dict[str, Any], known: dict[str, str], calls: list[str]
) -> None:
    whole = {"conversation_id": "chatwoot:1:10", "epoch": 1, "seq": 1, **message}
    found = checked(chatwoot, whole, known)
    assert [call["call"] for call in found["calls"]] == calls


@pytest.mark.parametrize("own", ["../10", "10/messages", "1?x", "", "a b", "x" * 300])
def test_an_id_that_could_lead_elsewhere_is_nobodys(chatwoot: Vendor, own: str) -> None:
    assert chatwoot.conversation_id(f"chatwoot:1:{own}") is None


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("inbound", "rules", 0, "when"), "payload.", "inbound.rules[0].when: "),
        (("inbound", "rules", 0, "event", "content"), "= a b", "content: "),
        (("inbound", "rules", 0, "event", "event_id"), "{{ a", "no Jinja template"),
        (("inbound", "signature", "secret"), "webhok", "did you mean webhook?"),
        (("inbound", "signature", "scheme"), "none", "inbound.signature.scheme"),
        (("outbound", "control", 0, "url"), "{% x %}", "no Jinja template"),
        (("outbound", "control", 1, "call"), "silence", "named twice"),
        (("outbound", "control", 0, "sign"), "standard_webhooks", "outbound.sign_with"),
        (("outbound", "limits", "per_second"), 0, "outbound.limits.per_second"),
        (("outbound", "conversations"), "{{ '' }}", "every conversation would match"),
        (("presence", "agents_online"), 1, "give either ask or agents_online"),
        (("secrets", "token"), "nowhere", "cannot be read"),
        (("vendors",), {}, "unknown key"),
    ],
)  # fmt: skip
def test_a_bad_file_is_one_error_with_its_line(
    tmp_path: Path, path: tuple[str | int, ...], value: object, problem: str
) -> None:
    yaml = YAML()
    document = yaml.load(_CHATWOOT)
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    for name in ("chatwoot-token", "chatwoot-webhook-secret"):
        (tmp_path / name).write_text("canary")
    yaml.dump(document, tmp_path / "bad.yaml")
    with pytest.raises(YamlFileError) as raised:
        load_vendor(tmp_path / "bad.yaml")
    assert problem in str(raised.value)
    assert f"{tmp_path}/bad.yaml:" in str(raised.value)
    assert "canary" not in str(raised.value)


def test_the_example_of_the_documentation_is_a_vendor(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "bridge.md").read_text()
    (example,) = [part for part in text.split("```yaml\n") if part.startswith("version: 1\nvendor")]
    (tmp_path / "deskly.yaml").write_text(example.partition("```")[0])
    vendor = load_vendor(tmp_path / "deskly.yaml", secrets=False)
    said = {
        "kind": "message",
        "from": "customer",
        "id": 5,
        "chat": "c7",
        "at": 1627063369,
        "text": "Hi",
    }
    found = checked(vendor, said, {})
    assert found["problems"] == []
    assert found["events"][0]["event"]["conversation_id"] == "deskly:c7"
    told = {"conversation_id": "deskly:c7", "ai_may_reply": False, "text": "Soon.", "seq": 1}
    calls = checked(vendor, told, {})["calls"]
    assert [call["body"] for call in calls] == ['{"enabled":false}', '{"text":"Soon."}']
    assert len({call["headers"]["idempotency-key"] for call in calls}) == 2
