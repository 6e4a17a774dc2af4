"""What a task is: how rows become batches, which loss they carry, and how predictions are judged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from fewtune.config import Config

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from fewtune.data.rows import Row
    from fewtune.record.result import Confusion, Scores

Features = dict[str, Any]
"""One encoded piece of a row: `input_ids` and friends as lists, and what the task's loss needs."""
Batch = dict[str, Any]
"""Features padded to one length, as tensors (rows, length)."""


@dataclass(frozen=True)
class Prediction:
    """The answer for one row."""

    label: str
    probabilities: dict[str, float]
    """Label → probability; they sum to one."""


class Task(Config, ABC):
    """A kind of problem: one file, one class, whose fields are the options."""

    name: str
    """Name of the task, as `fewtune tasks` lists it."""

    auto_class: ClassVar[str]
    """The transformers class that loads a model with this task's head."""
    peft_task_type: ClassVar[str]
    """What PEFT calls it in adapter_config.json."""
    objective: ClassVar[str]
    """The metric, higher is better, by which the best epoch is chosen."""

    @abstractmethod
    def prepare(self, rows: Sequence[Row]) -> Task:
        """This task with everything filled in that the training rows decide. Raises DataError when they do not fit."""

    @abstractmethod
    def check(self, rows: Sequence[Row], split: str) -> None:
        """Raises DataError when the rows of a split do not fit what was prepared."""

    @abstractmethod
    def model_options(self) -> dict[str, Any]:
        """What the model's config must say: number and names of the labels."""

    @abstractmethod
    def encode(self, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase) -> list[Features]:
        """Rows → features; `features["row"]` is the index into `rows`, and a row may yield several."""

    @abstractmethod
    def collate(self, features: Sequence[Features], tokenizer: PreTrainedTokenizerBase) -> Batch:
        """Features → one padded batch on the CPU."""

    @abstractmethod
    def count(self, batch: Batch) -> float:
        """The weight that carries loss in the batch, known before the forward pass."""

    @abstractmethod
    def outputs(self, model: PreTrainedModel, batch: Batch) -> Tensor:
        """The forward pass: one row of outputs per feature, in fp32."""

    @abstractmethod
    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """The *sum* of the loss over what `count` counts, never a mean."""

    @abstractmethod
    def decode(self, outputs: Tensor) -> list[Prediction]:
        """Outputs in the order of the rows → one prediction per row."""

    @abstractmethod
    def metrics(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> dict[str, float]:
        """The metrics without intervals, cheap enough for each epoch."""

    @abstractmethod
    def score(
        self, rows: Sequence[Row], predictions: Sequence[Prediction], confidence: float, resamples: int
    ) -> Scores:
        """The metrics with intervals."""

    @abstractmethod
    def confusion(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> Confusion:
        """How often each label was taken for each other."""
