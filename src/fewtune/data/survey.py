"""The first of two passes over a table that is too large for memory: whatever can be refused is refused before the work."""

from collections.abc import Callable
from typing import Any

from fewtune.data.columns import Columns
from fewtune.data.read import Stream
from fewtune.data.wrong import TEXT, WrongCells


def survey(table: Stream, columns: Columns, look: Callable[[dict[str, Any]], None]) -> int:
    """The number of rows, after each was shown to `look`.

    Raises DataError as `data.rows.rows` does, with the places of rows whose text or second text cannot be used.
    """
    roles = {"data.text_column": columns.text} | ({"data.pair_column": columns.pair} if columns.pair else {})
    wrong = {
        column: [WrongCells(id, test, table.path, column, table.counts, option=option) for id, test in TEXT.items()]
        for option, column in roles.items()
    }
    count = 0
    for place, row in table:
        count += 1
        for column, kinds in wrong.items():
            any(kind.look(place, row[column]) for kind in kinds)  # what is missing is not of a wrong kind besides
        look(row)
    for kinds in wrong.values():
        for kind in kinds:
            kind.refuse(count)
    return count
