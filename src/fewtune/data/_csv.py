"""CSV and TSV: RFC 4180, with the delimiter that `_delimiter.py` finds.

Double quotes around a cell hide what it holds, except in a `.tsv` or `.tab` that cannot be read so but can be read with
quotes as ordinary characters, as many programs write it; that is noted, and so is any delimiter but a comma.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from fewtune.data._delimiter import TABS, find_delimiter, spoken
from fewtune.data._source import Numbered, Opened, Options, Source, check_names, note
from fewtune.data.encoding import encoding_of, lines
from fewtune.errors import DataError

LONGEST_CELL = 1 << 24
"""Characters. A longer cell is an unclosed quote that swallows the file, and would take the memory of it all."""


def open_csv(source: Source, options: Options) -> Opened:
    """The names in the first line and the rows below it; every cell a string. Blank lines are skipped.

    Raises DataError, naming the line, for a row of another length, a quote that is not closed, or bad names.
    """
    encoding, skip = encoding_of(source, options.encoding)
    # csv refuses cells over 131,072 characters. The limit is global to the process, so it is only ever raised: lowering
    # it again would fail a read in another thread.
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_CELL))
    found = find_delimiter(source.path, options.delimiter, lines(source, encoding, skip))
    form, notes = _Form(source, encoding, skip, found.character, found.declared), found.notes
    if source.path.suffix.lower() in TABS and not _sound(form) and _sound(plain := replace(form, quoted=False)):
        form, notes = plain, (note("data_quotes_plain", path=source.path.name),)
    records = _records(form)
    columns = next((cells for _, cells in records), None)
    if columns is None:
        raise DataError("data_file_empty", path=source.path)
    check_names(source.path, columns)
    return Opened(tuple(columns), _rows(form, records, columns), notes)


@dataclass(frozen=True)
class _Form:
    """A file and how it is cut."""

    source: Source
    encoding: str
    skip: int
    """Bytes of the byte order mark."""
    delimiter: str
    declared: int
    """Lines, 0 or 1, that say so."""
    quoted: bool = True


class _Lines:
    """Lines, with those of the record being read kept at hand for an error in it."""

    def __init__(self, source: Iterator[str]) -> None:
        self.source, self.record = source, []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self.source)
        self.record.append(line)
        return line


def _records(form: _Form) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not blank, with the line it starts on."""
    read = _Lines(islice(lines(form.source, form.encoding, form.skip), form.declared, None))
    quoting = csv.QUOTE_MINIMAL if form.quoted else csv.QUOTE_NONE
    reader = csv.reader(read, strict=True, delimiter=form.delimiter, quoting=quoting)
    first = 1 + form.declared
    width, line = 0, first
    try:
        for cells in reader:
            start, line = line, reader.line_num + first
            read.record.clear()
            if not cells or (width != 1 and len(cells) == 1 and not cells[0].strip()):
                continue
            width = width or len(cells)
            yield start, cells
    except csv.Error:  # strict mode's only complaints are about quotes, and about a cell without an end
        sound = _sound_fields(form.delimiter).match("".join(read.record))
        breaks = re.findall(r"\r\n?|\n", sound.group()) if sound else []
        raise DataError("data_csv_quote", path=form.source.path, line=line + len(breaks)) from None


def _rows(form: _Form, records: Iterator[tuple[int, list[str]]], columns: list[str]) -> Iterator[Numbered]:
    for line, cells in records:
        if len(cells) != len(columns):
            values = {"line": line, "found": len(cells), "expected": len(columns), "delimiter": spoken(form.delimiter)}
            raise DataError("data_csv_ragged", path=form.source.path, **values)
        yield line, dict(zip(columns, cells, strict=True))


def _sound(form: _Form) -> bool:
    """Whether the whole file can be read this way."""
    records = _records(form)
    try:
        _, columns = next(records, (0, []))
        return all(len(cells) == len(columns) for _, cells in records)
    except DataError as error:
        if error.id != "data_csv_quote":
            raise
        return False


def _sound_fields(delimiter: str) -> re.Pattern[str]:
    """The fields of a record up to the first that is not well formed; possessive, so that it never backtracks."""
    cut = re.escape(delimiter)
    return re.compile(rf'(?:(?:"[^"]*+(?:""[^"]*+)*+"|[^"{cut}\r\n][^{cut}\r\n]*+)?{cut})*+')
