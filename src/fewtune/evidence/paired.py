"""Two predictors on the same rows: only the rows on which exactly one of them is right tell them apart."""

import numpy as np
from numpy.typing import ArrayLike

from fewtune.evidence.bootstrap import percentile_interval


def mcnemar(correct_a: ArrayLike, correct_b: ArrayLike) -> float:
    """Two-sided exact p-value of "a and b are equally often right"; 1.0 when no row tells them apart.

    McNemar, Note on the sampling error of the difference between correlated proportions or percentages, Psychometrika
    12 (1947) 153, in its exact form: under equality, of the m rows where one alone is right, a has Binomial(m, 1/2).
    The sum is done in integers, so the only rounding is that of the last division.

    `correct_a` and `correct_b` say for each row, shape (n,), whether it was predicted right. Raises ValueError for no
    rows or lengths that differ.
    """
    only_a, only_b, _ = _discordant(correct_a, correct_b)
    m = only_a + only_b
    term = tail = 1  # C(m, 0), and the sum of C(m, k) up to the smaller count
    for k in range(min(only_a, only_b)):
        term = term * (m - k) // (k + 1)
        tail += term
    return min(1.0, 2 * tail / 2**m)


def paired_difference(
    correct_a: ArrayLike, correct_b: ArrayLike, *, resamples: int = 2000, confidence: float = 0.95, seed: int = 0
) -> tuple[float, float, float]:
    """Accuracy of a minus accuracy of b with its percentile bootstrap interval: (value, low, high) within [-1, 1].

    Pairs of rows are resampled together. A row adds +1, 0 or -1, so a resample is one draw from a multinomial over
    these three; two predictors right on the same rows have nothing to resample and get an interval of width 0.

    Arguments and errors as in `mcnemar`; ValueError also for no resample or a confidence outside 0 … 1.
    """
    only_a, only_b, n = _discordant(correct_a, correct_b)
    draws = np.random.default_rng(seed).multinomial(n, np.array([only_a, only_b, n - only_a - only_b]) / n, resamples)
    value = (only_a - only_b) / n
    low, high = percentile_interval((draws[:, 0] - draws[:, 1]) / n, confidence)
    return value, min(float(low), value), max(float(high), value)


def _discordant(correct_a: ArrayLike, correct_b: ArrayLike) -> tuple[int, int, int]:
    """How many rows a alone got right, how many b alone, and how many there are."""
    a, b = np.asarray(correct_a, dtype=bool), np.asarray(correct_b, dtype=bool)
    if a.ndim != 1 or a.shape != b.shape or not a.size:
        raise ValueError(f"correct_a and correct_b must cover the same rows, got shapes {a.shape} and {b.shape}")
    return int((a & ~b).sum()), int((b & ~a).sum()), a.size
