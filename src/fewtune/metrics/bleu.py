"""BLEU from sums over texts, so that it can be resampled; the words are counted by sacrebleu.

Papineni et al., BLEU: a Method for Automatic Evaluation of Machine Translation, 2002, https://aclanthology.org/P02-1040, as
Post, A Call for Clarity in Reporting BLEU Scores, 2018, arXiv 1804.08771, fixes it: 13a tokens, mixed case, exponential
smoothing. Values lie between 0 and 1; papers print them times 100.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fewtune.metrics._sacrebleu import signature

ORDER = 4
"""Longest n-gram."""


def bleu_counts(references: Sequence[Sequence[str]], said: Sequence[str]) -> NDArray[np.float64]:
    """Of each text (n, 10): matching n-grams (4), n-grams said (4), words said, words of the closest reference."""
    from sacrebleu import BLEU

    counter = BLEU()
    found = np.zeros((len(said), 2 * ORDER + 2))
    for row, (wanted, text) in enumerate(zip(references, said, strict=True)):
        counted = counter.corpus_score([text], [[each] for each in wanted])
        found[row] = [*counted.counts, *counted.totals, counted.sys_len, counted.ref_len]
    return found


def bleu(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """BLEU of sums (..., 10) over texts, shape (...).

    exp(mean over n of log pₙ) · min(1, exp(1 − r/c)), with pₙ = matching/said n-grams; where none of order n match, pₙ is
    1/(2ᵏ said) with k the number of such orders so far, and BLEU is 0 where no word matches or a text is too short for any
    n-gram of order 4.
    """
    sums = np.asarray(sums, dtype=np.float64)
    match, total = sums[..., :ORDER], sums[..., ORDER : 2 * ORDER]
    length, wanted = sums[..., -2], sums[..., -1]
    missing = (match == 0) & (total > 0)
    smoothed = np.where(missing, 0.5 ** np.cumsum(missing, axis=-1), match)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.where(total > 0, smoothed / total, 0.0)
        brevity = np.where(length < wanted, np.exp(1 - wanted / length), 1.0)
        value = brevity * np.exp(np.log(precision).mean(axis=-1))
    return np.where((match.sum(axis=-1) == 0) | (length == 0), 0.0, value)


def bleu_signature(references: Sequence[Sequence[str]]) -> str:
    """How sacrebleu says what was counted, to be printed with the score."""
    from sacrebleu import BLEU

    return signature(BLEU(), references)
