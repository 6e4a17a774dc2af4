"""The first of two passes over a table that is too large for memory: whatever can be refused is refused before the work."""

from collections.abc import Callable
from typing import Any

from fewtune.data.columns import Columns
from fewtune.data.profile import is_missing
from fewtune.data.read import Stream
from fewtune.data.rows import SHOWN_LINES, is_bad, wrong_cells
from fewtune.errors import DataError


def survey(stream: Stream, columns: Columns, look: Callable[[dict[str, Any]], None]) -> int:
    """The number of rows, after each was shown to `look`.

    Raises DataError as `data.rows.rows` does, with the places of rows whose text or second text is missing or no string.
    """
    roles = {"data.text_column": columns.text} | ({"data.pair_column": columns.pair} if columns.pair else {})
    wrong = {
        (option, id): _Wrong() for option in roles for id in ("data_cell_bad", "data_text_missing", "data_text_kind")
    }
    total = 0
    for place, row in stream:
        total += 1
        for option, column in roles.items():
            value = row[column]
            if is_bad(value):
                wrong[option, "data_cell_bad"].add(place, value)
            elif is_missing(value):
                wrong[option, "data_text_missing"].add(place, value)
            elif not isinstance(value, str):
                wrong[option, "data_text_kind"].add(place, value)
        look(row)
    for (option, id), found in wrong.items():
        if found.count:
            about = wrong_cells(
                stream.path, stream.counts, roles[option], found.places, found.first, count=found.count, total=total
            )
            raise DataError(id, **about, option=option)
    return total


class _Wrong:
    """How many cells have something wrong with them, and the first few."""

    def __init__(self) -> None:
        self.count, self.places, self.first = 0, [], None

    def add(self, place: int, value: Any) -> None:
        self.first = value if self.count == 0 else self.first
        self.count += 1
        if len(self.places) < SHOWN_LINES:
            self.places.append(place)
