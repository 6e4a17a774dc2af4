"""The label column decides the task, and where two fit equally well a person does."""

from pathlib import Path
from typing import Any

import pytest

from fewtune.data.columns import Given
from fewtune.data.labels import LabelColumn, label_column
from fewtune.data.read import Table, read
from fewtune.errors import DataError
from fewtune.registry import example, find, names
from fewtune.tasks._choose import by_label, choose
from fewtune.tasks._sequence import SequenceTask


def column(cells: list[Any]) -> LabelColumn:
    rows = [{"nhãn": cell} for cell in cells]
    return label_column(Table(Path("a.csv"), ("nhãn",), rows, list(range(len(rows))), ""), "nhãn")


@pytest.mark.parametrize(
    ("cells", "task", "why"),
    [
        (["tốt", "tệ"] * 5, "classification", "2 different values in 10 rows"),
        ([0, 1, 2] * 4, "classification", "3 different values in 12 rows"),
        ([f"câu {n}" for n in range(9)], "classification", "9 different values in 9 rows"),
        ([["a"], []] * 4, "multilabel", "lists of labels"),
        (["a|b", "a", "b|c"] * 3, "multilabel", "several labels in a cell, separated by '|'"),
        (["3,5", "4", "2,25"] * 4, "regression", "numbers such as 3,5; 4; 2,25"),
        ([7 * n for n in range(40)], "regression", "numbers such as 0; 7; 14"),
    ],
)
def test_the_only_one_that_fits_is_taken_with_the_reason(cells: list[Any], task: str, why: str) -> None:
    found, reason = by_label(column(cells))
    assert found.name == task
    assert reason.say() == why
    assert reason.say("vi") != why


@pytest.mark.parametrize("name", names("tasks"))
def test_the_example_of_a_task_is_read_by_it(name: str, tmp_path: Path) -> None:
    file, text = example(name) or ("", "")
    (tmp_path / file).write_text(text, encoding="utf-8")
    data = read(tmp_path / file)
    task = find("tasks", name)()
    columns = task.columns(data, Given())
    rows = task.reading(data, columns).rows(data, columns)
    assert len(rows) >= 2 and all(row.text and (row.label is not None or task.plain_text) for row in rows)
    if not isinstance(task, SequenceTask):  # those are told apart by many labels
        assert choose(data, Given())[0].name == name


@pytest.mark.parametrize(
    ("cells", "tasks"),
    [
        (["1", "2", "3", "4", "5"] * 4, ("classification", "regression")),
        (list(range(11)) * 3, ("classification", "regression")),
        (["giá, hàng", "giá", "hàng, giao"] * 5, ("classification", "multilabel")),
    ],
)
def test_where_two_fit_both_are_proposed(cells: list[Any], tasks: tuple[str, str]) -> None:
    with pytest.raises(DataError) as caught:
        by_label(column(cells))
    said = str(caught.value).split("\n")
    assert "the column 'nhãn' fits more than one task" in said[0]
    assert tuple(line.split(":")[0] for line in said[1:]) == tuple(f"--task {name}" for name in tasks)
    assert "Hãy chọn" in caught.value.say("vi")
    assert "cột" in caught.value.say("vi") and "là một nhãn riêng" in caught.value.say("vi")
