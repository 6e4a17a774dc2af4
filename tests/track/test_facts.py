"""What trackers are told: names that all of them take, finite numbers, options as text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fewtune.record.event import Event
from fewtune.record.folder import RunFolder
from fewtune.record.result import Comparison, RunScores, Score
from fewtune.track._facts import LONGEST, final_numbers, numbers, options, plain_names, recall, remember
from track.runs import Train


def score(value: float) -> Score:
    return Score(value=value, low=value - 0.1, high=value + 0.1, n=10)


@given(st.lists(st.text(), unique=True))
def test_names_are_plain_and_stay_different(names: list[str]):
    plain = plain_names(dict.fromkeys(names))
    assert len(set(plain)) == len(plain) == len(names)
    assert all(re.fullmatch(r"[\w\-./]+", name) for name in plain)


def test_vietnamese_letters_stay():
    assert plain_names({"test/f1.rất tệ": 0, "test/f1.rất-tệ": 0, "a?": 0, "a!": 0}) == [
        "test/f1.rất_tệ",
        "test/f1.rất-tệ",
        "a_",
        "a__2",
    ]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            Event(kind="step", step=1, loss=0.5, learning_rate=1e-3, gradient_norm=2.0),
            {"train/loss": 0.5, "train/learning_rate": 1e-3, "train/gradient_norm": 2.0},
        ),
        (Event(kind="step", step=1, loss=0.5), {"train/loss": 0.5}),
        (
            Event(kind="evaluation", loss=0.5, train_loss=0.25, scores={"accuracy": 0.75}),
            {"validation/loss": 0.5, "train/epoch_loss": 0.25, "validation/accuracy": 0.75},
        ),
        (Event(kind="done"), {}),
        (Event(kind="phase", phase="test"), {}),
    ],
)
def test_the_numbers_of_an_event(event: Event, expected: dict[str, float]):
    assert numbers(event) == expected


def test_what_is_not_finite_is_left_out():
    """The gradient of a step that fp16 skipped is infinite, and not every tracker takes that."""
    event = Event.model_construct(kind="step", step=1, loss=0.5, gradient_norm=float("inf"), learning_rate=float("nan"))
    assert numbers(event) == {"train/loss": 0.5}


def test_final_numbers_carry_their_intervals():
    comparison = Comparison(
        baseline="majority", split="test", metric="accuracy", difference=score(0.2), p_value=0.03, significant=True
    )
    scores = RunScores(
        test={"accuracy": score(0.8)}, baselines={"majority": {"test": {"accuracy": score(0.5)}}}, comparison=comparison
    )
    found = final_numbers(scores)
    assert found == pytest.approx(
        {
            "test/accuracy": 0.8,
            "test/accuracy.low": 0.7,
            "test/accuracy.high": 0.9,
            "baseline/majority/accuracy": 0.5,
            "baseline/majority/accuracy.low": 0.4,
            "baseline/majority/accuracy.high": 0.6,
            "test_minus_baseline/accuracy": 0.2,
            "test_minus_baseline/accuracy.low": 0.1,
            "test_minus_baseline/accuracy.high": 0.3,
            "test_minus_baseline/p_value": 0.03,
        }
    )
    assert final_numbers(RunScores()) == {}


def test_options_are_all_there_as_text(train: Train):
    folder = RunFolder(train("r", task={"name": "classification", "labels": ["tệ", "tốt"]}))
    found = options(folder)
    assert found["task.labels"] == '["tệ", "tốt"]'
    assert found["train.epochs"] == "2" and found["hardware.precision"] == "fp32"
    assert found["plan.rows.train"] == "42"
    assert found["plan.data_sha256.đánh_giá.csv"] == next(iter(folder.read_plan().data_sha256.values()))
    assert all(len(text) <= LONGEST for text in found.values())


def test_what_is_remembered_is_recalled(tmp_path):
    folder = RunFolder(tmp_path)
    assert recall(folder, "mlflow") == {}
    remember(folder, "mlflow", {"run": "1"})
    remember(folder, "wandb", {"run": "đ"})
    assert (recall(folder, "mlflow"), recall(folder, "wandb")) == ({"run": "1"}, {"run": "đ"})
