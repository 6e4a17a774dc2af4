"""From tables to rows: which columns, which task, and how its labels are read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fewtune.data.columns import Columns, Given
from fewtune.data.read import Table
from fewtune.data.rows import Row
from fewtune.engine.sources import SPLITS
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


def read_rows(tables: Mapping[str, Table], given: Given, asked: Task | None) -> Read:
    """The rows of each table. Columns that are not `given`, and the task where none is `asked` for, are found in `tables["train"]`.

    Raises DataError for what does not fit or cannot be told.
    """
    train = tables["train"]
    if asked:
        chosen, columns, reason = asked, asked.columns(train, given), None
    else:
        chosen, columns, reason = choose(train, given)
    task = chosen.reading(train, columns)
    rows: dict[str, Sequence[Row]] = {name: task.rows(table, columns) for name, table in tables.items()}
    return Read(rows, columns, task, reason, {name: str(getattr(task, name)) for name in filled_in(chosen, task)})


def split_rows(data: DataConfig, seed: int, task: Task, rows: Mapping[str, Sequence[Row]]) -> dict[str, Sequence[Row]]:
    """All three splits: those that have a table, and the rest out of the training rows."""
    given = rows["train"]
    if "validation" in rows and "test" in rows:
        return dict(rows)
    parts = task.split(
        given,
        validation=0.0 if "validation" in rows else data.validation_share,
        test=0.0 if "test" in rows else data.test_share,
        seed=seed,
        together=[task.unit(row) for row in given],
    )
    chosen = {name: [given[index] for index in getattr(parts, name)] for name in SPLITS}
    return {name: chosen[name] if name == "train" or name not in rows else rows[name] for name in SPLITS}


def filled_in(asked: Task, task: Task) -> list[str]:
    """Names of the options that `task` has and `asked` had not."""
    return [name for name in type(task).model_fields if getattr(asked, name) is None is not getattr(task, name)]
