"""A text with places for cells: `summarize: {source}`. A brace itself is written twice: `{{`."""

from collections.abc import Mapping
from string import Formatter
from typing import Any

from fewtune.data.profile import as_text, is_missing
from fewtune.errors import ConfigError


def places(template: str, option: str) -> tuple[str, ...]:
    """The names in braces, in order, each once. Raises ConfigError for braces that do not match or hold more than a name."""
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise ConfigError("template_braces", option=option, template=template, reason=str(error)) from None
    names = [name for _, name, _, _ in parts if name is not None]
    if any(not name.strip() for name in names) or any(spec or conversion for _, _, spec, conversion in parts):
        reason = "a place is {name}, nothing else"
        raise ConfigError("template_braces", option=option, template=template, reason=reason)
    return tuple(dict.fromkeys(names))


def filled(template: str, cells: Mapping[str, Any]) -> str:
    """The text with the cells in their places; a missing cell leaves its place empty."""
    parts = Formatter().parse(template)
    return "".join(
        literal + ("" if name is None or is_missing(cells[name]) else as_text(cells[name]))
        for literal, name, _, _ in parts
    )
