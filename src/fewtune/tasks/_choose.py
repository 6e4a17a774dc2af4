"""Which task, when nobody names one: the columns decide, else what the labels are; where two fit equally well a person does."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from fewtune.data.columns import Columns, Given, find_text_and_label
from fewtune.data.labels import LabelColumn, label_column
from fewtune.data.read import Table
from fewtune.errors import DataError
from fewtune.messages import Sentence
from fewtune.record.plan import Finding
from fewtune.registry import find, names
from fewtune.tasks._base import Task


def choose(table: Table, given: Given) -> tuple[Task, Columns, Finding]:
    """The only task that fits, its columns, and why. Raises DataError with the options that choose where several fit, or none."""
    fitting = {name: fit for name, kind in _kinds().items() if (fit := kind.recognised(table, given)) is not None}
    if fitting:
        task, why = _only(fitting, table.path, ", ".join(table.columns))
        return task, task.columns(table, given), why
    columns = find_text_and_label(table, given)
    assert columns.label is not None
    task, why = by_label(label_column(table, columns.label))
    return task, columns, why


def by_label(column: LabelColumn) -> tuple[Task, Finding]:
    """The only task that such labels fit, and why. Raises as `choose`."""
    from fewtune.tasks._sequence import SequenceTask  # loads torch, which the help of a command must not

    kinds = {name: kind for name, kind in _kinds().items() if issubclass(kind, SequenceTask)}
    fitting = {name: fit for name, kind in kinds.items() if (fit := kind.fits(column)) is not None}
    if not fitting:
        options = ", ".join(f"--task {name}" for name in _kinds())
        raise DataError("task_unknown", path=column.path, column=column.name, names=options)
    return _only(fitting, column.path, column.name)


def _only(fitting: Mapping[str, Finding], path: Path, column: str) -> tuple[Task, Finding]:
    if len(fitting) > 1:
        lines = [
            Sentence("task_choice", {"task": name, "reason": Sentence(f.id, f.values)}) for name, f in fitting.items()
        ]
        raise DataError("task_unclear", path=path, column=column, choices=tuple(lines))
    [(name, why)] = fitting.items()
    return _kinds()[name].model_validate({}), why


def _kinds() -> dict[str, type[Task]]:
    return {name: cast(type[Task], find("tasks", name)) for name in names("tasks")}
