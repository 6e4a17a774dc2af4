"""The order in which training features are seen: shuffled by seed and epoch, and grouped by length to pad little."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fewtune.tasks._base import Features

# Batches of similar length are cut from pools of this many batches: enough to pad little, few enough to stay random.
# The same size as transformers' LengthGroupedSampler uses.
POOL = 50


def number_of(piece: Features) -> int:
    """Which of all features a piece in a window is."""
    return piece["chance"][2]


def within(
    pieces: Sequence[Features], most: int | None, padded: Callable[[Sequence[Features]], int]
) -> list[list[Features]]:
    """A batch in parts of at most `most` tokens as `padded` counts them: the fewest parts there can be, evenly filled.

    What fits stays as it is, else pieces of similar length stand together. A piece that is longer than `most` stands alone.
    The order of a step is not touched by this, nor is its gradient: losses are divided by what the whole step counts.
    """
    if most is None or padded(pieces) <= most:
        return [list(pieces)]
    longest_first = sorted(pieces, key=lambda piece: -padded([piece]))

    def parts(limit: int) -> list[list[Features]]:
        found: list[list[Features]] = []
        start = 0
        while rest := longest_first[start:]:
            fits = bisect_right(range(1, len(rest) + 1), limit, key=lambda count: padded(rest[:count]))
            found.append(rest[: max(1, fits)])
            start += len(found[-1])
        return found

    fewest = len(parts(most))
    return parts(bisect_left(range(most), True, key=lambda limit: len(parts(limit)) <= fewest))


@dataclass
class Batches:
    """Windows of micro-batches; a window is what one optimiser step sees.

    Each piece gets a `chance`: three numbers that no other piece has in any epoch, for a task that draws something anew each
    time a piece is seen. The order is a function of `seed` and the epoch alone, so the state is two numbers.
    """

    features: Sequence[Features]
    batch_size: int
    accumulation: int
    seed: int
    epoch: int = 0
    position: int = 0
    """Windows of this epoch that were given out."""

    def __len__(self) -> int:
        """Windows per epoch."""
        micro = -(-len(self.features) // self.batch_size)
        return -(-micro // self.accumulation)

    def rest_of_epoch(self) -> Iterator[list[list[Features]]]:
        """The windows of this epoch not yet given out; with the last one the next epoch begins."""
        epoch = self.epoch
        for window in self._windows()[self.position :]:
            self.position += 1
            if self.position == len(self):
                self.epoch, self.position = self.epoch + 1, 0
            yield [
                [self.features[index] | {"chance": (self.seed, epoch, index)} for index in batch] for batch in window
            ]

    def state(self) -> dict[str, Any]:
        """Where we are."""
        return {"epoch": self.epoch, "position": self.position}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state()` was taken."""
        self.epoch, self.position = state["epoch"], state["position"]

    def _windows(self) -> list[list[list[int]]]:
        rng = np.random.default_rng([self.seed, self.epoch])
        order = rng.permutation(len(self.features)).tolist()
        size, pool = self.batch_size, self.batch_size * POOL
        batches: list[list[int]] = []
        for start in range(0, len(order), pool):
            by_length = sorted(order[start : start + pool], key=lambda index: -len(self.features[index]["input_ids"]))
            batches += [by_length[first : first + size] for first in range(0, len(by_length), size)]
        shuffled = [batches[index] for index in rng.permutation(len(batches))]
        return [shuffled[first : first + self.accumulation] for first in range(0, len(shuffled), self.accumulation)]
