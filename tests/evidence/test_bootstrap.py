import tracemalloc

import numpy as np
import pytest
from sklearn.metrics import f1_score, matthews_corrcoef

from fewtune.evidence import bootstrap
from fewtune.evidence.bootstrap import bootstrap_counts, bootstrap_rows, percentile_interval
from fewtune.metrics.accuracy import accuracy
from fewtune.metrics.confusion import confusion
from fewtune.metrics.f1 import f1_per_class, macro_f1
from fewtune.metrics.matthews import matthews

COUNTS = np.array([[30, 5, 0], [4, 20, 6], [1, 3, 11]])
TRUE, PREDICTED = np.repeat(np.indices((3, 3)).reshape(2, -1), COUNTS.ravel(), axis=1)


def test_equals_drawing_the_rows_with_scikit_learn():
    rng, n = np.random.default_rng(1), len(TRUE)
    drawn = [(TRUE[rows], PREDICTED[rows]) for rows in rng.integers(n, size=(400, n))]
    per_class = np.array([f1_score(t, p, labels=range(3), average=None, zero_division=0) for t, p in drawn])
    correlation = np.array([matthews_corrcoef(t, p) for t, p in drawn])
    for statistic, again in ((f1_per_class, per_class), (macro_f1, per_class.mean(1)), (matthews, correlation)):
        apart = np.array(bootstrap_counts(statistic, COUNTS)) - np.quantile(again, [0.025, 0.975], axis=0)
        # the 2.5 % point of 400 normal draws has a standard error of √(0.025 · 0.975 / 400) / φ(1.96) = 0.13 deviations
        assert (np.abs(apart) < 0.5 * np.std(again, axis=0)).all()


def test_counts_and_rows_give_the_same_interval():
    def by_rows(rows):
        return macro_f1(confusion(TRUE[rows], PREDICTED[rows], 3))

    by_counts = bootstrap_counts(macro_f1, COUNTS, resamples=4000)
    np.testing.assert_allclose(bootstrap_rows(by_rows, len(TRUE), resamples=300), by_counts, atol=0.03)
    # negative control: a bootstrap of twice as many rows is narrower by a factor √2
    low, high = bootstrap_counts(macro_f1, 2 * COUNTS, resamples=4000)
    assert (high - low) / (by_counts[1] - by_counts[0]) == pytest.approx(0.5**0.5, abs=0.05)


def test_shape_follows_the_statistic():
    low, high = bootstrap_counts(f1_per_class, COUNTS, resamples=50)
    assert low.shape == high.shape == (3,)
    assert np.shape(bootstrap_counts(macro_f1, COUNTS, resamples=50)) == (2,)
    low, high = bootstrap_rows(lambda rows: np.array([rows.mean(), rows.max()]), 20, resamples=50)
    assert low.shape == high.shape == (2,)


def test_seed_decides_and_chunks_do_not(monkeypatch):
    once = bootstrap_counts(macro_f1, COUNTS, resamples=100, seed=3)
    assert bootstrap_counts(macro_f1, COUNTS, resamples=100, seed=4) != once
    monkeypatch.setattr(bootstrap, "CELLS", 7 * COUNTS.size)
    assert bootstrap_counts(macro_f1, COUNTS, resamples=100, seed=3) == once


def test_accuracy_interval_covers_what_it_promises():
    rng, cells, runs = np.random.default_rng(0), np.array([0.4, 0.1, 0.1, 0.4]), 600
    covered = 0
    for counts in rng.multinomial(150, cells, size=runs):
        low, high = bootstrap_counts(accuracy, counts.reshape(2, 2), resamples=400, seed=int(counts[0]))
        covered += low <= 0.8 <= high
    assert covered / runs == pytest.approx(0.95, abs=0.03)


def test_memory_stays_below_200_mb_for_200_classes():
    rng = np.random.default_rng(0)
    counts = confusion(*rng.integers(200, size=(2, 3000)), 200)
    tracemalloc.start()
    bootstrap_counts(macro_f1, counts, resamples=120)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200e6


@pytest.mark.parametrize("confidence", [0.5, 0.9])
def test_percentile_interval_leaves_equal_tails(confidence):
    low, high = percentile_interval(np.arange(1001.0), confidence)
    assert (low, high) == pytest.approx((500 * (1 - confidence), 500 * (1 + confidence)))


def test_refusals():
    for wrong in ({"resamples": 0}, {"confidence": 0.0}, {"confidence": 95}):
        with pytest.raises(ValueError, match=r"resample|confidence"):
            bootstrap_counts(accuracy, COUNTS, **wrong)
        with pytest.raises(ValueError, match=r"resample|confidence"):
            bootstrap_rows(np.mean, 10, **{"resamples": 5, **wrong})
    with pytest.raises(ValueError, match="rows"):
        bootstrap_counts(accuracy, np.zeros((2, 2), dtype=int))
    with pytest.raises(ValueError, match="rows"):
        bootstrap_rows(np.mean, 0)
