"""`fewtune init`."""

from collections import Counter
from pathlib import Path

import click

from fewtune.cli._config import FLAGS, flag_options, flag_values
from fewtune.cli.show import page, prose
from fewtune.config.explained import explained
from fewtune.config.read import build, merge, overrides
from fewtune.data.answers import Tags
from fewtune.data.columns import Columns
from fewtune.data.labels import names_of
from fewtune.data.vietnamese import looks_vietnamese
from fewtune.engine.reading import Read, read_rows
from fewtune.engine.sources import Sources, read_sources
from fewtune.errors import ConfigError
from fewtune.messages import say
from fewtune.model.known import known_model
from fewtune.record.folder import write
from fewtune.settings import RunConfig
from fewtune.show.lines import role_name

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
    sources = read_sources(config.data)
    read = read_rows(sources.tables, sources.given, config.task)
    if config.task is None:  # named, so that its options may be given too
        config = config.model_copy(update={"task": type(read.task).model_validate({"name": read.task.name})})
    found, columns = _found(sources, read, language), _columns(read, language)
    task, warnings = _task_reason(read, language), _warnings(config, read, language)
    notes = columns | {
        "": [say("init_head", language, out=out), "", *found],
        "model.name": [say("init_models", language), *warnings],
        "method.name": [say("init_methods", language)],
        "task.name": [say("init_tasks", language), *task],
    }
    named = {f"data.{role}_column": name for role, name in _names(read.columns).items()}
    try:
        write(target, explained(config, notes, named))
    except OSError as error:
        raise ConfigError("init_unwritable", path=out, reason=error.strerror or error) from None
    console = page()
    for line in (*found, *(line for lines in columns.values() for line in lines), *task):
        prose(console, line)
    for warning in warnings:
        prose(console, f"! {warning}", style="yellow")
    click.echo(say("init_written", language, path=out))


def _found(sources: Sources, read: Read, language: str) -> list[str]:
    """What is in the training file, and what was found in the files rather than asked for."""
    table, rows = sources.tables["train"], read.rows["train"]
    counts = Counter(
        name for row in rows for name in (row.label.names if isinstance(row.label, Tags) else names_of(row.label))
    )
    examples = ", ".join(f"{label} ({count:,})" for label, count in counts.most_common(SHOWN))
    examples += ", …" if len(counts) > SHOWN else ""
    about = {"path": table.path.name, "rows": len(rows), "labels": len(counts), "examples": examples}
    said = say("init_data" if counts else "init_data_numbers", language, **about)
    return [said, *(note.say(language) for note in sources.notes)]


def _columns(read: Read, language: str) -> dict[str, list[str]]:
    """Option → which column was found for it, and why."""
    reasons = read.columns.reasons
    return {
        f"data.{role}_column": [
            say("columns", language, role=role_name(role, language), name=name, reason=reasons.get(role, ""))
        ]
        for role, name in _names(read.columns).items()
    }


def _task_reason(read: Read, language: str) -> list[str]:
    """Why this task, where nobody has named one."""
    if read.task_reason is None:
        return []
    return [say("task_found", language, task=read.task.name, reason=read.task_reason.say(language))]


def _warnings(config: RunConfig, read: Read, language: str) -> list[str]:
    """What speaks against the model for these texts."""
    known = known_model(config.model.name)
    if known and known.diacritics == "lost" and looks_vietnamese(row.text for row in read.rows["train"]):
        return [say("model_loses_diacritics", language, name=config.model.name)]
    return []


def _names(columns: Columns) -> dict[str, str]:
    """Role → column, of those that were found."""
    return {role: name for role in ("text", "pair", "label") if (name := getattr(columns, role))}
