"""Training, validation and test rows: stratified, exact, the same on every machine.

1. Rows of one group (equal text) stay together. A group counts for its most frequent label, the first one on a tie.
2. A group that holds the only examples of a label goes to training.
3. The rest is shared out. Of n rows a split with share p is due n p; the sizes of the splits are their dues rounded by
   largest remainders (Hamilton), so they add up. The rows of each class are due in the same way, and rounded down or up
   so that the classes add up to the sizes: controlled rounding (L. H. Cox, "A Constructive Procedure for Unbiased
   Controlled Rounding", JASA 82:520-524, 1987). Rounded up is first a class that would have no row to train on, then a
   class of three or more groups that would be absent from another split, then the largest remainder. So a class that is
   due one row or more is in the split, and a rarer one is where both sums leave room: of 3 rows at 80/10/10 (due 2.4,
   0.3, 0.3) only one can be rounded up, of 6 rows (4.8, 0.6, 0.6) both small ones.
4. The groups of a class are dealt in seeded order, large before small, each to the split that still lacks most rows.
   Without duplicates this meets the numbers of 3 exactly; with groups of up to g rows, within 2 (g - 1) rows.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, permutations
from math import inf, lcm

import numpy as np

from fewtune.errors import DataError

TRAIN, VALIDATION, TEST = SPLITS = range(3)

IN_EVERY_SPLIT = 3
"""Groups from which a class should be in every split; of two, giving one away would halve what is trained on."""


@dataclass(frozen=True)
class Split:
    """Indices of rows, in rising order."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]


def split(
    labels: Sequence[str], *, validation: float, test: float, seed: int, groups: Sequence[Hashable] | None = None
) -> Split:
    """Share out the rows with these `labels`; `validation` and `test` are shares of them, 0 to 1, training the rest.

    `groups`, one key a row (usually its text), keeps rows with equal keys in one split, so that no test text was
    trained on. Equal arguments give the equal split on every platform, Python and numpy. Raises DataError if the shares
    leave nothing to train on, if a split gets fewer rows than there are classes of three or more groups, or if a class
    gets no row to train on.
    """
    parts = parts_of(validation, test)
    only, classes = _classes(labels, groups, seed)
    dealt: tuple[list[int], ...] = (only, [], [])
    for members, quota in zip(classes, _quotas(classes, parts), strict=True):
        for rows in members:
            lacking = quota.index(max(quota))  # of equals the first: training
            quota[lacking] -= len(rows)
            dealt[lacking].extend(rows)

    needed = max(1, sum(len(members) >= IN_EVERY_SPLIT for members in classes))
    for option, share, rows in (("validation", validation, dealt[VALIDATION]), ("test", test, dealt[TEST])):
        if share and len(rows) < needed:
            values = {
                "option": f"data.{option}_share",
                "file": f"data.{option}",
                "share": share,
                "found": len(rows),
                "needed": needed,
            }
            raise DataError("data_split_too_few", rows=len(labels), **values)
    trained = {labels[row] for row in dealt[TRAIN]}
    if untrained := [label for label in dict.fromkeys(labels) if label not in trained]:
        counts = {"missing": len(untrained), "classes": len(set(labels)), "examples": ", ".join(untrained[:3])}
        raise DataError("data_split_train_too_few", rows=len(labels), validation=validation, test=test, **counts)
    return Split(*(tuple(sorted(rows)) for rows in dealt))


def parts_of(validation: float, test: float) -> list[int]:
    """Whole numbers for training, validation and test that stand to each other as their shares do.

    Raises DataError for shares that leave nothing to train on.
    """
    if not (0 <= validation < 1 and 0 <= test < 1 and validation + test < 1):
        raise DataError("data_split_share", validation=validation, test=test)
    # Through str, 0.1 is a tenth; a share as the nearest binary number would leave remainders that are no remainders.
    held_out = Fraction(str(validation)), Fraction(str(test))
    whole = lcm(*(share.denominator for share in held_out))
    return [int(share * whole) for share in (1 - sum(held_out), *held_out)]


def in_seeded_order(count: int, groups: Sequence[Hashable] | None, seed: int) -> list[list[int]]:
    """The rows of each group (each row by itself without `groups`), in an order that `seed` draws, large groups first."""
    by_key: defaultdict[Hashable, list[int]] = defaultdict(list)
    for row, key in zip(range(count), range(count) if groups is None else groups, strict=True):
        by_key[key].append(row)
    # Raw numbers: unlike permutation(), the stream of a bit generator never changes between versions (NEP 19).
    draws = np.random.PCG64(seed).random_raw(len(by_key)).tolist()
    return [rows for _, _, rows in sorted((-len(r), draw, r) for draw, r in zip(draws, by_key.values(), strict=True))]


def _classes(
    labels: Sequence[str], groups: Sequence[Hashable] | None, seed: int
) -> tuple[list[int], list[list[list[int]]]]:
    """Rows that must be trained on (rule 2); then for each class its groups of rows, in the order they are dealt."""
    order = in_seeded_order(len(labels), groups, seed)
    counts = [Counter(labels[row] for row in rows) for rows in order]
    groups_with = Counter(label for count in counts for label in count)
    only: list[int] = []
    classes: defaultdict[str, list[list[int]]] = defaultdict(list)
    for rows, count in zip(order, counts, strict=True):
        if any(groups_with[label] == 1 for label in count):
            only.extend(rows)
        else:
            classes[count.most_common(1)[0][0]].append(rows)
    return only, list(classes.values())


def _quotas(classes: Sequence[Sequence[Sequence[int]]], parts: Sequence[int]) -> list[list[int]]:
    """Rows of each class in each split (rule 3); a split is due `part / sum(parts)` of the rows.

    Rounds each class by itself, then moves single rows between splits, the cheapest chain of moves first, until the
    classes add up to the sizes: a flow of least cost by shortest augmenting paths. For three splits one exists: Hall's
    condition holds for each split, and so for the other two together.
    """
    whole = sum(parts)
    rows = [sum(map(len, members)) for members in classes]
    down = [[n * part // whole for part in parts] for n in rows]
    rest = [[n * part % whole for part in parts] for n in rows]
    total = sum(rows)
    up = _largest([total * part % whole for part in parts], sum(total * part % whole for part in parts) // whole)
    sizes = [total * part // whole + (s in up) for s, part in enumerate(parts)]

    # What rounding up is worth. A class present outweighs all remainders, a class trained on outweighs all presences.
    presence = len(classes) * len(parts) * whole + 1
    worth = [list(each) for each in rest]
    for c, members in enumerate(classes):
        absent = [s for s in SPLITS if rest[c][s] and not down[c][s]]
        for s in absent:
            worth[c][s] += presence**2 if s == TRAIN else presence if len(members) >= IN_EVERY_SPLIT else 0
    ups = [_largest(value, sum(each) // whole) for value, each in zip(worth, rest, strict=True)]

    def move(a: int, b: int) -> tuple[float, int]:
        """The least loss of rounding up in split `b` instead of `a`, and the class to do it in."""
        able = (c for c, up in enumerate(ups) if a in up and b not in up and rest[c][b])
        return min(((worth[c][a] - worth[c][b], c) for c in able), default=(inf, -1))

    while True:
        result = [[n + (s in up) for s, n in enumerate(each)] for each, up in zip(down, ups, strict=True)]
        over = [sum(each[s] for each in result) - sizes[s] for s in SPLITS]
        if not any(over):
            return result
        moves = {(a, b): move(a, b) for a, b in permutations(SPLITS, 2)}
        chains = [c for n in (2, 3) for c in permutations(SPLITS, n) if over[c[0]] > 0 > over[c[-1]]]
        for step in pairwise(min(chains, key=lambda chain: sum(moves[step][0] for step in pairwise(chain)))):
            ups[moves[step][1]] ^= set(step)  # takes out the first split, puts in the second


def _largest(values: Sequence[int], count: int) -> set[int]:
    """The places of the `count` largest of `values`; of equals the first, and none that is 0."""
    return set(sorted((place for place, value in enumerate(values) if value), key=lambda place: -values[place])[:count])
