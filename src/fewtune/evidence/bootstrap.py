"""Percentile bootstrap: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.

The test rows are drawn again with replacement, and the middle part of the scores of many such draws is the interval.
It knows only errors it has seen: a statistic that no resample can change, such as the macro F1 of a table without
errors, gets an interval of width 0.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Interval = tuple[NDArray[np.float64], NDArray[np.float64]]
"""(low, high), each with the shape of the statistic: () for one number, (C,) for one number per class."""

CELLS = 2**21
"""Cells of resampled tables held at a time: 16 MB in int64, so a statistic with several copies stays below 200 MB."""


def percentile_interval(values: NDArray[np.float64], confidence: float) -> Interval:
    """The middle `confidence` part of `values` (resamples, ...): low and high of shape (...).

    Raises ValueError for no resample or a confidence outside 0 … 1.
    """
    if not len(values):
        raise ValueError("an interval needs at least one resample")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence}")
    ends = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return ends[0, ...], ends[1, ...]


def bootstrap_counts(
    statistic: Callable[[NDArray[np.int64]], NDArray[np.float64]],
    counts: NDArray[np.int64],
    *,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """The interval of a function of the confusion counts (C, C).

    `statistic` maps (resamples, C, C) to (resamples, ...). Drawing n rows with replacement and counting them is one
    draw from Multinomial(n, counts / n), so the rows themselves are not needed. The same seed gives the same interval.

    Raises ValueError for an empty table, fewer than one resample or a confidence outside 0 … 1.
    """
    n = int(counts.sum())
    if n == 0 or resamples < 1:
        raise ValueError(f"the bootstrap needs rows and resamples, got {n} and {resamples}")
    filled = np.flatnonzero(counts)  # an empty cell is never drawn, and with many classes most cells are empty
    share = counts.ravel()[filled] / n
    rng = np.random.default_rng(seed)
    chunk = max(1, CELLS // counts.size)
    values = []
    for start in range(0, resamples, chunk):
        drawn = np.zeros((min(chunk, resamples - start), counts.size), dtype=np.int64)
        drawn[:, filled] = rng.multinomial(n, share, size=len(drawn))
        values.append(statistic(drawn.reshape(-1, *counts.shape)))
    return percentile_interval(np.concatenate(values), confidence)


def bootstrap_rows(
    statistic: Callable[[NDArray[np.int64]], float | NDArray[np.float64]],
    n: int,
    *,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """The interval of any statistic of `n` rows, for metrics that are no function of confusion counts (BLEU, ROUGE).

    `statistic` gets the indices (n,) of one resample, each in 0 … n - 1, and is called once per resample.

    Raises ValueError for no rows, fewer than one resample or a confidence outside 0 … 1.
    """
    if n < 1:
        raise ValueError(f"the bootstrap needs rows, got {n}")
    rng = np.random.default_rng(seed)
    values = np.array([statistic(rng.integers(n, size=n)) for _ in range(resamples)], dtype=np.float64)
    return percentile_interval(values, confidence)


def bootstrap_multiplicities(
    statistic: Callable[[NDArray[np.int64]], NDArray[np.float64]],
    n: int,
    *,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """The interval of a statistic of `n` rows that can be computed for many resamples at a time.

    `statistic` maps (resamples, n), how often each row was drawn, to (resamples, ...). For a function of sums over rows
    that is one matrix product. The same seed gives the same interval.

    Raises ValueError for no rows, fewer than one resample or a confidence outside 0 … 1.
    """
    if n < 1:
        raise ValueError(f"the bootstrap needs rows, got {n}")
    rng = np.random.default_rng(seed)
    chunk = max(1, CELLS // n)
    values = []
    for start in range(0, resamples, chunk):
        size = min(chunk, resamples - start)
        drawn = rng.integers(n, size=(size, n)) + n * np.arange(size)[:, None]
        values.append(statistic(np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n)))
    return percentile_interval(np.concatenate(values) if values else np.empty(0), confidence)
