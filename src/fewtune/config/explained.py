"""A config as YAML that explains itself: what was given stands plainly, every other option behind a `#` with its default.

The words are the texts under the fields, so this file knows no option by name.
"""

import inspect
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fewtune.config.base import Config
from fewtune.config.read import yaml_line

WIDTH = 110
"""Longest line of a comment, in characters."""


def explained(config: Config, notes: Mapping[str, Sequence[str]] = {}, also: Mapping[str, Any] = {}) -> str:
    """YAML that `read_yaml` reads back to what was given of `config`, with every option and its text in it.

    `notes` are further comments: those of "" stand at the top, those of an option (`data.label_column`) under its text.
    `also` are values to show behind the `#` instead of the default, for options that were found.
    """
    return "".join(f"{line}".rstrip() + "\n" for line in _lines(config, notes, also))


def comment(text: str, indent: str = "") -> list[str]:
    """`text` as comment lines. Line breaks and what YAML cannot carry are taken out, wherever the text comes from."""
    plain = "".join(letter if letter.isprintable() else "\ufffd" for letter in " ".join(text.split()))
    return textwrap.wrap(
        plain,
        WIDTH,
        initial_indent=f"{indent}# ",
        subsequent_indent=f"{indent}# ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _lines(config: Config, notes: Mapping[str, Sequence[str]], also: Mapping[str, Any]) -> Iterator[str]:
    for note in notes.get("", ()):
        yield from comment(note) or ["#"]
    plain = []
    for name, field in type(config).model_fields.items():
        section = getattr(config, name)
        if not isinstance(section, Config):
            plain.append(name)
            continue
        yield ""
        yield from comment(_about(type(section)) or field.description or "")
        options = list(_options(section, f"{name}.", notes, also))
        # A section in which nothing is given is still there: to `read_yaml` an empty one counts as absent.
        yield f"{name}:"
        yield from options
    for name in plain:
        yield ""
        yield from _option(config, name, "", name, notes, also)


def _options(
    section: Config, prefix: str, notes: Mapping[str, Sequence[str]], also: Mapping[str, Any]
) -> Iterator[str]:
    for name in type(section).model_fields:
        yield from _option(section, name, "  ", prefix + name, notes, also)


def _option(
    config: Config, name: str, indent: str, path: str, notes: Mapping[str, Sequence[str]], also: Mapping[str, Any]
) -> Iterator[str]:
    field, given = type(config).model_fields[name], name in config.model_fields_set
    for text in (field.description or "", *notes.get(path, ())):
        yield from comment(text, indent)
    value = config.model_dump(mode="json", include={name})[name]
    # No space behind the #, so that the option stands right when it is taken away.
    yield f"{indent}{'' if given else '#'}{yaml_line(name, value if given else also.get(path, value))}"


def _about(kind: type[Config]) -> str:
    """The first paragraph of a class's docstring."""
    return " ".join((inspect.getdoc(kind) or "").partition("\n\n")[0].split())
