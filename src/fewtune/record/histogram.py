"""How often numbers fall into bins of round width: small enough to be written down, whatever the number of rows."""

import math
from bisect import bisect_right
from collections.abc import Sequence

from fewtune.config import Config

BINS = 24


class Histogram(Config):
    """Counts between neighbouring edges; the left edge belongs to its bin, and the last right edge to the last bin."""

    edges: tuple[float, ...]
    """One more than counts."""
    counts: tuple[int, ...]

    @classmethod
    def of(cls, values: Sequence[float], *, most: int = BINS, finest: float = 0.0) -> "Histogram | None":
        """At most about `most` bins, none narrower than `finest` (1 for whole numbers); None for no values."""
        if not values:
            return None
        edges = ticks(min(values), max(values), most + 1, finest=finest)
        if edges[-1] <= max(values) and finest:  # whole numbers: the largest needs a bin of its own
            edges.append(edges[-1] + edges[1] - edges[0])
        counts = [0] * (len(edges) - 1)
        for value in values:
            counts[min(max(bisect_right(edges, value) - 1, 0), len(counts) - 1)] += 1
        return cls(edges=tuple(edges), counts=tuple(counts))


def ticks(low: float, high: float, most: int = 6, *, finest: float = 0.0) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) that enclose `low` and `high`, at most about `most`.

    Never closer than `finest`, which must be such a step itself.
    """
    if high <= low and finest:
        low, high = low, low + finest
    elif high <= low:
        low, high = low - (abs(low) / 2 or 0.5), high + (abs(high) / 2 or 0.5)
    raw = (high - low) / (most - 1)
    unit = 10.0 ** math.floor(math.log10(raw))
    step = max(next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= raw * (1 - 1e-9)), finest)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [index * step for index in range(first, last + 1)]
