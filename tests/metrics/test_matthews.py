import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import matthews_corrcoef

from fewtune.metrics.confusion import confusion
from fewtune.metrics.matthews import matthews

TABLES = arrays(np.int64, (4, 4), elements=st.integers(0, 20))


@pytest.mark.filterwarnings("ignore:A single label was found")  # of scikit-learn, on tables with one filled cell
@settings(max_examples=40)
@given(TABLES)
def test_equals_scikit_learn(counts):
    if not counts.any():
        return
    true, predicted = np.repeat(np.indices((4, 4)).reshape(2, -1), counts.ravel(), axis=1)
    np.testing.assert_allclose(matthews(counts), matthews_corrcoef(true, predicted), rtol=1e-9, atol=1e-12)


def test_equals_the_correlation_of_one_hot_vectors():
    true, predicted = np.random.default_rng(0).choice(3, size=(2, 200), p=[0.6, 0.3, 0.1])
    x, y = np.eye(3)[true], np.eye(3)[predicted]
    x, y = x - x.mean(0), y - y.mean(0)
    gorodkin = (x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum())  # eq. 2 to 4 of the paper
    assert float(matthews(confusion(true, predicted, 3))) == pytest.approx(gorodkin, rel=1e-12)


def test_equals_matthews_own_formula_for_two_classes():
    (tn, fp), (fn, tp) = counts = np.array([[50, 7], [3, 40]])
    phi = (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    assert float(matthews(counts)) == pytest.approx(phi, rel=1e-12)


@given(TABLES, st.permutations(range(4)))
def test_names_of_classes_do_not_matter_and_the_bounds_hold(counts, order):
    value = matthews(counts)
    np.testing.assert_allclose(matthews(counts[np.ix_(order, order)]), value, rtol=1e-12, atol=1e-15)
    assert -1 - 1e-12 <= value <= 1 + 1e-12


def test_ends_and_the_undefined_case():
    perfect = np.diag([7, 11, 13])
    assert float(matthews(perfect)) == 1.0
    assert float(matthews(np.array([[0, 17], [5, 0]]))) == -1.0
    one_prediction, nothing = np.array([[9, 0], [4, 0]]), np.zeros((2, 2), dtype=int)
    assert matthews(np.stack([one_prediction, one_prediction.T, nothing])).tolist() == [0.0, 0.0, 0.0]


def test_a_large_table_does_not_overflow():
    counts = np.array([[40_000, 9_000], [7_000, 50_000]])
    assert float(matthews(counts * 100)) == pytest.approx(float(matthews(counts)), rel=1e-12)
