"""Where a table comes from: a file, or standard input, which is read to its end before anything is done with it."""

import codecs
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from fewtune.cli._file import FileOptions
from fewtune.data.read import Stream, Table, stream
from fewtune.errors import DataError
from fewtune.messages import Sentence

STANDARD_INPUT = "-"
FORMATS = ("text", "csv", "jsonl")
"""Of standard input, which has no ending; `text` is one text a line, in a column of that name."""
SAMPLE = 1_000
"""Rows from which columns are found by content."""


@dataclass(frozen=True)
class Source:
    """A table that can be gone through several times, row by row."""

    stream: Stream

    def sample(self) -> Table:
        """The first rows, for finding columns."""
        first = list(islice(self.stream, SAMPLE))
        return _table(self.stream, first)

    def table(self) -> Table:
        """All rows at once."""
        return _table(self.stream, list(self.stream))

    def has_bom(self) -> bool:
        """Whether the file begins with the mark that Excel writes before UTF-8."""
        if not self.stream.path.is_file():  # a folder, or a data set of the Hub
            return False
        with self.stream.path.open("rb") as file:
            return file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8


@contextmanager
def opened(data: str, form: str | None, options: FileOptions) -> Iterator[Source]:
    """The table `data`; `-` is standard input in the format `form`, kept in a temporary file while the block lasts."""
    if data != STANDARD_INPUT:
        yield Source(stream(data, **options))
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"input.{'jsonl' if form == 'text' else form}"
        try:
            with path.open("wb") as file:
                (_copy_lines if form == "text" else shutil.copyfileobj)(sys.stdin.buffer, file)
            yield Source(stream(path, **options))
        except DataError as error:
            if error.values.get("path") != path:
                raise
            name = Sentence("predict_standard_input", {})
            raise DataError(error.id, **{**error.values, "path": name}) from None


def _table(rows: Stream, some: list[tuple[int, dict[str, Any]]]) -> Table:
    lines = [line for line, _ in some]
    return Table(rows.path, rows.columns, [row for _, row in some], lines, "", rows.notes, rows.counts)


def _copy_lines(lines: BinaryIO, file: BinaryIO) -> None:
    """One text a line → one object a line, so that the readers of tables read it too."""
    for number, line in enumerate(lines, 1):
        try:
            text = line.removeprefix(codecs.BOM_UTF8 if number == 1 else b"").decode("utf-8")
        except UnicodeDecodeError as error:
            byte = f"0x{line[error.start]:02X}"
            raise DataError("predict_line_not_utf8", line=number, byte=byte) from None
        text = text.removesuffix("\n").removesuffix("\r")
        file.write((json.dumps({"text": text}, ensure_ascii=False) + "\n").encode("utf-8"))
