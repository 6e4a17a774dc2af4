"""From the words of a command line to a RunConfig: the same for `train`, `plan` and whatever starts a run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from fewtune.config.read import build, merge, nested, overrides, read_yaml
from fewtune.settings import RunConfig

F = TypeVar("F", bound=Callable[..., Any])

# Flag → the option it is short for.
FLAGS = {
    "model": ("model.name", "Base model: minilm, a folder, or a name on the Hugging Face Hub."),
    "task": ("task.name", "What to learn (see `fewtune tasks`)."),
    "method": ("method.name", "How to learn it (see `fewtune methods`)."),
    "validation": ("data.validation", "File of validation rows; else a part of DATA."),
    "test": ("data.test", "File of test rows; else a part of DATA."),
    "text-column": ("data.text_column", "Column of the text; else found."),
    "pair-column": ("data.pair_column", "Column of a second text."),
    "label-column": ("data.label_column", "Column of the label; else found."),
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
    values = read_yaml(Path(source)) if source.endswith((".yaml", ".yml")) else {"data": {"path": source}}
    for flag, (option, _) in FLAGS.items():
        # A flag's value is what was typed: `--label-column 007` is a name, not a number.
        if (text := flags[flag.replace("-", "_")]) is not None:
            values = merge(values, nested(option.split("."), text))
    return build(RunConfig, merge(values, overrides(pairs)))
