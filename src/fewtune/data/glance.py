"""The data in a few counts, for the plan."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fewtune.record.facts import Glance
from fewtune.record.histogram import Histogram


def glance(labels: Mapping[str, Sequence[Any]], lengths: Sequence[int]) -> Glance:
    """`labels`: split → label of each row (a name, several names, or a number); `lengths`: tokens of the training rows."""
    known = {split: [label for label in of if label is not None] for split, of in labels.items()}
    numbers = {split: of for split, of in known.items() if of and all(_is_number(label) for label in of)}
    named = {split: Counter(_names(of)) for split, of in known.items() if split not in numbers}
    return Glance(
        labels={split: dict(sorted(counts.items(), key=_most_first)) for split, counts in named.items() if counts},
        numbers={split: found for split, of in numbers.items() if (found := Histogram.of(of)) is not None},
        lengths=Histogram.of(lengths, finest=1.0),
    )


def _is_number(label: Any) -> bool:
    return isinstance(label, int | float) and not isinstance(label, bool)


def _names(labels: Iterable[Any]) -> Iterable[str]:
    for label in labels:
        yield from (label,) if isinstance(label, str) else label


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]
