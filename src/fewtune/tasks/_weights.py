"""Class weights: how much more a rare label counts in the loss."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from fewtune.errors import ConfigError

Weight = Annotated[float, Field(gt=0)]
ClassWeights = Literal["none", "balanced"] | dict[str, Weight] | tuple[Weight, ...]


def weights_of(asked: ClassWeights, labels: Sequence[str], balanced: Mapping[str, float]) -> tuple[float, ...] | None:
    """The weight of each label in the order of `labels`; None for none. Raises ConfigError where labels and weights differ."""
    if asked == "none":
        return None
    if asked == "balanced":
        return tuple(balanced[label] for label in labels)
    if isinstance(asked, Mapping):
        if set(asked) != set(labels):
            raise ConfigError("weights_labels", missing=_listed(labels, asked), unknown=_listed(asked, labels))
        return tuple(asked[label] for label in labels)
    if len(asked) != len(labels):
        raise ConfigError("weights_count", count=len(asked), labels=", ".join(labels), expected=len(labels))
    return tuple(map(float, asked))


def _listed(these: Mapping[str, float] | Sequence[str], but: Mapping[str, float] | Sequence[str]) -> str:
    return ", ".join(label for label in these if label not in but) or "-"
