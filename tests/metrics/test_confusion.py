import numpy as np
import pytest

from fewtune.metrics.confusion import confusion


def test_rows_are_truth_and_columns_are_predictions():
    counts = confusion([0, 0, 2, 2, 2], [0, 1, 2, 1, 1], classes=4)
    assert counts.tolist() == [[1, 1, 0, 0], [0, 0, 0, 0], [0, 2, 1, 0], [0, 0, 0, 0]]
    assert counts.dtype == np.int64


def test_equals_counting_by_hand():
    rng = np.random.default_rng(0)
    true, predicted = rng.integers(5, size=(2, 300))
    by_hand = np.zeros((5, 5), dtype=int)
    np.add.at(by_hand, (true, predicted), 1)
    np.testing.assert_array_equal(confusion(true, predicted, 5), by_hand)


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
