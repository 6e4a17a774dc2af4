"""The columns behind a table: their names, their kinds, and what they say for each kind of task."""

from types import SimpleNamespace
from typing import Any

import pytest

from fewtune.cli._answers import Answers
from fewtune.registry import find
from fewtune.tasks._base import Prediction


def plan(*labels: str, task: str = "classification") -> Any:
    return SimpleNamespace(labels=labels, task=task, stated=True)


def test_one_label():
    answers = Answers.behind(["text"], plan("tệ", "tốt"), 0.8, None)
    found = answers.cells(Prediction("tốt", {"tệ": 0.2000004, "tốt": 0.7999996}))
    assert found == {
        "prediction": "tốt",
        "confidence": 0.8,
        "needs_review": False,  # the rule reads what is written
        "probability_tệ": 0.2,
        "probability_tốt": 0.8,
    }
    assert list(found) == list(answers.names)
    assert answers.cells(Prediction("tốt", {"tệ": 0.200001, "tốt": 0.799999}))["needs_review"] is True


def test_a_set_of_labels():
    prediction: Any = Prediction(("giao hàng", "giá"), {"giao hàng": 0.9, "giá": 0.6, "thái độ": 0.5})  # pyright: ignore[reportArgumentType]
    labels = plan("giao hàng", "giá", "thái độ", task="multilabel")
    text, many = (Answers.behind([], labels, 0.3, separator) for separator in (";", None))
    assert text.cells(prediction)["prediction"] == "giao hàng;giá"
    assert many.cells(prediction)["prediction"] == ["giao hàng", "giá"]
    assert many.cells(prediction)["confidence"] == pytest.approx(0.27)
    assert many.cells(prediction)["needs_review"] is True
    nothing: Any = Prediction((), {"giao hàng": 0.1, "giá": 0.1, "thái độ": 0.1})  # pyright: ignore[reportArgumentType]
    assert (text.cells(nothing)["prediction"], many.cells(nothing)["prediction"]) == ("", [])
    assert text.cells(nothing)["confidence"] == pytest.approx(0.729)


def test_a_number_has_no_confidence_and_no_review():
    number: Any = Prediction(3.14159265358979, {})  # pyright: ignore[reportArgumentType]
    answers = Answers.behind(["text"], plan(task="regression"), None, None)
    assert answers.cells(number) == {"prediction": 3.141593}
    assert answers.example(0.5) == {"prediction": 0.5}


def test_without_a_rule_nothing_is_said_about_review():
    answers = Answers.behind([], plan("a", "b"), None, None)
    assert list(answers.cells(Prediction("a", {"a": 0.6, "b": 0.4}))) == [
        "prediction", "confidence", "probability_a", "probability_b",
    ]  # fmt: skip


def test_names_that_are_taken_get_another():
    columns = ["prediction", "probability_a", "needs_review_new"]
    answers = Answers.behind(columns, plan("a", "a_new"), 0.5, None)
    assert list(answers.names.values()) == [
        "prediction_new", "confidence", "needs_review", "probability_a_new", "probability_a_new_new",
    ]  # fmt: skip
    cells = answers.cells(Prediction("a", {"a": 0.9, "a_new": 0.1}))
    assert (cells["probability_a_new"], cells["probability_a_new_new"]) == (0.9, 0.1)


@pytest.mark.parametrize("separator", ["|", None])
@pytest.mark.parametrize(
    ("task", "labels", "prediction"),
    [
        ("classification", ("a", "b"), Prediction("a", {"a": 0.9, "b": 0.1})),
        ("multilabel", ("a", "b"), Prediction(("a",), {"a": 0.9, "b": 0.1})),  # pyright: ignore[reportArgumentType]
        ("regression", (), Prediction(0.25, {})),  # pyright: ignore[reportArgumentType]
        ("question_answering", (), Prediction("Hà Nội", {})),
    ],
)
def test_the_example_has_the_kinds_of_the_real_cells(
    separator: str | None, task: str, labels: Any, prediction: Prediction
):
    answers = Answers.behind([], plan(*labels, task=task), 0.5 if labels else None, separator)
    real, example = answers.cells(prediction), answers.example(find("tasks", task).example)
    assert {name: type(value) for name, value in example.items()} == {name: type(v) for name, v in real.items()}
