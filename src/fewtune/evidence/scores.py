"""Every score of a classifier on one split, each with its interval."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fewtune.evidence._score import score
from fewtune.evidence.bootstrap import bootstrap_counts
from fewtune.evidence.wilson import wilson, wilson_f1
from fewtune.metrics.accuracy import accuracy
from fewtune.metrics.confusion import confusion
from fewtune.metrics.f1 import f1_per_class, macro_f1
from fewtune.metrics.matthews import matthews
from fewtune.record.result import Score


def classification_scores(
    true: ArrayLike,
    predicted: ArrayLike,
    labels: Sequence[str],
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Score]:
    """`accuracy`, `macro_f1`, `matthews` and `f1.<label>` of each class, in this order.

    `true` and `predicted` are indices into `labels`, shape (n,). Accuracy has Wilson's interval and the F1 of one
    class its Wilson indirect interval, because the bootstrap fails on few errors: for 30 rows and a true F1 of 0.97
    its 95 % interval covered in 61 % of 2,000 simulations, Wilson's in 95 %. Macro F1 and Matthews, for which no such
    form exists, are bootstrapped; without a single error their interval is [1, 1], and accuracy's is the one to read.

    Raises ValueError for labels that repeat, and where `confusion` and `bootstrap_counts` do.
    """
    if len(set(labels)) != len(labels):
        raise ValueError(f"labels must differ from each other, got {list(labels)}")
    counts = confusion(true, predicted, len(labels))
    rows, columns, hits = counts.sum(axis=1), counts.sum(axis=0), np.diagonal(counts)
    n = int(rows.sum())
    low, high = bootstrap_counts(_overall, counts, resamples=resamples, confidence=confidence, seed=seed)
    value = _overall(counts)

    scores = {"accuracy": score(float(accuracy(counts)), *wilson(int(hits.sum()), n, confidence), n)}
    for i, name in enumerate(("macro_f1", "matthews")):
        scores[name] = score(value[i], low[i], high[i], n)
    for k, (label, f1) in enumerate(zip(labels, f1_per_class(counts), strict=True)):
        true_positive = int(hits[k])
        ends = wilson_f1(true_positive, int(columns[k]) - true_positive, int(rows[k]) - true_positive, confidence)
        scores[f"f1.{label}"] = score(f1, *ends, int(rows[k]))
    return scores


def _overall(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Macro F1 and Matthews of (..., C, C), shape (..., 2), so that both are computed on the same resamples."""
    return np.stack([macro_f1(counts), matthews(counts)], axis=-1)
