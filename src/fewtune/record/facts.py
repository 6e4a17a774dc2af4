"""What is written down about the data and the base model, so that a report needs neither of them."""

from typing import Literal

from fewtune.config import Config
from fewtune.record.histogram import Histogram


class Glance(Config):
    """The data in a few counts."""

    labels: dict[str, dict[str, int]] = {}
    """Split → label → rows, the most frequent training label first; of several labels a row, each counts."""
    numbers: dict[str, Histogram] = {}
    """Split → how the numbers to be predicted are distributed, where labels are numbers."""
    lengths: Histogram | None = None
    """Tokens of the training rows, after cutting."""


class Stored(Config):
    """Frozen weights that are kept in few bits."""

    format: str
    """`nf4` or `int8`."""
    layers: int
    weights: int
    """In all these layers."""
    bytes_before: int
    """What they would take in the format the run computes in."""
    bytes: int
    """What they take, scales included."""


class Base(Config):
    """The model that was started from, as its files say."""

    license: str | None = None
    """As the model's card names it; None where it has no card on this machine, or the card does not say."""
    languages: tuple[str, ...] = ()
    """Likewise."""
    bytes: int
    """Of its weights on disk."""


class FrozenBlocks(Config):
    """The first blocks of a stack, in and below which nothing learns."""

    stack: str
    """Its path in the model."""
    blocks: int
    """How many."""
    of: int
    """Blocks of the stack."""


class FrozenPart(Config):
    """What of the model lies below everything that learns. It is computed without dropout, as where nothing is learned."""

    stacks: tuple[FrozenBlocks, ...] = ()
    """Empty where learning begins in the first block, or where it is not known where it begins."""
    kept: Literal["memory", "disk"] | None = None
    """Where its outputs for all rows are, so that it is computed once; None before training starts, and where it is not."""
    bytes: int = 0
    """Of these outputs; before training starts the most that they can take."""
    reason: Literal["epoch", "anew", "room", "differs"] | None = None
    """Why it is not computed once: there is one epoch; texts are put together or covered anew in each epoch; there is neither
    memory nor disk for it; or this model computes something else when its blocks are left out (dropout then stays on)."""
