"""Two predictors on the same rows: only the rows on which they differ tell them apart."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fewtune.evidence.bootstrap import CELLS, percentile_interval

PERMUTATIONS = 10_000
"""Drawn by a permutation test, so that p-values down to 0.0001 can be told; up to 13 rows that differ need no drawing."""


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


def permutation(
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    rows_a: NDArray[np.float64],
    rows_b: NDArray[np.float64],
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> float:
    """Two-sided p-value of "a and b are equally good": how often chance alone sets them as far apart as they are.

    `rows_a` and `rows_b` (n, k) hold what each row adds to the sums (..., k) of which `statistic` is a function. If the
    predictors are equally good, the answers of any row could as well be swapped: Noreen, Computer Intensive Methods for
    Testing Hypotheses (1989), on F scores Yeh, More accurate tests for the statistical significance of result
    differences, COLING 2000 (ACL C00-2137). All swaps are counted where there are no more than `permutations` of them,
    else so many are drawn, and p = (1 + as far) / (1 + drawn).

    Raises ValueError for no rows or shapes that differ.
    """
    if rows_a.shape != rows_b.shape or rows_a.ndim != 2 or not len(rows_a):
        raise ValueError(f"rows_a and rows_b must cover the same rows, got shapes {rows_a.shape} and {rows_b.shape}")
    gain = (rows_a - rows_b)[(rows_a != rows_b).any(axis=1)]  # rows that are equal change nothing when swapped
    m, sum_a, sum_b = len(gain), rows_a.sum(axis=0), rows_b.sum(axis=0)
    observed = abs(float(statistic(sum_a) - statistic(sum_b)))
    every = 2**m <= permutations
    total, rng, chunk, far = 2**m if every else permutations, np.random.default_rng(seed), max(1, CELLS // max(m, 1)), 0
    for start in range(0, total, chunk):
        size = min(chunk, total - start)
        numbers = np.arange(start, start + size)[:, None]
        swapped = numbers >> np.arange(m) & 1 if every else rng.integers(2, size=(size, m), dtype=np.int8)
        moved = swapped @ gain
        apart = np.abs(statistic(sum_a - moved) - statistic(sum_b + moved))
        far += int((apart >= observed * (1 - 1e-9) - 1e-12).sum())  # equal but for rounding counts as equal
    return far / total if every else (1 + far) / (1 + total)


def _discordant(correct_a: ArrayLike, correct_b: ArrayLike) -> tuple[int, int, int]:
    """How many rows a alone got right, how many b alone, and how many there are."""
    a, b = np.asarray(correct_a, dtype=bool), np.asarray(correct_b, dtype=bool)
    if a.ndim != 1 or a.shape != b.shape or not a.size:
        raise ValueError(f"correct_a and correct_b must cover the same rows, got shapes {a.shape} and {b.shape}")
    return int((a & ~b).sum()), int((b & ~a).sum()), a.size
