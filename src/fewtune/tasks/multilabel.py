"""Multilabel: any number of 2 to 200 labels, or none, for a text or a pair of texts.

Labels stand as lists in JSON, or in one cell with a separator between them. The model's sequence-classification head gives one
logit z for each label; the loss is the binary cross-entropy −y log σ(z) − (1 − y) log(1 − σ(z)), summed over rows and labels.
With `class_weights` a label's rows that carry it count as much as it weighs (balanced: rows without it / rows with it) and the
mean is taken over these weights. A label is given where σ(z / temperature) reaches `threshold`, which is one for all labels
and tuned on the validation rows. Scores: micro F1 and macro F1 (bootstrap intervals), exact match and F1 of each label (Wilson
intervals).

`feedback.csv`:

    text,labels
    "Giá hơi cao, giao cũng chậm.",giá|giao hàng
    The shop is lovely.,
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from fewtune.data.labels import LISTS, SEPARATORS, Label, LabelColumn, LabelReader, find_separator, sets
from fewtune.data.nature import nature
from fewtune.data.rows import Row
from fewtune.data.split import Split
from fewtune.data.split_sets import split_sets
from fewtune.errors import DataError
from fewtune.evidence.baseline_sets import commonest_set, tfidf_one_vs_rest
from fewtune.evidence.compare import Difference, summed_difference
from fewtune.evidence.set_scores import set_scores
from fewtune.evidence.temperature import sigmoid_temperature
from fewtune.evidence.threshold import applies, best_threshold
from fewtune.metrics.label_sets import Flags, exact_matches, macro_f1, micro_f1, set_counts
from fewtune.record.plan import Finding
from fewtune.record.result import Scores
from fewtune.tasks._base import Baseline, Batch, Prediction, Said
from fewtune.tasks._labelled import LabelledTask
from fewtune.tasks._sequence import logits_of, text_of


class Multilabel(LabelledTask):
    """A set of labels per text, or per pair of texts."""

    name: Literal["multilabel"] = "multilabel"
    separator: str | None = Field(default=None, min_length=1)
    """What stands between the labels of a cell, `[]` for lists; empty: the first of | ; , that occurs."""
    at_least_one: bool | None = None
    """Whether a text that would get no label gets its most probable one; empty: yes if every training row has a label."""
    threshold: float | None = Field(default=None, ge=0, le=1)
    """Probability from which a label is given; empty: where micro F1 on the validation rows is highest."""

    label_kinds: ClassVar = (("list",), ("category", "text"))
    example: ClassVar = ("a", "b")

    @property
    def objective(self) -> str:
        """The best epoch has the highest."""
        return "micro_f1"

    @classmethod
    def fits(cls, column: LabelColumn) -> Finding | None:
        """Lists, and texts whose parts between separators come back in other combinations."""
        found = nature(column)
        if found == "lists":
            return Finding(id="fits_lists", level="note", values={})
        if found not in ("sets", "listings"):
            return None
        return Finding(id="fits_sets", level="note", values={"separator": find_separator(column.cells)})

    def reading_labels(self, column: LabelColumn) -> Self:
        """The separator, unless it was given; where none occurs, the first of those looked for."""
        found = self.separator or find_separator(column.cells) or SEPARATORS[0]
        return self.model_copy(update={"separator": found})

    def reader(self) -> LabelReader:
        """Sets of labels."""
        return sets(self.separator or LISTS)

    def prepare(self, rows: Sequence[Row]) -> Self:
        """Find the labels, their weights, and whether a row may have none. Raises DataError for under 2 or over 200 labels."""
        prepared = self.with_labels(rows)
        found = all(row.label != () for row in rows) if self.at_least_one is None else self.at_least_one
        return prepared.model_copy(update={"at_least_one": found})

    def too_few(self, names: Sequence[str], rows: int) -> DataError:
        """One label alone, or none."""
        return DataError("labels_too_few_for_sets", label=next(iter(names), "-"), rows=rows)

    def balanced(self, counts: Mapping[str, int], rows: int) -> dict[str, float]:
        """(n − nₖ) / nₖ: of each label the rows that carry it weigh as much as those that do not. 1 where all carry it."""
        return {label: (rows - count) / count or 1.0 for label, count in counts.items()}

    def split(
        self, rows: Sequence[Row], *, validation: float, test: float, seed: int, together: Sequence[Hashable]
    ) -> Split:
        """Stratified by all labels at once."""
        return split_sets([_labels(row) for row in rows], validation=validation, test=test, seed=seed, groups=together)

    def model_options(self) -> dict[str, Any]:
        """`num_labels`, the names both ways, and that several may apply."""
        return self.label_options() | {"problem_type": "multi_label_classification"}

    def with_head(self, labels: tuple[str, ...], problem: str | None) -> Self | None:
        """A head for just these labels, which was trained to give several of them."""
        return self.ordered(labels) if problem == "multi_label_classification" else None

    def targets(self, labels: Sequence[Label | None]) -> list[list[float] | None]:
        """One or zero for each label."""
        known = set(self.known)
        return [
            [float(name in label) for name in self.known] if isinstance(label, tuple) and known >= set(label) else None
            for label in labels
        ]

    def count(self, batch: Batch) -> float:
        """Each label of each row counts one, or as much as the label weighs where the row carries it."""
        truth = batch["label"].double()
        if self.weights is None:
            return float(truth.numel())
        return float((1 + truth * (torch.tensor(self.weights, dtype=torch.float64, device=truth.device) - 1)).sum())

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Binary cross-entropy, weighted and summed over rows and labels."""
        weight = None if self.weights is None else torch.tensor(self.weights).to(outputs.device, non_blocking=True)
        return F.binary_cross_entropy_with_logits(outputs, batch["label"], pos_weight=weight, reduction="sum")

    def calibrated(self, said: Said) -> Self:
        """The temperature and then the threshold, unless they were given."""
        truth, outputs = self._true(said.rows), logits_of(said)
        temperature = self.temperature or sigmoid_temperature(outputs.double().numpy(), truth)
        warm = self.model_copy(update={"temperature": temperature})
        if self.threshold is not None:
            return warm
        threshold = best_threshold(warm.chances(outputs), truth, at_least_one=bool(self.at_least_one))
        return warm.model_copy(update={"threshold": threshold})

    def chances(self, outputs: Tensor) -> NDArray[np.float64]:
        """The probability of each label, (rows, labels)."""
        return (outputs.double() / (self.temperature or 1.0)).sigmoid().numpy()

    def decode(self, said: Said) -> list[Prediction]:
        """The labels that reach the threshold, and the probability of each label."""
        return self._said(self.chances(logits_of(said)), self.threshold)

    def metrics(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> dict[str, float]:
        """Micro F1, macro F1 and the share of sets that match exactly."""
        true, predicted = self._true(rows), self._predicted(predictions)
        counts = set_counts(true, predicted).sum(axis=0)
        return {
            "micro_f1": float(micro_f1(counts)),
            "macro_f1": float(macro_f1(counts)),
            "exact_match": exact_matches(true, predicted) / len(true),
        }

    def score(
        self, rows: Sequence[Row], predictions: Sequence[Prediction], confidence: float, resamples: int
    ) -> Scores:
        """The metrics and the F1 of each label, with intervals."""
        true, predicted = self._true(rows), self._predicted(predictions)
        return set_scores(true, predicted, self.known, confidence=confidence, resamples=resamples)

    def confusion(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> None:
        """In a set no label stands in the place of another."""

    def certainties(
        self, rows: Sequence[Row], predictions: Sequence[Prediction]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """The probability of each label of each row, and whether the row carries it."""
        sure = np.array([[said.probabilities[name] for name in self.known] for said in predictions])
        return sure.ravel(), self._true(rows).ravel()

    def baselines(self, train: Sequence[Row], validation: Sequence[Row], seed: int) -> dict[str, Baseline]:
        """Always the most frequent set; TF-IDF and one logistic regression per label, its threshold tuned as the model's is."""
        common = Prediction(commonest_set([_labels(row) for row in train]), {})
        learned = tfidf_one_vs_rest([text_of(row) for row in train], self._true(train), seed=seed)
        at_least_one = bool(self.at_least_one)
        tuned_on = learned([text_of(row) for row in validation])
        threshold = best_threshold(tuned_on, self._true(validation), at_least_one=at_least_one)
        return {
            "commonest_set": lambda rows: [common for _ in rows],
            "tfidf_one_vs_rest": lambda rows: self._said(learned([text_of(row) for row in rows]), threshold),
        }

    def compare(
        self,
        rows: Sequence[Row],
        tuned: Sequence[Prediction],
        other: Sequence[Prediction],
        confidence: float,
        resamples: int,
    ) -> Difference:
        """In micro F1, with a paired permutation test."""
        true = self._true(rows)
        added = [set_counts(true, self._predicted(said)).sum(axis=1).astype(np.float64) for said in (tuned, other)]

        def micro(sums: NDArray[np.float64]) -> NDArray[np.float64]:
            return micro_f1(sums[..., None, :])

        return summed_difference(micro, *added, confidence=confidence, resamples=resamples)

    def _said(self, chances: NDArray[np.float64], threshold: float | None) -> list[Prediction]:
        given = applies(chances, threshold, at_least_one=bool(self.at_least_one))
        return [
            Prediction(
                tuple(sorted(name for name, here in zip(self.known, flags, strict=True) if here)),
                dict(zip(self.known, row, strict=True)),
            )
            for flags, row in zip(given.tolist(), chances.tolist(), strict=True)
        ]

    def _true(self, rows: Sequence[Row]) -> Flags:
        return self._flags([_labels(row) for row in rows])

    def _predicted(self, predictions: Sequence[Prediction]) -> Flags:
        return self._flags([said.label for said in predictions])

    def _flags(self, found: Sequence[Label]) -> Flags:
        return np.array([[name in label for name in self.known] for label in found], dtype=bool)  # pyright: ignore[reportOperatorIssue]


def _labels(row: Row) -> tuple[str, ...]:
    assert isinstance(row.label, tuple), row.label
    return row.label
