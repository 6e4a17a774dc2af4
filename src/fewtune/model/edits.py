"""What a method may do to a model, as data: a plan can count and show edits before any weight is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from fewtune.model.adapter import AdapterLayer


@dataclass(frozen=True)
class Wrap:
    """Put an adapter layer in place of the module at `path`."""

    path: str
    """Dotted path of the module in the model."""
    layer: Callable[[nn.Module], AdapterLayer]
    """Builds the adapter around the module it replaces; called after the weights are loaded."""


@dataclass(frozen=True)
class Train:
    """Unfreeze one parameter."""

    parameter: str
    """Dotted path of the parameter in the model."""


@dataclass(frozen=True)
class Rate:
    """Multiply the learning rate of some trained parameters, as LoRA+ does for B."""

    pattern: str
    """Regular expression searched in the dotted path of a parameter."""
    factor: float


Edit = Wrap | Train | Rate
# `Prepend`, `Penalty` and `Every` of the design come with the first method that yields one; see docs/decisions.
