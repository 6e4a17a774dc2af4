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
from typing import BinaryIO

import click

from fewtune.cli._file import FileOptions
from fewtune.data.read import Stream, Table, read, stream
from fewtune.errors import DataError
from fewtune.messages import Sentence

STANDARD_INPUT = "-"
FORMATS = ("text", "csv", "jsonl")
"""Of standard input, which has no ending; `text` is one text a line, in a column of that name."""
SAMPLE = 1_000
"""Rows from which columns are found by content."""


@dataclass(frozen=True)
class Source:
    """A table that can be read several times, whole or row by row."""

    path: Path
    stream: Stream
    options: FileOptions

    @property
    def columns(self) -> tuple[str, ...]:
        """Their names."""
        return self.stream.columns

    def sample(self) -> Table:
        """The first rows, for finding columns."""
        first = list(islice(self.stream, SAMPLE))
        rows, lines = [row for _, row in first], [line for line, _ in first]
        return Table(self.path, self.columns, rows, lines, digest="", counts=self.stream.counts)

    def table(self) -> Table:
        """All rows at once."""
        return read(self.path, **self.options)

    def has_bom(self) -> bool:
        """Whether the file begins with the mark that Excel writes before UTF-8."""
        if not self.path.is_file():
            return False
        with self.path.open("rb") as file:
            return file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8


@contextmanager
def opened(data: str, form: str | None, options: FileOptions, language: str) -> Iterator[Source]:
    """The table `data`; `-` is standard input in the format `form`, kept in a temporary file while the block lasts.

    What was found in it rather than asked for is said on standard error.
    """
    if data != STANDARD_INPUT:
        yield _source(Path(data), options, language)
        return
    with TemporaryDirectory(
        ignore_cleanup_errors=True
    ) as folder:  # Windows keeps a file that an error still holds open
        path = Path(folder) / f"input.{'jsonl' if form == 'text' else form}"
        try:
            with path.open("wb") as file:
                (_copy_lines if form == "text" else shutil.copyfileobj)(sys.stdin.buffer, file)
            if not path.stat().st_size:
                raise DataError("data_file_empty", path=path)
            yield _source(path, options, language)
        except DataError as error:
            if error.values.get("path") != path:
                raise
            name = Sentence("predict_standard_input", {})
            raise DataError(error.id, **{**error.values, "path": name}) from None


def _source(path: Path, options: FileOptions, language: str) -> Source:
    found = stream(path, **options)
    for note in found.notes:
        click.echo(f"! {note.say(language)}", err=True)
    return Source(path, found, options)


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
