"""Which labels are taken for which."""

from dataclasses import dataclass

from fewtune.record.result import Confusion
from fewtune.report.run import SPLITS, Run
from fewtune.report.words import Words

MATRIX = 20
"""The most labels shown as a matrix; of more, only the pairs most often confused."""
PAIRS = 15
"""How many of those."""


@dataclass(frozen=True)
class Pair:
    """A true label and the wrong one it was given."""

    true: str
    predicted: str
    count: int
    share: float


@dataclass(frozen=True)
class Confusions:
    """The section: a matrix, or for many labels the pairs confused most."""

    split: str
    labels: int
    matrix: Confusion | None
    pairs: tuple[Pair, ...]
    """All of them, the most frequent first."""
    rows: int
    only: str | None
    """The label that every row was given, where it was the same."""

    @property
    def shown(self) -> tuple[Pair, ...]:
        """The first of them."""
        return self.pairs[:PAIRS]


def section(run: Run, words: Words) -> Confusions | None:
    """Of the test rows, or else of the validation rows."""
    split = next((split for split in SPLITS if split in run.scores.confusion), None)
    if split is None:
        return None
    found = run.scores.confusion[split]
    pairs = [
        Pair(found.labels[i], found.labels[j], count, count / sum(line))
        for i, line in enumerate(found.counts)
        for j, count in enumerate(line)
        if i != j and count
    ]
    pairs.sort(key=lambda pair: (-pair.count, -pair.share))
    matrix = found if len(found.labels) <= MATRIX else None
    given = [label for label, column in zip(found.labels, zip(*found.counts, strict=True), strict=True) if any(column)]
    only = given[0] if len(given) == 1 and len(found.labels) > 1 else None
    return Confusions(split, len(found.labels), matrix, tuple(pairs), sum(map(sum, found.counts)), only)
