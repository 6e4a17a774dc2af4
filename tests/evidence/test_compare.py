"""Differences of two predictors: value, interval and test, against scipy and against swapping by hand."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import binomtest, permutation_test

from fewtune.evidence.compare import accuracy_difference, summed_difference
from fewtune.evidence.paired import mcnemar, paired_difference, permutation
from fewtune.metrics.label_sets import micro_f1, set_counts
from fewtune.metrics.numbers import moments, r2


def mean(sums: np.ndarray) -> np.ndarray:
    return sums[..., 0] / sums[..., 1]


def with_ones(values: np.ndarray) -> np.ndarray:
    return np.stack([values, np.ones_like(values)], axis=1)


def test_accuracy_is_mcnemar_and_the_paired_bootstrap() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random(80) < 0.9, rng.random(80) < 0.6
    found = accuracy_difference(a, b, confidence=0.95, resamples=500)
    assert found.p_value == mcnemar(a, b) == pytest.approx(binomtest(int((a & ~b).sum()), int((a ^ b).sum())).pvalue)
    value, low, high = paired_difference(a, b, resamples=500)
    assert (found.score.value, found.score.low, found.score.high, found.score.n) == (value, low, high, 80)
    assert found.significant
    assert not accuracy_difference(
        b, a, confidence=0.95, resamples=500
    ).significant  # significantly worse is not better


@pytest.mark.parametrize("n", [3, 8])
def test_few_rows_are_swapped_in_every_way(n: int) -> None:
    rng = np.random.default_rng(n)
    true = rng.random((n, 4)) < 0.4
    a, b = (set_counts(true, rng.random((n, 4)) < 0.5).sum(axis=1).astype(float) for _ in range(2))

    def micro(sums: np.ndarray) -> np.ndarray:
        return micro_f1(sums[..., None, :])

    observed = abs(micro(a.sum(axis=0)) - micro(b.sum(axis=0)))
    far = []
    for swaps in product([False, True], repeat=n):
        swap = np.array(swaps)[:, None]
        one, other = np.where(swap, b, a).sum(axis=0), np.where(swap, a, b).sum(axis=0)
        far.append(abs(micro(one) - micro(other)) >= observed - 1e-12)
    assert permutation(micro, a, b) == pytest.approx(np.mean(far))


def test_of_means_it_is_the_sign_flip_test_of_scipy() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(0.4, 1, size=60), rng.normal(0, 1, size=60)
    theirs = permutation_test(
        (a, b), lambda x, y: x.mean() - y.mean(), permutation_type="samples", n_resamples=9999, rng=rng
    )
    assert permutation(mean, with_ones(a), with_ones(b)) == pytest.approx(theirs.pvalue, abs=0.015)


def test_under_equality_it_rejects_as_rarely_as_it_says() -> None:
    rng = np.random.default_rng(2)
    found = [
        permutation(mean, with_ones(rng.normal(size=25)), with_ones(rng.normal(size=25)), permutations=200)
        for _ in range(300)
    ]
    assert 0.02 < np.mean(np.array(found) <= 0.05) < 0.09
    assert 0.35 < np.mean(np.array(found) <= 0.5) < 0.65


def test_equal_rows_cannot_be_told_apart() -> None:
    rows = with_ones(np.arange(30.0))
    assert permutation(mean, rows, rows) == 1.0
    found = summed_difference(mean, rows, rows, confidence=0.95, resamples=50)
    assert (found.score.value, found.score.low, found.score.high, found.significant) == (0.0, 0.0, 0.0, False)


def test_the_interval_resamples_pairs() -> None:
    """Of predictors that miss the same rows by nearly the same, the difference is sure although each score is not."""
    rng = np.random.default_rng(3)
    true = rng.normal(size=60)
    noise = rng.normal(size=60)
    a, b = (moments(true, true + scale * noise) for scale in (0.8, 0.9))
    found = summed_difference(r2, a, b, confidence=0.95, resamples=500)
    value = 1 - (0.64 * noise @ noise) / ((true - true.mean()) @ (true - true.mean()))
    assert found.score.value == pytest.approx(value - (1 - (1 - value) * 0.81 / 0.64))
    assert found.score.low <= found.score.value <= found.score.high
    assert found.score.high - found.score.low < 0.3
    assert found.score.low > 0
    assert found.significant


def test_the_same_seed_gives_the_same_and_more_rows_a_narrower_interval() -> None:
    rng = np.random.default_rng(4)
    a, b = with_ones(rng.normal(0.3, 1, 400)), with_ones(rng.normal(size=400))
    whole = summed_difference(mean, a, b, confidence=0.95, resamples=800)
    assert whole == summed_difference(mean, a, b, confidence=0.95, resamples=800)
    part = summed_difference(mean, a[:100], b[:100], confidence=0.95, resamples=800)
    assert (whole.score.high - whole.score.low) / (part.score.high - part.score.low) == pytest.approx(0.5, abs=0.1)


def test_no_rows_or_others_are_refused() -> None:
    for shapes in (((0, 2), (0, 2)), ((3, 2), (2, 2)), ((3,), (3,))):
        with pytest.raises(ValueError, match="the same rows"):
            permutation(mean, *(np.zeros(shape) for shape in shapes))
