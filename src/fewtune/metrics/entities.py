"""What marked sentences add to the counts of entities or tags: an entity is right where its type and both ends are."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fewtune.metrics._ratio import ratio
from fewtune.record.tags import entities

Sentences = Sequence[Sequence[str]]
"""The tags of each sentence."""


def entity_counts(true: Sentences, said: Sentences, types: Sequence[str]) -> NDArray[np.int64]:
    """What each sentence adds to (right, wrong, missed) of each type of entity: shape (n, T, 3).

    Raises ValueError for other numbers of sentences and KeyError for a type that is not in `types`.
    """
    number = {name: index for index, name in enumerate(types)}
    counts = np.zeros((len(true), len(types), 3), dtype=np.int64)
    for row, (one, other) in enumerate(zip(true, said, strict=True)):
        there, given = set(entities(one)), set(entities(other))
        for kind, found in enumerate((there & given, given - there, there - given)):
            for entity in found:
                counts[row, number[entity.type], kind] += 1
    return counts


def tag_counts(true: Sentences, said: Sentences, tags: Sequence[str]) -> NDArray[np.int64]:
    """The same of tags, word by word. Raises also ValueError for sentences of other lengths."""
    number = {name: index for index, name in enumerate(tags)}
    counts = np.zeros((len(true), len(tags), 3), dtype=np.int64)
    for row, (one, other) in enumerate(zip(true, said, strict=True)):
        for right, given in zip(one, other, strict=True):
            if right == given:
                counts[row, number[right], 0] += 1
            else:
                counts[row, number[given], 1] += 1
                counts[row, number[right], 2] += 1
    return counts


def hits(true: Sentences, said: Sentences) -> NDArray[np.int64]:
    """Of each sentence the words whose tag is right, and all words: shape (n, 2)."""
    pairs = zip(true, said, strict=True)
    return np.array(
        [[sum(a == b for a, b in zip(one, other, strict=True)), len(one)] for one, other in pairs], dtype=np.int64
    ).reshape(-1, 2)


def precision(counts: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Right / given, of counts (..., 3) → (...); 0 where nothing was given."""
    of = counts.astype(np.float64)
    return ratio(of[..., 0], of[..., 0] + of[..., 1])


def recall(counts: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Right / there, of counts (..., 3) → (...); 0 where nothing was there."""
    of = counts.astype(np.float64)
    return ratio(of[..., 0], of[..., 0] + of[..., 2])
