"""Rows whose cell in a column cannot be used: how many, where the first ones are, and what the first one holds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fewtune.data._cell import BadCell
from fewtune.data._source import Counted
from fewtune.data.profile import is_missing
from fewtune.errors import DataError
from fewtune.messages import Sentence

KINDS = {int: "number", float: "number", bool: "switch", list: "list", dict: "object"}
"""What people call the types of JSON."""
SHOWN_LINES = 5
"""Places named in an error; the rest is counted."""
SHOWN_CHARACTERS = 60
"""Of a wrong value."""

Test = Callable[[Any], bool]
TEXT: dict[str, Test] = {
    "data_cell_bad": lambda value: isinstance(value, BadCell),
    "data_text_missing": is_missing,
    "data_text_kind": lambda value: not isinstance(value, str),
}
"""What a text must not be, by the sentence that says so; the first that holds is said."""


class WrongCells:
    """Collects the cells of one column for which a test holds, and says it with the sentence `id`."""

    def __init__(self, id: str, test: Test, path: Path, column: str, counts: Counted, **about: Any) -> None:
        self.id, self.test = id, test
        self.about = about | {"path": path, "column": column}
        self.counts: Counted = counts
        self.count = 0
        self.places: list[str] = []
        self.first: Any = None

    def look(self, place: int, value: Any) -> bool:
        """Whether the cell of the row at `place` is wrong; if so it is taken note of."""
        if not self.test(value):
            return False
        if not self.count:
            self.first = value
        self.count += 1
        if len(self.places) < SHOWN_LINES:
            self.places.append(str(place))
        return True

    def refuse(self, total: int) -> None:
        """Raise DataError if any cell was wrong of `total`; `{kind}` and `{value}` in its sentence are of the first."""
        if not self.count:
            return
        shown = ", ".join(self.places) + (", …" if self.count > len(self.places) else "")
        values = self.about | {
            "lines": Sentence(f"data_at_{self.counts}", {"numbers": shown}),
            "kind": Sentence(f"data_kind_{KINDS.get(type(self.first), 'other')}", {}),
            "value": repr(self.first)[:SHOWN_CHARACTERS],
        }
        if isinstance(self.first, BadCell):
            values |= {"cell": self.first.address, "why": Sentence(f"data_cell_{self.first.why}", {})}
        raise DataError(self.id, count=self.count, total=total, **values)
