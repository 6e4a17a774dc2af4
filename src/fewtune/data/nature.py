"""What the cells of a label column look like, so that a task can be proposed where nobody named one."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

from fewtune.data.labels import LISTS, LabelColumn, find_separator, sets
from fewtune.data.profile import as_text, is_number

Nature = Literal["texts", "lists", "sets", "listings", "codes", "ratings", "amounts"]
"""`texts`: each is one label. `lists`, `sets`: several labels a cell. `listings`: texts with commas in them that come back
whole, which may be names or sets. `codes`: whole numbers that number labels. `ratings`: whole numbers that come back, which
may be labels or amounts. `amounts`: any other numbers."""

MOST_CODES = 10
"""Whole numbers from 0 without a gap are taken for numbered labels up to so many; more may as well be points out of 20."""
MOST_RATINGS = 200
"""Of more different whole numbers nobody makes labels (`tasks/_labelled.py` has the same limit)."""
_WHOLE = re.compile(r"[+-]?\d{1,18}(\.0)?")
"""Pandas writes 3.0 for 3 where a cell of the column is empty."""
_NO_NUMBER = ("nan", "na", "n/a", "inf", "+inf", "-inf", "infinity", "-infinity", "null", "none", "-", "?")
"""Texts that stand in columns of numbers where one is missing; they do not make it a column of texts."""


def nature(column: LabelColumn) -> Nature:
    """What this column looks like. The rules are ours, chosen to be easy to say."""
    if (separator := find_separator(column.cells)) == LISTS:
        return "lists"
    if (values := _numbers(column.cells)) is not None:
        return _nature_of_numbers(values, comes_back=column.kind == "category")
    if separator is None or not _shared_parts(column.cells, separator):
        return "texts"
    return "listings" if separator == "," and column.kind == "category" else "sets"


def _nature_of_numbers(values: set[int | None], *, comes_back: bool) -> Nature:
    if None in values:
        return "amounts"
    if len(values) <= 2 or (len(values) <= MOST_CODES and values == set(range(len(values)))):
        return "codes"
    return "ratings" if comes_back and len(values) <= MOST_RATINGS else "amounts"


def _numbers(cells: Sequence[Any]) -> set[int | None] | None:
    """The different whole numbers among the cells, and None for any other number; no set if there are other things."""
    found: set[int | None] = set()
    for cell in cells:
        if isinstance(cell, bool) or not isinstance(cell, str | int | float):
            return None
        text = as_text(cell).strip()
        if text.casefold() in _NO_NUMBER:
            continue
        if not is_number(text):
            return None
        found.add(int(text.removesuffix(".0")) if _WHOLE.fullmatch(text) else None)
    return found or None


def _shared_parts(cells: Sequence[Any], separator: str) -> bool:
    """Whether parts between separators come back in other combinations, as labels do and parts of one name do not."""
    whole = {sets(separator).read(cell) for cell in cells if isinstance(cell, str)}
    counts = Counter(part for each in whole if isinstance(each, tuple) for part in each)
    return any(counts[part] > 1 for each in whole if isinstance(each, tuple) and len(each) > 1 for part in each)
