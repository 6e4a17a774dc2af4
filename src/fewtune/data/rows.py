"""The rows of a table as text, second text, label and group: nothing missing, nothing altered."""

from dataclasses import dataclass
from typing import Any

from fewtune.data.columns import Columns, columns_in
from fewtune.data.labels import CLASSES, Label, LabelReader
from fewtune.data.profile import as_text, is_missing
from fewtune.data.read import Table
from fewtune.data.wrong import TEXT, Test, WrongCells


@dataclass(frozen=True, slots=True)
class Row:
    """One example."""

    text: str
    pair: str | None
    label: Label | None
    number: int
    """Index of the row in `Table.rows`, from 0; `Table.lines[number]` is its place in the file."""
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
    for id, test in TEXT.items():
        _refuse(table, column, id, test, option=option)
    return [row[column] for row in table.rows]


def _labels(table: Table, column: str, reader: LabelReader) -> list[Label]:
    _refuse(table, column, "data_cell_bad", TEXT["data_cell_bad"])
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


def _refuse(table: Table, column: str, id: str, test: Test, **about: Any) -> None:
    wrong = WrongCells(id, test, table.path, column, table.counts, **about)
    for place, row in zip(table.lines, table.rows, strict=True):
        wrong.look(place, row[column])
    wrong.refuse(len(table.rows))
