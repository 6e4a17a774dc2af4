"""From the words of a command line to a RunConfig: the same for `train`, `plan` and whatever starts a run."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from fewtune.cli._file import FILE_FLAGS
from fewtune.config.read import build, merge, nested, overrides, read_yaml, without_found
from fewtune.errors import ConfigError
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
    "track": ("track", "Tracker that hears of the run too: tensorboard, wandb or mlflow."),
    **FILE_FLAGS,
    "seed": ("seed", "Decides splits, order, initialisation and dropout."),
    "out": ("out", "Folder of the run, which must not exist yet."),
}


# What a first word is when a run to start from is given: `seed=1` is no file.
_PAIR = re.compile(rf"({'|'.join(RunConfig.model_fields)})(\.\w+)*=")


def flag_options(*names: str) -> Callable[[F], F]:
    """The flags of these names, in this order."""

    def add(command: F) -> F:
        for name in reversed(names):
            command = click.option(f"--{name}", help=FLAGS[name][1])(command)
        return command

    return add


def run_arguments(command: F) -> F:
    """The arguments of every command that starts from options: DATA or run.yaml, flags, and section.key=value pairs."""
    text = "Start from the options of this finished run; what else is said here wins."
    command = click.option("--from", "from_run", metavar="RUN", help=text)(flag_options(*FLAGS)(command))
    command = click.argument("pairs", nargs=-1, metavar="[SECTION.KEY=VALUE]...")(command)
    return click.argument("source", required=False, metavar="DATA|RUN.YAML")(command)


def run_config(
    source: str | None, pairs: Sequence[str], flags: Mapping[str, str | None], from_run: str | None = None
) -> RunConfig:
    """The checked options. Later wins: the run to start from, DATA or run.yaml, then flags, then pairs.

    Raises ConfigError with every mistake, FormatError when `from_run` is no finished run.
    """
    if source is not None and from_run is not None and _PAIR.match(source):
        source, pairs = None, (source, *pairs)
    _refuse_name_in_pieces(source, pairs)
    if source is None and from_run is None:
        raise ConfigError("source_missing")
    before, found, said = _start(source, from_run)
    asked = merge(merge(said, flag_values(flags)), overrides(pairs))
    return build(RunConfig, without_found(merge(before, asked), found, asked))


def _refuse_name_in_pieces(source: str | None, pairs: Sequence[str]) -> None:
    """Raises ConfigError for a file name with spaces that was typed without quotes."""
    words = [source, *pairs] if source is not None else []
    for end in range(2, len(words) + 1):
        if Path(name := " ".join(words[:end])).exists() and not Path(words[0]).exists():
            raise ConfigError("source_in_pieces", path=name)


def flag_values(flags: Mapping[str, str | None]) -> dict[str, Any]:
    """What the flags that were given say, as nested options."""
    values: dict[str, Any] = {}
    for flag, (option, _) in FLAGS.items():
        # A flag's value is what was typed: `--label-column 007` is a name, not a number.
        if (text := flags.get(flag.replace("-", "_"))) is not None:
            values = merge(values, nested(option.split("."), text))
    return values


def _start(source: str | None, from_run: str | None) -> tuple[dict[str, Any], Sequence[str], dict[str, Any]]:
    """The options to start from, the names of those that a run found for itself, and what SOURCE says on top of them."""
    written = read_yaml(Path(source)) if source and source.endswith((".yaml", ".yml")) else None
    if written is not None and "sets" in written:  # a mixture is data, not options
        written = None
    said: dict[str, Any] = written or ({"data": {"path": source}} if source else {})
    if from_run is not None:
        return *RunFolder.open(from_run).read_options(), said
    if source and written is not None:
        beside = RunFolder(Path(source).parent)
        return written, beside.read_plan().found if beside.plan.exists() else (), {}
    return {}, (), said
