"""Means over rows in clusters: the interval knows that questions about one text are not independent."""

import numpy as np
import pytest

from fewtune.evidence.means import mean_difference, mean_score
from fewtune.evidence.paired import permutation

OPTIONS = {"confidence": 0.95, "resamples": 2000}


def test_the_interval_is_that_of_drawing_clusters_one_by_one() -> None:
    rng = np.random.default_rng(0)
    clusters = rng.integers(0, 12, 60).tolist()
    values = rng.random(60) * 0.3 + np.array([0.05 * cluster for cluster in clusters])
    found = mean_score(values, clusters, **OPTIONS)
    members = [np.flatnonzero(np.array(clusters) == c) for c in sorted(set(clusters))]
    means = []
    for _ in range(4000):
        drawn = np.concatenate([members[k] for k in rng.integers(len(members), size=len(members))])
        means.append(values[drawn].mean())
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])), abs=0.01)
    assert found.n == 60


def test_rows_of_one_text_say_less_than_rows_of_many() -> None:
    values = np.repeat([0.0, 1.0, 0.0, 1.0, 1.0], 20)
    alone, together = (
        mean_score(values, range(100), **OPTIONS),
        mean_score(values, np.repeat(range(5), 20).tolist(), **OPTIONS),
    )
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_the_difference_is_paired() -> None:
    rng = np.random.default_rng(1)
    base = rng.random(50)
    better = np.minimum(base + 0.1, 1)
    found = mean_difference(better, base, range(50), **OPTIONS)
    assert found.significant
    assert found.score.value == pytest.approx((better - base).mean())
    assert found.score.low > 0.05
    assert found.score.n == 50
    rows = [np.stack([each, np.ones(50)], axis=-1) for each in (better, base)]
    assert found.p_value == permutation(lambda sums: sums[..., 0] / sums[..., 1], *rows)
    one = mean_difference(better, base, [0] * 50, **OPTIONS)
    assert not one.significant, "one text alone proves nothing"


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="2 values and 1 clusters"):
        mean_score(np.ones(2), [1], **OPTIONS)
