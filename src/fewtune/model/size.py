"""How much of a model there is, and how much of it learns."""

from torch import nn


def parameters(model: nn.Module, *, trainable: bool = False) -> int:
    """Number of parameters, tied ones once; with `trainable` only those that learn. Works on the meta device."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad or not trainable)
