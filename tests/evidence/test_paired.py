import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from fewtune.evidence.paired import mcnemar, paired_difference


def _pair(both, only_a, only_b, neither):
    """Right or wrong for each row, given how many rows there are of each kind."""
    cells = (both, only_a, only_b, neither)
    return np.repeat([True, True, False, False], cells), np.repeat([True, False, True, False], cells)


COUNTS = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.integers(1, 40))


@given(COUNTS)
def test_mcnemar_equals_the_binomial_test_of_scipy(cells):
    _, only_a, only_b, _ = cells
    expected = binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    assert mcnemar(*_pair(*cells)) == pytest.approx(expected, rel=1e-12)


@given(COUNTS)
def test_mcnemar_is_symmetric_and_ignores_rows_on_which_both_agree(cells):
    a, b = _pair(*cells)
    assert mcnemar(a, b) == mcnemar(b, a) == mcnemar(*_pair(0, cells[1], cells[2], 1))


def test_mcnemar_by_hand():
    assert mcnemar(*_pair(5, 0, 0, 5)) == 1.0
    assert mcnemar(*_pair(0, 5, 0, 0)) == 2 / 2**5
    assert mcnemar(*_pair(9, 1, 4, 9)) == 2 * (1 + 5) / 2**5
    assert mcnemar(*_pair(0, 3000, 4000, 0)) == pytest.approx(binomtest(3000, 7000).pvalue, rel=1e-9)


def test_mcnemar_rejects_equal_predictors_no_more_often_than_promised():
    rng = np.random.default_rng(0)
    p_values = np.array([mcnemar(*_pair(*cells)) for cells in rng.multinomial(100, [0.6, 0.15, 0.15, 0.1], size=1000)])
    assert 0.01 < (p_values <= 0.05).mean() <= 0.05


def test_difference_is_that_of_the_accuracies_and_turns_its_sign():
    a, b = _pair(50, 12, 5, 33)
    value, low, high = paired_difference(a, b)
    assert value == pytest.approx(a.mean() - b.mean())
    assert paired_difference(b, a) == pytest.approx((-value, -high, -low), abs=0.011)


def test_difference_equals_drawing_pairs_of_rows():
    a, b = _pair(50, 12, 5, 33)
    rows = np.random.default_rng(1).integers(100, size=(4000, 100))
    expected = np.quantile(a[rows].mean(1) - b[rows].mean(1), [0.025, 0.975])
    np.testing.assert_allclose(paired_difference(a, b)[1:], expected, atol=0.011)
    # negative control: drawing the rows of a and of b apart forgets that both agree on most of them
    apart = np.quantile(a[rows].mean(1) - b[rows[::-1]].mean(1), [0.025, 0.975])
    assert apart[1] - apart[0] > 1.4 * (expected[1] - expected[0])


def test_difference_covers_what_it_promises():
    rng, covered, runs = np.random.default_rng(0), 0, 500
    for cells in rng.multinomial(200, [0.6, 0.15, 0.1, 0.15], size=runs):
        _, low, high = paired_difference(*_pair(*cells), resamples=400, seed=int(cells[0]))
        covered += low <= 0.05 <= high
    assert covered / runs == pytest.approx(0.95, abs=0.03)


@given(COUNTS)
def test_difference_lies_in_its_interval(cells):
    value, low, high = paired_difference(*_pair(*cells), resamples=20)
    assert -1 <= low <= value <= high <= 1


def test_difference_of_equal_predictors_is_0():
    assert paired_difference(*_pair(7, 0, 0, 3)) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("compare", [mcnemar, paired_difference])
def test_refuses_rows_that_do_not_match(compare):
    for a, b in (([], []), ([True], [True, False]), ([[True]], [[True]])):
        with pytest.raises(ValueError, match="same rows"):
            compare(a, b)


def test_refuses_no_resample_and_no_confidence():
    with pytest.raises(ValueError, match="resample"):
        paired_difference([True], [False], resamples=0)
    with pytest.raises(ValueError, match="confidence"):
        paired_difference([True], [False], confidence=1.0)
