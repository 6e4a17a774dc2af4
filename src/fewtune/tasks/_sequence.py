"""What all tasks share that read one text, or a pair, and give one row of outputs for it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Sequence
from typing import ClassVar, Self

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from fewtune.data.columns import Columns, Given, find_text_and_label
from fewtune.data.labels import Label, LabelColumn, LabelReader, label_column
from fewtune.data.profile import Kind
from fewtune.data.read import Table
from fewtune.data.rows import Row
from fewtune.data.rows import rows as rows_of
from fewtune.record.plan import Finding
from fewtune.tasks._base import Batch, Features, Prediction, Said, Task
from fewtune.tasks._pad import pad
from fewtune.tasks._truncation import truncation


class SequenceTask(Task):
    """A task on the sequence-classification head of a model, told from others by what its label column holds."""

    auto_class: ClassVar = "AutoModelForSequenceClassification"
    peft_task_type: ClassVar = "SEQ_CLS"
    label_kinds: ClassVar[tuple[tuple[Kind, ...], ...]]
    """What the label column may hold when it is found by content, as in `find_text_and_label`."""

    @classmethod
    @abstractmethod
    def fits(cls, column: LabelColumn) -> Finding | None:
        """Why this label column looks like this task's, or None when it does not. Asked when nobody names a task."""

    @abstractmethod
    def reading_labels(self, column: LabelColumn) -> Self:
        """This task with everything filled in that says how labels are read. Raises DataError where that is unclear."""

    @abstractmethod
    def reader(self) -> LabelReader:
        """How the cells of the label column are read."""

    @abstractmethod
    def targets(self, labels: Sequence[Label | None]) -> Sequence[int | float | list[float] | None]:
        """What the loss compares the outputs with; None where there is no label, or one that training does not know."""

    @classmethod
    def recognised(cls, table: Table, given: Given) -> None:
        """A text and a label: which task that is, the labels say (`fits`)."""

    def columns(self, table: Table, given: Given, *, need_label: bool = True) -> Columns:
        """The text or the pair of texts, and the label."""
        return find_text_and_label(table, given, need_label=need_label, label_kinds=self.label_kinds)

    def reading(self, table: Table, columns: Columns) -> Self:
        """How labels are read, from all of them."""
        assert columns.label is not None, "columns() found one"
        return self.reading_labels(label_column(table, columns.label))

    def rows(self, table: Table, columns: Columns) -> list[Row]:
        """Texts as they stand, labels as `reader` reads them."""
        return rows_of(table, columns, self.reader())

    def unit(self, row: Row) -> Hashable:
        """Equal texts."""
        return row.text, row.pair

    def encode(self, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase) -> list[Features]:
        """One piece per row, cut at `max_length` (the longer text of a pair first)."""
        if not rows:
            return []
        pairs = [row.pair for row in rows] if rows[0].pair is not None else None
        encoded = tokenizer([row.text for row in rows], pairs, truncation=True, max_length=self.max_length)  # pyright: ignore[reportArgumentType]
        return [
            {name: values[index] for name, values in encoded.items()} | {"row": index, "label": target}
            for index, target in enumerate(self.targets([row.label for row in rows]))
        ]

    def findings(
        self, rows: Sequence[Row], features: Sequence[Features], tokenizer: PreTrainedTokenizerBase, split: str
    ) -> list[Finding]:
        """How many texts are cut."""
        assert self.max_length is not None, "the plan fills it in"
        return truncation(rows, features, tokenizer, self.max_length, split)

    def collate(self, features: Sequence[Features], tokenizer: PreTrainedTokenizerBase) -> Batch:
        """`input_ids`, `attention_mask` … (rows, length) and, where all labels are known, `label` (rows, …)."""
        batch: Batch = pad(features, tokenizer)
        if all(piece["label"] is not None for piece in features):
            batch["label"] = torch.tensor([piece["label"] for piece in features])
        return batch

    def outputs(self, model: PreTrainedModel, batch: Batch) -> Tensor:
        """Logits (rows, labels) in fp32."""
        return model(**{name: value for name, value in batch.items() if name != "label"}).logits.float()

    def answer(
        self, model: PreTrainedModel, batch: Batch, tokenizer: PreTrainedTokenizerBase
    ) -> tuple[list[Tensor], float | None]:
        """The logits of each row (labels,)."""
        outputs = self.outputs(model, batch)
        return list(outputs.cpu()), float(self.loss(outputs, batch)) if "label" in batch else None

    def worth(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> None:
        """A label is right or wrong, and numbers have errors of their own."""


def logits_of(said: Said) -> Tensor:
    """The logits of all rows (rows, labels)."""
    return torch.stack(list(said.outputs)) if said.outputs else torch.empty(0)


def text_of(row: Row) -> str:
    """Both texts of a pair as one, for baselines that count words."""
    return row.text if row.pair is None else f"{row.text}\n{row.pair}"
