"""From the words of a command line to a RunConfig: the same for `train`, `plan` and whatever starts a run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from fewtune.cli._file import FILE_FLAGS
from fewtune.config.read import build, merge, nested, overrides, read_yaml
from fewtune.record.folder import RunFolder
from fewtune.settings import RunConfig

F = TypeVar("F", bound=Callable[..., Any])

# Flag → the option it is short for.
FLAGS = {
    "model": ("model.name", "Base model: minilm, a folder, or a name on the Hugging Face Hub."),
    "task": ("task.name", "What to learn (see `fewtune tasks`); else found."),
    "method": ("method.name", "How to learn it (see `fewtune methods`)."),
    "validation": ("data.validation", "File of validation rows; else a part of DATA."),
    "test": ("data.test", "File of test rows; else a part of DATA."),
    "text-column": ("data.text_column", "Column of the text; else found."),
    "pair-column": ("data.pair_column", "Column of a second text."),
    "label-column": ("data.label_column", "Column of the label; else found."),
    "group-column": ("data.group_column", "Column of subgroups that are scored by themselves."),
    **FILE_FLAGS,
    "seed": ("seed", "Decides splits, order, initialisation and dropout."),
    "out": ("out", "Folder of the run, which must not exist yet."),
}


def run_arguments(command: F) -> F:
    """The arguments of every command that starts from options: DATA or run.yaml, flags, and section.key=value pairs."""
    for flag, (_, text) in reversed(FLAGS.items()):
        command = click.option(f"--{flag}", help=text)(command)
    command = click.argument("pairs", nargs=-1, metavar="[SECTION.KEY=VALUE]...")(command)
    return click.argument("source", metavar="DATA|RUN.YAML")(command)


def run_config(source: str, pairs: tuple[str, ...], flags: dict[str, str | None]) -> RunConfig:
    """The checked options. Later wins: run.yaml, then flags, then pairs. Raises ConfigError with every mistake."""
    written = read_yaml(Path(source)) if source.endswith((".yaml", ".yml")) else {}
    values = written or {"data": {"path": source}}
    for flag, (option, _) in FLAGS.items():
        # A flag's value is what was typed: `--label-column 007` is a name, not a number.
        if (text := flags[flag.replace("-", "_")]) is not None:
            values = merge(values, nested(option.split("."), text))
    asked = overrides(pairs)
    values = merge(values, asked)
    if written and any(written.get(section) != values.get(section) for section in ("model", "data", "method")):
        # What a run found for its own model, data and method is found anew for others, unless it is asked for now.
        found = _found(Path(source))
        if ("task", "name") in found and "task" not in asked and flags["task"] is None:
            values.pop("task", None)  # nobody named it, so none of its options was asked for either
        for section, name in found:
            if section in values and name not in asked.get(section, {}):
                values[section] = {key: value for key, value in values[section].items() if key != name}
    return build(RunConfig, values)


def _found(written: Path) -> list[tuple[str, str]]:
    """The options, as (section, name), that the run beside this run.yaml chose by itself."""
    folder = RunFolder(written.parent)
    names = folder.read_plan().found if folder.plan.exists() else ()
    return [(section, name) for section, _, name in (option.partition(".") for option in names)]
