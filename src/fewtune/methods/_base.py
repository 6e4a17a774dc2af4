"""What a method is: frozen options, and the edits it makes to a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from fewtune.config import Config

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from fewtune.model.anatomy import Anatomy
    from fewtune.model.batch import Batch, Loss
    from fewtune.model.edits import Edit


@dataclass(frozen=True)
class Paper:
    """Where a method comes from."""

    title: str
    authors: str
    year: int
    arxiv: str | None
    """Its number, where it is there; or"""
    openreview: str | None = None
    """its id there."""


class Method(Config, ABC):
    """A way to fine-tune: one file, one class, whose fields are the options.

    The class variables are declarations that the contract suite (`fewtune.testing.check_method`) proves.
    """

    name: str
    """Name of the method, as `fewtune methods` lists it."""

    paper: ClassVar[Paper | None] = None
    starts_as_base: ClassVar[bool]
    """At step 0 the adapted model computes exactly what the model computed before."""
    mergeable: ClassVar[bool]
    """A plain model can compute the same: every adapter layer merges into a module of the base's kind."""
    saved_as: ClassVar[Literal["peft", "own", "model"]]
    """PEFT's adapter format, our own safetensors form, or a whole model folder."""
    peft_type: ClassVar[str | None] = None
    """The name of the type in PEFT, where `saved_as` is "peft"."""
    peft_tasks: ClassVar[tuple[str, ...] | None] = None
    """PEFT's names of the tasks in which its form means the same; for others ours is written. None: all tasks."""
    plain_lora: ClassVar[bool] = False
    """What was learned is exactly a plain LoRA on the original weights, so every tool that serves LoRA can serve it."""
    quantize: ClassVar[Literal["nf4", "int8"] | None] = None
    """How the base model's weights are stored under this method (see `model.quantize`); None: as the user says."""
    chooses_base: ClassVar[bool] = False
    """The method's own layers choose what is stored in place of a weight, at the start and never again (LoftQ)."""
    reads_weights: ClassVar[bool] = True
    """What it puts into a model may start from the values that stand in its place, which are then loaded in fp32. Without, they are
    loaded in the format that frozen weights are kept in, and less memory is taken.
    """
    packs: ClassVar[bool] = True
    """Works where several texts stand in one sequence."""

    @property
    def positions(self) -> int:
        """How many of the model's positions the method takes for itself, beside each text."""
        return 0

    def read(self, tokenizer: PreTrainedTokenizerBase) -> Self:
        """With the texts among the options read as tokens; called before `edits`. Raises MethodError where they cannot be."""
        return self

    def lasting(self) -> Self:
        """The options with which what is kept after training (`Learned.lasting`) is put into a model again."""
        return self

    @abstractmethod
    def edits(self, anatomy: Anatomy) -> Iterator[Edit]:
        """The edits to a model of this anatomy, in order. Raises MethodError where the method does not fit."""

    @property
    def needs_batches(self) -> int:
        """Training batches that the method looks at before training (EVA, LoRA-GA)."""
        return 0

    @property
    def settled(self) -> bool:
        """Whether the edits alone say how many parameters learn; else those batches decide it."""
        return True

    def calibrated(
        self, model: PreTrainedModel, edits: tuple[Edit, ...], batches: Sequence[Batch], loss: Loss
    ) -> tuple[Edit, ...]:
        """The edits with what the batches decide. `model` is frozen, in evaluation mode, unchanged, and stays so."""
        return edits

    @abstractmethod
    def default_learning_rate(self, width: int) -> float:
        """Peak learning rate of AdamW that works without tuning for a model of this hidden width."""

    @abstractmethod
    def default_epochs(self, rows: int, labels: int) -> int:
        """How often to see `rows` training rows of `labels` labels when nobody says so."""
