"""F1, the harmonic mean of precision and recall: van Rijsbergen, Information Retrieval (1979), ch. 7, with β = 1."""

import numpy as np
from numpy.typing import NDArray

from fewtune.metrics._ratio import ratio


def f1_per_class(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """F1ₖ = 2 TP / (2 TP + FP + FN) of confusion counts (..., C, C): shape (..., C), between 0 and 1.

    A class that occurs neither in truth nor in prediction has F1 0, as in scikit-learn with `zero_division=0`.
    """
    hits = np.diagonal(counts, axis1=-2, axis2=-1).astype(np.float64)
    true, predicted = counts.sum(axis=-1), counts.sum(axis=-2)
    return ratio(2 * hits, (true + predicted).astype(np.float64))


def macro_f1(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """The plain mean of F1 over all C classes of confusion counts (..., C, C): shape (...), between 0 and 1.

    The mean runs over every class of the label set, as in scikit-learn with `labels=` all classes, so that scores of
    the same task stay comparable whichever rows were drawn. A class that occurs neither in truth nor in prediction
    therefore counts as 0: on n rows where only c of C classes occur, macro F1 cannot exceed c / C.
    This is the mean of the F1 of each class, not the F1 of mean precision and mean recall (Opitz and Burst,
    Macro F1 and Macro F1, arXiv:1911.03347).
    """
    return f1_per_class(counts).mean(axis=-1)
