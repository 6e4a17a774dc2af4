"""Division where nothing counted means nothing earned."""

import numpy as np
from numpy.typing import NDArray


def ratio(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> NDArray[np.float64]:
    """`numerator / denominator`, element by element, with 0/0 = 0 (scikit-learn's `zero_division=0`).

    Both have the same shape, which is also the shape of the result; the denominator is never negative.
    """
    return np.divide(numerator, denominator, out=np.zeros_like(denominator), where=denominator > 0)
