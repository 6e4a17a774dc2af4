"""What a tuned regression has to beat: always the mean, and ridge regression on counted words."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from fewtune.evidence._tfidf import tfidf

Guesser = Callable[[Sequence[str]], NDArray[np.float64]]
"""Texts → one number per text."""

GRID = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Penalties, from which leave-one-out chooses."""

SEARCH = 2_000
"""Rows that the search for the penalty may use, since its time grows with their cube. A sample is drawn above it."""


def mean(train_numbers: Sequence[float]) -> Guesser:
    """Always the mean of the training rows, which no constant beats in RMSE. Raises ValueError for no rows."""
    if not len(train_numbers):
        raise ValueError("a baseline needs at least one row")
    middle = float(np.mean(train_numbers))
    return lambda texts: np.full(len(texts), middle)


def tfidf_ridge(train_texts: Sequence[str], train_numbers: Sequence[float], *, seed: int = 0) -> Guesser:
    """Ridge regression on the features of `tfidf`, its penalty chosen by leave-one-out on the training rows.

    The numbers are standardised first, so that the penalties mean the same in all units. The same seed gives the same
    predictor. Raises ValueError for no rows or lengths that differ.
    """
    from sklearn.linear_model import Ridge, RidgeCV

    numbers = np.asarray(train_numbers, dtype=np.float64)
    if len(train_texts) != len(numbers):
        raise ValueError(f"texts and numbers must be of one length, got {len(train_texts)} and {len(numbers)}")
    if len(numbers) < 2 or np.ptp(numbers) == 0 or not any(text.strip() for text in train_texts):
        return mean(train_numbers)
    features = tfidf()
    rows = features.fit_transform(train_texts)
    middle, spread = numbers.mean(), numbers.std()
    scaled = (numbers - middle) / spread
    sample = np.random.default_rng(seed).permutation(len(numbers))[:SEARCH]
    penalty = float(RidgeCV(alphas=GRID).fit(rows[sample], scaled[sample]).alpha_)  # pyright: ignore[reportArgumentType]
    model = Ridge(alpha=penalty, solver="sparse_cg", random_state=seed).fit(rows, scaled)
    return lambda texts: middle + spread * model.predict(features.transform(texts)) if len(texts) else np.empty(0)
