"""A talk with a person that broke off, and long words with two slips."""

import pytest

from workers.detection import THRESHOLD, read_customer


def _asks(text: str) -> bool:
    found = read_customer(text).requested_human
    return found is not None and found.score >= THRESHOLD


@pytest.mark.parametrize(
    "text",
    [
        "I was speaking with Ines and got cut off, can you get her back?",
        "Lost the connection to your colleague, what now",
        "got disconnected while talking to your supervisor",
        "my call with one of your agents dropped",
        "please reconnect me with Tom, he has my file",
        "I need the same agent as before",
        "we got cut off, I was talking to Ana, put me back through to her",
    ],
)
def test_whoever_was_cut_off_asks_for_the_person(text: str) -> None:
    assert _asks(text)


@pytest.mark.parametrize(
    "text",
    [
        "my phone lost the connection to the router",
        "please reconnect me to my home network",
        "the call dropped twice today, is the mast down?",
        "I was talking to my sister and the battery went dead",
        "the same person is named twice on the invoice",
        "I got disconnected from the game",
        "do not reconnect me with him",
    ],
)
def test_a_broken_line_alone_does_not(text: str) -> None:
    assert not _asks(text)


@pytest.mark.parametrize(
    "text",
    ["representastive", "reprentative", "customer service repp", "real persopn", "suprevisior now"],
)
def test_slips_in_long_words_are_read_over(text: str) -> None:
    assert _asks(text)


@pytest.mark.parametrize(
    "text",
    [
        "representation of my company on the invoice",
        "is there supervision for children",
        "my superior needs the receipt",
        "a supervised account for my son",
    ],
)
def test_words_that_are_near_them_are_none(text: str) -> None:
    assert not _asks(text)
