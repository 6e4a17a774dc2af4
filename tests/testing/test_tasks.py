"""Every task keeps the contract of tasks, and the contract notices each way to break it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Self

import pytest
import torch
from torch import Tensor

from fewtune.data.answers import Texts
from fewtune.data.labels import Label
from fewtune.data.rows import Row
from fewtune.data.split import Split
from fewtune.evidence.compare import Difference
from fewtune.record.result import Scores
from fewtune.tasks._base import Baseline, Batch, Features, Prediction, Said, Task
from fewtune.tasks.classification import Classification
from fewtune.tasks.language_modeling import LanguageModeling
from fewtune.tasks.multilabel import Multilabel
from fewtune.tasks.regression import Regression
from fewtune.tasks.seq2seq import Seq2seq
from fewtune.tasks.sft import Sft
from fewtune.testing import check_task, task_checks
from models import ARCHITECTURES, DECODERS, MASKED, WRITERS, tiny_config, tiny_model, tiny_tokenizer

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
SETS = [(), ("good", "xấu"), ("good",), ("plain", "xấu"), ("plain",)]
NUMBERS = [4.5, -1.0, 0.25, 5.0, -1.0]


def labelled(rows: Sequence[Row], labels: Sequence[Label]) -> list[Row]:
    return [Row(row.text, row.pair, label, row.number) for row, label in zip(rows, labels, strict=True)]


# Name → the task and its labels.
TASKS: dict[str, tuple[Task, Sequence[Label]]] = {
    "classification": (TASK, [str(row.label) for row in ROWS]),
    "classification_weighted": (Classification(max_length=40, class_weights="balanced"), [str(r.label) for r in ROWS]),
    "multilabel": (Multilabel(max_length=40), SETS),
    "multilabel_weighted": (Multilabel(max_length=40, class_weights="balanced"), SETS),
    "multilabel_never_empty": (Multilabel(max_length=40), [("good",), *SETS[1:]]),
    "regression": (Regression(max_length=40), NUMBERS),
}
OUTPUTS = {"regression": 1}
CHECKS = {check.__name__: check for check in task_checks()}


@pytest.mark.parametrize("check", task_checks(), ids=lambda check: check.__name__)
@pytest.mark.parametrize("rows", [ROWS, PAIRS], ids=["texts", "pairs"])
@pytest.mark.parametrize("name", TASKS)
def test_every_task_keeps_the_contract(name: str, rows: list[Row], check: Callable[..., None]) -> None:
    task, labels = TASKS[name]
    check(task, labelled(rows, labels), tiny_tokenizer("bert"), tiny_model("bert", labels=OUTPUTS.get(name, 3)))


@pytest.mark.parametrize("name", ["classification", "multilabel", "regression"])
@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if name != "bert"])
def test_every_task_works_on_every_architecture(architecture: str, name: str) -> None:
    """The checks that ask the model."""
    task, labels = TASKS[name]
    tokenizer, model = tiny_tokenizer(architecture), tiny_model(architecture, labels=OUTPUTS.get(name, 3))
    for rows in (ROWS, PAIRS):
        for check in ("padding_is_invisible", "loss_is_a_sum", "decode_keeps_the_order", "what_is_fitted_is_kept"):
            CHECKS[check](task, labelled(rows, labels), tokenizer, model)


TARGETS = [
    Texts((text,))
    for text in ("Tuyệt vời quá", "It never came here", "xanh lam đậm", "Tuyệt vời", "không bao giờ nữa đâu")
]


@pytest.mark.parametrize("check", task_checks(), ids=lambda check: check.__name__)
@pytest.mark.parametrize("architecture", WRITERS)
def test_text_to_text_keeps_the_contract(architecture: str, check: Callable[..., None]) -> None:
    model = tiny_model(architecture, head=Seq2seq.auto_class)
    task = Seq2seq(max_length=40, max_target_length=12)
    check(task, labelled(ROWS, TARGETS), tiny_tokenizer(architecture), model)


LANGUAGE = {
    **{name: LanguageModeling(max_length=12, objective_kind="causal") for name in DECODERS},
    **{f"{name}_packed": LanguageModeling(max_length=12, packing=True) for name in DECODERS},
    **{name: LanguageModeling(max_length=12, objective_kind="masked") for name in MASKED},
}


@pytest.mark.parametrize("check", task_checks(), ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", LANGUAGE)
def test_language_modeling_keeps_the_contract(name: str, check: Callable[..., None]) -> None:
    architecture, task = name.removesuffix("_packed"), LANGUAGE[name]
    rows = [Row(row.text, None, None, row.number) for row in ROWS]
    check(task, rows, tiny_tokenizer(architecture), tiny_model(architecture, head=task.auto_class))


def chatting(architecture: str, **options: Any) -> tuple[Task, Any]:
    tokenizer, config = tiny_tokenizer(architecture), tiny_config(architecture)
    config.architectures = ["XForCausalLM"]
    return Sft(max_length=48, **options).for_model(config, tokenizer, "x"), tokenizer


@pytest.mark.parametrize("check", task_checks(), ids=lambda check: check.__name__)
@pytest.mark.parametrize("packing", [False, True], ids=["padded", "packed"])
@pytest.mark.parametrize("architecture", DECODERS)
def test_instructions_keep_the_contract(architecture: str, packing: bool, check: Callable[..., None]) -> None:
    task, tokenizer = chatting(architecture, packing=packing)
    check(task, labelled(ROWS, TARGETS), tokenizer, tiny_model(architecture, head=Sft.auto_class))


class Mean(Classification):
    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        return super().loss(outputs, batch) / len(outputs)


class NoGradient(Classification):
    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        return super().loss(outputs.detach(), batch)


class TrainsSharper(Classification):
    def forward(self, model: Any, batch: Batch) -> Tensor:
        return 1.01 * self.outputs(model, batch)


class TrainsTheTop(Classification):
    def forward(self, model: Any, batch: Batch) -> Tensor:
        outputs = self.outputs(model, batch)
        return outputs.detach() + (outputs - outputs.detach()) / 2


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
    def decode(self, said: Said) -> list[Prediction]:
        return sorted(super().decode(said), key=lambda one: str(one.label))


class SaysTheLeastLikely(Classification):
    def decode(self, said: Said) -> list[Prediction]:
        least = super().decode(replace(said, outputs=[-kept for kept in said.outputs]))
        return [
            Prediction(one.label, most.probabilities) for one, most in zip(least, super().decode(said), strict=True)
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


class DecidesAgain(Classification):
    def prepare(self, rows: Sequence[Row]) -> Self:
        return super().prepare(rows).model_copy(update={"max_length": (self.max_length or 0) + 1})


class FitsAgain(Classification):
    def calibrated(self, said: Said) -> Self:
        return self.model_copy(update={"temperature": 2 * (self.temperature or 1)})


class HigherErrors(Classification):
    @property
    def compared(self) -> str:
        return "rmse"

    def metrics(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> dict[str, float]:
        return {**super().metrics(rows, predictions), "rmse": 0.0}


class ScoresOthers(Classification):
    def score(self, rows: Sequence[Row], predictions: Sequence[Prediction], *rest: Any) -> Scores:
        found = super().score(rows, predictions, *rest)
        return {**found, "accuracy": found["accuracy"].model_copy(update={"value": 0.0, "low": 0.0})}


class NoBaselines(Classification):
    def baselines(self, *rows: Any) -> dict[str, Baseline]:
        return {}


class ShortBaselines(Classification):
    def baselines(self, *rows: Any) -> dict[str, Baseline]:
        learned = super().baselines(*rows)["majority"]
        return {"majority": lambda rows: learned(rows)[1:]}


class ComparesTheOther(Classification):
    def compare(self, rows: Any, tuned: Any, other: Any, confidence: float, resamples: int) -> Difference:
        return super().compare(rows, other, tuned, confidence, resamples)


class LosesARow(Classification):
    def split(self, rows: Sequence[Row], **options: Any) -> Split:
        found = super().split(rows, **options)
        return Split(found.train[1:], found.validation, found.test)


class PartsEqualRows(Classification):
    def split(self, rows: Sequence[Row], **options: Any) -> Split:
        return super().split(rows, **{**options, "together": range(len(rows))})


BROKEN = {
    DropsARow: "encode_keeps_every_row",
    TurnsRowsAround: "encode_keeps_every_row",
    PadsWhileEncoding: "encode_keeps_every_row",
    ForgetsTheMask: "padding_is_invisible",
    CountsWords: "count_adds_up",
    CountsNothing: "count_adds_up",
    Mean: "loss_is_a_sum",
    NoGradient: "loss_is_a_sum",
    TrainsSharper: "training_has_that_loss",
    TrainsTheTop: "training_has_that_loss",
    SortsPredictions: "decode_keeps_the_order",
    SaysTheLeastLikely: "decode_keeps_the_order",
    ScoresShifted: "perfect_predictions_score_best",
    AlwaysPerfect: "perfect_predictions_score_best",
    AnotherObjective: "perfect_predictions_score_best",
    DecidesAgain: "options_come_back",
    FitsAgain: "what_is_fitted_is_kept",
    HigherErrors: "perfect_predictions_score_best",
    ScoresOthers: "scores_hold_the_metrics",
    NoBaselines: "baselines_answer_every_row",
    ShortBaselines: "baselines_answer_every_row",
    ComparesTheOther: "comparison_is_paired",
    LosesARow: "split_takes_every_row_once",
    PartsEqualRows: "split_takes_every_row_once",
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
