"""Every score of sets of labels on one split, each with its interval."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fewtune.evidence._score import score
from fewtune.evidence.bootstrap import bootstrap_multiplicities
from fewtune.evidence.wilson import wilson, wilson_f1
from fewtune.metrics.label_sets import Flags, exact_matches, f1_per_label, macro_f1, micro_f1, set_counts
from fewtune.record.result import Score


def set_scores(
    true: Flags,
    predicted: Flags,
    labels: Sequence[str],
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Score]:
    """`micro_f1`, `macro_f1`, `exact_match` and `f1.<label>` of each label, in this order.

    `true` and `predicted` say which labels apply, shape (n, L). Exact match is a proportion and has Wilson's interval, the F1
    of one label its Wilson indirect interval (see `classification_scores`). Micro and macro F1 are bootstrapped over rows,
    whose labels stay together. Raises ValueError for labels that repeat, and where `set_counts` does.
    """
    if len(set(labels)) != len(labels):
        raise ValueError(f"labels must differ from each other, got {list(labels)}")
    per_row = set_counts(true, predicted)
    counts, n = per_row.sum(axis=0), len(true)
    flat = per_row.reshape(n, -1).astype(np.float64)

    def resampled(drawn: NDArray[np.int64]) -> NDArray[np.float64]:
        return _overall((drawn @ flat).reshape(len(drawn), *counts.shape))

    low, high = bootstrap_multiplicities(resampled, n, resamples=resamples, confidence=confidence, seed=seed)
    value, same = _overall(counts), exact_matches(true, predicted)
    scores = {name: score(value[i], low[i], high[i], n) for i, name in enumerate(("micro_f1", "macro_f1"))}
    scores["exact_match"] = score(same / n, *wilson(same, n, confidence), n)
    for (hits, wrong, missed), f1, label in zip(counts.tolist(), f1_per_label(counts), labels, strict=True):
        scores[f"f1.{label}"] = score(f1, *wilson_f1(hits, wrong, missed, confidence), hits + missed)
    return scores


def _overall(counts: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Micro and macro F1 of (..., L, 3), shape (..., 2), so that both are computed on the same resamples."""
    return np.stack([micro_f1(counts), macro_f1(counts)], axis=-1)
