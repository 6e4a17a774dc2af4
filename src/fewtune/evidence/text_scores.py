"""Every score of written texts against references on one split, each with its interval.

All of them are functions of sums over texts: ROUGE and exact match of a mean, BLEU and chrF of n-gram counts. So one
bootstrap over documents serves all, and a difference between two systems is resampled by the same documents.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fewtune.evidence._score import score
from fewtune.evidence.bootstrap import bootstrap_multiplicities
from fewtune.evidence.compare import Difference, summed_difference
from fewtune.evidence.wilson import wilson
from fewtune.metrics.bleu import bleu, bleu_counts
from fewtune.metrics.chrf import chrf, chrf_counts
from fewtune.metrics.rouge import ROUGE, rouge
from fewtune.record.result import Scores

Counts = NDArray[np.float64]
References = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Metric:
    """A score of texts that is a function of sums over them."""

    counts: Callable[[References, Sequence[str]], Counts]
    """References and texts → what each text adds, (n, k)."""
    value: Callable[[Counts], Counts]
    """Sums (..., k) → the score (...), from 0 to 1, higher is better."""


def _of_mean(per_text: Callable[[References, Sequence[str]], NDArray[np.float64]]) -> Metric:
    def counts(references: References, said: Sequence[str]) -> Counts:
        found = per_text(references, said)
        return np.stack([found, np.ones_like(found)], axis=1)

    return Metric(counts, lambda sums: sums[..., 0] / sums[..., 1])


def exact(references: References, said: Sequence[str]) -> NDArray[np.float64]:
    """1 for a text that equals a reference but for white space at its ends and the form of its Unicode (n,)."""
    return np.array(
        [_plain(text) in {_plain(each) for each in of} for of, text in zip(references, said, strict=True)],
        dtype=np.float64,
    )


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


def _rouge(name: str) -> Metric:
    column = list(ROUGE).index(name)
    return _of_mean(lambda references, said: rouge(references, said)[:, column])


METRICS: Mapping[str, Metric] = {
    "chrf": Metric(chrf_counts, chrf),
    "bleu": Metric(bleu_counts, bleu),
    **{name: _rouge(name) for name in ROUGE},
    "exact_match": _of_mean(exact),
}
"""Name → score, in the order in which they are shown."""


def text_metrics(references: References, said: Sequence[str]) -> dict[str, float]:
    """The scores without intervals."""
    return {name: float(METRICS[name].value(of.sum(axis=0))) for name, of in _counted(references, said).items()}


def text_scores(
    references: References, said: Sequence[str], *, confidence: float, resamples: int, seed: int = 0
) -> Scores:
    """Each of `METRICS`, bootstrapped over documents; exact match is a proportion and has Wilson's interval."""
    counted, n = _counted(references, said), len(said)
    widths = np.cumsum([0, *(of.shape[1] for of in counted.values())])
    together = np.concatenate(list(counted.values()), axis=1)

    def values(sums: Counts) -> Counts:
        parts = [sums[..., start:end] for start, end in pairwise(widths)]
        return np.stack([METRICS[name].value(part) for name, part in zip(counted, parts, strict=True)], axis=-1)

    low, high = bootstrap_multiplicities(
        lambda drawn: values(drawn @ together), n, resamples=resamples, confidence=confidence, seed=seed
    )
    found = values(together.sum(axis=0))
    scores = {name: score(found[i], low[i], high[i], n) for i, name in enumerate(counted)}
    hits = round(float(counted["exact_match"][:, 0].sum()))
    return scores | {"exact_match": score(hits / n, *wilson(hits, n, confidence), n)}


def text_difference(
    metric: str,
    references: References,
    said: Sequence[str],
    other: Sequence[str],
    *,
    confidence: float,
    resamples: int,
) -> Difference:
    """The first texts minus the others in one of `METRICS`, document by document."""
    chosen = METRICS[metric]
    added = [chosen.counts(references, texts) for texts in (said, other)]
    return summed_difference(chosen.value, *added, confidence=confidence, resamples=resamples)


def text_worths(metric: str, references: References, said: Sequence[str]) -> NDArray[np.float64]:
    """The score of each text by itself (n,)."""
    return METRICS[metric].value(METRICS[metric].counts(references, said))


def _counted(references: References, said: Sequence[str]) -> dict[str, Counts]:
    """What each text adds, by metric; ROUGE is computed once for all its forms."""
    rouges = rouge(references, said)
    found = {"chrf": chrf_counts(references, said), "bleu": bleu_counts(references, said)}
    ones = np.ones(len(said))
    found |= {name: np.stack([rouges[:, column], ones], axis=1) for column, name in enumerate(ROUGE)}
    return found | {"exact_match": METRICS["exact_match"].counts(references, said)}
