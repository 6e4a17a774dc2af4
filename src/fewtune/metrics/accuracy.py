"""The share of rows predicted right."""

import numpy as np
from numpy.typing import NDArray

from fewtune.metrics._ratio import ratio


def accuracy(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Σₖ nₖₖ / n of confusion counts (..., C, C): shape (...), between 0 and 1, and 0 for an empty table."""
    right = np.trace(counts, axis1=-2, axis2=-1).astype(np.float64)
    return ratio(right, counts.sum(axis=(-2, -1)).astype(np.float64))
