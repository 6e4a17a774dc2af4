"""chrF from sums over texts, so that it can be resampled.

Popović, chrF: character n-gram F-score for automatic MT evaluation, 2015, https://aclanthology.org/W15-3049, as sacrebleu
counts it by default: characters without white space, n-grams up to 6, β = 2 (recall counts twice), no words. It needs no
tokenizer, so it is the same for every language. Values lie between 0 and 1; papers print them times 100.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fewtune.metrics._sacrebleu import signature

ORDER, BETA = 6, 2
"""Longest n-gram, and how much more recall counts than precision."""


def chrf_counts(references: Sequence[Sequence[str]], said: Sequence[str]) -> NDArray[np.float64]:
    """Of each text (n, 18), for each order: n-grams said, of the reference, and matching; of the reference it matches best."""
    found = np.zeros((len(said), 3 * ORDER))
    for row, (wanted, text) in enumerate(zip(references, said, strict=True)):
        own = _ngrams(text)
        found[row] = max((_matches(own, _ngrams(each)) for each in wanted), key=_alone)
    return found


def chrf(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """chrF of sums (..., 18) over texts, shape (...).

    (1 + β²) P R / (β² P + R), with P and R the means of precision and recall over the orders that occur on both sides.
    """
    counts = np.asarray(sums, dtype=np.float64)
    counts = counts.reshape(*counts.shape[:-1], ORDER, 3)
    said, wanted, match = counts[..., 0], counts[..., 1], counts[..., 2]
    both = (said > 0) & (wanted > 0)
    orders = np.maximum(both.sum(axis=-1), 1)
    precision = np.where(both, match / np.where(both, said, 1), 0).sum(axis=-1) / orders
    recall = np.where(both, match / np.where(both, wanted, 1), 0).sum(axis=-1) / orders
    below = BETA**2 * precision + recall
    return np.where(below > 0, (1 + BETA**2) * precision * recall / np.where(below > 0, below, 1), 0.0)


def chrf_signature(references: Sequence[Sequence[str]]) -> str:
    """How sacrebleu says what was counted, to be printed with the score."""
    from sacrebleu import CHRF

    return signature(CHRF(), references)


def _ngrams(text: str) -> list[Counter[str]]:
    letters = "".join(text.split())
    return [Counter(letters[start : start + n] for start in range(len(letters) - n + 1)) for n in range(1, ORDER + 1)]


def _alone(counts: list[int]) -> float:
    """chrF of one text times 100, added up in sacrebleu's order: of equally good references a rounding decides as it does there."""
    precision = recall = orders = 0.0
    for said, wanted, match in zip(counts[::3], counts[1::3], counts[2::3], strict=True):
        if said and wanted:
            precision, recall, orders = precision + match / said, recall + match / wanted, orders + 1
    if not precision + recall:
        return 0.0
    precision, recall = precision / orders, recall / orders
    return 100 * ((1 + BETA**2) * precision * recall / (BETA**2 * precision + recall))


def _matches(said: list[Counter[str]], wanted: list[Counter[str]]) -> list[int]:
    found = []
    for own, other in zip(said, wanted, strict=True):
        # As in sacrebleu, what is said counts only where the reference is long enough to have n-grams at all.
        total = sum(other.values())
        found += [sum(own.values()) if total else 0, total, sum((own & other).values())]
    return found
