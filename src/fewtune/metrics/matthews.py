"""Matthews correlation for any number of classes."""

import numpy as np
from numpy.typing import NDArray

from fewtune.metrics._ratio import ratio


def matthews(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """R_K of confusion counts (..., C, C): shape (...), between -1 and 1, and 0 where only one class occurs.

    Gorodkin, Comparing two K-category assignments by a K-category correlation coefficient, Computational Biology and
    Chemistry 28 (2004) 367: the correlation of the one-hot vectors of truth and prediction. With t and p the row and
    column sums, c the rows predicted right and s all rows, it is (c s - p·t) / √((s² - p·p) (s² - t·t)); for two
    classes that is Matthews' coefficient.
    """
    table = counts.astype(np.float64)  # s² passes the range of int64 at 3·10⁹ rows, the product already at 55,000
    true, predicted = table.sum(axis=-1), table.sum(axis=-2)
    right, rows = np.trace(table, axis1=-2, axis2=-1), true.sum(axis=-1)
    covariance = right * rows - (predicted * true).sum(axis=-1)
    variances = (rows**2 - (predicted**2).sum(axis=-1)) * (rows**2 - (true**2).sum(axis=-1))
    return ratio(covariance, np.sqrt(variances))
