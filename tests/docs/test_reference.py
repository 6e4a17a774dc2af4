"""The tables in `docs/` are what `python -m tools.reference` makes of the code now, and they leave nothing out."""

from pathlib import Path
from typing import Annotated, Literal

import click
import pytest
from pydantic import Field

from fewtune.cli.main import COMMANDS, cli
from fewtune.config import Config
from fewtune.config.errors import FIELD_WORDS
from fewtune.registry import find, names
from fewtune.settings import RunConfig
from tools.reference.markdown import prose, table
from tools.reference.options import option_table, taken, typed
from tools.reference.pages import PAGES, PARTS, filled, made_in

MADE = {path: made_in(path.read_text(encoding="utf-8")) for path in sorted(PAGES.rglob("*.md"))}


def text(page: str) -> str:
    return (PAGES / page).read_text(encoding="utf-8")


# --- the pages


@pytest.mark.parametrize("page", [path for path, made in MADE.items() if made], ids=lambda path: path.name)
def test_the_page_is_up_to_date(page: Path):
    before = page.read_text(encoding="utf-8")
    assert filled(before) == before, "run: python -m tools.reference"


def test_every_part_stands_on_a_page_once():
    assert sorted(part for made in MADE.values() for part in made) == sorted(PARTS)


def test_a_part_is_made_anew_and_the_rest_stays():
    page = "# Ours\n\n<!-- made by tools/reference: words of others -->\nold\n<!-- end -->\n\nOurs too.\n"
    made = filled(page)
    assert made.startswith("# Ours\n\n<!-- made by tools/reference: words of others -->\n\n| elsewhere")
    assert made.endswith("|\n\n<!-- end -->\n\nOurs too.\n")
    assert filled(made) == made
    with pytest.raises(KeyError):
        filled("<!-- made by tools/reference: nobody makes this -->\n<!-- end -->")


# --- nothing is left out


def test_every_option_is_explained():
    sections = {name: about.annotation for name, about in RunConfig.model_fields.items()}
    for name, kind in sections.items():
        if isinstance(kind, type) and issubclass(kind, Config) and name not in ("task", "method"):
            for field in kind.model_fields:
                assert f"| `{name}.{field}` |" in text("options.md")
    assert [name for name in ("seed", "out") if f"| `{name}` |" not in text("options.md")] == []
    assert [word for word, ours in FIELD_WORDS.items() if f"| `{word}` | `{ours}` |" not in text("options.md")] == []


@pytest.mark.parametrize("kind", ["methods", "tasks"])
def test_every_method_and_task_is_explained(kind: Literal["methods", "tasks"]):
    page = text(f"{kind}.md")
    for name in names(kind):
        section = page.partition(f"\n## `{name}`\n")[2].partition("\n## ")[0]
        assert section
        fields = [field for field in find(kind, name).model_fields if field != "name"]
        assert [field for field in fields if f"| `{kind[:-1]}.{field}` |" not in section] == []


def test_every_command_is_explained():
    page = text("cli.md")
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        section = page.partition(f"\n## `{name}`\n")[2].partition("\n## ")[0]
        assert command is not None and section
        options = [each for each in command.params if isinstance(each, click.Option)]
        assert [
            each.name for each in options if f"| `{each.opts[0]}` |" not in section or each.help not in section
        ] == []


# --- how the code becomes Markdown


class Every(Config):
    """Each kind of option once."""

    count: Annotated[int, Field(ge=0, lt=2**32)]
    """A | pipe, and one in `a|b`."""
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    """Empty is allowed."""
    choice: Literal["a", "b"] = "a"
    """One of two."""
    weights: Literal["balanced"] | dict[str, float] | None = None
    """Two kinds of value."""
    names: tuple[str, ...] = ("x", "y")
    """Several."""
    switch: bool = True
    """On."""


def test_a_table_of_options():
    assert option_table("part", Every, ["switch"]).splitlines() == [
        "| option | takes | default |  |",
        "| --- | --- | --- | --- |",
        r"| `part.count` | whole number ≥ 0 and < 4294967296 | *needed* | A \| pipe, and one in <code>a&#124;b</code>. |",
        "| `part.share` | number > 0 and ≤ 1 | empty | Empty is allowed. |",
        "| `part.choice` | `a`, `b` | `a` | One of two. |",
        "| `part.weights` | `balanced` or section | empty | Two kinds of value. |",
        "| `part.names` | list of text | `[x, y]` | Several. |",
    ]
    assert typed(True) == "`true`"


def test_what_has_no_words_yet_is_not_passed_over():
    with pytest.raises(ValueError, match="no words"):
        taken({"type": "null"})
    assert taken({"type": "array", "items": {"$ref": "#/$defs/Tracker"}}) == "list of tracker"


def test_a_docstring_keeps_its_formula_and_becomes_no_markup():
    formula = "    W' = W + s * B A   [<1>]"
    assert prose(f"Of `f1.<label>` and <b>, z[i] * 2.\n\n{formula}\n\nEnd.") == (
        f"Of `f1.<label>` and \\<b>, z\\[i\\] \\* 2.\n\n{formula}\n\nEnd."
    )


def test_a_cell_stays_in_its_line():
    assert table(("a",), [("one\n two",)]) == "| a |\n| --- |\n| one two |"
