"""Classification keeps the contract of tasks, and the contract notices each way to break it."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from fewtune.data.rows import Row
from fewtune.tasks._base import Batch, Features, Prediction, Task
from fewtune.tasks.classification import Classification
from fewtune.testing import check_task, task_checks
from models import ARCHITECTURES, tiny_model, tiny_tokenizer

TEXTS = [
    "Great!",
    "The parcel never came, and nobody answers.",
    "It is blue.",
    "Tuyệt vời",
    "No. Never again, not even once",
]
ROWS = [
    Row(text, None, label, number)
    for number, (text, label) in enumerate(zip(TEXTS, ["good", "bad", "plain", "good", "bad"], strict=True))
]
PAIRS = [Row(row.text, "Is it " + "so " * row.number + "?", row.label, row.number) for row in ROWS]
TASK = Classification(max_length=40)
CHECKS = {check.__name__: check for check in task_checks()}


@pytest.mark.parametrize("check", task_checks(), ids=lambda check: check.__name__)
@pytest.mark.parametrize("rows", [ROWS, PAIRS], ids=["texts", "pairs"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_classification_keeps_the_contract(architecture: str, rows: list[Row], check: Callable[..., None]) -> None:
    check(TASK, rows, tiny_tokenizer(architecture), tiny_model(architecture))


class Mean(Classification):
    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        return super().loss(outputs, batch) / len(outputs)


class NoGradient(Classification):
    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        return super().loss(outputs.detach(), batch)


class CountsWords(Classification):
    def count(self, batch: Batch) -> float:
        return float(batch["input_ids"].numel())


class CountsNothing(Classification):
    def count(self, batch: Batch) -> float:
        return 0.0


class ForgetsTheMask(Classification):
    def collate(self, features: Sequence[Features], tokenizer: Any) -> Batch:
        batch = super().collate(features, tokenizer)
        return batch | {"attention_mask": torch.ones_like(batch["attention_mask"])}


class DropsARow(Classification):
    def encode(self, rows: Sequence[Row], tokenizer: Any) -> list[Features]:
        return super().encode(rows, tokenizer)[1:]


class TurnsRowsAround(Classification):
    def encode(self, rows: Sequence[Row], tokenizer: Any) -> list[Features]:
        return super().encode(rows, tokenizer)[::-1]


class PadsWhileEncoding(Classification):
    def encode(self, rows: Sequence[Row], tokenizer: Any) -> list[Features]:
        features = super().encode(rows, tokenizer)
        longest = max((len(piece["input_ids"]) for piece in features), default=0)
        return [
            piece | {"input_ids": piece["input_ids"] + [1] * (longest - len(piece["input_ids"]))} for piece in features
        ]


class SortsPredictions(Classification):
    def decode(self, outputs: Tensor) -> list[Prediction]:
        return sorted(super().decode(outputs), key=lambda said: said.label)


class SaysTheLeastLikely(Classification):
    def decode(self, outputs: Tensor) -> list[Prediction]:
        least = super().decode(-outputs)
        return [
            Prediction(one.label, said.probabilities) for one, said in zip(least, super().decode(outputs), strict=True)
        ]


class ScoresShifted(Classification):
    def metrics(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> dict[str, float]:
        return super().metrics(rows, list(predictions)[1:] + list(predictions)[:1])


class AlwaysPerfect(Classification):
    def metrics(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> dict[str, float]:
        return {"macro_f1": 1.0}


class AnotherObjective(Classification):
    def metrics(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> dict[str, float]:
        return {"accuracy": super().metrics(rows, predictions)["accuracy"]}


BROKEN = {
    DropsARow: "encode_keeps_every_row",
    TurnsRowsAround: "encode_keeps_every_row",
    PadsWhileEncoding: "encode_keeps_every_row",
    ForgetsTheMask: "padding_is_invisible",
    CountsWords: "count_adds_up",
    CountsNothing: "count_adds_up",
    Mean: "loss_is_a_sum",
    NoGradient: "loss_is_a_sum",
    SortsPredictions: "decode_keeps_the_order",
    SaysTheLeastLikely: "decode_keeps_the_order",
    ScoresShifted: "perfect_predictions_score_one",
    AlwaysPerfect: "perfect_predictions_score_one",
    AnotherObjective: "perfect_predictions_score_one",
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_a_broken_promise_is_noticed(broken: type[Task]) -> None:
    task = broken(max_length=40)
    with pytest.raises(AssertionError, match="classification: "):
        CHECKS[BROKEN[broken]](task, ROWS, tiny_tokenizer("bert"), tiny_model("bert"))
    with pytest.raises(AssertionError):
        check_task(task, ROWS, tiny_tokenizer("bert"), tiny_model("bert"))


def test_rows_of_one_length_are_refused() -> None:
    rows = [Row(text, None, label, number) for number, (text, label) in enumerate([("no", "bad"), ("ok", "good")])]
    with pytest.raises(AssertionError, match="give rows of different lengths"):
        check_task(TASK, rows, tiny_tokenizer("bert"), tiny_model("bert", labels=2))


def test_every_check_is_broken_once() -> None:
    assert set(BROKEN.values()) == CHECKS.keys()
