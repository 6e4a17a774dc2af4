"""How the cells of a label column are read: as one label, as a set of labels, or as a number. Nothing is guessed silently.

The separator of sets and the decimal sign of numbers are found by the rules written here, and the plan says which were found.
"""

import ast
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from fewtune.data.answers import Answer
from fewtune.data.profile import Kind, as_text, is_missing, profile
from fewtune.data.read import Table

Label = str | tuple[str, ...] | float | Answer
"""One label; a set of labels, sorted; a number; or an answer with a form of its own."""
Decimal = Literal["point", "comma"]

LISTS = "[]"
"""Stands for the separator of sets that are written as lists: `["a", "b"]`."""
SEPARATORS = ("|", ";", ",")
"""The separators looked for, in this order: the first that occurs in any cell is taken, since it is the rarest in names."""

_NUMBER = {"point": re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"), "comma": re.compile(r"[+-]?\d+(,\d+)?")}
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")
"""1.500 or 12,000: one and a half, or fifteen hundred."""


@dataclass(frozen=True)
class LabelColumn:
    """The cells of a label column that hold something, as they stand in the file."""

    path: Path
    name: str
    cells: list[Any]
    kind: Kind
    distinct: int


@dataclass(frozen=True)
class LabelReader:
    """From a cell to a label."""

    read: Callable[[Any], Label]
    """Raises ValueError for a cell that holds something else."""
    wrong: str
    """The error that names the lines of such cells."""
    empty: Label | None = None
    """What an empty cell means; None: it is an error."""
    about: Mapping[str, str] = field(default_factory=dict)
    """What the error says about the way of reading."""


def label_column(table: Table, name: str) -> LabelColumn:
    """The column `name` of `table`."""
    about = profile(Table(table.path, (name,), table.rows, table.lines, table.digest)).columns[name]
    cells = [row[name] for row in table.rows if not is_missing(row[name])]
    return LabelColumn(table.path, name, cells, about.kind, about.distinct)


def one_label(cell: Any) -> str:
    """A label exactly as it stands; what JSON writes without quotes becomes a string: 1 and 1.0 "1", true "true"."""
    if isinstance(cell, str | int) or (isinstance(cell, float) and math.isfinite(cell)):
        return as_text(cell)
    raise ValueError(cell)


def shown(label: Label | None) -> Any:
    """A label as JSON holds it."""
    return label.shown() if isinstance(label, Answer) else label


def names_of(label: Label | None) -> tuple[str, ...]:
    """The labels in a label: itself, those of a set, none in a number or in an answer with a form of its own."""
    return (label,) if isinstance(label, str) else label if isinstance(label, tuple) else ()


CLASSES = LabelReader(one_label, "data_label_kind")
"""Reads one label a cell."""


def sets(separator: str) -> LabelReader:
    """Reads sets of labels: lists, or texts cut at `separator` with the white space around each label taken off.

    A label that stands twice counts once. An empty text is the empty set; where sets are lists, that is `[]`, and an empty
    cell is an error.
    """

    def read(cell: Any) -> tuple[str, ...]:
        if isinstance(cell, list):
            return _sorted(one_label(each).strip() for each in cell)
        if separator != LISTS:
            return _sorted(part.strip() for part in one_label(cell).split(separator))
        if (found := as_list(cell)) is None:
            raise ValueError(cell)
        return _sorted(one_label(each).strip() for each in found)

    return LabelReader(read, "data_label_set", None if separator == LISTS else ())


def numbers(decimal: Decimal) -> LabelReader:
    """Reads finite numbers; texts with this decimal sign and without signs that group thousands."""

    def read(cell: Any) -> float:
        if isinstance(cell, bool) or not isinstance(cell, str | int | float):
            raise ValueError(cell)
        if isinstance(cell, str):
            if not _NUMBER[decimal].fullmatch(cell.strip()):
                raise ValueError(cell)
            cell = cell.strip().replace(",", ".")
        if not math.isfinite(value := float(cell)):
            raise ValueError(cell)
        return value

    return LabelReader(read, "data_label_number", about={"decimal": decimal})


def find_separator(cells: Sequence[Any]) -> str | None:
    """What separates the labels of these cells; None where nothing does, so that each holds at most one label.

    `LISTS` if all cells are lists, or texts that read as lists of JSON or Python (pandas writes them so); else the first of
    `SEPARATORS` that occurs.
    """
    if cells and all(isinstance(cell, list) or as_list(cell) is not None for cell in cells):
        return LISTS
    texts = [cell for cell in cells if isinstance(cell, str)]
    return next((separator for separator in SEPARATORS if any(separator in text for text in texts)), None)


def find_decimal(cells: Sequence[Any]) -> Decimal | None:
    """The decimal sign of the texts among these cells; None where it cannot be told.

    A comma if some text holds one and none a point, else a point. It cannot be told if both occur, or if every text with a
    sign could as well be grouped thousands: one to three digits, the first not 0, the sign, and exactly three digits.
    """
    signed = [cell.strip() for cell in cells if isinstance(cell, str) and re.search(r"[.,]", cell)]
    commas = sum("," in text for text in signed)
    if signed and (0 < commas < len(signed) or all(_GROUPED.fullmatch(text) for text in signed)):
        return None
    return "comma" if commas else "point"


def _sorted(labels: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({label for label in labels if label}))


def as_list(cell: Any) -> list[Any] | None:
    """The list that a text spells, in JSON or as Python writes it; None for anything else."""
    if not isinstance(cell, str) or not (cell.strip().startswith("[") and cell.strip().endswith("]")):
        return None
    for parse in (json.loads, ast.literal_eval):
        try:
            found = parse(cell.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        if isinstance(found, list):
            return found
    return None
