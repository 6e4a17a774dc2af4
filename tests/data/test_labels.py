"""Cells as labels: sets and numbers are read by stated rules, and what cannot be told is not guessed."""

import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fewtune.data.columns import Columns
from fewtune.data.labels import LISTS, LabelReader, find_decimal, find_separator, names_of, numbers, sets
from fewtune.data.read import Table
from fewtune.data.rows import rows
from fewtune.errors import DataError

NAMES = st.text(
    st.characters(exclude_characters="|;,[]", exclude_categories=["Cs", "Zs", "Cc"]), min_size=1, max_size=6
)


def labels_of(cells: list[Any], reader: LabelReader) -> list[Any]:
    found = [{"câu": "một câu", "nhãn": cell} for cell in cells]
    table = Table(Path("a.csv"), ("câu", "nhãn"), found, list(range(2, len(cells) + 2)), "")
    return [row.label for row in rows(table, Columns("câu", None, "nhãn", {}), reader)]


def refused(cells: list[Any], reader: LabelReader) -> str:
    with pytest.raises(DataError) as caught:
        labels_of(cells, reader)
    assert caught.value.say("vi") != str(caught.value)
    return str(caught.value)


# --- sets


@pytest.mark.parametrize(
    ("cells", "separator", "found"),
    [
        (["vui|buồn", "vui", "buồn | vui"], "|", [("buồn", "vui"), ("vui",), ("buồn", "vui")]),
        (["a; b;", ";", "b;a;b", ""], ";", [("a", "b"), (), ("a", "b"), ()]),
        (["a, b", "a,b", None, "  "], ",", [("a", "b"), ("a", "b"), (), ()]),
        ([["b", "a", "b"], [], [1, True, 2.0]], LISTS, [("a", "b"), (), ("1", "2", "true")]),
        (['["a", "b"]', "[]", "['c']"], LISTS, [("a", "b"), (), ("c",)]),
        ([["a"], "b|a"], "|", [("a",), ("a", "b")]),
        ([3, "3|4"], "|", [("3",), ("3", "4")]),
    ],
)
def test_sets(cells: list[Any], separator: str, found: list[tuple[str, ...]]) -> None:
    assert labels_of(cells, sets(separator)) == found


@given(st.lists(st.sets(NAMES, max_size=4), min_size=1, max_size=8), st.sampled_from(["|", ";", ","]))
def test_what_was_joined_comes_back(given: list[set[str]], separator: str) -> None:
    assert labels_of([separator.join(each) for each in given], sets(separator)) == [tuple(sorted(e)) for e in given]


def test_no_letter_of_a_label_is_altered() -> None:
    decomposed = unicodedata.normalize("NFD", "Đẹp quá")
    assert labels_of([f"{decomposed}|tệ"], sets("|")) == [tuple(sorted((decomposed, "tệ")))]


def test_where_sets_are_lists_an_absent_one_is_an_error() -> None:
    """An empty list could have been written."""
    assert "1 of 2 rows have no label" in refused([["a"], None], sets(LISTS))
    assert "1 of 2 rows have no label" in refused(["['a']", ""], sets(LISTS))


@pytest.mark.parametrize("cell", [{"a": 1}, [["a"]], [None]])
def test_what_is_no_set_is_refused_by_line(cell: Any) -> None:
    said = refused([["a"], cell], sets(LISTS))
    assert "instead of a set of labels in column 'nhãn' (lines 3)" in said


@pytest.mark.parametrize("cell", ["a|b", "[a", "[1, 2", "{'a'}", "__import__('os')", "[open('x')]"])
def test_what_is_not_spelt_as_a_list_is_refused_and_never_run(cell: str) -> None:
    assert "(lines 3)" in refused(["['a']", cell], sets(LISTS))


@pytest.mark.parametrize(
    ("cells", "separator"),
    [
        ([["a"], []], LISTS),
        (["['a', 'b']", '["a"]'], LISTS),
        (["a|b;c", "a"], "|"),
        (["a;b, c", "a"], ";"),
        (["a,b"], ","),
        (["a", "b"], None),
        (["[a", "a,b"], ","),
        ([1, 2], None),
        ([], None),
    ],
)
def test_the_separator_is_the_rarest_that_occurs(cells: list[Any], separator: str | None) -> None:
    assert find_separator(cells) == separator


# --- numbers


@pytest.mark.parametrize(
    ("cells", "decimal", "found"),
    [
        (["3.5", " -2 ", "+1e3", ".5", "7."], "point", [3.5, -2.0, 1000.0, 0.5, 7.0]),
        (["3,5", "-2", "0,125"], "comma", [3.5, -2.0, 0.125]),
        ([3, 2.5, "1.5"], "point", [3.0, 2.5, 1.5]),
        ([3, 2.5, "1,5"], "comma", [3.0, 2.5, 1.5]),
    ],
)
def test_numbers(cells: list[Any], decimal: Any, found: list[float]) -> None:
    read = labels_of(cells, numbers(decimal))
    assert read == found
    assert all(type(number) is float for number in read)


@pytest.mark.parametrize(
    "cell", ["nan", "inf", "-inf", "NaN", "1e999", "1,5", "1.234.567", "0x1f", "1_000", "năm", True, [1]]
)
def test_what_is_no_finite_number_is_refused_by_line(cell: Any) -> None:
    said = refused(["1.5", cell, "2"], numbers("point"))
    assert f"1 of 3 rows hold {cell!r} or the like instead of a number in column 'nhãn' (lines 3)" in said
    assert "a decimal point (task.decimal)" in said


def test_infinity_of_json_is_refused_and_nan_is_missing() -> None:
    assert "hold inf or the like" in refused([1.5, float("inf")], numbers("point"))
    assert "1 of 2 rows have no label" in refused([1.5, float("nan")], numbers("point"))


def test_with_a_decimal_comma_a_point_is_refused() -> None:
    assert "hold '2.5' or the like" in refused(["1,5", "2.5"], numbers("comma"))


@pytest.mark.parametrize(
    ("cells", "decimal"),
    [
        (["1", "2"], "point"),
        (["1.5", "2"], "point"),
        (["3,5", "4", "0,25"], "comma"),
        (["3,5", 4.25], "comma"),
        ([1.5, 2], "point"),
        (["0.125", "1.250"], "point"),  # 0.125 is no group of thousands
        (["1,500", "0,5"], "comma"),
        (["3,5", "2.5"], None),  # both signs
        (["1.500", "2"], None),  # one and a half, or fifteen hundred đồng
        (["12,000", "1,250"], None),
        (["1.234,5"], "comma"),  # and then refused by its line, since thousands are grouped
        (["1.5000"], "point"),
    ],
)
def test_the_decimal_sign_is_told_only_where_it_can_be(cells: list[Any], decimal: str | None) -> None:
    assert find_decimal(cells) == decimal


# --- labels of all kinds


def test_names() -> None:
    assert names_of("a") == ("a",)
    assert names_of(("b", "a")) == ("b", "a")
    assert names_of(()) == names_of(2.5) == names_of(None) == ()
