import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import f1_score

from fewtune.metrics.confusion import confusion
from fewtune.metrics.f1 import f1_per_class, macro_f1

TABLES = arrays(np.int64, (4, 4), elements=st.integers(0, 20))


def _rows(counts):
    """One (true, predicted) pair of class indices for each row that was counted."""
    return np.repeat(np.indices(counts.shape).reshape(2, -1), counts.ravel(), axis=1)


@settings(max_examples=40)
@given(TABLES)
def test_equals_scikit_learn_over_all_classes(counts):
    if not counts.any():
        return
    true, predicted = _rows(counts)
    per_class = f1_score(true, predicted, labels=range(4), average=None, zero_division=0)
    np.testing.assert_allclose(f1_per_class(counts), per_class, rtol=1e-15)
    np.testing.assert_allclose(macro_f1(counts), np.mean(per_class), rtol=1e-15)


@given(TABLES, st.permutations(range(4)))
def test_names_of_classes_do_not_matter(counts, order):
    renamed = counts[np.ix_(order, order)]
    np.testing.assert_array_equal(f1_per_class(renamed), f1_per_class(counts)[order])
    np.testing.assert_allclose(macro_f1(renamed), macro_f1(counts), rtol=1e-15)


@given(TABLES)
def test_lies_between_0_and_1_and_is_symmetric_in_truth_and_prediction(counts):
    assert ((f1_per_class(counts) >= 0) & (f1_per_class(counts) <= 1)).all()
    np.testing.assert_array_equal(f1_per_class(counts), f1_per_class(counts.T))


def test_a_class_that_never_occurs_counts_as_0_in_the_mean():
    true, predicted = [0, 0, 1, 1], [0, 0, 1, 1]
    assert f1_per_class(confusion(true, predicted, 3)).tolist() == [1.0, 1.0, 0.0]
    assert float(macro_f1(confusion(true, predicted, 3))) == 2 / 3
    # negative control: scikit-learn without `labels` averages over the classes it happens to see
    assert f1_score(true, predicted, average="macro") == 1.0


def test_leading_axes_are_resamples():
    tables = np.random.default_rng(0).integers(9, size=(2, 5, 3, 3))
    assert f1_per_class(tables).shape == (2, 5, 3)
    assert macro_f1(tables).shape == (2, 5)
    np.testing.assert_array_equal(macro_f1(tables)[1, 4], macro_f1(tables[1, 4]))
