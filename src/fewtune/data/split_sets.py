"""Training, validation and test rows where each row has a set of labels: iterative stratification.

Sechidis, Tsoumakas, Vlahavas, On the Stratification of Multi-Label Data, ECML PKDD 2011: again and again the label with the
fewest rows left is dealt out, each row to the split that still wants most rows of that label; of equals to the one that wants
most rows at all, and of those to the first. So rare labels, which leave no choice later, come first, and every split gets near
its share of every label. Three rules are ours:

1. Rows of one group (equal text) stay together; a group carries all labels of its rows.
2. A group that holds the last rows of a label on which nothing was trained yet goes to training, so that every label is
   learned; a label of a single group is therefore never tested.
3. Groups are dealt in seeded order, large before small; those without labels come last, by rows alone.

Equal arguments give the equal split on every platform, Python and numpy.
"""

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from fewtune.data.split import SPLITS, TEST, TRAIN, VALIDATION, Split, in_seeded_order, parts_of
from fewtune.errors import DataError


@dataclass
class _Part:
    """What a split still wants, in parts of a row: whole numbers, so that equal wants are equal."""

    part: int
    whole: int
    rows: int
    labels: dict[str, int]
    dealt: list[int] = field(default_factory=list)

    def wants(self, label: str | None) -> tuple[float, int]:
        """How much of `label` (of anything, where there is none), then how many rows; nothing where its share is nothing."""
        if not self.part:
            return -math.inf, 0
        return self.rows if label is None else self.labels[label], self.rows

    def take(self, group: Sequence[int], carried: Counter[str]) -> None:
        """Deal it these rows."""
        self.dealt.extend(group)
        self.rows -= self.whole * len(group)
        for label, count in carried.items():
            self.labels[label] -= self.whole * count


def split_sets(
    labels: Sequence[tuple[str, ...]],
    *,
    validation: float,
    test: float,
    seed: int,
    groups: Sequence[Hashable] | None = None,
) -> Split:
    """Share out rows with these sets of `labels`; arguments as for `split`.

    The parts are near their shares and not exactly of them, since every row counts for several labels at once. Raises
    DataError if the shares leave nothing to train on, or if a split would get no row.
    """
    parts = parts_of(validation, test)
    every = in_seeded_order(len(labels), groups, seed)
    carried = [Counter(label for row in group for label in labels[row]) for group in every]
    total = Counter(label for row in labels for label in row)
    splits = [
        _Part(part, sum(parts), part * len(labels), {label: part * count for label, count in total.items()})
        for part in parts
    ]
    waiting: dict[str, dict[int, None]] = {label: {} for label in sorted(total)}
    for number, counts in enumerate(carried):
        for label in counts:
            waiting[label][number] = None
    left = dict(total)

    def deal(number: int, label: str | None) -> None:
        chosen = max(SPLITS, key=lambda s: splits[s].wants(label))  # of equals the first
        if any(len(waiting[each]) == 1 and each not in trained for each in carried[number]):
            chosen = TRAIN
        splits[chosen].take(every[number], carried[number])
        for each, count in carried[number].items():
            del waiting[each][number]
            left[each] -= count
        if chosen == TRAIN:
            trained.update(carried[number])

    trained: set[str] = set()
    while any(left.values()):
        label = min((each for each in waiting if left[each]), key=lambda each: (left[each], each))
        for number in list(waiting[label]):
            deal(number, label)
    for number, counts in enumerate(carried):
        if not counts:
            deal(number, None)
    for name, share, part in (("validation", validation, splits[VALIDATION]), ("test", test, splits[TEST])):
        if share and not part.dealt:
            values = {"option": f"data.{name}_share", "file": f"data.{name}", "share": share}
            raise DataError("data_split_too_few", rows=len(labels), found=0, needed=1, **values)
    return Split(*(tuple(sorted(part.dealt)) for part in splits))
