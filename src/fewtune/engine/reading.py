"""From tables to rows: which columns, which task, and how its labels are read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fewtune.data.columns import LABEL_KINDS, Columns, find_text_and_label
from fewtune.data.labels import label_column
from fewtune.data.read import Table
from fewtune.data.rows import Row
from fewtune.data.rows import rows as rows_of
from fewtune.record.plan import Finding
from fewtune.settings import DataConfig
from fewtune.tasks._base import Task
from fewtune.tasks._choose import choose


@dataclass(frozen=True)
class Read:
    """What stands in the tables."""

    rows: dict[str, Sequence[Row]]
    """Of each split that has a table of its own."""
    columns: Columns
    task: Task
    """The one that reads the labels."""
    task_reason: Finding | None
    """Why that one, where nobody named it."""
    reading: dict[str, str]
    """Its options that were found in the label column."""


def read_rows(tables: Mapping[str, Table], data: DataConfig, asked: Task | None) -> Read:
    """The rows of each table. Columns and, where none is `asked` for, the task are found in `tables["train"]`.

    Raises DataError for what does not fit or cannot be told.
    """
    columns = find_text_and_label(
        tables["train"],
        text=data.text_column,
        pair=data.pair_column,
        label=data.label_column,
        group=data.group_column,
        label_kinds=asked.label_kinds if asked else LABEL_KINDS,
    )
    assert columns.label is not None
    column = label_column(tables["train"], columns.label)
    chosen, reason = (asked, None) if asked else choose(column)
    task = chosen.reading(column)
    rows: dict[str, Sequence[Row]] = {name: rows_of(table, columns, task.reader()) for name, table in tables.items()}
    return Read(rows, columns, task, reason, {name: str(getattr(task, name)) for name in filled_in(chosen, task)})


def filled_in(asked: Task, task: Task) -> list[str]:
    """Names of the options that `task` has and `asked` had not."""
    return [name for name in type(task).model_fields if getattr(asked, name) is None is not getattr(task, name)]
