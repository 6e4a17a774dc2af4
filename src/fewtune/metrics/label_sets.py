"""Scores of sets of labels, as functions of true positives, false positives and false negatives of each label."""

import numpy as np
from numpy.typing import NDArray

from fewtune.metrics._ratio import ratio

Flags = NDArray[np.bool_]
"""Whether each label (columns) applies to each row: shape (n, L)."""


def set_counts(true: Flags, predicted: Flags) -> NDArray[np.int64]:
    """What each row adds to (true positives, false positives, false negatives) of each label: shape (n, L, 3).

    Raises ValueError for shapes that differ, no rows or no labels.
    """
    if true.shape != predicted.shape or true.ndim != 2 or not true.size:
        raise ValueError(f"true and predicted must cover the same rows and labels, got {true.shape}, {predicted.shape}")
    return np.stack([true & predicted, ~true & predicted, true & ~predicted], axis=-1).astype(np.int64)


def f1_per_label(counts: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.float64]:
    """2 TP / (2 TP + FP + FN) of counts (..., L, 3): shape (..., L), 0 for a label that no row holds or was given."""
    of = counts.astype(np.float64)
    return ratio(2 * of[..., 0], 2 * of[..., 0] + of[..., 1] + of[..., 2])


def micro_f1(counts: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.float64]:
    """F1 of all labels counted together, (..., L, 3) → (...): common labels count for more."""
    return f1_per_label(counts.sum(axis=-2, keepdims=True))[..., 0]


def macro_f1(counts: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.float64]:
    """The plain mean of F1 over all L labels, (..., L, 3) → (...), as in scikit-learn with `zero_division=0`."""
    return f1_per_label(counts).mean(axis=-1)


def exact_matches(true: Flags, predicted: Flags) -> int:
    """Rows whose sets are equal (subset accuracy, counted)."""
    return int((true == predicted).all(axis=1).sum())
