"""Rows of words and their tags: from CoNLL files, from lists in JSON and Parquet, or cut at white space out of texts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fewtune.data.answers import Tags
from fewtune.data.columns import Columns, Given, columns_in, existing, find_text_and_label, is_named
from fewtune.data.labels import as_list
from fewtune.data.profile import as_text, is_missing
from fewtune.data.read import Table
from fewtune.data.rows import Row, wrong_cells
from fewtune.errors import DataError

WORD_NAMES = (
    "tokens",
    "words",
    "token",
    "word",
    "từ",
    "các từ",
    "danh sách từ",
    "từ vựng",
    "văn bản",
    "câu",
    "text",
    "sentence",
)
TAG_NAMES = (
    "tags", "ner_tags", "ner", "labels", "label", "pos_tags", "pos", "chunk_tags", "tag", "bio", "iob", "nhãn", "các nhãn",
    "nhãn thực thể", "thực thể", "từ loại",
)  # fmt: skip
"""As people name columns; where several are there, the first of these is taken."""


def find_words_and_tags(table: Table, given: Given, *, need_label: bool = True) -> Columns:
    """The columns given, the rest found by name among those that hold lists; where no list is needed, a text will do.

    Raises DataError where they are missing.
    """
    lists = _lists(table)
    found = {"text": (given.text, "data.text_column"), "label": (given.label, "data.label_column")}
    taken = {role: (existing(table, name, option), "given") for role, (name, option) in found.items() if name}
    for role, names in (("text", WORD_NAMES), ("label", TAG_NAMES)):
        if role not in taken and (name := _named(lists, names)):
            taken[role] = name, f"lists, named '{name}'"
        elif role not in taken and need_label and (name := _named(table.columns, names)):
            taken[role] = name, f"named '{name}'"
    if "text" not in taken and not need_label:
        return find_text_and_label(table, replace(given, pair=None), need_label=False)
    for role, id in (("text", "tags_no_words"), ("label", "tags_no_tags")):
        if role not in taken and (role == "text" or need_label):
            raise DataError(id, path=table.path, columns=", ".join(f"'{name}'" for name in table.columns))
    group = existing(table, given.group, "data.group_column") if given.group else None
    names = {role: name for role, (name, _) in taken.items()}
    reasons = {role: reason for role, (_, reason) in taken.items()}
    return Columns(names["text"], None, names.get("label") if need_label or given.label else None, reasons, group)


SAMPLE = 50
"""Rows by which a column of lists is known."""


def holds_tags(table: Table, given: Given) -> tuple[str, str] | None:
    """The columns of words and of tags where nothing else can be meant: lists that are as long as each other in the first rows."""
    lists = _lists(table)
    words, tags = given.text or _named(lists, WORD_NAMES), given.label or _named(lists, TAG_NAMES)
    if words not in lists or tags not in lists or words == tags:
        return None
    pairs = [(_as_words(row[words]), _as_words(row[tags])) for row in table.rows[:SAMPLE]]
    alike = sum(len(one or ()) == len(other or ()) for one, other in pairs)
    return (words, tags) if 2 * alike > len(pairs) else None


def rows_of_words(table: Table, columns: Columns, labels: Sequence[str] | None) -> list[Row]:
    """Every row: words exactly as they stand, and their tags; numbers stand for the names in `labels`.

    Raises DataError, naming the lines, for rows without words, an empty word, tags that are no texts, numbers without names, and
    lists of different lengths.
    """
    columns = columns_in(table, columns)
    _refuse(table, columns.text, "tags_words_missing", is_missing)
    _refuse(table, columns.text, "tags_words_kind", lambda cell: _cut(cell) is None)
    _refuse(table, columns.text, "tags_words_missing", lambda cell: not _cut(cell))
    _refuse(table, columns.text, "tags_word_empty", lambda cell: any(not word.strip() for word in _cut(cell) or ()))
    words = [tuple(_cut(row[columns.text]) or ()) for row in table.rows]
    tags = _tags(table, columns.label, words, labels) if columns.label is not None else [None] * len(words)
    groups = [row[columns.group] if columns.group else None for row in table.rows]
    return [
        Row(_text(row[columns.text], of), None, tagged, number, None if is_missing(group) else as_text(group), words=of)
        for number, (row, of, tagged, group) in enumerate(zip(table.rows, words, tags, groups, strict=True))
    ]


def words_of(row: Row) -> tuple[str, ...]:
    """The words of a row; of one that is a text alone, what stands between white space."""
    return tuple(row.text.split()) if row.words is None else row.words


def _lists(table: Table) -> list[str]:
    """The columns that hold lists of words, or of tags, in most rows."""
    first = table.rows[:SAMPLE]
    return [name for name in table.columns if 2 * sum(_as_words(row[name]) is not None for row in first) > len(first)]


def _text(cell: Any, words: Sequence[str]) -> str:
    return cell if isinstance(cell, str) and as_list(cell) is None else " ".join(words)


def _tags(table: Table, column: str, words: Sequence[Sequence[str]], labels: Sequence[str] | None) -> list[Tags]:
    _refuse(table, column, "tags_tags_missing", is_missing)
    _refuse(table, column, "tags_tags_kind", lambda cell: _raw(cell) is None)
    _refuse(table, column, "tags_numbers", lambda cell: _is_numbered(cell) and not _all_named(cell, labels or ()))
    _refuse(
        table, column, "tags_tag_empty", lambda cell: not _is_numbered(cell) and any(map(_no_tag, _raw(cell) or ()))
    )
    found = [_spoken(_raw(row[column]) or [], labels) for row in table.rows]
    for number, (of, tags) in enumerate(zip(words, found, strict=True)):
        if len(of) != len(tags):
            about = {"path": table.path, "column": column, "line": table.lines[number], "place": table.counts}
            raise DataError(f"tags_lengths_{table.counts}", **about, words=len(of), tags=len(tags))
    return [Tags(tuple(tags)) for tags in found]


def _spoken(tags: Sequence[Any], labels: Sequence[str] | None) -> list[str]:
    return [(labels or ())[tag] if isinstance(tag, int) else tag for tag in tags]


def _raw(cell: Any) -> list[Any] | None:
    """Texts or whole numbers."""
    found = _cut(cell) if isinstance(cell, str) else cell if isinstance(cell, list) else None
    if isinstance(cell, str) and (inside := as_list(cell)) is not None:
        found = inside
    sound = found is not None and all(
        each is None or (isinstance(each, str | int) and not isinstance(each, bool)) for each in found
    )
    return found if sound else None


def _no_tag(tag: Any) -> bool:
    return tag is None or (isinstance(tag, str) and not tag.strip())


def _is_numbered(cell: Any) -> bool:
    return any(isinstance(tag, int) for tag in _raw(cell) or ())


def _all_named(cell: Any, labels: Sequence[str]) -> bool:
    return all(isinstance(tag, int) and 0 <= tag < len(labels) for tag in _raw(cell) or ())


def _cut(cell: Any) -> list[str] | None:
    """The words of a cell: a list of texts (also as pandas writes it into a CSV), or a text cut at white space."""
    if isinstance(cell, str) and as_list(cell) is None:
        return cell.split()
    return _as_words(cell)


def _as_words(cell: Any) -> list[str] | None:
    """A list of texts or whole numbers, as texts."""
    found = as_list(cell) if isinstance(cell, str) else cell
    if not isinstance(found, list) or any(isinstance(each, bool) or not isinstance(each, str | int) for each in found):
        return None
    return [str(each) for each in found]


def _named(columns: Sequence[str], names: Sequence[str]) -> str | None:
    return next((column for name in names for column in columns if is_named(column, (name,))), None)


def _refuse(table: Table, column: str, id: str, bad: Callable[[Any], bool], **values: Any) -> None:
    found = [number for number, row in enumerate(table.rows) if bad(row[column])]
    if found:
        places: list[int] = [table.lines[number] for number in found]
        first: Mapping[str, Any] = table.rows[found[0]]
        about = wrong_cells(
            table.path, table.counts, column, places, first[column], count=len(found), total=len(table.rows)
        )
        raise DataError(id, **about, **values)
