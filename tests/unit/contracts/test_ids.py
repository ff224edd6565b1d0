"""Derived ids are UUIDs of version 5, as any other program would derive them."""

from uuid import uuid5

from hypothesis import given
from hypothesis import strategies as st

from workers.contracts.ids import NAMESPACE, derive

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(_TEXT, st.lists(_TEXT | st.integers(), max_size=4))
def test_an_id_is_the_uuid5_of_its_parts(kind: str, parts: list[str | int]) -> None:
    assert derive(kind, *parts) == str(uuid5(NAMESPACE, "\x1f".join([kind, *map(str, parts)])))
