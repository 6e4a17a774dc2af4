"""How far a run has come: what a checkpoint keeps of it, and the step that the device still computes."""

from dataclasses import dataclass, field

from torch import Tensor


@dataclass
class Progress:
    """How far a run has come."""

    step: int = 0
    epoch: int = 0
    """Epochs finished and evaluated."""
    seconds: float = 0.0
    """Spent in training so far, over all sittings."""
    loss_sum: float = 0.0
    """Of the training loss since the last evaluation,"""
    loss_count: float = 0.0
    """and what it was counted over."""
    best: dict[str, float] = field(default_factory=dict)
    """Metrics of the best evaluation."""
    best_epoch: int = 0
    reason: str | None = None
    """Why training ended: `epochs`, `patience` or `max_minutes`; None while it has not."""


@dataclass(frozen=True)
class Taken:
    """A step, as far as it is known before the device has computed it."""

    step: int
    epoch: float
    rate: float
    count: float
    loss: Tensor
    """Summed over what was counted, ()."""
    norm: Tensor
    """Of the gradient, ()."""
