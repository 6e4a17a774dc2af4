"""Question, text and answers: which columns hold them, and the rows they make."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from fewtune.data.columns import Columns, Given, columns_in, find_named
from fewtune.data.read import Table
from fewtune.data.rows import Row, wrong_cells
from fewtune.data.rows import rows as rows_of
from fewtune.data.span_cells import NO_ANSWER, is_impossible, spans, starts
from fewtune.errors import DataError

T = TypeVar("T")
START, IMPOSSIBLE = "start", "impossible"
"""Roles in `Columns.others`."""


@dataclass(frozen=True)
class _Role:
    name: str
    option: str
    names: tuple[str, ...]


QUESTION = _Role("text", "data.text_column", ("question", "query", "câu hỏi", "hỏi"))
CONTEXT = _Role(
    "pair",
    "data.pair_column",
    ("context", "passage", "paragraph", "ngữ cảnh", "bối cảnh", "đoạn văn", "đoạn văn bản", "văn bản", "đoạn"),
)
ANSWER = _Role(
    "label",
    "data.label_column",
    ("answers", "answer", "answer_text", "câu trả lời", "đáp án", "trả lời", "lời đáp"),
)
_START = _Role(
    START, "task.start_column", ("answer_start", "start", "vị trí", "vị trí bắt đầu", "vị trí đáp án", "bắt đầu")
)
_IMPOSSIBLE = _Role(IMPOSSIBLE, "data", ("is_impossible", "không có đáp án"))


def span_columns(table: Table, given: Given, start: str | None, *, need_label: bool = True) -> Columns:
    """The columns of question, text and answers, and where there are any, of places and of what has no answer.

    Raises DataError with what to say for one that is not there.
    """
    asked = [(QUESTION, given.text), (CONTEXT, given.pair)]
    asked += [(ANSWER, given.label)] if need_label or given.label else []
    found = {role.name: find_named(table, role.option, name, role.names) for role, name in asked}
    for role, _ in asked:
        if found[role.name] is None:
            values = {"names": ", ".join(role.names[:4]), "columns": ", ".join(f"'{name}'" for name in table.columns)}
            raise DataError(f"qa_no_{role.name}", path=table.path, option=role.option, **values)
    if given.group is not None:
        found["group"] = find_named(table, "data.group_column", given.group, ())
    if need_label:
        found[START] = find_named(table, _START.option, start, _START.names)
        found[IMPOSSIBLE] = find_named(table, _IMPOSSIBLE.option, None, _IMPOSSIBLE.names)
    taken = {role: both for role, both in found.items() if both is not None}
    names = {role: name for role, (name, _) in taken.items()}
    if len(set(names.values())) < len(names):
        twice = next(name for name in names.values() if list(names.values()).count(name) > 1)
        raise DataError("data_column_twice", path=table.path, column=twice)
    return Columns(
        names["text"],
        names["pair"],
        names.get("label"),
        {role: reason for role, (_, reason) in taken.items()},
        names.get("group"),
        {role: names[role] for role in (START, IMPOSSIBLE) if role in names},
    )


def span_rows(table: Table, columns: Columns) -> list[Row]:
    """Every row with the answers as the file has them. Raises DataError with the lines of those that cannot be read."""
    columns = columns_in(table, columns)  # of the others a second file may lack some: places are looked up then
    bare = Columns(columns.text, columns.pair, None, columns.reasons, columns.group)
    rows = rows_of(table, bare)
    if columns.label is None:
        return rows
    label, start, impossible = (
        columns.label,
        *(_present(table, columns.others.get(each)) for each in (START, IMPOSSIBLE)),
    )
    none = [False] * len(rows)
    if impossible is not None:
        none = _read(table, impossible, lambda row: is_impossible(row[impossible]), "qa_impossible_kind")
    if start is not None:
        _read(table, start, lambda row: starts(row[start]), "qa_start_kind")
    answers = _read(table, label, lambda row: spans(row[label], row[start] if start else None), "qa_answer_kind")
    return [
        replace(row, label=NO_ANSWER if nothing else said)
        for row, nothing, said in zip(rows, none, answers, strict=True)
    ]


def _present(table: Table, column: str | None) -> str | None:
    return column if column in table.columns else None


def _read(table: Table, column: str, read: Callable[[dict[str, Any]], T], id: str) -> list[T]:
    """What `read` makes of each row. Raises DataError `id` with the lines of rows for which it raises ValueError."""
    values: list[T] = []
    wrong: list[int] = []
    for number, row in enumerate(table.rows):
        try:
            values.append(read(row))
        except ValueError:
            wrong.append(number)
    if wrong:
        places, first = [table.lines[number] for number in wrong], table.rows[wrong[0]][column]
        about = wrong_cells(table.path, table.counts, column, places, first, count=len(wrong), total=len(table.rows))
        raise DataError(id, **about)
    return values
