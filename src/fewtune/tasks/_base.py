"""What a task is: how labels are read, how rows become batches, which loss they carry, and how predictions are judged.

Nothing outside `tasks/` asks which task it is: what differs is a method here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from fewtune.config import Config

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from fewtune.data.labels import Label, LabelColumn, LabelReader
    from fewtune.data.profile import Kind
    from fewtune.data.rows import Row
    from fewtune.data.split import Split
    from fewtune.evidence.compare import Difference
    from fewtune.record.plan import Finding
    from fewtune.record.result import Confusion, Scores

Features = dict[str, Any]
"""One encoded piece of a row: `input_ids` and friends as lists, and what the task's loss needs."""
Batch = dict[str, Any]
"""Features padded to one length, as tensors (rows, length)."""


@dataclass(frozen=True)
class Prediction:
    """The answer for one row."""

    label: Label
    """One label, a sorted tuple of labels, or a number in the units of the data."""
    probabilities: dict[str, float]
    """Label → probability. Of classes they sum to one; in a set each stands for itself; numbers have none."""


Baseline = Callable[["Sequence[Row]"], list[Prediction]]
"""What costs nothing to compare with: rows → one prediction per row."""


class Task(Config, ABC):
    """A kind of problem: one file, one class, whose fields are the options.

    A task is filled in by copies, each step with what became known: `reading` from the label column, `prepare` from the
    training rows, `calibrated` from the model's outputs for the validation rows. What is filled in are options like any
    other, so a person may give them instead, and then they stay.
    """

    name: str
    """Name of the task, as `fewtune tasks` lists it."""

    auto_class: ClassVar[str]
    """The transformers class that loads a model with this task's head."""
    peft_task_type: ClassVar[str]
    """What PEFT calls it in adapter_config.json."""
    label_kinds: ClassVar[tuple[tuple[Kind, ...], ...]]
    """What the label column may hold when it is found by content, as in `find_text_and_label`."""
    objective: ClassVar[str]
    """The metric, higher is better, by which the best epoch is chosen."""
    compared: ClassVar[str]
    """The metric, higher is better, in which the tuned model is compared with the baselines."""

    # --- the data

    @classmethod
    @abstractmethod
    def fits(cls, column: LabelColumn) -> Finding | None:
        """Why this label column looks like this task's, or None when it does not. Asked when nobody names a task."""

    @abstractmethod
    def reading(self, column: LabelColumn) -> Self:
        """This task with everything filled in that says how labels are read. Raises DataError where that is unclear."""

    @abstractmethod
    def reader(self) -> LabelReader:
        """How the cells of the label column are read."""

    @abstractmethod
    def prepare(self, rows: Sequence[Row]) -> Self:
        """This task with everything filled in that the training rows decide. Raises DataError when they do not fit."""

    @abstractmethod
    def check(self, rows: Sequence[Row], split: str) -> None:
        """Raises DataError when the rows of a split do not fit what was prepared."""

    @abstractmethod
    def split(
        self, rows: Sequence[Row], *, validation: float, test: float, seed: int, together: Sequence[Hashable]
    ) -> Split:
        """Share out the rows so that each part is like the whole; rows of equal `together` stay so."""

    # --- the model

    @abstractmethod
    def model_options(self) -> dict[str, Any]:
        """What the model's config must say: number and names of the labels."""

    @abstractmethod
    def with_head(self, labels: tuple[str, ...], problem: str | None) -> Self | None:
        """This task in the order of a head trained already on `labels`; None where that head is not one for this task.

        `problem` is the `problem_type` of the checkpoint's config.
        """

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

    # --- the answers

    @abstractmethod
    def calibrated(self, rows: Sequence[Row], outputs: Tensor) -> Self:
        """This task with everything filled in that the outputs for the validation rows decide (temperature, threshold)."""

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
    def confusion(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> Confusion | None:
        """How often each label was taken for each other; None for tasks in which that means nothing."""

    @abstractmethod
    def certainties(
        self, rows: Sequence[Row], predictions: Sequence[Prediction]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]] | None:
        """Stated probabilities and whether each came true, both (n,), to judge calibration; None without probabilities."""

    @abstractmethod
    def baselines(self, train: Sequence[Row], validation: Sequence[Row], seed: int) -> dict[str, Baseline]:
        """Name → what a tuned model has to beat, learned from the rows that it learned from and decided as it was."""

    @abstractmethod
    def compare(
        self,
        rows: Sequence[Row],
        tuned: Sequence[Prediction],
        other: Sequence[Prediction],
        confidence: float,
        resamples: int,
    ) -> Difference:
        """Tuned minus other in `compared` on the same rows, with a paired interval and a paired test."""
