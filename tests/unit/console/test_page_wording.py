"""The words of the pages: nothing that is decided goes without a name."""

from typing import get_args

from workers.console.page_wording import OUTCOMES, OWNERS, REASONS
from workers.contracts.decisions import Outcome, Owner, Reason


def test_reasons_outcomes_and_owners_have_names() -> None:
    assert set(REASONS) == {*get_args(Reason)}
    assert set(OUTCOMES) == {*get_args(Outcome)}
    assert set(OWNERS) == {*get_args(Owner)}
