"""Scores of predicted numbers, as functions of sums over rows, so that resamples cost one matrix product."""

import numpy as np
from numpy.typing import NDArray

from fewtune.metrics._ratio import ratio

Floats = NDArray[np.float64]
_NOTHING = 1e-12
"""Below this share of its largest possible value a variance is rounding."""


def moments(true: Floats, predicted: Floats) -> Floats:
    """What each row adds to the sums the metrics are made of: shape (n, 8).

    1, x, y, x², y², x y, |e|, e² with x and y the true and the predicted number less their means (or else the squares would
    swallow the digits) and e = predicted − true. Raises ValueError for no rows or lengths that differ.
    """
    if true.ndim != 1 or true.shape != predicted.shape or not true.size:
        raise ValueError(f"true and predicted must be lists of one length, got shapes {true.shape}, {predicted.shape}")
    x, y, e = true - true.mean(), predicted - predicted.mean(), predicted - true
    if np.ptp(predicted) == 0:
        y = np.zeros_like(y)  # the mean of equal numbers need not be that number
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y, np.abs(e), e * e], axis=-1)


def rmse(sums: Floats) -> Floats:
    """√(Σe² / n) of sums (..., 8): shape (...), in the units of the numbers, 0 is best."""
    return np.sqrt(sums[..., 7] / sums[..., 0])


def mae(sums: Floats) -> Floats:
    """Σ|e| / n of sums (..., 8): shape (...), in the units of the numbers, 0 is best."""
    return sums[..., 6] / sums[..., 0]


def r2(sums: Floats) -> Floats:
    """1 − Σe² / Σ(x − x̄)² of sums (..., 8): shape (...), the share of the variance explained.

    1 is best, 0 is what always saying the mean of these rows reaches, and there is no lowest. Where the true numbers are all
    equal: 1 without an error and 0 otherwise, as in scikit-learn.
    """
    spread, missed = _variance(sums, 1, 3), sums[..., 7]
    return np.where(spread > 0, 1 - ratio(missed, spread), (missed == 0).astype(np.float64))


def pearson(sums: Floats) -> Floats:
    """The correlation of true and predicted numbers from sums (..., 8): shape (...), between −1 and 1.

    0 where either are all equal, for then they say nothing about each other.
    """
    covariance = sums[..., 5] - sums[..., 1] * sums[..., 2] / sums[..., 0]
    return np.clip(ratio(covariance, np.sqrt(_variance(sums, 1, 3) * _variance(sums, 2, 4))), -1, 1)


def spearman(true: Floats, predicted: Floats, drawn: NDArray[np.int64] | None = None) -> Floats:
    """The correlation of ranks, equal numbers sharing their mean rank; 0 where either are all equal.

    Spearman, The Proof and Measurement of Association between Two Things, 1904. With `drawn` (resamples, n), how often each
    row was drawn, one value for each resample, whose ranks are its own.
    """
    drawn = np.ones((1, len(true)), dtype=np.int64) if drawn is None else drawn
    x, y, weight = _ranks(true, drawn), _ranks(predicted, drawn), drawn.astype(np.float64)
    n = weight.sum(axis=1, keepdims=True)
    x, y = x - (n + 1) / 2, y - (n + 1) / 2  # the mean rank of n rows, ties or not
    spread = (weight * x * x).sum(axis=1) * (weight * y * y).sum(axis=1)
    return np.clip(ratio((weight * x * y).sum(axis=1), np.sqrt(spread)), -1, 1)


def _variance(sums: Floats, of: int, squares: int) -> Floats:
    """n times the variance, exactly 0 where it is nothing but rounding."""
    found = sums[..., squares] - sums[..., of] ** 2 / sums[..., 0]
    return np.where(found > _NOTHING * sums[..., squares], found, 0.0)


def _ranks(values: Floats, drawn: NDArray[np.int64]) -> Floats:
    """The rank of each value among the rows drawn, (resamples, n): those below, and half of its equals."""
    different, place = np.unique(values, return_inverse=True)
    order = np.argsort(place, kind="stable")
    firsts = np.searchsorted(place[order], np.arange(len(different)))
    equals = np.add.reduceat(drawn[:, order], firsts, axis=1)
    return (np.cumsum(equals, axis=1) - (equals - 1) / 2)[:, place]
