"""JSON lines, and JSON in the forms people have it in: records, columns, or one list of records under a name."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from fewtune.data._source import Numbered, Opened, Options, Source, check_names, note
from fewtune.data._squad import is_squad, squad_rows
from fewtune.data.encoding import encoding_of, lines, whole
from fewtune.errors import DataError


def open_json_lines(source: Source, options: Options) -> Opened:
    """One object a line, in constant memory; columns in order of first appearance. Blank lines are skipped.

    Raises DataError, naming the line, for what is not one JSON object.
    """
    encoding, skip = encoding_of(source, options.encoding)
    # Not cut at \r or U+2028, which may stand inside a text.
    return Opened(None, _objects(source, lines(source, encoding, skip, newline="\n")))


def open_json(source: Source, options: Options) -> Opened:
    """A whole `.json` file, which is read into memory.

    - `[{"text": …}, …]`: records;
    - `{"data": [{"text": …}, …], …}`: the one list of objects in it, whatever its name; what else there is, is noted;
    - `{"text": […], "label": […]}`: columns of one length, or `{"text": {"0": …}, …}` as pandas writes them;
    - SQuAD's articles of paragraphs of questions: one row a question;
    - one object a line: JSON lines under another name, which is noted.

    Raises DataError for any other form.
    """
    text = whole(source, options.encoding)
    if not text.strip():
        raise DataError("data_file_empty", path=source.path)
    try:
        value = _parsed(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and "\n" in text[: error.pos]:
            opened = open_json_lines(source, options)
            return Opened(None, opened.rows, (note("data_json_is_lines", path=source.path.name),))
        reason = f"{error.msg} (character {error.colno})"
        raise DataError("data_json_invalid", path=source.path, line=error.lineno, reason=reason) from None
    except (ValueError, RecursionError) as error:
        raise DataError("data_json_invalid", path=source.path, line=1, reason=str(error)) from None
    notes = ()
    if is_squad(value):
        value = squad_rows(source, value)
        notes = (note("data_squad", path=source.path.name, questions=len(value)),)
    elif isinstance(value, dict) and (name := _records_name(source, value)) is not None:
        rest = ", ".join(repr(each) for each in value if each != name)
        notes = (note("data_json_part", path=source.path.name, name=name, rest=rest),) if rest else ()
        value = value[name]
    rows = _from_columns(source, value) if isinstance(value, dict) else _from_records(source, value)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    check_names(source.path, columns)
    return Opened(tuple(columns), iter(enumerate(rows, 1)), notes, counts="row")


def _objects(source: Source, text: Iterator[str]) -> Iterator[Numbered]:
    for number, line in enumerate(text, 1):
        if not line.strip():
            continue
        try:
            item = _parsed(line.removesuffix("\n"))
        except json.JSONDecodeError as error:
            reason = f"{error.msg} (character {error.colno})"
            raise DataError("data_jsonl_line", path=source.path, line=number, reason=reason) from None
        except (ValueError, RecursionError) as error:
            raise DataError("data_jsonl_line", path=source.path, line=number, reason=str(error)) from None
        if not isinstance(item, dict):
            kind = "array" if isinstance(item, list) else "value"
            raise DataError("data_jsonl_kind", path=source.path, line=number, kind=kind)
        yield number, item


def _parsed(text: str) -> Any:
    value = json.loads(text, object_pairs_hook=_distinct)
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # an escape can hold half a surrogate pair
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; json.loads alone would keep the last of two equal names and lose the first without a word."""
    item = dict(pairs)
    if len(item) < len(pairs):
        name = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the name '{name}' appears twice in one object")
    return item


def _records_name(source: Source, value: Mapping[str, Any]) -> str | None:
    lists = [name for name, each in value.items() if isinstance(each, list) and each and isinstance(each[0], dict)]
    if len(lists) > 1:
        raise DataError("data_json_several", path=source.path, names=", ".join(map(repr, lists)))
    return lists[0] if lists else None


def _from_records(source: Source, value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise DataError("data_json_form", path=source.path, found=type(value).__name__)
    for number, row in enumerate(value, 1):
        if not isinstance(row, dict):
            raise DataError("data_json_row", path=source.path, row=number, found=type(row).__name__)
    return value


def _from_columns(source: Source, value: dict[str, Any]) -> list[dict[str, Any]]:
    """Lists of one length, or objects with the same keys (`DataFrame.to_json()`)."""
    columns = list(value.values())
    if columns and all(isinstance(column, dict) and column.keys() == columns[0].keys() for column in columns):
        columns = [list(column.values()) for column in ({key: c[key] for key in columns[0]} for c in columns)]
    if not columns or not all(isinstance(column, list) for column in columns):
        raise DataError("data_json_form", path=source.path, found="object")
    if len({len(column) for column in columns}) > 1:
        lengths = ", ".join(f"'{name}' {len(column)}" for name, column in zip(value, columns, strict=True))
        raise DataError("data_json_lengths", path=source.path, lengths=lengths)
    return [dict(zip(value, cells, strict=True)) for cells in zip(*columns, strict=True)]
