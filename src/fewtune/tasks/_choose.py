"""Which task, when nobody names one: the label column decides, and where two fit equally well a person does."""

from typing import cast

from fewtune.data.labels import LabelColumn
from fewtune.errors import DataError
from fewtune.messages import Sentence
from fewtune.record.plan import Finding
from fewtune.registry import find, names
from fewtune.tasks._base import Task


def choose(column: LabelColumn) -> tuple[Task, Finding]:
    """The only task that fits, and why. Raises DataError with the options that choose where several fit, or none."""
    kinds = {name: cast(type[Task], find("tasks", name)) for name in names("tasks")}
    fitting = {name: fit for name, kind in kinds.items() if (fit := kind.fits(column)) is not None}
    about = {"path": column.path, "column": column.name}
    if not fitting:
        raise DataError("task_unknown", **about, names=", ".join(f"--task {name}" for name in kinds))
    if len(fitting) > 1:
        lines = [
            Sentence("task_choice", {"task": name, "reason": Sentence(f.id, f.values)}) for name, f in fitting.items()
        ]
        raise DataError("task_unclear", **about, choices=tuple(lines))
    [(name, why)] = fitting.items()
    return kinds[name].model_validate({}), why
