"""The rows of a table as text, second text and label: nothing missing, nothing altered."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fewtune.data._cell import BadCell
from fewtune.data.columns import Columns
from fewtune.data.profile import as_text, is_missing
from fewtune.data.read import Table
from fewtune.errors import DataError
from fewtune.messages import Sentence

KINDS = {int: "number", float: "number", bool: "switch", list: "list", dict: "object"}
"""What people call the types of JSON."""
SHOWN_LINES = 5
"""Line numbers named in an error; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Row:
    """One example."""

    text: str
    pair: str | None
    label: str | None
    number: int
    """Index of the row in `Table.rows`, from 0; `Table.lines[number]` is its line in the file."""


def rows(table: Table, columns: Columns) -> list[Row]:
    """Every row of `table`, in order; texts and string labels exactly as they stand in the file.

    Labels that JSON writes without quotes become strings: 1 and 1.0 "1", true "true". Raises DataError with the lines
    of rows whose text, pair or label is missing (None, blank, NaN), whose text is not a string, or whose label is not
    one finite value.
    """
    texts = _texts(table, columns.text, "data.text_column")
    pairs = _texts(table, columns.pair, "data.pair_column") if columns.pair is not None else [None] * len(texts)
    labels = _labels(table, columns.label) if columns.label is not None else [None] * len(texts)
    return [Row(*cells, number) for number, cells in enumerate(zip(texts, pairs, labels, strict=True))]


def _texts(table: Table, column: str, option: str) -> list[str]:
    _refuse(table, column, "data_cell_bad", _is_bad)
    _refuse(table, column, "data_text_missing", is_missing, option=option)
    _refuse(table, column, "data_text_kind", lambda value: not isinstance(value, str), option=option)
    return [row[column] for row in table.rows]


def _labels(table: Table, column: str) -> list[str]:
    _refuse(table, column, "data_cell_bad", _is_bad)
    _refuse(table, column, "data_label_missing", is_missing)
    _refuse(table, column, "data_label_kind", lambda value: not _is_one_value(value))
    return [as_text(row[column]) for row in table.rows]


def _is_one_value(value: Any) -> bool:
    return isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


def _is_bad(value: Any) -> bool:
    return isinstance(value, BadCell)


def _refuse(table: Table, column: str, id: str, bad: Callable[[Any], bool], **values: Any) -> None:
    """Raise DataError `id` if any value of `column` is bad; `{kind}` in its sentence says what the first one is."""
    found = [number for number, row in enumerate(table.rows) if bad(row[column])]
    if not found:
        return
    first = table.rows[found[0]][column]
    shown = ", ".join(str(table.lines[number]) for number in found[:SHOWN_LINES])
    where = Sentence(f"data_at_{table.counts}", {"numbers": shown + (", …" if len(found) > SHOWN_LINES else "")})
    values |= {"column": column, "lines": where, "kind": Sentence(f"data_kind_{KINDS.get(type(first), 'other')}", {})}
    if isinstance(first, BadCell):
        values |= {"cell": first.address, "why": Sentence(f"data_cell_{first.why}", {})}
    raise DataError(id, path=table.path, count=len(found), total=len(table.rows), **values)
