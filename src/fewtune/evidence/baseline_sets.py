"""What a tuned multilabel model has to beat: always the commonest set, and one linear model per label on counted words."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fewtune.evidence._tfidf import tfidf
from fewtune.evidence.threshold import applies, best_threshold
from fewtune.metrics.label_sets import Flags, micro_f1, set_counts

if TYPE_CHECKING:
    from scipy.sparse import csr_array, csr_matrix

Chances = Callable[[Sequence[str]], NDArray[np.float64]]
"""Texts → probability of each label, (n, L)."""

GRID = (3.0, 10.0, 30.0)
"""Weights C of the rows against the penalty, from which cross-validation chooses. On 2,142 and 4,000 rows of
emotion_en_goemotions_multilabel 10, 30 and 100 are within 0.002 of micro F1, 3 is 0.005 to 0.02 and 1 is 0.04 below."""

SEARCH = 40_000
"""Rows × labels that the search for C may use: about 4 s on one core. A sample of the rows is drawn above it."""


def commonest_set(train: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The set with the most rows, of equals the first in alphabetical order. Raises ValueError for no rows."""
    if not train:
        raise ValueError("a baseline needs at least one row")
    counts = Counter(train)
    return min(counts, key=lambda each: (-counts[each], each))


def tfidf_one_vs_rest(train_texts: Sequence[str], truth: Flags, *, seed: int = 0) -> Chances:
    """One logistic regression for each label, on the features of `tfidf`; one C for all labels, chosen on the training rows.

    C is what gives the best micro F1 in cross-validation, each fold at its own best threshold. The same seed gives the same
    predictor. A label that all rows carry, or none, gets that share as its probability.

    Raises ValueError for no rows or lengths that differ.
    """
    if len(train_texts) != len(truth) or not len(truth):
        raise ValueError(f"texts and labels must be of one length, got {len(train_texts)} and {len(truth)}")
    if not any(text.strip() for text in train_texts):
        return lambda texts: np.tile(truth.mean(axis=0), (len(texts), 1))
    features = tfidf()
    rows = features.fit_transform(train_texts)
    predict = _fitted(rows, truth, _best_c(rows, truth, seed), seed)
    return lambda texts: predict(features.transform(texts)) if len(texts) else np.empty((0, truth.shape[1]))


def _fitted(rows: "csr_array | csr_matrix", truth: Flags, c: float, seed: int) -> Callable[[Any], NDArray[np.float64]]:
    from sklearn.linear_model import LogisticRegression

    models = []
    for label in truth.T:
        # The solver and its tolerance as in `baseline.py`, where they were measured.
        one = LogisticRegression(C=c, solver="liblinear", dual=True, tol=0.1, max_iter=1000, random_state=seed)
        models.append(one.fit(rows, label) if 0 < label.sum() < len(label) else float(label.mean()))

    def predict(others: Any) -> NDArray[np.float64]:
        chances = [
            np.full(others.shape[0], model) if isinstance(model, float) else model.predict_proba(others)[:, 1]
            for model in models
        ]
        return np.stack(chances, axis=1)

    return predict


def _best_c(rows: "csr_array | csr_matrix", truth: Flags, seed: int) -> float:
    """The C of best micro F1 in three folds of (a sample of) the training rows, of equals the smallest."""
    n = min(len(truth), max(30, SEARCH // truth.shape[1]))
    order = np.random.default_rng(seed).permutation(len(truth))[:n]
    folds = [fold for fold in np.array_split(order, 3) if len(fold)]

    def merit(c: float) -> float:
        found = []
        for held_out in folds:
            kept = np.setdiff1d(order, held_out)
            if not len(kept):
                return 0.0
            chances = _fitted(rows[kept], truth[kept], c, seed)(rows[held_out])
            threshold = best_threshold(chances, truth[held_out], at_least_one=False)
            given = applies(chances, threshold, at_least_one=False)
            found.append(float(micro_f1(set_counts(truth[held_out], given).sum(axis=0))))
        return float(np.mean(found))

    return max(GRID, key=merit)
