import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from fewtune.metrics.confusion import confusion


def test_rows_are_truth_and_columns_are_predictions():
    counts = confusion([0, 0, 2, 2, 2], [0, 1, 2, 1, 1], classes=4)
    assert counts.tolist() == [[1, 1, 0, 0], [0, 0, 0, 0], [0, 2, 1, 0], [0, 0, 0, 0]]
    assert counts.dtype == np.int64


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int64])
def test_equals_scikit_learn(kind):
    rng = np.random.default_rng(0)
    true, predicted = rng.integers(100, size=(2, 3000)).astype(kind)
    np.testing.assert_array_equal(confusion(true, predicted, 100), confusion_matrix(true, predicted, labels=range(100)))


@pytest.mark.parametrize(
    ("true", "predicted", "classes", "says"),
    [
        ([0, 1], [0], 2, "one length"),
        ([[0, 1]], [[0, 1]], 2, "one length"),
        ([], [], 2, "no rows"),
        ([0, 2], [0, 1], 2, "true must lie in 0 … 1, got 0 … 2"),
        ([0, 1], [0, -1], 2, "predicted must lie in"),
        ([0.0, 1.0], [0, 1], 2, "integer"),
        (["a", "b"], [0, 1], 2, "integer"),
        ([0, 0], [0, 0], 1, "at least 2"),
    ],
)
def test_refuses(true, predicted, classes, says):
    with pytest.raises(ValueError, match=says):
        confusion(true, predicted, classes)
