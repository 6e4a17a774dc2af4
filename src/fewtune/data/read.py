"""A file, a folder or a Hub data set as rows: whole (`read`), or one by one in constant memory (`stream`).

Values come as they stand in the file: nothing is stripped or guessed, and what was found rather than asked for (a
delimiter, a sheet …) is in `notes`. What cannot be read exactly is an error that names the line, the row or the cell.
Each format is read by a file of its own.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fewtune.data._conll import is_conll, open_conll
from fewtune.data._csv import open_csv
from fewtune.data._files import open_classes, open_files
from fewtune.data._json import open_json, open_json_lines
from fewtune.data._parquet import open_parquet
from fewtune.data._plain import open_plain
from fewtune.data._source import Counted, Numbered, Opened, Options, Source, unreadable
from fewtune.data._xlsx import open_xlsx
from fewtune.data.where import CONLL, DELIMITED, JSON_LINES, WORKBOOKS, Part, locate
from fewtune.errors import DataError
from fewtune.record.plan import Finding


@dataclass(frozen=True)
class Table:
    """The rows of one source."""

    path: Path
    columns: tuple[str, ...]
    rows: list[dict[str, Any]]
    """One dictionary a row with every column as a key; values are what JSON knows, and None where there is none."""
    lines: list[int]
    """Where each row starts, from 1: the line of a text file, the row of a sheet."""
    digest: str
    """SHA-256 of the bytes of the file, in hexadecimal; of several files, of their names and digests."""
    notes: tuple[Finding, ...] = ()
    """What was found rather than asked for."""
    counts: Counted = "line"
    """What `lines` counts."""


@dataclass(frozen=True)
class Stream:
    """The rows of one source, read anew and one by one each time they are gone through."""

    path: Path
    columns: tuple[str, ...]
    notes: tuple[Finding, ...]
    counts: Counted
    _open: Callable[[], Iterator[Numbered]]

    def __iter__(self) -> Iterator[Numbered]:
        """Where each row starts, and the row with every column as a key. Raises DataError as `read` does."""
        return self._open()


def read(
    path: str | Path, *, encoding: str | None = None, delimiter: str | None = None, sheet: str | int | None = None
) -> Table:
    """The table in a file (`.csv .tsv .txt .conll .jsonl .json .xlsx .parquet` …), a folder, or `owner/name:split` of the Hub.

    `encoding`, `delimiter` and `sheet` say what is otherwise found, or asked for by an error. Raises DataError for
    anything that cannot be read exactly, ConfigError for an option that cannot be.
    """
    return read_part(only(locate(path), path), Options(encoding, delimiter, sheet))


def stream(
    path: str | Path, *, encoding: str | None = None, delimiter: str | None = None, sheet: str | int | None = None
) -> Stream:
    """The same rows in constant memory, however long the file. (Not `.json`, which is one value and is loaded whole.)

    JSON lines are gone through once before, for the names of their columns. Raises as `read`, for what stands further
    down while the rows are gone through.
    """
    part, options = only(locate(path), path), Options(encoding, delimiter, sheet)
    sources = [Source(file) for file in part.files]
    opened = _open(part, sources, options)
    columns = opened.columns or tuple(dict.fromkeys(name for _, row in opened.rows for name in row))
    if (opened.columns is not None and next(opened.rows, None) is None) or not columns:
        raise _without_rows(part, opened)

    def rows() -> Iterator[Numbered]:
        for line, row in _open(part, sources, options).rows:
            yield line, _in_order(row, columns)

    return Stream(part.path, columns, opened.notes, opened.counts, rows)


def read_part(part: Part, options: Options) -> Table:
    """The table that some files make together. Raises as `read`."""
    sources = [Source(file, _content(file)) for file in part.files]
    opened = _open(part, sources, options)
    numbered = list(opened.rows)
    if not numbered:
        raise _without_rows(part, opened)
    columns = opened.columns or tuple(dict.fromkeys(name for _, row in numbered for name in row))
    rows = [_in_order(row, columns) for _, row in numbered]
    return Table(
        part.path, columns, rows, [line for line, _ in numbered], _digest(sources), opened.notes, opened.counts
    )


def only(parts: dict[str, Part], path: str | Path) -> Part:
    """The one table behind a path. Raises DataError where it is split into several."""
    if len(parts) > 1:
        choices = ", ".join(str(part.path) for part in parts.values())
        raise DataError("data_splits_several", path=path, choices=choices)
    return next(iter(parts.values()))


def _without_rows(part: Part, opened: Opened) -> DataError:
    return DataError("data_file_empty" if opened.columns is None else "data_no_rows", path=part.path)


def _open(part: Part, sources: list[Source], options: Options) -> Opened:
    if part.classes:
        return open_classes(part.path, sources, options)
    if len(sources) > 1:
        return open_files(part.path, sources, lambda source: _open_file(source, options))
    return _open_file(sources[0], options, alone=True)


def _open_file(source: Source, options: Options, *, alone: bool = False) -> Opened:
    suffix = source.path.suffix.lower()
    if options.cut is not None and suffix == ".txt":
        return open_plain(source, options, alone=alone)
    text = suffix in (*DELIMITED, *JSON_LINES, ".json", *CONLL)
    for name, given, fits in (
        ("encoding", options.encoding, text),
        ("delimiter", options.delimiter, suffix in DELIMITED),
        ("sheet", options.sheet, suffix in WORKBOOKS),
        ("cut", options.cut if options.cut != "found" else None, False),
    ):
        if given is not None and not fits:
            raise DataError("data_option_useless", path=source.path, option=f"data.{name}", suffix=suffix)
    perhaps = suffix in DELIMITED and suffix != ".csv" and options.delimiter is None
    if suffix in CONLL or (perhaps and is_conll(source, options)):
        return open_conll(source, options)
    if suffix in DELIMITED:
        return open_csv(source, options)
    if suffix in JSON_LINES:
        return open_json_lines(source, options)
    if suffix in WORKBOOKS:
        return open_xlsx(source, options)
    return open_parquet(source, options) if suffix == ".parquet" else open_json(source, options)


def _in_order(row: dict[str, Any], columns: tuple[str, ...]) -> dict[str, Any]:
    """Every column, in the order of the table; most rows have that already."""
    return row if tuple(row) == columns else {name: row.get(name) for name in columns}


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error


def _digest(sources: list[Source]) -> str:
    digests = {source.path: hashlib.sha256(source.content or b"") for source in sources}
    if len(sources) == 1:
        return digests[sources[0].path].hexdigest()
    # A folder's name before the file's: it is the label where files lie in folders of classes.
    names = (f"{path.parent.name}/{path.name}\0".encode() + digest.digest() for path, digest in digests.items())
    return hashlib.sha256(b"".join(names)).hexdigest()
