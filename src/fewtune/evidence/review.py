"""Which answers a person should look at again: those whose confidence lies below a cut-off.

The cut-off is the lowest at which the validation rows kept without review are right often enough,

    (kept - wrong) / (kept + 1) >= accuracy,

that is, counting one more row than was seen, and that one wrong. It is the correction of conformal selection (Jin and
Candès, Selection by Prediction with Conformal p-values, 2023, arXiv 2210.01408) with the share of rows kept taken from the
validation rows, so that a row can be judged before the last one is read. What it holds to, by simulation
(docs/decisions/review.md): averaged over files, at most 1 - accuracy of the rows kept are wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, prod

import numpy as np

from fewtune.data.answers import Answer
from fewtune.data.labels import Label
from fewtune.evidence.wilson import wilson

DIGITS = 6
"""Decimals of every probability that is written down. The rule reads the written number, so anybody can check it."""


@dataclass(frozen=True)
class Kept:
    """What a cut-off is worth on labelled rows that had no part in choosing it."""

    rows: int
    kept: int
    """Rows at or above the cut-off, which need no review."""
    right: int
    """Of those, the ones with the right answer."""
    low: float
    """Lower end of the interval of right / kept; 0 where no row was kept."""
    high: float
    """Upper end; 1 where no row was kept."""


def confidence(answer: Label, probabilities: Mapping[str, float]) -> float | None:
    """The probability that an answer is right, in [0, 1], rounded to `DIGITS`; None where there are no probabilities.

    One label: its probability. A set of labels: the product of what was said about each label, p where it is in the set
    and 1 - p where it is not, which takes the labels for independent.
    """
    if not probabilities or isinstance(answer, float | int | Answer):
        return None
    if isinstance(answer, str):
        return round(probabilities[answer], DIGITS)
    return round(prod(p if label in answer else 1 - p for label, p in probabilities.items()), DIGITS)


def cut_off(confidences: Sequence[float], right: Sequence[bool], accuracy: float) -> float:
    """The lowest confidence that needs no review; `inf` (every row needs it) where none is high enough.

    `right` says of each validation row whether its answer was right. Raises ValueError for lengths that differ or an
    accuracy outside 0 … 1.
    """
    if len(confidences) != len(right):
        raise ValueError(f"{len(confidences)} confidences, but {len(right)} answers")
    if not 0 < accuracy < 1:
        raise ValueError(f"accuracy must lie between 0 and 1, got {accuracy}")
    values = np.asarray(confidences, dtype=np.float64)
    order = np.argsort(-values, kind="stable")
    values, hits = values[order], np.cumsum(np.asarray(right, dtype=np.int64)[order])
    kept = np.arange(1, len(values) + 1)
    last_of_its_value = np.append(values[1:] != values[:-1], True)[: len(values)]  # equal confidences stay together
    enough = last_of_its_value & (hits / (kept + 1) >= accuracy)
    return float(values[np.flatnonzero(enough)[-1]]) if enough.any() else inf


def fewest_rows(accuracy: float) -> int:
    """How many validation rows, all of them right, it takes for any row to be kept."""
    kept = 1
    while kept / (kept + 1) < accuracy:
        kept += 1
    return kept


def kept(confidences: Sequence[float], right: Sequence[bool], cut: float, level: float = 0.95) -> Kept:
    """How the cut-off `cut` does on these rows, with Wilson's interval at `level`."""
    above = [hit for value, hit in zip(confidences, right, strict=True) if value >= cut]
    low, high = wilson(sum(above), len(above), level) if above else (0.0, 1.0)
    return Kept(len(confidences), len(above), sum(above), low, high)
