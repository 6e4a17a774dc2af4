"""What all tasks share that read one text, or a pair, and give one row of outputs for it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from fewtune.data.labels import Label
from fewtune.data.rows import Row
from fewtune.tasks._base import Batch, Features, Task
from fewtune.tasks._pad import pad


class SequenceTask(Task):
    """A task on the sequence-classification head of a model."""

    max_length: int | None = Field(default=None, ge=8)
    """Longest input in tokens, the rest is cut off and counted; empty: what the model can take, at most 512."""

    auto_class: ClassVar = "AutoModelForSequenceClassification"
    peft_task_type: ClassVar = "SEQ_CLS"

    @abstractmethod
    def targets(self, labels: Sequence[Label | None]) -> Sequence[int | float | list[float] | None]:
        """What the loss compares the outputs with; None where there is no label, or one that training does not know."""

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

    def collate(self, features: Sequence[Features], tokenizer: PreTrainedTokenizerBase) -> Batch:
        """`input_ids`, `attention_mask` … (rows, length) and, where all labels are known, `label` (rows, …)."""
        batch: Batch = pad(features, tokenizer)
        if all(piece["label"] is not None for piece in features):
            batch["label"] = torch.tensor([piece["label"] for piece in features])
        return batch

    def outputs(self, model: PreTrainedModel, batch: Batch) -> Tensor:
        """Logits (rows, labels) in fp32."""
        return model(**{name: value for name, value in batch.items() if name != "label"}).logits.float()


def text_of(row: Row) -> str:
    """Both texts of a pair as one, for baselines that count words."""
    return row.text if row.pair is None else f"{row.text}\n{row.pair}"
