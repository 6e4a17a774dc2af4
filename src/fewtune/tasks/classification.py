"""Classification: one of 2 to 200 labels for a text or a pair of texts.

The model's sequence-classification head gives logits z; the loss is the cross-entropy −log softmax(z)[label], summed over the
rows. With `class_weights` each row counts as much as its label weighs (balanced: rows / labels / rows of that label) and the
mean is taken over these weights. Stated probabilities are softmax(z / temperature). Scores: accuracy (Wilson interval), macro
F1, F1 of each class and Matthews correlation (bootstrap intervals).

`reviews.csv`:

    text,label
    "Giao nhanh, đóng gói cẩn thận.",tốt
    The zip broke on the second day.,bad
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from fewtune.data.labels import CLASSES, Label, LabelColumn, LabelReader
from fewtune.data.nature import nature
from fewtune.data.rows import Row
from fewtune.data.split import Split, split
from fewtune.errors import DataError
from fewtune.evidence.baseline import Predictor, majority, tfidf_logistic_regression
from fewtune.evidence.compare import Difference, accuracy_difference
from fewtune.evidence.scores import classification_scores
from fewtune.evidence.temperature import softmax_temperature
from fewtune.metrics.accuracy import accuracy
from fewtune.metrics.confusion import confusion
from fewtune.metrics.f1 import macro_f1
from fewtune.metrics.matthews import matthews
from fewtune.record.plan import Finding
from fewtune.record.result import Confusion, Scores
from fewtune.tasks._base import Baseline, Batch, Prediction, Said
from fewtune.tasks._labelled import LabelledTask
from fewtune.tasks._sequence import logits_of, text_of


class Classification(LabelledTask):
    """One label per text, or per pair of texts."""

    name: Literal["classification"] = "classification"

    label_kinds: ClassVar = (("category",),)

    @property
    def objective(self) -> str:
        """The best epoch has the highest."""
        return "macro_f1"

    @property
    def compared(self) -> str:
        """What is compared with the baselines."""
        return "accuracy"

    @classmethod
    def fits(cls, column: LabelColumn) -> Finding | None:
        """Texts that are no sets, numbered labels, and whole numbers that come back."""
        found = nature(column)
        if found not in ("texts", "codes", "listings", "ratings"):
            return None
        id = "fits_one_of_several" if found in ("listings", "ratings") else "fits_one"
        return Finding(id=id, level="note", values={"distinct": column.distinct, "rows": len(column.cells)})

    def reading_labels(self, column: LabelColumn) -> Self:
        """There is one way to read one label."""
        return self

    def reader(self) -> LabelReader:
        """One label a cell, as it stands."""
        return CLASSES

    def prepare(self, rows: Sequence[Row]) -> Self:
        """Find the labels and their weights. Raises DataError for fewer than 2 labels or more than 200."""
        return self.with_labels(rows)

    def too_few(self, names: Sequence[str], rows: int) -> DataError:
        """One label for all rows."""
        return DataError("labels_too_few", label=next(iter(names), "-"), rows=rows)

    def balanced(self, counts: Mapping[str, int], rows: int) -> dict[str, float]:
        """n / (K nₖ), as in scikit-learn: each label weighs as much as every other, and all rows together n."""
        return {label: rows / (len(counts) * count) for label, count in counts.items()}

    def split(
        self, rows: Sequence[Row], *, validation: float, test: float, seed: int, together: Sequence[Hashable]
    ) -> Split:
        """Stratified by label."""
        return split([_label(row) for row in rows], validation=validation, test=test, seed=seed, groups=together)

    def model_options(self) -> dict[str, Any]:
        """`num_labels` and the names both ways."""
        return self.label_options()

    def with_head(self, labels: tuple[str, ...], problem: str | None) -> Self | None:
        """A head for just these labels, which was not trained to give several of them."""
        return None if problem == "multi_label_classification" else self.ordered(labels)

    def targets(self, labels: Sequence[Label | None]) -> list[int | None]:
        """The place of each label among the outputs."""
        number = self.number()
        return [number.get(label) if isinstance(label, str) else None for label in labels]

    def count(self, batch: Batch) -> float:
        """Each row counts one, or the weight of its label."""
        if self.weights is None:
            return float(len(batch["label"]))
        return sum(self.weights[index] for index in batch["label"].tolist())

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy, weighted and summed over the rows."""
        weight = None if self.weights is None else torch.tensor(self.weights).to(outputs.device, non_blocking=True)
        return F.cross_entropy(outputs, batch["label"], weight=weight, reduction="sum")

    def calibrated(self, said: Said) -> Self:
        """The temperature, unless it was given."""
        if self.temperature is not None:
            return self
        temperature = softmax_temperature(logits_of(said).double().numpy(), self._true(said.rows))
        return self.model_copy(update={"temperature": temperature})

    def decode(self, said: Said) -> list[Prediction]:
        """The most probable label and the probability of each."""
        outputs = logits_of(said)
        probabilities = (outputs.double() / (self.temperature or 1.0)).softmax(-1).tolist()
        best = outputs.argmax(-1).tolist()
        return [
            Prediction(self.known[index], dict(zip(self.known, row, strict=True)))
            for index, row in zip(best, probabilities, strict=True)
        ]

    def metrics(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> dict[str, float]:
        """Accuracy, macro F1 and Matthews correlation."""
        counts = confusion(self._true(rows), self._predicted(predictions), len(self.known))
        return {
            "accuracy": float(accuracy(counts)),
            "macro_f1": float(macro_f1(counts)),
            "matthews": float(matthews(counts)),
        }

    def score(
        self, rows: Sequence[Row], predictions: Sequence[Prediction], confidence: float, resamples: int
    ) -> Scores:
        """The metrics and the F1 of each class, with intervals."""
        true, predicted = self._true(rows), self._predicted(predictions)
        return classification_scores(true, predicted, self.known, confidence=confidence, resamples=resamples)

    def confusion(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> Confusion:
        """True labels in rows, predicted ones in columns."""
        counts = confusion(self._true(rows), self._predicted(predictions), len(self.known))
        return Confusion(labels=self.known, counts=tuple(tuple(row) for row in counts.tolist()))

    def certainties(
        self, rows: Sequence[Row], predictions: Sequence[Prediction]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """The probability of each predicted label, and whether it was right."""
        sure = np.array([said.probabilities[_name(said)] for said in predictions])
        return sure, _right(rows, predictions)

    def baselines(self, train: Sequence[Row], validation: Sequence[Row], seed: int) -> dict[str, Baseline]:
        """Always the most frequent label; TF-IDF and logistic regression."""
        known = self._true(train).tolist()
        learned = tfidf_logistic_regression([text_of(row) for row in train], known, seed=seed)
        return {"majority": self._saying(majority(known)), "tfidf_logistic_regression": self._saying(learned)}

    def compare(
        self,
        rows: Sequence[Row],
        tuned: Sequence[Prediction],
        other: Sequence[Prediction],
        confidence: float,
        resamples: int,
    ) -> Difference:
        """In accuracy, with McNemar's exact test."""
        return accuracy_difference(_right(rows, tuned), _right(rows, other), confidence=confidence, resamples=resamples)

    def _saying(self, predict: Predictor) -> Baseline:
        return lambda rows: [Prediction(self.known[i], {}) for i in predict([text_of(row) for row in rows])]

    def _true(self, rows: Sequence[Row]) -> NDArray[np.int64]:
        number = self.number()
        return np.array([number[_label(row)] for row in rows], dtype=np.int64)

    def _predicted(self, predictions: Sequence[Prediction]) -> NDArray[np.int64]:
        number = self.number()
        return np.array([number[_name(said)] for said in predictions], dtype=np.int64)


def _label(row: Row) -> str:
    assert isinstance(row.label, str), row.label
    return row.label


def _name(said: Prediction) -> str:
    assert isinstance(said.label, str), said.label
    return said.label


def _right(rows: Sequence[Row], predictions: Sequence[Prediction]) -> NDArray[np.bool_]:
    return np.array([said.label == row.label for row, said in zip(rows, predictions, strict=True)])
