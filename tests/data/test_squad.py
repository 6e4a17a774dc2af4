"""SQuAD's JSON becomes one row a question, and what is missing in it is named."""

import json
from pathlib import Path

import pytest

from fewtune.data.read import read
from fewtune.errors import DataError


def written(folder: Path, value) -> Path:
    path = folder / "squad.json"
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return path


def article(*questions: dict) -> dict:
    return {"title": "Huế", "paragraphs": [{"context": "Huế là cố đô.", "qas": list(questions)}]}


FIRST = {"id": "a", "question": "Ở đâu?", "answers": [{"text": "Huế", "answer_start": 0}]}


def test_one_row_a_question(tmp_path: Path) -> None:
    table = read(written(tmp_path, {"version": "1.1", "data": [article(FIRST), article(FIRST, {**FIRST, "id": "b"})]}))
    assert table.columns == ("id", "title", "context", "question", "answers")
    assert [row["id"] for row in table.rows] == ["a", "a", "b"]
    assert table.rows[0] == {
        "id": "a",
        "title": "Huế",
        "context": "Huế là cố đô.",
        "question": "Ở đâu?",
        "answers": FIRST["answers"],
    }
    assert (table.lines, table.counts) == ([1, 2, 3], "row")
    assert "3 questions" in table.notes[0].say("en")


def test_version_two_says_what_is_impossible(tmp_path: Path) -> None:
    none = {"id": "b", "question": "Khi nào?", "is_impossible": True, "plausible_answers": []}
    table = read(written(tmp_path, {"data": [article(FIRST, none)]}))
    assert [row["is_impossible"] for row in table.rows] == [False, True]
    assert table.rows[1]["answers"] == []


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"data": [{"paragraphs": [{"qas": []}]}]}, r"data\[0\].paragraphs\[0\] has no 'context'"),
        ({"data": [{"paragraphs": []}, {"title": "x"}]}, r"data\[1\] has no 'paragraphs'"),
        ({"data": [article({"id": "a"})]}, r"data\[0\].paragraphs\[0\].qas\[0\] has no 'question'"),
        ({"data": [{"paragraphs": [{"context": "x", "qas": {}}]}]}, r"data\[0\].paragraphs\[0\] has no 'qas'"),
        ({"data": [{"paragraphs": ["x"]}]}, "has no 'context'"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, value, place: str) -> None:
    with pytest.raises(DataError, match=place) as caught:
        read(written(tmp_path, value))
    assert "SQuAD" in caught.value.say("vi")


def test_other_json_is_read_as_before(tmp_path: Path) -> None:
    assert read(written(tmp_path, {"data": [{"text": "a", "label": "b"}]})).columns == ("text", "label")
