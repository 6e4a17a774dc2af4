"""Means of what each row is worth, where rows of one cluster (the questions about one text) are not independent.

Whole clusters are drawn again, and whole clusters change sides: their rows share a text, so that a hundred questions about
three texts say little more than three would (Cameron and Miller, A Practitioner's Guide to Cluster-Robust Inference, 2015).
"""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from fewtune.evidence._score import score
from fewtune.evidence.bootstrap import bootstrap_multiplicities
from fewtune.evidence.compare import Difference, summed_difference
from fewtune.record.result import Score

Floats = NDArray[np.float64]


def mean_score(
    values: Floats, clusters: Sequence[Hashable], *, confidence: float, resamples: int, seed: int = 0
) -> Score:
    """The mean of `values` (n,), 0 to 1 each, with its percentile bootstrap interval over clusters.

    Raises ValueError for no rows or lengths that differ, and as `bootstrap_multiplicities` does.
    """
    sums = _sums(values, clusters)
    low, high = bootstrap_multiplicities(
        lambda drawn: _mean(drawn @ sums), len(sums), resamples=resamples, confidence=confidence, seed=seed
    )
    return score(float(np.mean(values)), float(low), float(high), len(values))


def mean_difference(
    values: Floats, other: Floats, clusters: Sequence[Hashable], *, confidence: float, resamples: int
) -> Difference:
    """The mean of `values` (n,) minus that of `other`, row by row of the same rows: paired bootstrap and permutation test.

    Raises as `mean_score`.
    """
    found = summed_difference(
        _mean, _sums(values, clusters), _sums(other, clusters), confidence=confidence, resamples=resamples
    )
    return Difference(found.score.model_copy(update={"n": len(values)}), found.p_value, found.significant)


def _mean(sums: Floats) -> Floats:
    return sums[..., 0] / sums[..., 1]


def _sums(values: Floats, clusters: Sequence[Hashable]) -> Floats:
    """(clusters, 2): the sum of the values, and how many there are."""
    if len(values) != len(clusters) or not len(values):
        raise ValueError(f"each value needs a cluster, got {len(values)} values and {len(clusters)} clusters")
    number = {cluster: index for index, cluster in enumerate(dict.fromkeys(clusters))}
    of = np.array([number[cluster] for cluster in clusters])
    return np.stack([np.bincount(of, weights=values), np.bincount(of)], axis=-1).astype(np.float64)
