"""A router's playbook file: read at the start, taken over when it changes, kept when it is bad."""

from pathlib import Path

import pytest

from workers.agents.routing.playbook_source import PlaybookSource
from workers.errors import ConfigurationError

_TEXT = "version: {version}\nentries:\n  - {{next: Do it.}}\n"


@pytest.mark.expects_errors("playbook not taken over")
def test_a_changed_file_is_taken_over_once_it_rests_and_a_bad_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "playbook.yaml"
    path.write_text(_TEXT.format(version="one"))
    source = PlaybookSource(path)
    assert source.current.version == "one"
    path.write_text(_TEXT.format(version="another"))
    source.poll()
    assert source.current.version == "one"
    source.poll()
    assert source.current.version == "another"
    path.write_text("entries: 7")
    source.poll()
    source.poll()
    assert source.current.version == "another"


def test_without_a_usable_one_the_router_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no usable playbook"):
        PlaybookSource(tmp_path / "none.yaml")
