"""CSV, TSV and JSON lines, in UTF-8."""

import codecs
import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from fewtune.data._format import Format, cell_text
from fewtune.errors import DataError


class Delimited(Format):
    """CSV as in RFC 4180, or the same with tabs: quotes around texts with delimiters, quotes or line breaks.

    None is an empty cell, other values as `cell_text`. NUL is refused: `read` and other programs stop at it.
    """

    def __init__(
        self, path: Path, columns: Sequence[str], *, delimiter: str = ",", bom: bool = False, end: str = "\r\n"
    ) -> None:
        super().__init__(path, columns)
        for position, column in enumerate(self.columns, 1):
            if not column.strip():
                raise DataError("data_column_unnamed", path=path, position=position, count=len(self.columns))
        if len(self.columns) == 1 and (separator := re.search(r"[;\t|]", self.columns[0])):
            raise DataError("data_csv_separator", path=path, column=self.columns[0], separator=repr(separator.group()))
        self.delimiter, self.bom, self.end = delimiter, bom, end

    def look(self, row: Mapping[str, Any], number: int) -> None:
        """Raises DataError for NUL, and for values that are no text, number or list of them."""
        self._cells(row, number)

    def start(self, file: BinaryIO) -> None:
        """Write the mark, if asked for, and the names."""
        # A reader takes the first U+FEFF for the mark, so a name that begins with one needs a mark before it.
        if self.bom or self.columns[0].startswith("\ufeff"):
            file.write(codecs.BOM_UTF8)
        # With "\n" as its own line end Python 3.11 leaves a lone "\r" unquoted, so the end is put in place afterwards.
        self._writer = csv.writer(_Lines(file, self.end), delimiter=self.delimiter, lineterminator="\r\n")
        self._writer.writerow(self.columns)

    def add(self, row: Mapping[str, Any], number: int) -> None:
        """Write one row."""
        self._writer.writerow(self._cells(row, number))

    def finish(self) -> None:
        """Nothing is held back."""

    def _cells(self, row: Mapping[str, Any], number: int) -> list[str]:
        cells = []
        for column in self.columns:
            try:
                text = cell_text(row.get(column))
            except TypeError as error:
                raise self.refuse("data_write_kind", number, column, kind=error) from None
            if "\0" in text:
                raise self.refuse("data_write_nul", number, column)
            cells.append(text)
        return cells


class _Lines:
    """The file a csv.writer writes to: it hands over one row at a time."""

    def __init__(self, file: BinaryIO, end: str) -> None:
        self.file, self.end = file, end

    def write(self, row: str) -> None:
        self.file.write((row.removesuffix("\r\n") + self.end).encode("utf-8"))


class JsonLines(Format):
    """One JSON object a line with every column; dates as text. NaN and infinity are refused: JSON has none."""

    def look(self, row: Mapping[str, Any], number: int) -> None:
        """Raises DataError for what JSON cannot say."""
        self._line(row, number)

    def start(self, file: BinaryIO) -> None:
        """Nothing stands before the first row."""
        self._file = file

    def add(self, row: Mapping[str, Any], number: int) -> None:
        """Write one line."""
        self._file.write(self._line(row, number).encode("utf-8"))

    def finish(self) -> None:
        """Nothing is held back."""

    def _line(self, row: Mapping[str, Any], number: int) -> str:
        chosen = {column: row.get(column) for column in self.columns}
        try:
            return _json(chosen) + "\n"
        except (ValueError, TypeError):
            column, kind = next((name, kind) for name, value in chosen.items() if (kind := _unsayable(value)))
            raise self.refuse("data_write_kind", number, column, kind=kind) from None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_as_text)


def _as_text(value: Any) -> str:
    if isinstance(value, bytes | set):
        raise TypeError
    return cell_text(value)


def _unsayable(value: Any) -> str:
    """Of which kind a value is that JSON cannot say, in a word; empty for one that it can."""
    try:
        _json(value)
    except ValueError:
        return "NaN / infinity"
    except TypeError:
        return type(value).__name__
    return ""
