"""Scores of numbers against scikit-learn and scipy."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from fewtune.metrics.numbers import mae, moments, pearson, r2, rmse, spearman

LISTS = st.lists(st.tuples(st.integers(-20, 20), st.integers(-20, 20)), min_size=2, max_size=30)


def both(rows: list[tuple[int, int]], scale: float = 1.0, offset: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    values = np.array(rows, dtype=np.float64) * scale + offset
    return values[:, 0], values[:, 1]


@settings(deadline=None)
@given(LISTS, st.sampled_from([1.0, 0.125, 1e-6]), st.sampled_from([0.0, 3.0, -1e4]))
def test_errors_equal_scikit_learn(rows: list[tuple[int, int]], scale: float, offset: float) -> None:
    true, said = both(rows, scale, offset)
    sums = moments(true, said).sum(axis=0)
    assert rmse(sums) == pytest.approx(root_mean_squared_error(true, said), rel=1e-6)
    assert mae(sums) == pytest.approx(mean_absolute_error(true, said), rel=1e-6)
    # Of equal numbers scikit-learn's mean can be off by a rounding, and R² then is a rounding error divided by another.
    expected = float(np.array_equal(true, said)) if np.ptp(true) == 0 else r2_score(true, said)
    assert r2(sums) == pytest.approx(expected, rel=1e-4, abs=1e-6)


@settings(deadline=None)
@given(LISTS, st.sampled_from([1.0, 0.125, 1e-6]), st.sampled_from([0.0, 3.0, -1e4]))
def test_correlations_equal_scipy(rows: list[tuple[int, int]], scale: float, offset: float) -> None:
    true, said = both(rows, scale, offset)
    assume(np.ptp([row[0] for row in rows]) > 0 and np.ptp([row[1] for row in rows]) > 0)
    assert pearson(moments(true, said).sum(axis=0)) == pytest.approx(pearsonr(true, said)[0], abs=1e-6)
    assert spearman(true, said)[0] == pytest.approx(spearmanr(true, said)[0], abs=1e-9)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(("true", "said"), [([1.1, 1.1, 1.1], [1, 2, 3]), ([1, 2, 3], [0.3, 0.3, 0.3]), ([5], [4])])
def test_what_is_all_equal_says_nothing(true: list[float], said: list[float]) -> None:
    t, s = np.array(true, dtype=np.float64), np.array(said, dtype=np.float64)
    assert pearson(moments(t, s).sum(axis=0)) == 0.0
    assert spearman(t, s)[0] == 0.0


def test_r2_of_equal_numbers_is_that_of_scikit_learn() -> None:
    for said in ([2.0, 2.0], [2.0, 2.5]):
        sums = moments(np.array([2.0, 2.0]), np.array(said)).sum(axis=0)
        assert r2(sums) == r2_score([2.0, 2.0], said) == (said == [2.0, 2.0])


def test_resamples_are_those_of_the_rows_drawn() -> None:
    """Sums over multiplicities, and ranks within each resample, against drawing the rows themselves."""
    rng = np.random.default_rng(0)
    true, said = rng.normal(size=40).round(1), rng.normal(size=40).round(1)
    picks = rng.integers(40, size=(25, 40))
    drawn = np.stack([np.bincount(pick, minlength=40) for pick in picks])
    sums, ranked = drawn @ moments(true, said), spearman(true, said, drawn)
    for i, pick in enumerate(picks):
        assert ranked[i] == pytest.approx(spearmanr(true[pick], said[pick])[0], abs=1e-9)  # pyright: ignore[reportArgumentType]
        assert pearson(sums[i]) == pytest.approx(pearsonr(true[pick], said[pick])[0], abs=1e-9)
        assert r2(sums[i]) == pytest.approx(r2_score(true[pick], said[pick]), abs=1e-9)
        assert rmse(sums[i]) == pytest.approx(root_mean_squared_error(true[pick], said[pick]))


def test_large_numbers_with_small_differences_keep_their_digits() -> None:
    true = 1e9 + np.arange(10.0)
    said = true + np.tile([0.5, -0.5], 5)
    sums = moments(true, said).sum(axis=0)
    assert pearson(sums) == pytest.approx(pearsonr(np.arange(10.0), said - 1e9)[0], abs=1e-9)
    assert r2(sums) == pytest.approx(1 - 2.5 / 82.5)


def test_other_shapes_are_refused() -> None:
    for shapes in (((0,), (0,)), ((2,), (3,)), ((2, 2), (2, 2))):
        with pytest.raises(ValueError, match="lists of one length"):
            moments(*(np.zeros(shape) for shape in shapes))
