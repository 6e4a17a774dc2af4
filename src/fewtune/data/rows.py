"""The rows of a table as text, second text, label and group: nothing missing, nothing altered."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fewtune.data.columns import Columns, columns_in
from fewtune.data.labels import CLASSES, Label, LabelReader
from fewtune.data.profile import as_text, is_missing
from fewtune.data.read import Table
from fewtune.errors import DataError

SHOWN_LINES = 5
"""Line numbers named in an error; the rest is counted."""
SHOWN_CHARACTERS = 60
"""Of a wrong value."""


@dataclass(frozen=True, slots=True)
class Row:
    """One example."""

    text: str
    pair: str | None
    label: Label | None
    number: int
    """Index of the row in `Table.rows`, from 0; `Table.lines[number]` is its line in the file."""
    group: str | None = None
    """The subgroup it is scored with (a hospital, a dialect …), where there is a column of them and the cell is filled."""


def rows(table: Table, columns: Columns, reader: LabelReader = CLASSES) -> list[Row]:
    """Every row of `table`, in order; texts exactly as they stand in the file, labels as `reader` reads them.

    Raises DataError for a column that the table lacks, and with the lines of rows whose text, pair or label is missing
    (None, blank, NaN), whose text is not a string, or whose label `reader` cannot read.
    """
    columns = columns_in(table, columns)
    texts = _texts(table, columns.text, "data.text_column")
    pairs = _texts(table, columns.pair, "data.pair_column") if columns.pair is not None else [None] * len(texts)
    labels = _labels(table, columns.label, reader) if columns.label is not None else [None] * len(texts)
    groups = _groups(table, columns.group) if columns.group is not None else [None] * len(texts)
    return [
        Row(text, pair, label, number, group)
        for number, (text, pair, label, group) in enumerate(zip(texts, pairs, labels, groups, strict=True))
    ]


def _texts(table: Table, column: str, option: str) -> list[str]:
    _refuse(table, column, "data_text_missing", is_missing, option=option)
    _refuse(table, column, "data_text_kind", lambda value: not isinstance(value, str), option=option)
    return [row[column] for row in table.rows]


def _labels(table: Table, column: str, reader: LabelReader) -> list[Label]:
    if reader.empty is None:
        _refuse(table, column, "data_label_missing", is_missing)

    def unreadable(value: Any) -> bool:
        try:
            return not is_missing(value) and reader.read(value) is None
        except ValueError:
            return True

    _refuse(table, column, reader.wrong, unreadable, **reader.about)
    cells = [row[column] for row in table.rows]
    return [reader.empty if is_missing(cell) else reader.read(cell) for cell in cells]  # pyright: ignore[reportReturnType]


def _groups(table: Table, column: str) -> list[str | None]:
    return [None if is_missing(row[column]) else as_text(row[column]) for row in table.rows]


def _refuse(table: Table, column: str, id: str, bad: Callable[[Any], bool], **values: str) -> None:
    """Raise DataError `id` if any value of `column` is bad; `{kind}` and `{value}` in its sentence are of the first."""
    found = [number for number, row in enumerate(table.rows) if bad(row[column])]
    if not found:
        return
    lines = ", ".join(str(table.lines[number]) for number in found[:SHOWN_LINES])
    values |= {
        "column": column,
        "lines": lines + (", …" if len(found) > SHOWN_LINES else ""),
        "kind": type(table.rows[found[0]][column]).__name__,
        "value": repr(table.rows[found[0]][column])[:SHOWN_CHARACTERS],
    }
    raise DataError(id, path=table.path, count=len(found), total=len(table.rows), **values)
