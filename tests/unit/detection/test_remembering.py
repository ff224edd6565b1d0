"""Findings that are kept while many policies read the same turns."""

from workers.detection import read_agent, read_customer, remembering, vocabulary


def test_a_turn_is_read_once_within_and_anew_after() -> None:
    lists = vocabulary()
    asked, promised = "I want to talk to a person", "I am transferring you to a colleague."
    before = read_customer(asked, lists=lists), read_agent(promised, lists)
    with remembering(lists):
        first = read_customer(asked, lists=lists), read_agent(promised, lists)
        again = read_customer(asked, lists=lists), read_agent(promised, lists)
        # An answer is read otherwise than the same words at any time.
        yes = read_customer("yes please", answering=True, lists=lists)
        no_answer = read_customer("yes please", answering=False, lists=lists)
    assert before == first
    assert all(one is two for one, two in zip(first, again, strict=True))
    assert yes.accepts is not None
    assert no_answer.accepts is None
    assert read_customer(asked, lists=lists) is not first[0]


def test_no_more_than_some_thousand_turns_are_kept() -> None:
    lists = vocabulary()
    with remembering(lists):
        for number in range(5_000):
            read_customer(f"number {number}", lists=lists)
        assert lists.remembered is not None
        assert len(lists.remembered) < 4_097
