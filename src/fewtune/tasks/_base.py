"""What a task is: how labels are read, how rows become batches, which loss they carry, and how predictions are judged.

Nothing outside `tasks/` asks which task it is: what differs is a method here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field

from fewtune.config import Config

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from fewtune.data.columns import Columns, Given
    from fewtune.data.labels import Label
    from fewtune.data.read import Table
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
    """One label, a sorted tuple of labels, a number in the units of the data, a text, or the task's own form of answer."""
    probabilities: dict[str, float]
    """Label → probability. Of classes they sum to one; in a set each stands for itself; other answers have none."""
    details: dict[str, Any] = field(default_factory=dict)
    """What else is said, as JSON holds it: the runners-up, where an answer stands …"""


@dataclass(frozen=True)
class Said:
    """What the model said about some rows."""

    rows: Sequence[Row]
    features: Sequence[Features]
    """Their pieces; `features["row"]` is the index into `rows`."""
    outputs: Sequence[Any]
    """What `Task.answer` kept of each piece: its outputs as a tensor, or what was written from it."""


Baseline = Callable[["Sequence[Row]"], list[Prediction]]
"""What costs nothing to compare with: rows → one prediction per row."""
Foil = Callable[["Sequence[Features]"], list[Any]]
"""The same, said of pieces: pieces → what `Task.answer` would keep of each."""


class Task(Config, ABC):
    """A kind of problem: one file, one class, whose fields are the options.

    A task is filled in by copies, each step with what became known: `reading` from the table, `prepare` from the
    training rows, `for_model` from the model, `calibrated` from the model's outputs for the validation rows. What is filled
    in are options like any other, so a person may give them instead, and then they stay.
    """

    name: str
    """Name of the task, as `fewtune tasks` lists it."""
    max_length: int | None = Field(default=None, ge=8)
    """Longest input in tokens, the rest is cut off and counted; empty: what the model can take, at most 512."""

    auto_class: ClassVar[str]
    """The transformers class that loads a model with this task's head."""
    peft_task_type: ClassVar[str]
    """What PEFT calls it in adapter_config.json."""
    example: ClassVar[Label] = "a"
    """An answer of the kind that this task gives."""
    longest: ClassVar[int] = 512
    """Default limit of the input in tokens: what BERT was trained with; longer inputs cost memory and must be asked for."""
    stated: ClassVar[bool] = True
    """Whether an answer comes with the probability of each of `labels`, where the task has some."""
    writes: ClassVar[bool] = False
    """Whether it can write an answer for a row without a label, so that samples are shown while it learns."""
    plain_text: ClassVar[bool] = False
    """Whether it learns from texts without labels, so that a `.txt` is no table."""

    @property
    @abstractmethod
    def objective(self) -> str:
        """The metric, higher is better, by which the best epoch is chosen."""

    @property
    def compared(self) -> str:
        """The metric, higher is better, in which the tuned model is compared with the baselines: `objective`, but for classes."""
        return self.objective

    @property
    def steady(self) -> bool:
        """Whether the model reads a piece as the same tokens each time, in a row of its own."""
        return True

    # --- the data

    @classmethod
    @abstractmethod
    def recognised(cls, table: Table, given: Given) -> Finding | None:
        """Why the columns of this table can only be this task's; None where their names and kinds do not say so.

        Asked when nobody names a task.
        """

    @abstractmethod
    def columns(self, table: Table, given: Given, *, need_label: bool = True) -> Columns:
        """Those given, and what else this task reads, found. Raises DataError where that is missing or unclear.

        Without `need_label` (prediction) there need be no label.
        """

    @abstractmethod
    def reading(self, table: Table, columns: Columns) -> Self:
        """This task with everything filled in that says how the cells are read. Raises DataError where that is unclear."""

    @abstractmethod
    def rows(self, table: Table, columns: Columns) -> list[Row]:
        """Every row, in order. Raises DataError with the lines of those that cannot be read; `columns` may lack a label."""

    def remarks(self, table: Table, columns: Columns) -> list[Finding]:
        """What should be said about the way in which rows without labels are read."""
        return []

    def more(self) -> tuple[str, ...]:
        """The names of `Prediction.details` that are written into a table beside the answer."""
        return ()

    @abstractmethod
    def prepare(self, rows: Sequence[Row]) -> Self:
        """This task with everything filled in that the training rows decide. Raises DataError when they do not fit."""

    def check(self, rows: Sequence[Row], split: str) -> None:
        """Raises DataError when the rows of a split do not fit what was prepared. Where anything fits, nothing."""

    @abstractmethod
    def unit(self, row: Row) -> Hashable:
        """What must stand on one side of a split only: rows of equal unit stay together."""

    @abstractmethod
    def split(
        self, rows: Sequence[Row], *, validation: float, test: float, seed: int, together: Sequence[Hashable]
    ) -> Split:
        """Share out the rows so that each part is like the whole; rows of equal `together` stay so."""

    # --- the model

    def for_model(self, config: PreTrainedConfig, tokenizer: PreTrainedTokenizerBase, name: str) -> Self:
        """This task with everything filled in that the model decides. Raises ModelError for one that cannot do it.

        `config` is the checkpoint's own, `name` how messages call it. Most tasks are the same for every model.
        """
        return self

    def model_options(self) -> dict[str, Any]:
        """What the model's config must say: number and names of the labels … Nothing, where the output layer is the vocabulary."""
        return {}

    @abstractmethod
    def with_head(self, labels: tuple[str, ...], problem: str | None) -> Self | None:
        """This task in the order of a head trained already on `labels`; None where that head is not one for this task.

        `problem` is the `problem_type` of the checkpoint's config.
        """

    @abstractmethod
    def encode(self, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase) -> list[Features]:
        """Rows → features; `features["row"]` is the index into `rows`, and a row may yield several."""

    def learned(self, features: Sequence[Features]) -> list[Features]:
        """The pieces that can be learned from; where labels are wrong, a task may leave out theirs, and says so in `findings`."""
        return list(features)

    @abstractmethod
    def findings(
        self, rows: Sequence[Row], features: Sequence[Features], tokenizer: PreTrainedTokenizerBase, split: str
    ) -> list[Finding]:
        """What a person should know about these rows before training: how many are cut, what the labels contradict …"""

    def preview(self, piece: Features, tokenizer: PreTrainedTokenizerBase) -> list[tuple[int, bool]]:
        """The tokens of a piece, and whether each carries loss; empty where the loss is not one of tokens."""
        return []

    @abstractmethod
    def collate(self, features: Sequence[Features], tokenizer: PreTrainedTokenizerBase) -> Batch:
        """Features → one padded batch on the CPU; it has a `label` where all of them have what the loss needs."""

    def padded(self, features: Sequence[Features]) -> int:
        """Tokens of the batch that `collate` would make of these pieces, padding among them; more pieces never have fewer."""
        return len(features) * max(len(piece["input_ids"]) for piece in features)

    @abstractmethod
    def count(self, batch: Batch) -> float:
        """The weight that carries loss in the batch, known before the forward pass."""

    @abstractmethod
    def outputs(self, model: PreTrainedModel, batch: Batch) -> Tensor:
        """The forward pass: what the loss is computed from, in fp32."""

    def forward(self, model: PreTrainedModel, batch: Batch) -> Any:
        """The forward pass of training, which `loss` takes as it takes `outputs`: a shorter way to the same, where there is one."""
        return self.outputs(model, batch)

    @abstractmethod
    def loss(self, outputs: Any, batch: Batch) -> Tensor:
        """The *sum* of the loss over what `count` counts, never a mean."""

    @abstractmethod
    def answer(
        self, model: PreTrainedModel, batch: Batch, tokenizer: PreTrainedTokenizerBase
    ) -> tuple[list[Any], float | None]:
        """What is kept of each piece to answer with, off the device; and the loss as `loss` sums it, where there is a `label`."""

    # --- the answers

    def scored_by(self, rows: Sequence[Row]) -> Finding | None:
        """By which rule the scores are made, where there are several; said with them."""
        return None

    def calibrated(self, said: Said) -> Self:
        """This task with everything filled in that the outputs for the validation rows decide (temperature, threshold)."""
        return self

    @abstractmethod
    def decode(self, said: Said) -> list[Prediction]:
        """One prediction per row, in the order of the rows, whose labels are not looked at."""

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
    def worth(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> NDArray[np.float64] | None:
        """How good each prediction is, from 0 to 1 (n,), where answers can be partly right; None where they cannot."""

    @abstractmethod
    def baselines(self, train: Sequence[Row], validation: Sequence[Row], seed: int) -> dict[str, Baseline]:
        """Name → what a tuned model has to beat, learned from the rows that it learned from and decided as it was."""

    def foils(self, train: Sequence[Features], tokenizer: PreTrainedTokenizerBase) -> dict[str, Foil]:
        """Likewise for what needs tokens rather than rows; learned from the pieces of the training rows. Most tasks have none."""
        return {}

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
