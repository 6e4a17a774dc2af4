"""Answers as files hold them: a text with or without its place, a list of them, or the columns of SQuAD as Hub data sets."""

import ast
import json
from collections.abc import Mapping, Sequence
from typing import Any

from fewtune.data.answers import Spans
from fewtune.data.profile import as_text, is_missing

NO_ANSWER = Spans((), ())


def spans(cell: Any, start: Any = None) -> Spans:
    """The answers in a cell; `start` is the cell of the column of places, where there is one. An empty cell is no answer.

    - `"Paris"`, and a number as it is written;
    - `["Paris", "in Paris"]`, with a list of places or none;
    - `[{"text": "Paris", "answer_start": 17}, …]`: SQuAD;
    - `{"text": ["Paris", …], "answer_start": [17, …]}`: SQuAD in `datasets`, also written as text.

    Raises ValueError for anything else.
    """
    if isinstance(cell, str) and cell.strip()[:1] in ("{", "["):
        cell = _parsed(cell)
    if is_missing(cell) or cell in ([], {}):
        return NO_ANSWER
    if isinstance(cell, Mapping):
        if "text" not in cell:
            raise ValueError(cell)
        return _together(_listed(cell["text"]), starts(cell.get("answer_start", cell.get("start"))))
    if isinstance(cell, list):
        if all(isinstance(each, Mapping) for each in cell):
            parts = [spans(each) for each in cell]
            return Spans(*(tuple(x for part in parts for x in getattr(part, name)) for name in ("texts", "starts")))
        return _together(cell, starts(start))
    return _together([cell], starts(start))


def starts(cell: Any) -> list[int | None]:
    """The places in a cell, in characters; below 0 means not known, as some data sets write it. Raises ValueError for no number."""
    if isinstance(cell, str) and cell.strip()[:1] == "[":
        cell = _parsed(cell)
    return [] if is_missing(cell) else [_place(each) for each in _listed(cell)]


def is_impossible(cell: Any) -> bool:
    """Whether a cell of SQuAD's `is_impossible` says yes. Raises ValueError for what is neither yes nor no."""
    if is_missing(cell):
        return False
    said = as_text(cell).strip().casefold()
    if said not in ("true", "false", "1", "0"):
        raise ValueError(cell)
    return said in ("true", "1")


def _together(texts: Sequence[Any], starts: Sequence[int | None]) -> Spans:
    if starts and len(starts) != len(texts):
        raise ValueError((texts, starts))
    found = zip(texts, starts or [None] * len(texts), strict=True)
    pairs = [(_text(text), start) for text, start in found if not is_missing(text)]
    return Spans(tuple(text for text, _ in pairs), tuple(start for _, start in pairs))


def _text(value: Any) -> str:
    if isinstance(value, list | Mapping | bool):
        raise ValueError(value)
    return as_text(value)


def _place(value: Any) -> int | None:
    if is_missing(value):
        return None
    if isinstance(value, bool | list | Mapping) or float(value) != int(float(value)):
        raise ValueError(value)
    return int(float(value)) if float(value) >= 0 else None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _parsed(text: str) -> Any:
    """What a text spells in JSON or Python; the text itself where that is nothing with answers in it."""
    for parse in (json.loads, ast.literal_eval):
        try:
            found = parse(text.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        if isinstance(found, list | dict):
            return found
    return text
