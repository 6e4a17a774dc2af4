"""The rows of a table as text, second text, label and group: nothing missing, nothing altered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fewtune.data._cell import BadCell
from fewtune.data._source import Counted
from fewtune.data.columns import Columns, columns_in
from fewtune.data.labels import CLASSES, Label, LabelReader
from fewtune.data.profile import as_text, is_missing
from fewtune.data.read import Table
from fewtune.errors import DataError
from fewtune.messages import Sentence

KINDS = {int: "number", float: "number", bool: "switch", list: "list", dict: "object"}
"""What people call the types of JSON."""
SHOWN_LINES = 5
"""Line numbers named in an error; the rest is counted."""
SHOWN_CHARACTERS = 60
"""Of a wrong value."""


Turn = tuple[str, str]
"""Who speaks (`system`, `user` or `assistant`), and what is said."""


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
    prompt: str | None = None
    """What a model reads that writes texts, where that is more than the text: an instruction with it."""
    words: tuple[str, ...] | None = None
    """The text cut into words, for tasks that answer word by word."""
    turns: tuple[Turn, ...] | None = None
    """What was said before the reply that is wanted, in conversations."""


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
    _refuse(table, column, "data_cell_bad", is_bad)
    _refuse(table, column, "data_text_missing", is_missing, option=option)
    _refuse(table, column, "data_text_kind", lambda value: not isinstance(value, str), option=option)
    return [row[column] for row in table.rows]


def _labels(table: Table, column: str, reader: LabelReader) -> list[Label]:
    _refuse(table, column, "data_cell_bad", is_bad)
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
    _refuse(table, column, "data_cell_bad", is_bad)
    return [None if is_missing(row[column]) else as_text(row[column]) for row in table.rows]


def wrong_cells(
    path: Path, counts: Counted, column: str, places: Sequence[int], first: Any, *, count: int, total: int
) -> dict[str, Any]:
    """The values of an error about `count` cells of a column: the first `places` are named, and what the first cell holds."""
    shown = ", ".join(map(str, places[:SHOWN_LINES])) + (", …" if count > SHOWN_LINES else "")
    values = {"path": path, "column": column, "lines": Sentence(f"data_at_{counts}", {"numbers": shown})}
    values |= {
        "count": count,
        "total": total,
        "kind": Sentence(f"data_kind_{KINDS.get(type(first), 'other')}", {}),
        "value": repr(first)[:SHOWN_CHARACTERS],
    }
    if isinstance(first, BadCell):
        values |= {"cell": first.address, "why": Sentence(f"data_cell_{first.why}", {})}
    return values


def is_bad(value: Any) -> bool:
    """Whether a cell of a spreadsheet has no usable value."""
    return isinstance(value, BadCell)


def _refuse(table: Table, column: str, id: str, bad: Callable[[Any], bool], **values: Any) -> None:
    """Raise DataError `id` if any value of `column` is bad."""
    found = [number for number, row in enumerate(table.rows) if bad(row[column])]
    if found:
        places, first = [table.lines[number] for number in found], table.rows[found[0]][column]
        about = wrong_cells(table.path, table.counts, column, places, first, count=len(found), total=len(table.rows))
        raise DataError(id, **about, **values)
