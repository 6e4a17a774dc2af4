"""Tables out: CSV, TSV, JSON lines, Parquet and Excel by the ending of the name, in constant memory.

A file appears whole or not at all: it is written beside its place under another name, and renamed at the end.
"""

import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from fewtune.data._format import Format
from fewtune.data._write_text import Delimited, JsonLines
from fewtune.errors import DataError, MissingExtra

ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".xlsx")


class Writer:
    """A table that is being written: `with file_writer("out.csv", columns).open() as out: out.add(row)`.

    `look(row)` for every row beforehand refuses what the format cannot carry while nothing is lost yet, and tells
    Parquet the types of its columns.
    """

    def __init__(self, form: Format, place: AbstractContextManager[BinaryIO]) -> None:
        self._form, self._place = form, place
        self._looked = self._added = 0

    def look(self, row: Mapping[str, Any]) -> None:
        """Raises DataError, naming the row and the column, for what cannot be written as it is."""
        self._looked += 1
        self._form.look(row, self._looked)

    def looked(self) -> None:
        """To be called after the last `look`; raises as it does."""
        self._form.looked()

    def add(self, row: Mapping[str, Any]) -> None:
        """Write one row; columns it lacks are empty. Raises DataError as `look` does."""
        self._added += 1
        self._form.add(row, self._added)

    @contextmanager
    def open(self) -> Iterator["Writer"]:
        """Begin the file; at the end of the `with` block it is whole and in its place, or gone if anything was raised."""
        with self._place as file:
            self._form.start(file)
            try:
                yield self
                self._form.finish()
            except BaseException:
                with suppress(Exception):  # the first error is the one to tell
                    self._form.abandon()
                raise


def file_writer(path: str | Path, columns: Sequence[str], *, bom: bool = False, overwrite: bool = False) -> Writer:
    """A writer of the file `path`. `bom` puts a byte order mark before CSV and TSV, by which Excel knows UTF-8.

    Raises DataError for an existing file (unless `overwrite`), an unknown ending or names the format cannot carry, and
    MissingExtra for Parquet without pyarrow.
    """
    path = Path(path)
    if path.suffix.lower() not in ENDINGS:
        raise DataError("data_write_format", path=path, suffix=path.suffix, endings=", ".join(ENDINGS))
    if path.exists() and not overwrite:
        raise DataError("data_write_exists", path=path)
    if not path.parent.is_dir():
        raise DataError("data_folder_missing", path=path, folder=path.parent)
    return Writer(_form(path, columns, bom), _whole(path))


def stream_writer(stream: BinaryIO, columns: Sequence[str], ending: str) -> Writer:
    """A writer of CSV, TSV or JSON lines to an open stream such as standard output, with plain line ends."""
    name = Path(f"standard output{ending}")
    form = JsonLines(name, columns) if ending == ".jsonl" else Delimited(name, columns, end="\n")
    return Writer(form, _flushed(stream))


def write(
    path: str | Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, overwrite: bool = False
) -> None:
    """Write `columns` of `rows` at once; raises as `file_writer` and `Writer.add`. `read` gives strings back as they were."""
    with file_writer(path, columns, overwrite=overwrite).open() as out:
        for row in rows:
            out.add(row)


def _form(path: Path, columns: Sequence[str], bom: bool) -> Format:
    match path.suffix.lower():
        case ".csv":
            return Delimited(path, columns, bom=bom)
        case ".tsv":
            return Delimited(path, columns, delimiter="\t", bom=bom)
        case ".xlsx":
            from fewtune.data._write_xlsx import Xlsx  # openpyxl takes 0.2 s to load

            return Xlsx(path, columns)
        case ".parquet":
            try:
                from fewtune.data._write_parquet import Parquet
            except ModuleNotFoundError:
                raise MissingExtra("data_write_parquet", path=path) from None
            return Parquet(path, columns)
        case _:
            return JsonLines(path, columns)


@contextmanager
def _flushed(stream: BinaryIO) -> Iterator[BinaryIO]:
    yield stream
    stream.flush()


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """A file for writing that becomes `path` at the end, and leaves nothing where something goes wrong."""
    temporary = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        file = temporary.open("xb")
    except OSError as error:
        raise DataError("data_write_refused", path=path, reason=error.strerror) from error
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
