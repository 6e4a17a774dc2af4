"""From what the sections show to HTML: the templates, with everything in them escaped."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from fewtune.report.words import capital

LONGEST = 80
"""Letters of a name that are shown; the rest is in the tooltip."""
BREAKS = re.compile(r"(?<=[._/\\-])(?=\w)|(?<=[a-z])(?=[A-Z])")
"""Where a long name may be broken into lines."""
CONTROL = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 127, *range(0xD800, 0xE000)], "\ufffd")
"""Characters that HTML forbids, wherever they come from; lone surrogates among them, which UTF-8 cannot even write."""


def render(**values: Any) -> str:
    """The page."""
    return _template().render(values).translate(CONTROL)


@cache
def _template() -> Template:
    here = Path(__file__).parent
    templates = Environment(
        loader=FileSystemLoader([here / "templates", here / "style"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(capital=capital, shorten=_shorten, breakable=_breakable, coded=_coded)
    return templates.get_template("page.html.j2")


def _shorten(text: str, longest: int = LONGEST) -> str:
    """At most `longest` letters, the last an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _breakable(text: str) -> Markup:
    """With places where a browser may break the line, escaped."""
    return Markup("<wbr>").join(BREAKS.split(text))


def _coded(text: str) -> Markup:
    """With what stands between backticks set as code, escaped."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))
