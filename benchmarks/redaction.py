"""A table of the secrets that redaction finds: `python -m benchmarks.redaction [SET ...]`.

The texts are made up, in seven languages. Those of a set were written before anything was changed
for them, so the first figure of a set is the one that tells of texts of others; docs/privacy.md
has it. `--missed` prints what is wrong.
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from workers.redaction.redact import Redaction, redact

TEXTS: Final = Path(__file__).parent / "redaction_texts.jsonl"
ORDINARY: Final = "ordinary"


class Text(msgspec.Struct, forbid_unknown_fields=True):
    """One text and the secrets that must not be left in it; an ordinary text must stay whole."""

    set: int
    kind: str
    language: str
    text: str
    secrets: tuple[str, ...] = ()

    def is_right(self, rule: Redaction) -> bool:
        """Return whether every secret is gone, or an ordinary text is as it was."""
        left = redact(self.text, rule)
        if self.kind == ORDINARY:
            return left == self.text
        return not any(secret in left for secret in self.secrets)


def texts(sets: Iterable[int] = ()) -> list[Text]:
    """Return the texts of these sets, or of all."""
    lines = TEXTS.read_bytes().splitlines()
    read = [msgspec.json.decode(line, type=Text) for line in lines]
    wanted = set(sets)
    return [text for text in read if not wanted or text.set in wanted]


def table(some: Sequence[Text]) -> str:
    """Return what is found by kind and rule, as Markdown."""
    total = Counter(text.kind for text in some)
    right = {
        rule: Counter(text.kind for text in some if text.is_right(rule))
        for rule in ("standard", "strict")
    }
    lines = ["| kind | texts | `standard` | `strict` |", "|---|--:|--:|--:|"]
    for kind, count in total.items():
        if kind != ORDINARY:
            lines.append(
                f"| {kind} | {count} | {right['standard'][kind]} | {right['strict'][kind]} |"
            )
    found = [sum(right[rule].values()) - right[rule][ORDINARY] for rule in right]
    count = total.total() - total[ORDINARY]
    shares = " | ".join(f"{one} ({one / count:.2f})" for one in found)
    lines.append(f"| all | {count} | {shares} |")
    changed = [total[ORDINARY] - right[rule][ORDINARY] for rule in right]
    lines.append(
        f"| ordinary texts that are changed | {total[ORDINARY]} | {changed[0]} | {changed[1]} |"
    )
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.redaction", description=__doc__)
    parser.add_argument("sets", nargs="*", type=int, metavar="SET")
    parser.add_argument("--missed", action="store_true", help="print what is wrong at `strict`")
    arguments = parser.parse_args()
    some = texts(arguments.sets)
    print(table(some))
    if arguments.missed:
        for text in some:
            if not text.is_right("strict"):
                print(f"{text.set} {text.kind} {text.language}: {redact(text.text, 'strict')!r}")


if __name__ == "__main__":
    main()
