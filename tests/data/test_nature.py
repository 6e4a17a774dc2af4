"""What a label column looks like, by the rules of the file."""

from pathlib import Path
from typing import Any

import pytest

from fewtune.data.labels import label_column
from fewtune.data.nature import nature
from fewtune.data.read import Table


def column(cells: list[Any]):
    rows = [{"nhãn": cell} for cell in cells]
    return label_column(Table(Path("a.csv"), ("nhãn",), rows, list(range(len(rows))), ""), "nhãn")


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (["tốt", "tệ"] * 5, "texts"),
        ([f"câu số {n}" for n in range(20)], "texts"),
        ([True, False] * 5, "texts"),
        (["a", 1] * 5, "texts"),
        ([["a"], ["a", "b"]] * 3, "lists"),
        (["['a', 'b']", "[]"] * 3, "lists"),
        (["a|b", "a", "b|c"] * 3, "sets"),
        (["a;b", "a;c", "b"] * 3, "sets"),
        (["x|y", "z", "x|y"] * 3, "texts"),  # x and y never part: a name with a bar in it
        (["Ăn uống, giải trí", "Đi lại"] * 5, "texts"),
        (["giá, hàng", "giá", "hàng, giao"] * 5, "listings"),  # come back whole: names or sets
        (["a, b", "b, c", "a, c", "c, d", "a, d", "b, d", "a, b, c"], "sets"),
        (["0", "1"] * 5, "codes"),
        ([-1, 1] * 5, "codes"),
        (["1.0", "2.0"] * 5, "codes"),  # as pandas writes whole numbers beside empty cells
        ([0, 1, 2] * 4, "codes"),
        (list(range(10)) * 3, "codes"),
        (list(range(11)) * 3, "ratings"),  # 0 to 10: points or labels
        (["1", "2", "3", "4", "5"] * 4, "ratings"),
        ([10, 20, 30] * 4, "ratings"),
        ([n * 7 for n in range(40)], "amounts"),  # they do not come back
        (list(range(1, 203)) * 4, "amounts"),  # more than anyone makes labels of
        (["3.5", "4", "2.25"] * 4, "amounts"),
        (["3,5", "4", "2,25"] * 4, "amounts"),
        ([0.5, 1.0] * 6, "amounts"),
        (["1.500", "2.000", "3.000"] * 4, "amounts"),
        (["2.5", "nan", "NA", "1.5"] * 3, "amounts"),  # one that is missing makes no texts of the others
        ([2.5, float("inf"), 1.5] * 3, "amounts"),
    ],
)
def test_nature(cells: list[Any], found: str) -> None:
    assert nature(column(cells)) == found


def test_empty_cells_are_left_out() -> None:
    assert column(["a", "", None, float("nan"), "b"]).cells == ["a", "b"]
    assert nature(column(["1.5", "", None, "2.5"] * 3)) == "amounts"
