"""Tables in: CSV and JSON lines, UTF-8, every value kept as it stands in the file.

Nothing is stripped, normalised or guessed: "Đẹp" typed with combining marks stays so, and CSV cells stay strings.
A file that cannot be read exactly is an error that names the line.
"""

import codecs
import csv
import hashlib
import io
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from fewtune.errors import DataError

JSON_LINES = (".jsonl", ".ndjson")
LATER = (".tsv", ".xlsx", ".json", ".parquet")

# The fields of a CSV record up to the first that is not well formed; possessive, so that it never backtracks.
_SOUND_FIELDS = re.compile(r'(?:(?:"[^"]*+(?:""[^"]*+)*+"|[^",\r\n][^,\r\n]*+)?,)*+')


@dataclass(frozen=True)
class Table:
    """The rows of one file."""

    path: Path
    columns: tuple[str, ...]
    rows: list[dict[str, Any]]
    """One dictionary a row with every column as a key; CSV values are strings, a name absent in JSONL is None."""
    lines: list[int]
    """The line of the file, counted from 1, where each row starts."""
    digest: str
    """SHA-256 of the bytes of the file, in hexadecimal."""


def read(path: str | Path) -> Table:
    """The table in a `.csv`, `.jsonl` or `.ndjson` file; UTF-8 with or without a byte order mark.

    CSV as in RFC 4180: commas, a first line of distinct names, double quotes around texts that hold commas or line
    breaks. JSON lines: one object a line; columns in order of first appearance. Blank lines are skipped.
    Raises DataError, naming the line, for anything that cannot be read exactly.
    """
    path = Path(path)
    content = _content(path)
    text = _decoded(path, content)
    if not text.strip():
        raise DataError("data_file_empty", path=path)
    if "\0" in text:
        raise DataError("data_nul", path=path, line=text.count("\n", 0, text.index("\0")) + 1)
    columns, rows, lines = (_json_lines if path.suffix.lower() in JSON_LINES else _csv)(path, text)
    if not rows:
        raise DataError("data_no_rows", path=path)
    return Table(path, columns, rows, lines, hashlib.sha256(content).hexdigest())


def _content(path: Path) -> bytes:
    if path.is_dir():
        raise DataError("data_file_is_folder", path=path)
    if not path.exists():
        raise _missing(path)
    suffix = path.suffix.lower()
    if suffix != ".csv" and suffix not in JSON_LINES:
        known = "data_format_later" if suffix in LATER else "data_format_unknown"
        raise DataError(known, path=path, suffix=path.suffix)
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError("data_file_unreadable", path=path, reason=error.strerror) from error


def _missing(path: Path) -> DataError:
    if not path.parent.is_dir():
        return DataError("data_folder_missing", path=path, folder=path.parent)
    # macOS may list "đánh_giá.csv" in combining marks: compare composed, ignoring case.
    names = {unicodedata.normalize("NFC", each.name).casefold(): each.name for each in sorted(path.parent.iterdir())}
    near = get_close_matches(unicodedata.normalize("NFC", path.name).casefold(), list(names))
    if not near:
        return DataError("data_file_missing", path=path, folder=path.parent.resolve())
    return DataError("data_file_missing_near", path=path, near=", ".join(names[name] for name in near))


def _decoded(path: Path, content: bytes) -> str:
    body = content.removeprefix(codecs.BOM_UTF8)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        offset = error.start + len(content) - len(body)
        line = content.count(b"\n", 0, offset) + 1
        values = {"offset": offset, "byte": f"0x{content[offset]:02X}", "line": line}
        raise DataError("data_not_utf8", path=path, **values) from error


def _csv(path: Path, text: str) -> tuple[tuple[str, ...], list[dict[str, Any]], list[int]]:
    # csv refuses cells over 131,072 characters. The limit is global to the process, so it is only ever raised: lowering
    # it again would fail a read in another thread. 2**31 - 1 is the largest C long on Windows.
    csv.field_size_limit(max(csv.field_size_limit(), min(len(text), 2**31 - 1)))
    source = list(io.StringIO(text, newline=""))
    reader = csv.reader(source, strict=True)
    columns: tuple[str, ...] = ()
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    line = 1
    try:
        for cells in reader:
            start, line = line, reader.line_num + 1
            if not cells or (len(columns) > 1 and len(cells) == 1 and not cells[0].strip()):
                continue
            if not columns:
                columns = tuple(cells)
                _check_names(path, columns)
                continue
            if len(cells) != len(columns):
                raise DataError("data_csv_ragged", path=path, line=start, found=len(cells), expected=len(columns))
            rows.append(dict(zip(columns, cells, strict=True)))
            lines.append(start)
    except csv.Error as error:  # strict mode's only complaints are about quotes
        record = "".join(source[line - 1 :])
        sound = _SOUND_FIELDS.match(record)
        breaks = re.findall(r"\r\n?|\n", sound.group()) if sound else []
        raise DataError("data_csv_quote", path=path, line=line + len(breaks)) from error
    return columns, rows, lines


def _json_lines(path: Path, text: str) -> tuple[tuple[str, ...], list[dict[str, Any]], list[int]]:
    found: list[dict[str, Any]] = []
    lines: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):  # not splitlines(), which also cuts at U+2028 inside a text
        if not line.strip():
            continue
        try:
            item = json.loads(line, object_pairs_hook=_distinct)
            if "\\u" in line:
                json.dumps(item, ensure_ascii=False).encode("utf-8")  # an escape can hold half a surrogate pair
        except json.JSONDecodeError as error:
            reason = f"{error.msg} (character {error.colno})"
            raise DataError("data_jsonl_line", path=path, line=number, reason=reason) from error
        except (ValueError, RecursionError) as error:
            raise DataError("data_jsonl_line", path=path, line=number, reason=str(error)) from error
        if not isinstance(item, dict):
            kind = "array" if isinstance(item, list) else "value"
            raise DataError("data_jsonl_kind", path=path, line=number, kind=kind)
        found.append(item)
        lines.append(number)
    columns = tuple(dict.fromkeys(name for item in found for name in item))
    return columns, [{name: item.get(name) for name in columns} for item in found], lines


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; json.loads alone would keep the last of two equal names and lose the first without a word."""
    item = dict(pairs)
    if len(item) < len(pairs):
        name = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the name '{name}' appears twice in one object")
    return item


def _check_names(path: Path, columns: Sequence[str]) -> None:
    for position, column in enumerate(columns, 1):
        if not column.strip():
            raise DataError("data_column_unnamed", path=path, position=position, count=len(columns))
        if columns.count(column) > 1:
            raise DataError("data_column_repeated", path=path, column=column, count=columns.count(column))
    if len(columns) == 1 and (separator := re.search(r"[;\t|]", columns[0])):
        raise DataError("data_csv_separator", path=path, column=columns[0], separator=repr(separator.group()))
