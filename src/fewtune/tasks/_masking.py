"""Masked language modelling as in Devlin et al., BERT, 2018, arXiv 1810.04805, section 3.1.

15 % of a text's tokens are to be foreseen, at least one: 80 % of these are replaced by the mask, 10 % by any token of the
vocabulary, 10 % stay as they are. As in the authors' create_pretraining_data.py just so many are drawn, rather than each with
that chance.
"""

import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

MASK, RANDOM = 0.8, 0.1
FIXED = 2**32
"""Begins the seed where a text is judged: beyond any seed of a run, so that no mask of the training is met again."""


class Masked(NamedTuple):
    """One text with its gaps."""

    ids: list[int]
    labels: list[int]
    """The token that stood there, or `ignored`."""


class Vocabulary(NamedTuple):
    """What of a tokenizer the drawing needs."""

    mask: int
    special: frozenset[int]
    """Never masked."""
    size: int
    """Tokens are numbered from 0 to below this."""


def mask(ids: Sequence[int], known: Vocabulary, share: float, chance: Sequence[int] | None, ignored: int) -> Masked:
    """`ids` with some of them masked. What is drawn depends on `chance` alone; without it (where a text is judged) on the text."""
    seed = chance if chance is not None else (FIXED, zlib.crc32(np.array(ids, dtype=np.int64).tobytes()))
    rng = np.random.default_rng(seed)
    may = [at for at, token in enumerate(ids) if token not in known.special]
    count = min(len(may), max(1, round(share * len(may))))
    found, labels = list(ids), [ignored] * len(ids)
    for at in rng.permutation(may)[:count].tolist() if may else ():
        labels[at], how = ids[at], rng.random()
        if how < MASK:
            found[at] = known.mask
        elif how < MASK + RANDOM:
            found[at] = _any(known, rng)
    return Masked(found, labels)


def _any(known: Vocabulary, rng: np.random.Generator) -> int:
    """An ordinary token, each as likely."""
    while (token := int(rng.integers(known.size))) in known.special:
        pass
    return token
