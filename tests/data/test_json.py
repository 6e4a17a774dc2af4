"""The forms of JSON that people have, with pandas' own named by what its functions write."""

import json
from pathlib import Path
from typing import Any

import pytest

from fewtune.data.read import read, stream
from fewtune.errors import DataError

PRAISE, BLAME = "Quán phở này ngon tuyệt", "Dở ẹc"
ROWS = [{"text": PRAISE, "label": 1}, {"text": BLAME, "label": 0}]


@pytest.fixture
def file(tmp_path: Path):
    def make(content: Any, name: str = "a.json") -> Path:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False), "utf-8")
        return path

    return make


def failure(path: Path) -> DataError:
    with pytest.raises(DataError) as raised:
        read(path)
    assert raised.value.say("vi") != str(raised.value)
    return raised.value


@pytest.mark.parametrize(
    "content",
    [
        ROWS,
        {"data": ROWS},
        {"examples": ROWS},
        {"text": [PRAISE, BLAME], "label": [1, 0]},
        {"text": {"0": PRAISE, "1": BLAME}, "label": {"1": 0, "0": 1}},  # DataFrame.to_json()
    ],
)
def test_records_and_columns_are_the_same_table(file, content: Any):
    table = read(file(content))
    assert table.columns == ("text", "label")
    assert table.rows == ROWS
    assert (table.lines, table.counts, table.notes) == ([1, 2], "row", ())
    assert [row for _, row in stream(file(content))] == ROWS


def test_what_else_is_in_the_file_is_said(file):
    table = read(file({"version": "1.0", "data": ROWS, "authors": ["An"]}))  # DataFrame.to_json(orient="table") too
    assert table.rows == ROWS
    assert "under 'data'; what else is in the file is not read ('version', 'authors')" in table.notes[0].say()


def test_missing_names_are_none(file):
    table = read(file([{"text": PRAISE}, {"label": 1, "text": BLAME}]))
    assert table.rows == [{"text": PRAISE, "label": None}, {"text": BLAME, "label": 1}]


def test_json_lines_under_another_name_are_read_and_said(file):
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS) + "\n"
    table = read(file(lines))
    assert table.rows == ROWS
    assert [note.id for note in table.notes] == ["data_json_is_lines"]
    assert list(stream(file(lines))) == [(1, ROWS[0]), (2, ROWS[1])]
    assert read(file(json.dumps(ROWS[0]) + "\n", "one.jsonl")).rows == ROWS[:1]


@pytest.mark.parametrize(
    ("content", "id", "said"),
    [
        ("", "data_file_empty", "is empty"),
        ("[]", "data_no_rows", "no rows"),
        ('[{"text": "a"},\n {"text": }]', "data_json_invalid", "line 2: Expecting value (character 11)"),
        ('[{"text": "a", "text": "b"}]', "data_json_invalid", "'text' appears twice"),
        ('[{"text": "\\ud83d"}]', "data_json_invalid", "surrogates"),
        ("[" * 100_000, "data_json_invalid", "recursion"),
        ([1, 2], "data_json_row", "row 1 is a JSON int"),
        ([ROWS[0], "b"], "data_json_row", "row 2 is a JSON str"),
        ("3", "data_json_form", "holds a JSON int"),
        ({"text": "a"}, "data_json_form", "holds a JSON object"),
        ({"a": {"0": 1}, "b": {"1": 1}}, "data_json_form", "holds a JSON object"),
        ({"columns": ["a"], "data": [["b"]], "name": "split"}, "data_json_form", "holds a JSON object"),
        ({"text": ["a", "b"], "label": [1]}, "data_json_lengths", "'text' 2, 'label' 1"),
        ({"train": ROWS, "test": ROWS}, "data_json_several", "'train', 'test'"),
        ([{"": "a"}], "data_column_unnamed", "column 1 of 1"),
    ],
)
def test_what_is_no_table_is_refused(file, content: Any, id: str, said: str):
    error = failure(file(content))
    assert error.id == id
    assert said in str(error)
