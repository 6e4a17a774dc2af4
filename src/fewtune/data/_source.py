"""What every reader of a format gets and gives: the bytes of a file and how to take them, and rows one by one."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from fewtune.errors import DataError
from fewtune.record.plan import Finding

Counted = Literal["line", "row", "file"]
"""What the number of a row counts: lines of a text file, rows of a sheet, or either in one of several files."""
Cut = Literal["line", "paragraph", "file", "found"]
"""What of plain text is one text; `found`: see `_plain.py`."""
Numbered = tuple[int, dict[str, Any]]
"""Where a row starts (line of a text file, row of a sheet, both from 1) and its values by column."""


class Place(int):
    """The number of a row in one of several files; as text it names the file too."""

    text: str

    def __new__(cls, number: int, text: str) -> "Place":
        """`str(Place(7, "b.csv:7"))` is "b.csv:7"."""
        made = super().__new__(cls, number)
        made.text = text
        return made

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Options:
    """What a person may say about a file; empty: found, or an error that says which option is needed."""

    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | int | None = None
    cut: Cut | None = None
    """Plain text, and what of it is one text; None: a table."""


@dataclass(frozen=True)
class Source:
    """One file, on disk or already in memory."""

    path: Path
    content: bytes | None = None

    def open(self) -> BinaryIO:
        """From the first byte. Raises DataError when the file cannot be opened."""
        if self.content is not None:
            return io.BytesIO(self.content)
        try:
            return self.path.open("rb")
        except OSError as error:
            raise unreadable(self.path, error) from error


@dataclass(frozen=True)
class Opened:
    """A file with its column names read and its rows still to come."""

    columns: tuple[str, ...] | None
    """None where they are known only after the last row (JSON lines); a row then lacks the columns it does not have."""
    rows: Iterator[Numbered]
    notes: tuple[Finding, ...] = ()
    """What was taken from the file without being asked: the delimiter, the sheet …"""
    counts: Counted = "line"


def note(id: str, **values: Any) -> Finding:
    """Something that was found rather than asked for, and is therefore said."""
    return Finding(id=id, level="note", values=values)


def unreadable(path: Path, error: OSError) -> DataError:
    """The error for a file that is there and cannot be opened."""
    return DataError("data_file_unreadable", path=path, reason=error.strerror or type(error).__name__)


def check_names(path: Path, columns: list[str]) -> None:
    """Raise DataError for a column without a name, or two of the same name."""
    for position, column in enumerate(columns, 1):
        if not column.strip():
            raise DataError("data_column_unnamed", path=path, position=position, count=len(columns))
        if columns.count(column) > 1:
            raise DataError("data_column_repeated", path=path, column=column, count=columns.count(column))
