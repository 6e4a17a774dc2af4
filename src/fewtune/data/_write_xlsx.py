"""Excel workbooks: one sheet, one row in memory at a time.

Every string is written as a text cell, so "007" keeps its zeros and "=1+1" is no formula. What Excel could only hold
changed is refused (longer than a cell, more rows than a sheet) or written as text (numbers of more than 15 digits).
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, BinaryIO

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Font

from fewtune.data._format import Format, cell_text
from fewtune.errors import DataError

# https://support.microsoft.com/office/excel-specifications-and-limits-1672b34d-7043-467e-8e27-269d656771c3
MOST_ROWS = 1_048_576 - 1
"""Of data: the first line holds the names."""
MOST_COLUMNS = 16_384
MOST_CHARACTERS = 32_767
"""In one cell, in units of UTF-16, of which an emoji takes two. openpyxl cuts what is longer without a word."""
EXACT_DIGITS = 15

# ECMA-376 part 1, 22.9.2.19 (ST_Xstring): what XML cannot hold, or would change, is written _xHHHH_, and Excel shows the
# character itself. A text that looks like such an escape has its underscore escaped.
_LOOKS_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_NOT_IN_XML = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")
_FORMULA = ("=", "+", "-", "@")
_ERROR = re.compile(r"#[A-Z/0]+[!?A]?")


class Xlsx(Format):
    """An `.xlsx` file with the names in bold in a first line that stays in view."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        super().__init__(path, columns)
        if len(self.columns) > MOST_COLUMNS:
            raise DataError("data_write_columns", path=path, count=len(self.columns), most=MOST_COLUMNS)

    def look(self, row: Mapping[str, Any], number: int) -> None:
        """Raises DataError for a row too many, a text longer than a cell, or a value that is no cell."""
        self._cells(row, number)

    def start(self, file: BinaryIO) -> None:
        """Write the names."""
        self._file, self._book = file, Workbook(write_only=True)
        self._sheet = self._book.create_sheet("data")
        self._sheet.freeze_panes = "A2"
        self._sheet.append([self._text(name, bold=True) for name in map(escaped, self.columns)])

    def add(self, row: Mapping[str, Any], number: int) -> None:
        """Write one row; openpyxl keeps them in a temporary file until the end."""
        self._sheet.append([self._cell(value) for value in self._cells(row, number)])

    def finish(self) -> None:
        """Put the workbook together."""
        self._book.save(self._file)

    def abandon(self) -> None:
        """Let go of openpyxl's temporary file."""
        self._sheet.close()

    def _cells(self, row: Mapping[str, Any], number: int) -> list[Any]:
        if number > MOST_ROWS:
            raise DataError("data_write_rows", path=self.path, most=MOST_ROWS)
        return [self._value(row.get(column), number, column) for column in self.columns]

    def _value(self, value: Any, number: int, column: str) -> Any:
        if value is None or isinstance(value, bool) or _is_exact(value) or _is_moment(value):
            return value
        try:
            text = escaped(cell_text(value))
        except TypeError as error:
            raise self.refuse("data_write_kind", number, column, kind=error) from None
        if (length := len(text.encode("utf-16-le")) // 2) > MOST_CHARACTERS:
            raise self.refuse("data_write_long", number, column, length=length, most=MOST_CHARACTERS)
        return text

    def _cell(self, value: Any) -> Any:
        if isinstance(value, str) and (value.startswith(_FORMULA) or _ERROR.fullmatch(value)):
            return self._text(value)
        return value

    def _text(self, value: str, *, bold: bool = False) -> Cell:
        """A cell that holds `value` as text, and goes on doing so when somebody edits it."""
        cell = WriteOnlyCell(self._sheet, value)
        cell.data_type = "s"
        cell.quotePrefix = value.startswith(_FORMULA)
        if bold:
            cell.font = Font(bold=True)
        return cell


def escaped(text: str) -> str:
    """`text` as a string of a workbook: what XML cannot hold as _xHHHH_, which Excel shows as the character."""
    text = _LOOKS_ESCAPED.sub("_x005F_", text)
    return _NOT_IN_XML.sub(lambda found: f"_x{ord(found.group()):04X}_", text)


def _is_exact(value: Any) -> bool:
    """Whether Excel, which computes with 15 digits, shows this number as it is."""
    if isinstance(value, int):
        return abs(value) < 10**EXACT_DIGITS
    return isinstance(value, float) and math.isfinite(value)


def _is_moment(value: Any) -> bool:
    """Whether this is a date or time that Excel knows: from 1900 on, and without a time zone."""
    if isinstance(value, datetime):
        return value.tzinfo is None and value.year >= 1900
    if isinstance(value, date):
        return value.year >= 1900
    return isinstance(value, time) and value.tzinfo is None
