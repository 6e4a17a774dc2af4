from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from fewtune.evidence.wilson import wilson, wilson_f1


@given(st.integers(1, 5000), st.floats(0, 1), st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_equals_scipy(n, share, confidence):
    successes = round(share * n)
    scipys = binomtest(successes, n).proportion_ci(confidence, method="wilson")
    assert wilson(successes, n, confidence) == pytest.approx((scipys.low, scipys.high), abs=1e-12)


def test_ends_solve_the_equation_of_the_paper():
    for end in wilson(37, 50):
        assert abs(37 / 50 - end) == pytest.approx(1.959963985 * sqrt(end * (1 - end) / 50), rel=1e-8)


@given(st.integers(1, 10**6))
def test_ends_are_exact_at_the_extremes(n):
    assert wilson(0, n)[0] == 0.0
    assert wilson(n, n)[1] == 1.0
    assert 0 < wilson(0, n)[1] < 1


@given(st.integers(1, 300), st.integers(0, 300))
def test_contains_the_proportion_and_mirrors(n, successes):
    successes = min(successes, n)
    low, high = wilson(successes, n)
    assert 0 <= low <= successes / n <= high <= 1
    assert wilson(n - successes, n) == pytest.approx((1 - high, 1 - low), abs=1e-12)


def _coverage(n, p, interval):
    """The exact probability that the interval of a Binomial(n, p) contains p."""
    return sum(binom.pmf(k, n, p) for k in range(n + 1) if interval(k, n)[0] <= p <= interval(k, n)[1])


@pytest.mark.parametrize("n", [30, 80])
def test_covers_what_it_promises_and_the_normal_interval_does_not(n):
    grid = np.linspace(0.02, 0.98, 25)

    def normal(k, n):
        return k / n - 1.96 * sqrt(k * (n - k) / n**3), k / n + 1.96 * sqrt(k * (n - k) / n**3)

    covered = [_coverage(n, p, wilson) for p in grid]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.01)
    assert min(covered) > 0.89
    assert min(_coverage(n, p, normal) for p in grid) < 0.82  # negative control


@pytest.mark.parametrize(("successes", "n", "confidence"), [(0, 0, 0.95), (3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1.0)])
def test_refuses(successes, n, confidence):
    with pytest.raises(ValueError, match="must lie"):
        wilson(successes, n, confidence)


@given(*[st.integers(0, 200)] * 3)
def test_f1_interval_contains_f1(hits, wrong, missed):
    low, high = wilson_f1(hits, wrong, missed)
    assert 0 <= low <= high <= 1
    if hits + wrong + missed:
        assert low <= 2 * hits / (2 * hits + wrong + missed) <= high


def test_f1_interval_is_not_empty_at_the_extremes():
    assert wilson_f1(0, 0, 0) == (0.0, 1.0)
    low, high = wilson_f1(3, 0, 0)
    assert (low < 0.7, high) == (True, 1.0)
    with pytest.raises(ValueError, match="negative"):
        wilson_f1(3, -1, 0)


def test_f1_interval_covers_where_the_bootstrap_fails():
    rng, true_f1, runs = np.random.default_rng(0), 0.97, 2000
    cells = [0.485, 0.03, 0.485]  # true positive; false positive or negative; neither
    wilsons = bootstraps = 0
    for hits, wrong, _ in rng.multinomial(30, cells, size=runs):
        low, high = wilson_f1(int(hits), int(wrong), 0)
        wilsons += low <= true_f1 <= high
        again = rng.multinomial(30, [hits / 30, wrong / 30, 1 - (hits + wrong) / 30], size=200)
        low, high = np.quantile(2 * again[:, 0] / np.maximum(2 * again[:, 0] + again[:, 1], 1), [0.025, 0.975])
        bootstraps += low <= true_f1 <= high
    assert wilsons / runs == pytest.approx(0.95, abs=0.02)
    assert bootstraps / runs < 0.7  # negative control
