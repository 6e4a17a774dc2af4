import numpy as np
from sklearn.metrics import accuracy_score

from fewtune.metrics.accuracy import accuracy
from fewtune.metrics.confusion import confusion


def test_equals_scikit_learn():
    true, predicted = np.random.default_rng(0).integers(4, size=(2, 100))
    assert float(accuracy(confusion(true, predicted, 4))) == accuracy_score(true, predicted)


def test_leading_axes_are_resamples_and_an_empty_table_has_0():
    tables = np.array([[[3, 1], [0, 0]], [[0, 0], [0, 0]]])
    assert accuracy(tables).tolist() == [0.75, 0.0]
    assert accuracy(tables).dtype == np.float64
