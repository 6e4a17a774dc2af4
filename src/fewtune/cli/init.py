"""`fewtune init`."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from fewtune.cli._config import FLAGS, flag_options, flag_values
from fewtune.config.explained import explained
from fewtune.config.read import build, merge, overrides
from fewtune.data.columns import Columns, find_text_and_label
from fewtune.data.read import Table, read
from fewtune.data.rows import Row
from fewtune.data.rows import rows as rows_of
from fewtune.data.vietnamese import looks_vietnamese
from fewtune.errors import ConfigError
from fewtune.messages import say
from fewtune.model.known import known_model
from fewtune.record.folder import write
from fewtune.settings import RunConfig

SHOWN = 12
"""Labels that are named with the number of their rows."""


@click.command()
@click.argument("data", metavar="DATA")
@click.argument("pairs", nargs=-1, metavar="[SECTION.KEY=VALUE]...")
@flag_options(*(name for name in FLAGS if name != "out"))
@click.option("--out", default="run.yaml", show_default=True, help="File to write; must not exist yet.")
@click.pass_obj
def init(language: str, data: str, pairs: tuple[str, ...], out: str, **flags: str | None) -> None:
    """Write a run.yaml for DATA with every option, its meaning and its default, and what was found in the data.

    \b
    fewtune init reviews.csv --model minilm
    fewtune train run.yaml
    """
    target = Path(out)
    if target.suffix.lower() not in (".yaml", ".yml"):
        raise ConfigError("init_suffix", path=out)
    if target.exists():
        raise ConfigError("init_exists", path=out)
    values = merge({"model": {"name": "minilm"}, "data": {"path": data}}, flag_values(flags))
    config = build(RunConfig, merge(values, overrides(pairs)))
    table = read(config.data.path)
    columns = find_text_and_label(
        table, text=config.data.text_column, pair=config.data.pair_column, label=config.data.label_column
    )
    rows = rows_of(table, columns)
    notes = {"": _head(out, table, rows, language), **_notes(config, columns, rows, language)}
    found = {f"data.{role}_column": name for role, name in _names(columns).items()}
    try:
        write(target, explained(config, notes, found))
    except OSError as error:
        raise ConfigError("init_unwritable", path=out, reason=error.strerror or error) from None
    click.echo(say("init_written", language, path=out))


def _head(out: str, table: Table, rows: Sequence[Row], language: str) -> list[str]:
    counts = Counter(label for row in rows for label in (row.label if isinstance(row.label, tuple) else [row.label]))
    examples = ", ".join(f"{label} ({count:,})" for label, count in counts.most_common(SHOWN))
    examples += ", …" if len(counts) > SHOWN else ""
    about = {"path": table.path.name, "rows": len(rows), "labels": len(counts), "examples": examples}
    return [say("init_head", language, out=out), "", say("init_data", language, **about)]


def _notes(config: RunConfig, columns: Columns, rows: Sequence[Row], language: str) -> dict[str, list[str]]:
    notes = {
        f"data.{role}_column": [say("columns", language, role=role, name=name, reason=columns.reasons.get(role, ""))]
        for role, name in _names(columns).items()
    }
    notes["model.name"] = [say("init_models", language)]
    notes["method.name"], notes["task.name"] = [say("init_methods", language)], [say("init_tasks", language)]
    known = known_model(config.model.name)
    if known and known.diacritics == "lost" and looks_vietnamese(row.text for row in rows):
        notes["model.name"].append(say("model_loses_diacritics", language, name=config.model.name))
    return notes


def _names(columns: Columns) -> dict[str, str]:
    """Role → column, of those that were found."""
    return {role: name for role in ("text", "pair", "label") if (name := getattr(columns, role))}
