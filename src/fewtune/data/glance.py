"""The data in a few counts, for the plan."""

from collections import Counter
from collections.abc import Mapping, Sequence

from fewtune.data.labels import Label, names_of
from fewtune.record.facts import Glance
from fewtune.record.histogram import Histogram


def glance(labels: Mapping[str, Sequence[Label | None]], lengths: Sequence[int]) -> Glance:
    """`labels`: split → label of each row; `lengths`: tokens of the training rows."""
    named = {split: Counter(name for label in of for name in names_of(label)) for split, of in labels.items()}
    numbers = {split: Histogram.of([label for label in of if isinstance(label, float)]) for split, of in labels.items()}
    return Glance(
        labels={split: dict(sorted(counts.items(), key=_most_first)) for split, counts in named.items() if counts},
        numbers={split: found for split, found in numbers.items() if found is not None},
        lengths=Histogram.of(lengths, finest=1.0),
    )


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]
