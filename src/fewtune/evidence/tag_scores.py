"""Every score of tagged sentences on one split, each with its interval; and the difference of two taggers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fewtune.evidence._score import score
from fewtune.evidence.bootstrap import bootstrap_multiplicities
from fewtune.evidence.compare import Difference, summed_difference
from fewtune.evidence.wilson import wilson_f1
from fewtune.metrics._ratio import ratio
from fewtune.metrics.entities import Sentences, entity_counts, hits, precision, recall, tag_counts
from fewtune.metrics.label_sets import f1_per_label
from fewtune.record.result import Score

ENTITY = ("entity_f1", "entity_precision", "entity_recall")


def tag_metrics(true: Sentences, said: Sentences, names: Sequence[str], *, marked: bool) -> dict[str, float]:
    """The values of `tag_scores` without those of single names."""
    sums = _added(true, said, names, marked=marked).sum(axis=0)
    return dict(zip(_overall_names(marked), _overall(sums, len(names), marked=marked).tolist(), strict=True))


def tag_scores(
    true: Sentences,
    said: Sentences,
    names: Sequence[str],
    *,
    marked: bool,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Score]:
    """Where tags mark entities (`marked`; `names` are their types): `entity_f1`, `entity_precision`, `entity_recall` and
    `token_accuracy`; else (`names` are the tags) `token_accuracy` and `macro_f1`; then `f1.<name>` of each name.

    The intervals are bootstrapped over sentences, whose words stay together; the F1 of one name has its Wilson indirect interval
    (see `classification_scores`), for which its entities count as independent. Raises ValueError for no sentences or lengths
    that differ.
    """
    added = _added(true, said, names, marked=marked)
    n, sums = len(added), added.sum(axis=0)

    def resampled(drawn: NDArray[np.int64]) -> NDArray[np.float64]:
        return _overall(drawn @ added.astype(np.float64), len(names), marked=marked)

    low, high = bootstrap_multiplicities(resampled, n, resamples=resamples, confidence=confidence, seed=seed)
    value = _overall(sums, len(names), marked=marked)
    scores = {name: score(value[i], low[i], high[i], n) for i, name in enumerate(_overall_names(marked))}
    of = sums[2:].reshape(len(names), 3)
    for (right, wrong, missed), each, name in zip(of.tolist(), f1_per_label(of), names, strict=True):
        scores[f"f1.{name}"] = score(each, *wilson_f1(right, wrong, missed, confidence), right + missed)
    return scores


def tag_difference(
    true: Sentences,
    said: Sentences,
    other: Sentences,
    names: Sequence[str],
    *,
    marked: bool,
    confidence: float,
    resamples: int,
) -> Difference:
    """Of `entity_f1`, or of `token_accuracy` where tags mark no entities, with a paired permutation test over sentences."""

    def first(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return _overall(sums, len(names), marked=marked)[..., 0]

    added = [_added(true, each, names, marked=marked).astype(np.float64) for each in (said, other)]
    return summed_difference(first, *added, confidence=confidence, resamples=resamples)


def _overall_names(marked: bool) -> tuple[str, ...]:
    return (*ENTITY, "token_accuracy") if marked else ("token_accuracy", "macro_f1")


def _added(true: Sentences, said: Sentences, names: Sequence[str], *, marked: bool) -> NDArray[np.int64]:
    """What each sentence adds to the sums: right words, words, and the counts of each name, (n, 2 + 3 names)."""
    counts = (entity_counts if marked else tag_counts)(true, said, names)
    return np.concatenate([hits(true, said), counts.reshape(len(counts), -1)], axis=1)


def _overall(sums: NDArray[np.int64] | NDArray[np.float64], names: int, *, marked: bool) -> NDArray[np.float64]:
    """The overall metrics of sums (..., 2 + 3 names), shape (..., metrics)."""
    words = sums[..., :2].astype(np.float64)
    accuracy = ratio(words[..., 0], words[..., 1])
    counts = sums[..., 2:].reshape(*sums.shape[:-1], names, 3)
    if not marked:
        return np.stack([accuracy, f1_per_label(counts).mean(axis=-1)], axis=-1)
    together = counts.sum(axis=-2)
    return np.stack([f1_per_label(together), precision(together), recall(together), accuracy], axis=-1)
