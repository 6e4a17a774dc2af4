"""Expected calibration error against counting bins by hand, and its known values."""

from itertools import pairwise

import numpy as np
import pytest

from fewtune.evidence.calibration import bins_for, calibration_error


def test_by_hand() -> None:
    # Sorted: 0.1 0.2 | 0.6 0.9; shares that came true: 0.5 and 1. |0.15 - 0.5| / 2 + |0.75 - 1| / 2.
    sure, true = np.array([0.9, 0.1, 0.6, 0.2]), np.array([True, True, True, False])
    assert calibration_error(sure, true, 2) == pytest.approx(0.5 * 0.35 + 0.5 * 0.25)
    assert calibration_error(sure, true, 1) == pytest.approx(abs(1.8 / 4 - 3 / 4))


@pytest.mark.parametrize("n", [7, 100, 1003])
def test_bins_hold_equally_many(n: int) -> None:
    """A second derivation: by quantiles of the ranks."""
    rng = np.random.default_rng(n)
    sure, true, bins = rng.random(n), rng.random(n) < 0.5, bins_for(n)
    rank = np.argsort(np.argsort(sure))
    sizes = [n // bins + (b < n % bins) for b in range(bins)]
    edges = np.concatenate([[0], np.cumsum(sizes)])
    found = 0.0
    for low, high in pairwise(edges):
        inside = (rank >= low) & (rank < high)
        found += inside.sum() / n * abs(sure[inside].mean() - true[inside].mean())
    assert calibration_error(sure, true, bins) == pytest.approx(found)


def test_what_comes_true_as_often_as_was_said_has_little_error_and_overconfidence_has_it_all() -> None:
    rng = np.random.default_rng(0)
    sure = rng.random(20_000)
    true = rng.random(20_000) < sure
    assert calibration_error(sure, true, 10) < 0.02
    assert calibration_error(np.ones(20_000), rng.random(20_000) < 0.7, 10) == pytest.approx(0.3, abs=0.02)


def test_bins() -> None:
    assert [bins_for(n) for n in (1, 9, 19, 20, 55, 99, 100, 10_000)] == [1, 1, 1, 2, 5, 9, 10, 10]


def test_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        calibration_error(np.empty(0), np.empty(0, dtype=bool), 1)
