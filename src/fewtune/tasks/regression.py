"""Regression: a number for a text or a pair of texts, such as a rating, a similarity or a price.

The model's sequence-classification head gives one output z, and the answer is mean + std · z in the units of the data, with the
mean and the standard deviation of the training rows. The loss is the squared error (z − (y − mean) / std)², summed over the
rows. Scores: R² (the share of the variance explained), Pearson and Spearman correlation, RMSE and MAE, all with bootstrap
intervals. The best epoch is that of the highest R², which is that of the lowest RMSE.

`ratings.csv`:

    text,score
    "Phòng sạch, nhân viên nhiệt tình.",4.5
    We waited an hour for cold soup.,1.25
"""

from collections.abc import Hashable, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from fewtune.data.labels import Decimal, Label, LabelColumn, LabelReader, find_decimal, numbers
from fewtune.data.nature import nature
from fewtune.data.rows import Row
from fewtune.data.split import Split, split
from fewtune.errors import DataError
from fewtune.evidence.baseline_numbers import Guesser, mean, tfidf_ridge
from fewtune.evidence.compare import Difference, summed_difference
from fewtune.evidence.number_scores import number_metrics, number_scores
from fewtune.metrics.numbers import moments, r2
from fewtune.record.plan import Finding
from fewtune.record.result import Scores
from fewtune.tasks._base import Baseline, Batch, Prediction, Said
from fewtune.tasks._sequence import SequenceTask, logits_of, text_of

MOST_BINS, ROWS_A_BIN = 10, 2
"""The split is stratified by tenths of the sorted numbers, fewer where the smallest part would get less than two rows of each."""


class Regression(SequenceTask):
    """One number per text, or per pair of texts."""

    name: Literal["regression"] = "regression"
    decimal: Decimal | None = None
    """Decimal sign of numbers written as text, `point` or `comma`; empty: a comma if some have one and none a point."""
    mean: float | None = None
    """What is taken from a number before it is learned; empty: the mean of the training rows."""
    std: float | None = Field(default=None, gt=0)
    """What it is then divided by; empty: the standard deviation of the training rows."""

    label_kinds: ClassVar = (("number",), ("category",))
    example: ClassVar = 0.5

    @property
    def objective(self) -> str:
        """The best epoch has the highest."""
        return "r2"

    @classmethod
    def fits(cls, column: LabelColumn) -> Finding | None:
        """Numbers, unless they number labels."""
        match nature(column):
            case "amounts":
                examples = "; ".join(map(str, column.cells[:3]))
                return Finding(id="fits_numbers", level="note", values={"examples": examples})
            case "ratings":
                return Finding(id="fits_numbers_of_several", level="note", values={})
            case _:
                return None

    def reading_labels(self, column: LabelColumn) -> Self:
        """The decimal sign, unless it was given. Raises DataError where it cannot be told."""
        found = self.decimal or find_decimal(column.cells)
        if found is None:
            signed = [cell for cell in column.cells if isinstance(cell, str) and ("," in cell or "." in cell)]
            examples = ", ".join(f"'{cell}'" for cell in sorted(set(signed), key=signed.index)[:3])
            raise DataError("target_decimal_unclear", path=column.path, column=column.name, examples=examples)
        return self.model_copy(update={"decimal": found})

    def reader(self) -> LabelReader:
        """Finite numbers."""
        return numbers(self.decimal or "point")

    def prepare(self, rows: Sequence[Row]) -> Self:
        """Find mean and standard deviation. Raises DataError where all numbers are equal."""
        found = _numbers(rows)
        if np.ptp(found) == 0:
            raise DataError("target_constant", rows=len(rows), value=f"{found[0]:g}")
        middle = float(found.mean()) if self.mean is None else self.mean
        return self.model_copy(update={"mean": middle, "std": float(found.std()) if self.std is None else self.std})

    def check(self, rows: Sequence[Row], split: str) -> None:
        """Every finite number is one that can be predicted."""

    def split(
        self, rows: Sequence[Row], *, validation: float, test: float, seed: int, together: Sequence[Hashable]
    ) -> Split:
        """Stratified by parts of the sorted numbers that hold equally many rows; equal numbers are in one part."""
        found = _numbers(rows)
        smallest = min((share for share in (validation, test) if share > 0), default=0.0)
        bins = max(1, min(MOST_BINS, int(len(rows) * smallest) // ROWS_A_BIN))
        edges = np.quantile(found, np.arange(1, bins) / bins, method="inverted_cdf")
        parts = [str(part) for part in np.searchsorted(edges, found).tolist()]
        return split(parts, validation=validation, test=test, seed=seed, groups=together)

    def model_options(self) -> dict[str, Any]:
        """One output, which is a number."""
        return {"num_labels": 1, "problem_type": "regression"}

    def with_head(self, labels: tuple[str, ...], problem: str | None) -> None:
        """Another head gives numbers in other units."""

    def targets(self, labels: Sequence[Label | None]) -> list[float | None]:
        """The numbers in standard deviations from the mean."""
        middle, spread = self._scale()
        return [(label - middle) / spread if isinstance(label, int | float) else None for label in labels]

    def count(self, batch: Batch) -> float:
        """Each row counts one."""
        return float(len(batch["label"]))

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Squared error in standard deviations, summed over the rows."""
        return F.mse_loss(outputs[:, 0], batch["label"], reduction="sum")

    def calibrated(self, said: Said) -> Self:
        """Nothing is left to be fitted."""
        return self

    def decode(self, said: Said) -> list[Prediction]:
        """The numbers in the units of the data."""
        middle, spread = self._scale()
        return [Prediction(middle + spread * value, {}) for value in logits_of(said)[:, 0].double().tolist()]

    def metrics(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> dict[str, float]:
        """R², Pearson and Spearman correlation, RMSE and MAE."""
        return number_metrics(_numbers(rows), _said(predictions))

    def score(
        self, rows: Sequence[Row], predictions: Sequence[Prediction], confidence: float, resamples: int
    ) -> Scores:
        """The metrics with intervals."""
        return number_scores(_numbers(rows), _said(predictions), confidence=confidence, resamples=resamples)

    def confusion(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> None:
        """Numbers are not taken for each other, they are missed by more or less."""

    def certainties(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> None:
        """Nothing is stated about how sure a number is."""

    def baselines(self, train: Sequence[Row], validation: Sequence[Row], seed: int) -> dict[str, Baseline]:
        """Always the mean; TF-IDF and ridge regression."""
        known = _numbers(train).tolist()
        learned = tfidf_ridge([text_of(row) for row in train], known, seed=seed)
        return {"mean": _saying(mean(known)), "tfidf_ridge": _saying(learned)}

    def compare(
        self,
        rows: Sequence[Row],
        tuned: Sequence[Prediction],
        other: Sequence[Prediction],
        confidence: float,
        resamples: int,
    ) -> Difference:
        """In R², which is in squared errors, with a paired permutation test."""
        true = _numbers(rows)
        added = [moments(true, _said(said)) for said in (tuned, other)]
        for each in added:
            each[:, (2, 4, 5, 6)] = 0.0  # what R² does not look at, so that rows with equal errors are equal
        return summed_difference(r2, *added, confidence=confidence, resamples=resamples)

    def _scale(self) -> tuple[float, float]:
        assert self.mean is not None and self.std is not None, "prepare() comes first"
        return self.mean, self.std


def _saying(guess: Guesser) -> Baseline:
    return lambda rows: [Prediction(value, {}) for value in guess([text_of(row) for row in rows]).tolist()]


def _numbers(rows: Sequence[Row]) -> NDArray[np.float64]:
    return np.array([row.label for row in rows], dtype=np.float64)


def _said(predictions: Sequence[Prediction]) -> NDArray[np.float64]:
    return np.array([said.label for said in predictions], dtype=np.float64)
