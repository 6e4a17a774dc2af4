"""Question, context and answer are found under the names that people give them, and what is missing is named."""

from pathlib import Path
from typing import Any

import pytest

from fewtune.data.answers import Spans
from fewtune.data.columns import Given
from fewtune.data.read import Table
from fewtune.errors import DataError
from fewtune.tasks._choose import choose
from fewtune.tasks.question_answering import QuestionAnswering

GIVEN = Given()


def table(*rows: dict[str, Any]) -> Table:
    return Table(Path("a.csv"), tuple(rows[0]), list(rows), list(range(2, 2 + len(rows))), "")


@pytest.mark.parametrize(
    ("names", "start"),
    [
        (("question", "context", "answer"), None),
        (("Question", "Passage", "answers"), "answer_start"),
        (("câu hỏi", "ngữ cảnh", "câu trả lời"), "vị trí"),
        (("cau_hoi", "doan_van", "dap_an"), "vi tri bat dau"),
        (("Câu hỏi", "Đoạn văn", "Đáp án"), None),
    ],
)
def test_columns_are_found_by_name(names: tuple[str, str, str], start: str | None) -> None:
    row = {"id": "1", names[0]: "Ở đâu?", names[1]: "Ở Huế.", names[2]: "Huế"} | ({start: "2"} if start else {})
    found = table(row, row)
    task, columns, why = choose(found, GIVEN)
    assert task.name == "question_answering"
    assert names[0] in why.say("vi")
    assert (columns.text, columns.pair, columns.label) == names
    assert columns.others == ({"start": start} if start else {})
    read = task.rows(found, columns)[0]
    assert (read.text, read.pair, read.label) == ("Ở đâu?", "Ở Huế.", Spans(("Huế",), (2 if start else None,)))


def test_given_columns_are_taken() -> None:
    found = table({"q": "Ở đâu?", "c": "Ở Huế.", "a": "Huế", "s": 2, "where": "x"})
    task = QuestionAnswering(start_column="s")
    columns = task.columns(found, Given("q", "c", "a", "where"))
    assert (columns.text, columns.pair, columns.label, columns.group) == ("q", "c", "a", "where")
    assert task.rows(found, columns)[0].label == Spans(("Huế",), (2,))
    assert task.rows(found, columns)[0].group == "x"
    assert QuestionAnswering.recognised(found, Given("q", "c", "a")) is None, "names that say nothing choose no task"
    with pytest.raises(DataError, match="'b'"):
        task.columns(found, Given("q", "b", "a"))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"question": "x", "answer": "y"}, r"no column holds the text that the question is about.*data\.pair_column"),
        ({"context": "x", "answer": "y"}, r"no column holds the question.*data\.text_column"),
        ({"question": "x", "context": "y"}, r"no column holds the answer.*data\.label_column"),
        ({"question": "x", "Question": "z", "context": "y", "answer": "y"}, "are called alike"),
    ],
)
def test_what_is_missing_is_named(row: dict[str, str], words: str) -> None:
    with pytest.raises(DataError, match=words):
        QuestionAnswering().columns(table(row), GIVEN)


def test_a_column_cannot_be_two() -> None:
    with pytest.raises(DataError, match="context"):
        QuestionAnswering().columns(table({"question": "x", "context": "y"}), Given(label="context"))


def test_impossible_questions_have_no_answer() -> None:
    found = table(
        {"question": "a", "context": "b c", "answers": {"text": ["b"], "answer_start": [0]}, "is_impossible": True},
        {"question": "a", "context": "b c", "answers": {"text": ["b"], "answer_start": [0]}, "is_impossible": False},
    )
    task = QuestionAnswering()
    rows = task.rows(found, task.columns(found, GIVEN))
    assert [row.label for row in rows] == [Spans((), ()), Spans(("b",), (0,))]


def test_without_answers_there_are_questions_to_answer() -> None:
    found = table({"question": "a", "context": "b c"})
    task = QuestionAnswering()
    assert task.rows(found, task.columns(found, GIVEN, need_label=False))[0].label is None


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"answer": "b", "answer_start": "two"}, r"hold 'two' instead of a place in column 'answer_start' \(lines 2\)"),
        ({"answer": {"x": 1}}, r"instead of an answer in column 'answer' \(lines 2\)"),
        ({"answer": "b", "is_impossible": "perhaps"}, "hold 'perhaps' in column 'is_impossible'"),
    ],
)
def test_cells_that_cannot_be_read(row: dict[str, Any], words: str) -> None:
    found = table({"question": "a", "context": "b c", **row})
    task = QuestionAnswering()
    with pytest.raises(DataError, match=words) as caught:
        task.rows(found, task.columns(found, GIVEN))
    assert caught.value.say("vi")


def test_an_empty_question_is_refused() -> None:
    found = table({"question": " ", "context": "b c", "answer": "b"})
    task = QuestionAnswering()
    with pytest.raises(DataError, match="lines 2"):
        task.rows(found, task.columns(found, GIVEN))


def test_a_second_file_may_lack_the_places() -> None:
    first = table({"question": "a", "context": "b c", "answer": "b", "answer_start": 0})
    second = table({"question": "a", "context": "b c", "answer": "c"})
    task = QuestionAnswering()
    assert task.rows(second, task.columns(first, GIVEN))[0].label == Spans(("c",), (None,))
