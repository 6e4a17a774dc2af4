"""The confusion matrix, from which every other classification metric here is computed."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def confusion(true: ArrayLike, predicted: ArrayLike, classes: int) -> NDArray[np.int64]:
    """How many rows of each true class (rows) were predicted as each class (columns).

    `true` and `predicted` hold one class index in 0 … classes - 1 per row, shape (n,); the result has shape
    (classes, classes) and sums to n.

    Raises ValueError for fewer than two classes, no rows, lengths that differ, or anything but indices in range.
    """
    pair = np.asarray(true), np.asarray(predicted)
    if classes < 2:
        raise ValueError(f"a confusion matrix needs at least 2 classes, got {classes}")
    if pair[0].ndim != 1 or pair[0].shape != pair[1].shape:
        raise ValueError(f"true and predicted must be lists of one length, got shapes {pair[0].shape}, {pair[1].shape}")
    for name, indices in zip(("true", "predicted"), pair, strict=True):
        if not indices.size:
            raise ValueError(f"{name} has no rows")
        if indices.dtype.kind not in "iu":
            raise ValueError(f"{name} must hold integer class indices, got {indices.dtype}")
        if indices.min() < 0 or indices.max() >= classes:
            raise ValueError(f"{name} must lie in 0 … {classes - 1}, got {indices.min()} … {indices.max()}")
    # Not scikit-learn's: importing it takes a second, before the first epoch is judged.
    cells = pair[0].astype(np.int64) * classes + pair[1]
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)
