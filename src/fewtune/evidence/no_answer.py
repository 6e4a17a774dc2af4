"""From which score on a question is left unanswered: the threshold at which the mean F1 is highest."""

from collections.abc import Sequence

import numpy as np


def best_threshold(scores: Sequence[float], answered: Sequence[float], unanswered: Sequence[float]) -> float:
    """A row stays unanswered where its score is above the threshold.

    `scores` (n,) say how much more "no answer" is believed than the best answer; `answered` and `unanswered` are what the row is
    worth in either case. All n + 1 ways to part the rows are tried, as in SQuAD's evaluate-v2.0.py. The threshold lies half
    way between the two scores that it parts (beyond all of them: 1 away), and of equally good ones it is the one nearest 0.
    Raises ValueError for no rows or lengths that differ.
    """
    if not len(scores) or not len(scores) == len(answered) == len(unanswered):
        raise ValueError(f"{len(scores)} scores, {len(answered)} and {len(unanswered)} values")
    distinct, of = np.unique(np.asarray(scores, dtype=np.float64), return_inverse=True)
    gains = np.asarray(answered, dtype=np.float64) - np.asarray(unanswered, dtype=np.float64)
    totals = np.concatenate([[0.0], np.cumsum(np.bincount(of, weights=gains))])  # with 0, 1 … distinct scores answered
    between = np.concatenate([[distinct[0] - 1], (distinct[:-1] + distinct[1:]) / 2, [distinct[-1] + 1]])
    good = between[totals >= totals.max() - 1e-9]
    return float(good[np.argmin(np.abs(good))])
