"""What a method may do to a model, as data: a plan can count and show edits before any weight is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer
    from transformers import PreTrainedModel

    from fewtune.model.adapter import AdapterLayer, Learned


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


@dataclass(frozen=True)
class Prepend:
    """Put learned tokens, or keys and values, before the model's input."""

    path: str
    """Dotted path that the new module gets in the model."""
    module: Callable[[PreTrainedModel], Learned]
    """Builds the module and has the model feed it in; called after the weights are loaded."""


@dataclass(frozen=True)
class Penalty:
    """Add a term to the training loss, once an optimiser step, after the loss was divided by its count."""

    of: Callable[[nn.Module], Tensor]
    """The adapted model → a scalar with its graph."""


@dataclass(frozen=True)
class Moment:
    """Where training is, for what a method does over time."""

    model: nn.Module
    """The adapted model."""
    step: int
    """Optimiser steps taken before this one."""
    steps: int
    """Optimiser steps of the whole training."""
    optimizer: Optimizer
    """AdamW; its `state[parameter]` holds `exp_avg` and `exp_avg_sq` once a step has been taken."""


@dataclass(frozen=True)
class Every:
    """Do something at every optimiser step: AdaLoRA's budget, ScaLoRA's scaling."""

    when: Literal["gradients", "moved"]
    """`gradients`: those of the whole step are there, not yet clipped (times the loss scale in fp16, and not finite where
    that overflowed), and nothing has moved. `moved`: the step has been taken, and the gradients are still there."""
    act: Callable[[Moment], None]


Edit = Wrap | Train | Rate | Prepend | Penalty | Every
