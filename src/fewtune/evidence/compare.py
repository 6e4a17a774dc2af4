"""Is one predictor better than another on the same rows? The difference, its paired interval, and a paired test."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fewtune.evidence._score import score
from fewtune.evidence.bootstrap import bootstrap_multiplicities
from fewtune.evidence.paired import mcnemar, paired_difference, permutation
from fewtune.record.result import Score

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Sums over rows (..., k) → a metric (...), higher is better."""


@dataclass(frozen=True)
class Difference:
    """The first predictor minus the second."""

    score: Score
    p_value: float
    significant: bool
    """Whether the first is better, at 1 - confidence."""


def accuracy_difference(right: ArrayLike, right_other: ArrayLike, *, confidence: float, resamples: int) -> Difference:
    """Of accuracies, from whether each row (n,) was predicted right: bootstrap interval and exact McNemar test."""
    value, low, high = paired_difference(right, right_other, resamples=resamples, confidence=confidence, seed=0)
    return _difference(value, low, high, len(np.asarray(right)), mcnemar(right, right_other), confidence)


def summed_difference(
    statistic: Statistic, rows: NDArray[np.float64], other: NDArray[np.float64], *, confidence: float, resamples: int
) -> Difference:
    """Of any metric that is a function of sums over rows, from what each row (n, k) adds to them.

    The interval resamples pairs of rows (percentile bootstrap); the p-value is that of a paired permutation test.
    """

    def apart(drawn: NDArray[np.int64]) -> NDArray[np.float64]:
        return statistic(drawn @ rows) - statistic(drawn @ other)

    value = float(statistic(rows.sum(axis=0)) - statistic(other.sum(axis=0)))
    low, high = bootstrap_multiplicities(apart, len(rows), resamples=resamples, confidence=confidence)
    p_value = permutation(statistic, rows, other)
    return _difference(value, float(low), float(high), len(rows), p_value, confidence)


def _difference(value: float, low: float, high: float, n: int, p_value: float, confidence: float) -> Difference:
    return Difference(score(value, low, high, n), p_value, significant=value > 0 and p_value < 1 - confidence)
