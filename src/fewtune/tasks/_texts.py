"""What the tasks share that write texts: references of rows, and texts of predictions."""

from collections.abc import Callable, Sequence

from fewtune.data.answers import Texts
from fewtune.data.rows import Row
from fewtune.tasks._base import Baseline, Prediction


def texts_of(row: Row) -> tuple[str, ...]:
    """The wordings of a row's target, which must be known."""
    assert isinstance(row.label, Texts), row.label
    return row.label.texts


def references(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """Those of each row."""
    return [texts_of(row) for row in rows]


def said(predictions: Sequence[Prediction]) -> list[str]:
    """What was written."""
    return [str(each.label) for each in predictions]


def saying(write: Callable[[str], str]) -> Baseline:
    """A baseline that writes something from each row's text."""
    return lambda rows: [Prediction(write(row.text), {}) for row in rows]
