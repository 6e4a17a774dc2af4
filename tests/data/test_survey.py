"""The first pass says the same as `data.rows.rows`, without holding the rows."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fewtune.data._source import Numbered
from fewtune.data.columns import Columns
from fewtune.data.read import Stream, Table
from fewtune.data.rows import rows as rows_of
from fewtune.data.survey import survey
from fewtune.errors import DataError

PATH = Path("bảng.jsonl")
CELLS = st.sampled_from(["Ngon", "phở", "phở", "phở", "", " ", None, float("nan"), 3, ["x"]])


def streamed(rows: Iterable[Numbered]) -> Stream:
    return Stream(PATH, ("a", "b"), (), "line", lambda: iter(rows))


def outcome(work: Any) -> tuple[str, str] | int:
    try:
        return work()
    except DataError as error:
        return error.id, str(error)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=12), st.booleans())
def test_it_refuses_what_rows_refuses_in_the_same_words(cells, pair):
    found = [{"a": first, "b": second} for first, second in cells]
    lines = [3 * number + 2 for number in range(len(found))]
    columns = Columns("a", "b" if pair else None, None, {})
    shown: list[Any] = []
    one = outcome(lambda: survey(streamed(zip(lines, found, strict=True)), columns, shown.append))
    other = outcome(lambda: len(rows_of(Table(PATH, ("a", "b"), found, lines, ""), columns)))
    assert one == other
    assert shown == found


def test_what_cannot_be_written_stops_it_at_once():
    def look(row: dict[str, Any]) -> None:
        if row["a"] == "x":
            raise DataError("data_file_empty", path="out.xlsx")

    def endless():
        yield 1, {"a": "x"}
        pytest.fail("read on")

    with pytest.raises(DataError, match=r"out\.xlsx"):
        survey(streamed(endless()), Columns("a", None, None, {}), look)
