"""Classification: one of 2 to 200 labels for a text or a pair of texts.

The model's sequence-classification head gives logits z; the loss is the cross-entropy −log softmax(z)[label], summed over the
rows. Scores: accuracy (Wilson interval), macro F1, F1 of each class and Matthews correlation (bootstrap intervals).
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from fewtune.data.rows import Row
from fewtune.errors import DataError
from fewtune.evidence.scores import classification_scores
from fewtune.metrics.accuracy import accuracy
from fewtune.metrics.confusion import confusion
from fewtune.metrics.f1 import macro_f1
from fewtune.metrics.matthews import matthews
from fewtune.record.result import Confusion, Scores
from fewtune.tasks._base import Batch, Features, Prediction, Task
from fewtune.tasks._pad import pad

MOST_LABELS = 200


class Classification(Task):
    """One label per text, or per pair of texts."""

    name: Literal["classification"] = "classification"
    labels: tuple[str, ...] | None = None
    """The labels in the order of the model's outputs; empty: those of the training rows, sorted."""
    max_length: int | None = Field(default=None, ge=8)
    """Longest input in tokens, the rest is cut off and counted; empty: what the model can take, at most 512."""

    auto_class: ClassVar = "AutoModelForSequenceClassification"
    peft_task_type: ClassVar = "SEQ_CLS"
    objective: ClassVar = "macro_f1"

    def prepare(self, rows: Sequence[Row]) -> "Classification":
        """Find the labels. Raises DataError for fewer than 2 or more than 200."""
        found = Counter(row.label for row in rows if row.label is not None)
        labels = self.labels or tuple(sorted(found))
        if len(labels) < 2:
            raise DataError("labels_too_few", label=next(iter(found), "-"), rows=len(rows))
        if len(labels) > MOST_LABELS:
            raise DataError("labels_too_many", count=len(labels), rows=len(rows), most=MOST_LABELS)
        prepared = self.model_copy(update={"labels": labels})
        prepared.check(rows, "train")
        if missing := [label for label in labels if label not in found]:
            raise DataError("labels_without_rows", labels=missing)
        return prepared

    def check(self, rows: Sequence[Row], split: str) -> None:
        """Raises DataError for labels that training does not know."""
        known = set(self._labels)
        unknown = Counter(row.label for row in rows if row.label not in known)
        if unknown:
            raise DataError(
                "labels_unknown", split=split, unknown=dict(unknown.most_common(5)), known=self._labels[:20]
            )

    def model_options(self) -> dict[str, Any]:
        """`num_labels` and the names both ways."""
        return {
            "num_labels": len(self._labels),
            "id2label": dict(enumerate(self._labels)),
            "label2id": {label: index for index, label in enumerate(self._labels)},
        }

    def encode(self, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase) -> list[Features]:
        """One piece per row, cut at `max_length` (the longer text of a pair first)."""
        if not rows:
            return []
        pairs = [row.pair for row in rows] if rows[0].pair is not None else None
        encoded = tokenizer([row.text for row in rows], pairs, truncation=True, max_length=self.max_length)  # pyright: ignore[reportArgumentType]
        number = {label: index for index, label in enumerate(self._labels)}
        return [
            {name: values[index] for name, values in encoded.items()}
            | {"row": index, "label": number.get(row.label or "")}
            for index, row in enumerate(rows)
        ]

    def collate(self, features: Sequence[Features], tokenizer: PreTrainedTokenizerBase) -> Batch:
        """`input_ids`, `attention_mask` … (rows, length) and, where the labels are known, `label` (rows,)."""
        batch: Batch = pad(features, tokenizer)
        if all(piece["label"] is not None for piece in features):
            batch["label"] = torch.tensor([piece["label"] for piece in features])
        return batch

    def count(self, batch: Batch) -> float:
        """Each row counts one."""
        return float(len(batch["label"]))

    def outputs(self, model: PreTrainedModel, batch: Batch) -> Tensor:
        """Logits (rows, labels) in fp32."""
        return model(**{name: value for name, value in batch.items() if name != "label"}).logits.float()

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy, summed over the rows."""
        return F.cross_entropy(outputs, batch["label"], reduction="sum")

    def decode(self, outputs: Tensor) -> list[Prediction]:
        """The most probable label and the probability of each."""
        probabilities = outputs.double().softmax(-1).tolist()
        best = outputs.argmax(-1).tolist()
        return [
            Prediction(self._labels[index], dict(zip(self._labels, row, strict=True)))
            for index, row in zip(best, probabilities, strict=True)
        ]

    def metrics(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> dict[str, float]:
        """Accuracy, macro F1 and Matthews correlation."""
        counts = confusion(*self._indices(rows, predictions), len(self._labels))
        return {
            "accuracy": float(accuracy(counts)),
            "macro_f1": float(macro_f1(counts)),
            "matthews": float(matthews(counts)),
        }

    def score(
        self, rows: Sequence[Row], predictions: Sequence[Prediction], confidence: float, resamples: int
    ) -> Scores:
        """The metrics and the F1 of each class, with intervals."""
        true, predicted = self._indices(rows, predictions)
        return classification_scores(true, predicted, self._labels, confidence=confidence, resamples=resamples)

    def confusion(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> Confusion:
        """True labels in rows, predicted ones in columns."""
        counts = confusion(*self._indices(rows, predictions), len(self._labels))
        return Confusion(labels=self._labels, counts=tuple(tuple(row) for row in counts.tolist()))

    @property
    def _labels(self) -> tuple[str, ...]:
        assert self.labels is not None, "prepare() comes first"
        return self.labels

    def _indices(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> tuple[np.ndarray, np.ndarray]:
        number = {label: index for index, label in enumerate(self._labels)}
        true = np.array([number[row.label or ""] for row in rows], dtype=np.int64)
        return true, np.array([number[prediction.label] for prediction in predictions], dtype=np.int64)
