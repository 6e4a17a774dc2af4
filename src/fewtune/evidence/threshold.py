"""From how probable a label must be to be given: one threshold for all labels, where micro F1 is highest.

One and not one per label: with few rows the best threshold of a rare label is decided by a handful of rows, and does not hold
on others (measured in docs/decisions/multilabel.md).
"""

import numpy as np
from numpy.typing import NDArray

from fewtune.metrics.label_sets import Flags

HALF = 0.5


def applies(probabilities: NDArray[np.float64], threshold: float | None, *, at_least_one: bool) -> Flags:
    """The labels (n, L) whose probability reaches the threshold (one half where there is none yet).

    `at_least_one` gives a row that would get none its most probable label.
    """
    given = probabilities >= (HALF if threshold is None else threshold)
    return given | _tops(probabilities) if at_least_one else given


def best_threshold(probabilities: NDArray[np.float64], truth: Flags, *, at_least_one: bool) -> float:
    """Where micro F1 of `applies` is highest on these rows (n, L); of equals the one nearest to one half.

    Only the order of the probabilities matters, so all thresholds are tried: between any two neighbours the middle, and half
    of the lowest. One half where no label applies to any row.
    """
    always = _tops(probabilities) if at_least_one else np.zeros_like(truth)
    order = np.argsort(-probabilities[~always], kind="stable")
    sure, right = probabilities[~always][order], truth[~always][order]
    hits = int((truth & always).sum()) + np.concatenate([[0], np.cumsum(right)])
    f1 = 2 * hits / np.maximum(always.sum() + np.arange(len(sure) + 1) + truth.sum(), 1)
    above, below = np.concatenate([[1.0], sure]), np.concatenate([sure, [0.0]])
    middle = (above + below) / 2
    middle = np.where(middle > below, middle, above)  # neighbours may be too near for a double between them
    cuts = (above > below) & (f1 > 0)
    if not cuts.any():
        return HALF
    best = np.flatnonzero(cuts & (f1 >= f1[cuts].max() - 1e-12))
    return float(middle[best[np.argmin(np.abs(middle[best] - HALF))]])


def _tops(probabilities: NDArray[np.float64]) -> Flags:
    """The most probable label of each row, of equals the first."""
    return np.arange(probabilities.shape[1]) == probabilities.argmax(axis=1)[:, None]
