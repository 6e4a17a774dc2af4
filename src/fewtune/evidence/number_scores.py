"""Every score of predicted numbers on one split, each with its interval."""

import numpy as np
from numpy.typing import NDArray

from fewtune.evidence._score import score
from fewtune.evidence.bootstrap import bootstrap_multiplicities
from fewtune.metrics.numbers import Floats, mae, moments, pearson, r2, rmse, spearman
from fewtune.record.result import Score

NAMES = ("r2", "pearson", "spearman", "rmse", "mae")


def number_scores(
    true: Floats, predicted: Floats, *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> dict[str, Score]:
    """`r2`, `pearson`, `spearman`, `rmse` and `mae`, in this order, all with percentile bootstrap intervals over rows.

    Where a resample leaves a metric undefined (all its numbers equal) it counts with the value that `metrics/numbers.py` gives
    it. Raises ValueError where `moments` does.
    """
    rows, n = moments(true, predicted), len(true)

    def resampled(drawn: NDArray[np.int64]) -> Floats:
        return _all(drawn @ rows, spearman(true, predicted, drawn))

    low, high = bootstrap_multiplicities(resampled, n, resamples=resamples, confidence=confidence, seed=seed)
    value = number_metrics(true, predicted)
    return {name: score(value[name], low[i], high[i], n) for i, name in enumerate(NAMES)}


def number_metrics(true: Floats, predicted: Floats) -> dict[str, float]:
    """The same without intervals."""
    values = _all(moments(true, predicted).sum(axis=0)[None], spearman(true, predicted))[0]
    return dict(zip(NAMES, values.tolist(), strict=True))


def _all(sums: Floats, ranked: Floats) -> Floats:
    return np.stack([r2(sums), pearson(sums), ranked, rmse(sums), mae(sums)], axis=-1)
