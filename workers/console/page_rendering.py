"""Templates into HTML: everything that a template is given is escaped."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from workers.console import page_wording

_FOLDER: Final = Path(__file__).with_name("templates")


def environment() -> Environment:
    """Return the environment of all templates; a name that is not given is an error."""
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "age": page_wording.age,
        "clock": page_wording.clock,
        "day": page_wording.day,
        "due": page_wording.due,
        "iso": page_wording.iso,
        "line": page_wording.line,
        "name": page_wording.name_of,
        "shown": page_wording.shown,
        "span": page_wording.span,
        "words": page_wording.words,
    }
    made.globals |= {
        "OUTCOMES": page_wording.OUTCOMES,
        "OWNERS": page_wording.OWNERS,
        "REASONS": page_wording.REASONS,
        "REFUSALS": page_wording.REFUSALS,
        "SKIPS": page_wording.SKIPS,
        "SPEAKERS": page_wording.SPEAKERS,
        "VERDICTS": page_wording.VERDICTS,
    }
    return made


class Renderer:
    """Renders pages, and the parts of them that change by themselves."""

    def __init__(self) -> None:
        self._environment = environment()

    def page(self, template: str, context: Mapping[str, Any]) -> str:
        """Return a whole page."""
        return self._environment.get_template(template).render({**context, "now": now_ms()})

    def parts(self, parts: Mapping[str, str], context: Mapping[str, Any]) -> dict[str, str]:
        """Return the inner HTML by element id; `parts` names each element's template."""
        given = {**context, "now": now_ms()}
        return {
            id_: self._environment.get_template(template).render(given)
            for id_, template in parts.items()
        }


def now_ms() -> int:
    """Return the time of this machine, in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
