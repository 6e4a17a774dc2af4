"""What is written down about the data and the base model, so that a report needs neither of them."""

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
