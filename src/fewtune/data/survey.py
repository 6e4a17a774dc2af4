"""The first of two passes over a table that is too large for memory: whatever can be refused is refused before the work."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from fewtune.data.columns import Columns
from fewtune.data.profile import is_missing
from fewtune.data.rows import SHOWN_LINES
from fewtune.errors import DataError


def survey(
    path: Path, rows: Iterable[tuple[int, dict[str, Any]]], columns: Columns, look: Callable[[dict[str, Any]], None]
) -> int:
    """The number of rows, after each was shown to `look`.

    Raises DataError as `data.rows.rows` does, with the lines of rows whose text or second text is missing or no string.
    """
    roles = {"data.text_column": columns.text} | ({"data.pair_column": columns.pair} if columns.pair else {})
    wrong = {(id, option): _Lines() for option in roles for id in ("data_text_missing", "data_text_kind")}
    count = 0
    for line, row in rows:
        count += 1
        for option, column in roles.items():
            value = row[column]
            if is_missing(value):
                wrong["data_text_missing", option].add(line, value)
            elif not isinstance(value, str):
                wrong["data_text_kind", option].add(line, value)
        look(row)
    for (id, option), lines in wrong.items():
        if lines.count:
            values = {"option": option, "column": roles[option], "total": count}
            raise DataError(id, path=path, count=lines.count, lines=lines.shown(), kind=lines.kind, **values)
    return count


class _Lines:
    """How many lines have something wrong with them, and the first few."""

    def __init__(self) -> None:
        self.count, self.first, self.kind = 0, [], ""

    def add(self, line: int, value: Any) -> None:
        self.count += 1
        self.kind = self.kind or type(value).__name__
        if len(self.first) < SHOWN_LINES:
            self.first.append(str(line))

    def shown(self) -> str:
        return ", ".join(self.first) + (", …" if self.count > len(self.first) else "")
