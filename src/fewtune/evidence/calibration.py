"""Do things said with a probability of 0.8 come true eight times in ten?"""

import numpy as np
from numpy.typing import NDArray

MOST_BINS, ROWS_A_BIN = 10, 10
"""Ten bins, fewer where that would leave less than ten probabilities in each. A convention, not a measurement."""


def bins_for(n: int) -> int:
    """Bins for `n` probabilities."""
    return max(1, min(MOST_BINS, n // ROWS_A_BIN))


def calibration_error(probabilities: NDArray[np.float64], came_true: NDArray[np.bool_], bins: int) -> float:
    """Expected calibration error: mean |mean probability − share that came true| over bins of equally many probabilities.

    Naeini, Cooper, Hauskrecht, Obtaining Well Calibrated Probabilities Using Bayesian Binning, AAAI 2015, with bins of
    equal mass as in Nixon et al., Measuring Calibration in Deep Learning, 2019, arXiv 1904.01685. Sorted probabilities are
    cut into `bins` parts whose sizes differ by one at most, and each part weighs as much as it holds. On few rows even a
    perfect model has an error above 0: compare two of the same rows, not one with zero.

    Raises ValueError for no probabilities.
    """
    if not len(probabilities):
        raise ValueError("calibration needs at least one probability")
    order = np.argsort(probabilities, kind="stable")
    parts = np.array_split(order, bins)
    return float(
        sum(len(part) * abs(probabilities[part].mean() - came_true[part].mean()) for part in parts if len(part))
    ) / len(order)
