"""SQuAD's JSON, in which articles hold paragraphs and paragraphs hold questions, as rows: one a question."""

from collections.abc import Iterator, Mapping
from typing import Any

from fewtune.data._source import Source
from fewtune.errors import DataError

COLUMNS = ("id", "title", "context", "question", "answers", "is_impossible")
"""Of each row; `is_impossible` only where a question says so (version 2)."""


def is_squad(value: Any) -> bool:
    """Whether this is `{"data": [{"paragraphs": [{"context": …, "qas": […]}]}]}`, told by its first article."""
    articles = value.get("data") if isinstance(value, dict) else None
    first = articles[0] if isinstance(articles, list) and articles else None
    return isinstance(first, dict) and isinstance(first.get("paragraphs"), list)


def squad_rows(source: Source, value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The questions in their order. Raises DataError, naming the place, for one that lacks its text or its answers."""
    rows = list(_rows(source, value))
    if any("is_impossible" in row for row in rows):
        return [{**row, "is_impossible": row.get("is_impossible", False)} for row in rows]
    return rows


def _rows(source: Source, value: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for a, article in enumerate(value["data"]):
        for p, paragraph in enumerate(_list(source, article, "paragraphs", f"data[{a}]")):
            place = f"data[{a}].paragraphs[{p}]"
            context = _get(source, paragraph, "context", place)
            for q, asked in enumerate(_list(source, paragraph, "qas", place)):
                here = f"{place}.qas[{q}]"
                question = _get(source, asked, "question", here)
                impossible = asked.get("is_impossible")
                # A test file without answers can still be predicted on; version 2 may leave them out where there are none.
                answers = asked.get("answers", [] if impossible else None)
                row = {"id": asked.get("id"), "title": article.get("title"), "context": context, "question": question}
                yield row | {"answers": answers} | ({} if impossible is None else {"is_impossible": impossible})


def _list(source: Source, of: Any, name: str, place: str) -> list[Any]:
    found = _get(source, of, name, place)
    if not isinstance(found, list):
        raise DataError("data_squad_form", path=source.path, place=place, name=name)
    return found


def _get(source: Source, of: Any, name: str, place: str) -> Any:
    if not isinstance(of, dict) or name not in of:
        raise DataError("data_squad_form", path=source.path, place=place, name=name)
    return of[name]
