"""`fewtune templates`."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from fewtune.data.instructions import Templates, bundled_templates, find_templates, read_templates
from fewtune.errors import ConfigError
from fewtune.messages import say

COLUMNS = ("name", "language", "task", "wordings", "inverted", "thought", "first")
RIGHT, GAP = ("wordings", "inverted", "thought"), "  "
"""The columns of numbers, and what stands between two columns."""
LEAST, MOST = 24, 60
"""Characters of the first question, where the line has room for so many."""


@click.command()
@click.argument("name", required=False)
@click.option("--out", metavar="FILE", help="File to write it into; must not exist yet.")
@click.pass_obj
def templates(language: str, name: str | None, out: str | None) -> None:
    """List the bundled templates of questions; with NAME, print that file to copy and edit, or check a file of your own.

    \b
    fewtune templates sentiment_vi > mine.yaml
    fewtune templates mine.yaml

    `--out` writes the same bytes, also where the shell's `>` changes the encoding, as Windows PowerShell's does.
    """
    bundled = bundled_templates()
    if name is None:
        if out is not None:
            raise ConfigError("templates_out_nameless", out=out)
        _show({each: read_templates(path) for each, path in bundled.items()}, language, "templates_legend")
        return
    path = find_templates(name)
    if out is not None:
        _copy(path, Path(out))
        click.echo(say("templates_written", language, path=out))
    elif name in bundled:
        click.echo(path.read_bytes(), nl=False)
    else:
        _show({name: read_templates(path)}, language, "templates_sound")


def _copy(path: Path, out: Path) -> None:
    """The same bytes in a new file."""
    try:
        with out.open("xb") as file:
            file.write(path.read_bytes())
    except FileExistsError:
        raise ConfigError("init_exists", path=out) from None
    except OSError as error:
        raise ConfigError("init_unwritable", path=out, reason=error.strerror or error) from None


def _show(found: Mapping[str, Templates], language: str, legend: str) -> None:
    from fewtune.cli.show import page, prose

    console = page()
    for line in table_lines(found, language, console.width):
        console.print(line, highlight=False, markup=False)
    console.print()
    prose(console, say(legend, language))


def table_lines(found: Mapping[str, Templates], language: str, width: int) -> Iterator[str]:
    """The table in lines; the first question of each file has what `width` leaves, and at least a line of its own."""
    table = [tuple(say(f"templates_{name}", language) for name in COLUMNS), *(_cells(*each) for each in found.items())]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)][:-1]
    left = width - sum(widths) - len(GAP) * len(widths)
    for *facts, first in table:
        padded = (
            f"{fact:>{most}}" if column in RIGHT else f"{fact:<{most}}"
            for column, fact, most in zip(COLUMNS[:-1], facts, widths, strict=True)
        )
        line = GAP.join(padded).rstrip()
        below = left < LEAST
        yield line + (f"\n{GAP}" if below else GAP) + _short(first, min(MOST, width - len(GAP) if below else left))


def _cells(name: str, each: Templates) -> tuple[str, ...]:
    counts = (str(len(wordings)) for wordings in (each.templates, each.inverted, each.thought))
    return (name, each.language, each.task, *counts, " ".join(each.templates[0].input.split()))


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
