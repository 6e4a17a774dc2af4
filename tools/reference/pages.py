"""Where the parts stand: between two comments in a page, the first of which says what it is.

    <!-- made by tools/reference: methods -->
    <!-- end -->

All words of a part are docstrings, texts under fields and help texts, never written here a second time.
"""

import re
from collections.abc import Callable
from pathlib import Path

from tools.reference.commands import commands
from tools.reference.measured import measured
from tools.reference.methods import defaults, methods, sizes
from tools.reference.options import options, whole_yaml, words_of_others
from tools.reference.speed import speed
from tools.reference.tasks import tasks
from tools.reference.writing import writing

PAGES = Path(__file__).resolve().parents[2] / "docs"

PARTS: dict[str, Callable[[], str]] = {
    "commands": commands,
    "defaults": defaults,
    "measured": measured,
    "methods": methods,
    "options": options,
    "run.yaml": whole_yaml,
    "sizes": sizes,
    "speed": speed,
    "tasks": tasks,
    "words of others": words_of_others,
    "writing": writing,
}

_PART = re.compile(r"(<!-- made by tools/reference: (.+?) -->\n).*?(<!-- end -->)", flags=re.DOTALL)


def made_in(page: str) -> list[str]:
    """The names of the parts that a page asks for."""
    return [found[2] for found in _PART.finditer(page)]


def filled(page: str) -> str:
    """The text of a page with every part made anew. Raises KeyError for a part that nobody makes."""
    return _PART.sub(lambda found: f"{found[1]}\n{PARTS[found[2]]()}\n\n{found[3]}", page)
