"""What the columns of a table hold, in numbers.

The numbers below are rules of ours, chosen to be easy to say; a column they misjudge is named with an option.
"""

import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

from fewtune.data._cell import BadCell
from fewtune.data.read import Table

Kind = Literal["text", "category", "number", "id", "list", "empty"]

CATEGORY_ROWS = 2
"""A category's values come back: at least this many rows a value on average."""
CATEGORY_CHARACTERS = 50
"""Mean length above which repeated values are rather repeated texts, in characters."""
ID_CHARACTERS = 64
"""Mean length above which different words are rather texts; a SHA-256 has 64 characters."""

_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)*([eE][+-]?\d+)?")
_WHOLE = re.compile(r"[+-]?\d{1,18}(\.0+)?")


@dataclass(frozen=True)
class ColumnProfile:
    """One column in numbers. A missing value is None, a blank string or NaN; the rest is about the others."""

    kind: Kind
    distinct: int
    missing: int
    """Rows without a value."""
    mean_characters: float
    share_unique: float
    """Share, 0 to 1, of the rows with a value whose value no other row has."""
    examples: tuple[str, ...]
    """The first three different values."""


@dataclass(frozen=True)
class Profile:
    """A table in numbers, by column."""

    rows: int
    columns: dict[str, ColumnProfile]


def profile(table: Table) -> Profile:
    """Kind, counts, mean length in characters and examples of every column."""
    return Profile(len(table.rows), {name: _profile([row[name] for row in table.rows]) for name in table.columns})


def is_missing(value: Any) -> bool:
    """Whether a cell holds nothing to go by: None, a blank string, NaN, or a spreadsheet's error."""
    if isinstance(value, str):
        return not value.strip() or isinstance(value, BadCell)
    return value is None or value != value


def is_number(text: str) -> bool:
    """Whether a cell reads as a number, with points or commas."""
    return _NUMBER.fullmatch(text) is not None


def as_text(value: Any) -> str:
    """A JSON value as a string: strings as they are, True as "true", 1.0 as "1" (JSON knows one kind of number)."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    return json.dumps(value, ensure_ascii=False)


def _profile(values: list[Any]) -> ColumnProfile:
    filled = [value for value in values if not is_missing(value)]
    present = [as_text(value) for value in filled]
    counts = Counter(present)
    rows = max(len(present), 1)
    mean = sum(map(len, present)) / rows
    return ColumnProfile(
        kind="list"
        if filled and all(isinstance(value, list) for value in filled)
        else _kind(counts, len(present), mean),
        distinct=len(counts),
        missing=len(values) - len(present),
        mean_characters=mean,
        share_unique=sum(1 for times in counts.values() if times == 1) / rows,
        examples=tuple(list(counts)[:3]),
    )


def _kind(counts: Counter[str], rows: int, mean_characters: float) -> Kind:
    if not counts:
        return "empty"
    repeated = len(counts) * CATEGORY_ROWS <= rows
    if all(is_number(value) for value in counts):
        if not all(_WHOLE.fullmatch(value) for value in counts):
            return "number"
        whole = sorted(int(value.split(".")[0]) for value in counts)
        counted_up = len(whole) == rows > 1 and whole[-1] - whole[0] == rows - 1
        return "category" if repeated else "id" if counted_up else "number"
    if repeated and mean_characters <= CATEGORY_CHARACTERS:
        return "category"
    words = len(counts) == rows > 1 and not any(re.search(r"\s", value) for value in counts)
    return "id" if words and mean_characters <= ID_CHARACTERS else "text"
