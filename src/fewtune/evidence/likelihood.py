"""How well a language model foresees texts: perplexity, its logarithm, bits per byte, token accuracy.

All are functions of sums over texts, so one bootstrap over texts serves all, and a difference between two models is resampled
by the same texts. With Σ over the predicted tokens t of all texts, n of them:

    log-likelihood = Σ log p(t) / n    perplexity = exp(−log-likelihood)    bits per byte = −Σ log₂ p(t) / bytes of the texts

Perplexities of models with different tokenizers cannot be compared, for their tokens differ; bits per byte can.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fewtune.evidence._score import score
from fewtune.evidence.bootstrap import bootstrap_multiplicities
from fewtune.evidence.compare import Difference, summed_difference
from fewtune.record.result import Scores

Sums = NDArray[np.float64]
NATS, TOKENS, RIGHT, BYTES = range(4)
MOST_NATS = 700.0
"""Per token. Beyond, the perplexity is no number that a computer holds."""


@dataclass(frozen=True)
class Foreseen:
    """How well the tokens of one text were foreseen."""

    nats: float
    """−log p, summed over the predicted tokens."""
    tokens: int
    """How many were predicted."""
    right: int
    """How many of them were the most probable one."""
    bytes: int = 0
    """Of the text in UTF-8; 0 where only a part of its tokens is predicted."""


def _log_likelihood(sums: Sums) -> Sums:
    return -sums[..., NATS] / np.maximum(sums[..., TOKENS], 1)


METRICS: Mapping[str, Callable[[Sums], Sums]] = {
    "perplexity": lambda sums: np.exp(np.minimum(-_log_likelihood(sums), MOST_NATS)),
    "log_likelihood": _log_likelihood,
    "foreseen_accuracy": lambda sums: sums[..., RIGHT] / np.maximum(sums[..., TOKENS], 1),
    "bits_per_byte": lambda sums: sums[..., NATS] / np.log(2) / np.maximum(sums[..., BYTES], 1),
}
"""Name → sums (..., 4) to the metric (...), in the order in which they are shown."""


def likelihood_metrics(texts: Sequence[Foreseen]) -> dict[str, float]:
    """The metrics without intervals; bits per byte only where the bytes of all texts are known."""
    sums = _sums(texts)
    return {name: float(METRICS[name](sums.sum(axis=0))) for name in _known(texts)}


def likelihood_scores(texts: Sequence[Foreseen], *, confidence: float, resamples: int, seed: int = 0) -> Scores:
    """The same with percentile intervals from a bootstrap over texts."""
    sums, names = _sums(texts), _known(texts)

    def values(drawn: Sums) -> Sums:
        return np.stack([METRICS[name](drawn) for name in names], axis=-1)

    low, high = bootstrap_multiplicities(
        lambda drawn: values(drawn @ sums), len(texts), resamples=resamples, confidence=confidence, seed=seed
    )
    found = values(sums.sum(axis=0))
    return {name: score(found[i], low[i], high[i], len(texts)) for i, name in enumerate(names)}


def likelihood_difference(
    texts: Sequence[Foreseen], other: Sequence[Foreseen], *, confidence: float, resamples: int
) -> Difference:
    """The first minus the other in log-likelihood per token, text by text."""
    return summed_difference(_log_likelihood, _sums(texts), _sums(other), confidence=confidence, resamples=resamples)


def likelihood_worths(texts: Sequence[Foreseen]) -> Sums:
    """The geometric mean of the probabilities of each text's tokens (n,): 1 / its perplexity."""
    return np.exp(_log_likelihood(_sums(texts)))


def _sums(texts: Sequence[Foreseen]) -> Sums:
    return np.array([[each.nats, each.tokens, each.right, each.bytes] for each in texts], dtype=np.float64)


def _known(texts: Sequence[Foreseen]) -> list[str]:
    return [name for name in METRICS if name != "bits_per_byte" or all(each.bytes for each in texts)]
