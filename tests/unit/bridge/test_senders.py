"""The file of senders: whose token it is, and what is wrong with a file."""

import pathlib

import pytest

from workers.bridge.senders import SecretFileError, load_senders, read_keys, token_sha256
from workers.contracts.yaml import YamlFileError

_HEAD = "version: 1\nsenders:\n"
_DIGEST = token_sha256("open sesame")


def _sender(*lines: str, name: str = "shop", digest: str = _DIGEST) -> str:
    rest = lines or ("events: [message]",)
    return "\n    ".join((f"  - sender: {name}", f"token_sha256: {digest}", *rest)) + "\n"


def test_a_token_is_known_by_its_hash_alone() -> None:
    senders = load_senders(_HEAD + _sender(), "senders.yaml", ["billing"])
    found = senders.by_token("open sesame")
    assert found is not None
    assert (found.sender, found.events) == ("shop", ("message",))
    assert senders.by_token("open sesam") is None
    assert senders.by_token(_DIGEST) is None
    assert senders.by_token("\ud800") is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (_sender("events: [mesage]"), "senders.yaml:5: senders[0].events[0]: 'mesage': did you"),
        (_sender("events: [routed]"), "senders.yaml:5: senders[0].events[0]: 'routed': "),
        (_sender("events: []"), "senders.yaml:5: senders[0].events: "),
        (_sender("events: [presence]"), "senders[0].queues: missing: presence is an event of"),
        (
            _sender("events: [presence]", "queues: [biling]"),
            "senders.yaml:6: senders[0].queues[0]: 'biling': did you mean billing?",
        ),
        (_sender(digest="open"), "senders.yaml:4: senders[0].token_sha256: 'open': write the 64"),
        (_sender() + _sender(), "senders.yaml:6: senders[1].sender: 'shop': named twice"),
        (_sender() + _sender(name="b"), "senders.yaml:7: senders[1].token_sha256: "),
        (
            "  - sender: shop\n    events: [message]\n",
            "senders.yaml:3: senders[0]: token_sha256 and",
        ),
        (
            _sender("events: [message]", "token: x"),
            ":6: senders[0].token: 'x': unknown",
        ),
    ],
)
def test_a_bad_file_is_one_error_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(YamlFileError) as raised:
        load_senders(_HEAD + text, "senders.yaml", ["billing"])
    assert problem in str(raised.value)


def test_keys_of_webhooks_come_from_a_file_beside_it(tmp_path: pathlib.Path) -> None:
    senders = tmp_path / "senders.yaml"
    (tmp_path / "keys").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
    assert read_keys("keys", senders) == ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",)
    for content in ("", "whsec_canary", "canary-canary-canary-canary-canary"):
        (tmp_path / "keys").write_text(content)
        with pytest.raises(SecretFileError) as raised:
            read_keys("keys", senders)
        assert "canary" not in str(raised.value)
    with pytest.raises(SecretFileError, match="none: cannot be read: No such file"):
        read_keys("none", senders)
