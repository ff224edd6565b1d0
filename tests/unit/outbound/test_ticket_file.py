"""The file of a ticket system: what is wrong in it is named by file, line and field."""

from pathlib import Path

import pytest

from workers.contracts.yaml import YamlFileError
from workers.data import data_path
from workers.outbound.ticket_file import load_tickets

_HTTP = """\
version: 1
tickets: help
secrets:
  token: env:HELP_TOKEN
duplicates: possible
create:
  url: "https://help.example/tickets"
  json: {title: "{{ request.subject }}"}
  ticket: {id: "= answer.id"}
"""
_MAIL = """\
version: 1
tickets: help
duplicates: possible
secrets:
  password: env:HELP_PASSWORD
mail:
  host: smtp.example
  user: us
  password: password
  from: us@example.com
create:
  mail:
    to: help@example.com
    subject: "[{{ key[:8] }}] {{ request.subject }}"
    text: "{{ text }}"
  ticket: {id: "= key"}
"""


@pytest.mark.parametrize("text", [_HTTP, _MAIL])
def test_a_file_that_is_well_is_read(text: str, tmp_path: Path) -> None:
    file = tmp_path / "tickets.yaml"
    file.write_text(text)
    assert load_tickets(file, secrets=False).name == "help"


@pytest.mark.parametrize("name", ["zendesk", "freshdesk", "github", "mail"])
def test_the_shipped_files_are_well(name: str) -> None:
    assert load_tickets(data_path("vendors") / f"{name}.yaml", secrets=False).name == name


@pytest.mark.parametrize(
    ("text", "old", "new", "said"),
    [
        (_HTTP, "version: 1", "version: 2", ":1: version: '2'"),
        (_HTTP, "tickets: help", "tickets: Help!", ":2: tickets: 'Help!': use small letters"),
        (_HTTP, "create:", "make:", ":6: make: unknown key: "),
        (_HTTP, "  ticket: ", "  tikcet: ", ":9: create.tikcet: unknown key: did you mean ticket?"),
        (_HTTP, "duplicates: possible\n", "", "a ticket may be made twice: describe find"),
        (_HTTP, "  url:", "  key_hours: 2\n  url:", ":5: duplicates: 'possible': tickets are"),
        (_HTTP, "{{ request.subject }}", "{{ request.subject", ":8: create.json.title"),
        (_HTTP, "= answer.id", "= answer.", ":9: create.ticket.id"),
        (_HTTP, '  url: "https://help.example/tickets"\n', "", ":6: create: give either url or"),
        (_MAIL, "  mail:", '  url: "https://h"\n  mail:', ":11: create: give either url or mail"),
        (_MAIL, "password: password", "password: pasword", "mail.password: 'pasword': did you"),
        (_MAIL, "  user: us\n", "  security: none\n", ":8: mail.security: 'none': the password"),
        (_MAIL, "    to: help@example.com\n", "", "create.mail.to: missing: it is required"),
        (_MAIL, "{{ text }}", "{{ text", "create.mail.text"),
        (
            _MAIL,
            "  host: smtp.example\n",
            "  host: smtp.example\n  port: 0\n",
            ":8: mail.port: '0'",
        ),
    ],
)
def test_what_is_wrong_is_named(text: str, old: str, new: str, said: str, tmp_path: Path) -> None:
    assert old in text
    file = tmp_path / "tickets.yaml"
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(YamlFileError) as raised:
        load_tickets(file, secrets=False)
    assert str(raised.value).startswith(f"{file}:")
    assert said in str(raised.value)


def test_mail_without_a_server_is_named(tmp_path: Path) -> None:
    file = tmp_path / "tickets.yaml"
    begin, end = _MAIL.index("secrets:"), _MAIL.index("create:")
    file.write_text(_MAIL[:begin] + _MAIL[end:])
    with pytest.raises(YamlFileError, match=r":5: create\.mail: name the server that sends it"):
        load_tickets(file, secrets=False)


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_secret_that_is_not_there_is_named_and_not_printed(
    value: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HELP_TOKEN", raising=False)
    if value is not None:
        monkeypatch.setenv("HELP_TOKEN", value)
    file = tmp_path / "tickets.yaml"
    file.write_text(_HTTP)
    with pytest.raises(YamlFileError, match=r":4: secrets\.token: .*HELP_TOKEN"):
        load_tickets(file)
