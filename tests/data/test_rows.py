"""Rows are what the file says, or an error that names the lines."""

import unicodedata
from pathlib import Path

import pytest

from fewtune.data.columns import Columns
from fewtune.data.read import Table
from fewtune.data.rows import Row, rows
from fewtune.errors import DataError

QUESTION = "Tôi muốn khóa thẻ vì vừa làm mất ví."
ANSWER = "Thẻ của bạn đã được khóa."


def table(*cells: tuple) -> Table:
    found = [dict(zip(("câu", "đáp", "nhãn"), each, strict=True)) for each in cells]
    return Table(Path("the.jsonl"), ("câu", "đáp", "nhãn"), found, [10 * (n + 1) for n in range(len(found))], "")


def refusal(data: Table, columns: Columns) -> DataError:
    with pytest.raises(DataError) as raised:
        rows(data, columns)
    assert "the.jsonl" in str(raised.value)
    assert raised.value.say("vi") != str(raised.value)
    return raised.value


BOTH = Columns("câu", "đáp", "nhãn", {})
SINGLE = Columns("câu", None, "nhãn", {})


def test_rows_keep_texts_and_labels_as_they_are():
    decomposed = unicodedata.normalize("NFD", QUESTION)
    data = table((decomposed, ANSWER, " Khóa thẻ"), (f"  {QUESTION}\n", ANSWER, "khác"))
    assert rows(data, BOTH) == [
        Row(decomposed, ANSWER, " Khóa thẻ", 0),
        Row(f"  {QUESTION}\n", ANSWER, "khác", 1),
    ]
    assert rows(data, Columns("đáp", None, None, {}))[1] == Row(ANSWER, None, None, 1)


def test_labels_without_quotes_become_strings():
    data = table(*((QUESTION, None, label) for label in (1, 1.0, True, False, 0, 2.5, "1")))
    assert [row.label for row in rows(data, SINGLE)] == ["1", "1", "true", "false", "0", "2.5", "1"]


@pytest.mark.parametrize("nothing", [None, "", " \t\n", float("nan")])
@pytest.mark.parametrize(
    ("place", "id", "column", "option"),
    [
        (0, "data_text_missing", "câu", "data.text_column"),
        (1, "data_text_missing", "đáp", "data.pair_column"),
        (2, "data_label_missing", "nhãn", "data.label_column"),
    ],
)
def test_missing_cells_are_named_by_line(nothing, place, id, column, option):
    full = (QUESTION, ANSWER, "khóa thẻ")
    broken = (*full[:place], nothing, *full[place + 1 :])
    error = refusal(table(full, broken, full, broken), BOTH)
    assert error.id == id
    for part in ["2 of 4 rows", f"'{column}'", "(lines 20, 40)", option]:
        assert part in str(error)


def test_a_column_that_is_not_used_may_be_empty():
    assert len(rows(table((QUESTION, None, None)), Columns("câu", None, None, {}))) == 1


def test_five_lines_are_named_and_the_rest_counted():
    error = refusal(table(*[("", ANSWER, "a")] * 7), SINGLE)
    assert "7 of 7 rows" in str(error)
    assert "(lines 10, 20, 30, 40, 50, …)" in str(error)
    assert "(lines 10, 20, 30, 40, 50)" in str(refusal(table(*[("", ANSWER, "a")] * 5), SINGLE))


@pytest.mark.parametrize(
    ("value", "kind"),
    [(["a"], "a list"), ({"a": 1}, "an object"), (3, "a number"), (2.5, "a number"), (True, "true or false")],
)
def test_a_text_that_is_no_string_is_refused(value, kind):
    error = refusal(table((QUESTION, "", "a"), (value, "", "a")), SINGLE)
    assert error.id == "data_text_kind"
    for part in ["1 of 2 rows", f"hold {kind} instead", "'câu'", "(lines 20)", "data.text_column"]:
        assert part in str(error)


@pytest.mark.parametrize(
    ("value", "kind"), [(["a", "b"], "a list"), ({"a": 1}, "an object"), (float("inf"), "a number")]
)
def test_a_label_that_is_no_single_value_is_refused(value, kind):
    error = refusal(table((QUESTION, "", "a"), (QUESTION, "", value)), SINGLE)
    assert error.id == "data_label_kind"
    for part in ["1 of 2 rows", f"hold {kind} instead", "'nhãn'", "(lines 20)", "data.label_column"]:
        assert part in str(error)


def test_groups_are_read_where_there_is_a_column_and_may_be_missing():
    data = table((QUESTION, "Huế", "a"), (QUESTION, None, "a"), (QUESTION, 7, "b"), (QUESTION, " ", "b"))
    found = rows(data, Columns("câu", None, "nhãn", {}, "đáp"))
    assert [row.group for row in found] == ["Huế", None, "7", None]
    assert [row.group for row in rows(data, SINGLE)] == [None] * 4


def test_a_column_that_another_file_lacks_is_named():
    error = refusal(table((QUESTION, ANSWER, "a")), Columns("câu", None, "nhãm", {}))
    assert "data.label_column names the column 'nhãm', which does not exist; did you mean 'nhãn'?" in str(error)
    with pytest.raises(DataError, match=r"data\.group_column names the column 'vùng'"):
        rows(table((QUESTION, ANSWER, "a")), Columns("câu", None, "nhãn", {}, "vùng"))
