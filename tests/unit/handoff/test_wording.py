"""Words that a packet quotes carry nothing that moves a terminal's cursor or reverses letters."""

import sys
import unicodedata

from workers.handoff.wording import without_controls


def test_every_control_and_format_character_is_taken_out() -> None:
    kept = [
        f"U+{code:04X}"
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs")
        and chr(code) not in "\n\t"
        and without_controls(f"é{chr(code)}") != "é"
    ]
    assert kept == []


def test_letters_signs_and_line_breaks_stay() -> None:
    text = "Grüße\n\t—€5, 東京 😀 naïve"
    assert without_controls(text) == text
