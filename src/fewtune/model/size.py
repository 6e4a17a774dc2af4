"""How much of a model there is, and how much of it learns."""

from torch import nn

from fewtune.model.quantised import QuantLinear


def parameters(model: nn.Module, *, trainable: bool = False) -> int:
    """Number of parameters, tied ones once; with `trainable` only those that learn. Works on the meta device.

    A weight stored in few bits counts as what it means.
    """
    learned = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    if trainable:
        return learned
    frozen = sum(parameter.numel() for parameter in model.parameters() if not parameter.requires_grad)
    quantised = (layer for layer in model.modules() if isinstance(layer, QuantLinear))
    return learned + frozen + sum(layer.in_features * layer.out_features for layer in quantised)


def bytes_held(model: nn.Module, itemsize: int) -> int:
    """What the weights take in memory where numbers have `itemsize` bytes; a weight in few bits takes what its codes take."""
    parameters = sum(
        each.numel() * (itemsize if each.is_floating_point() else each.element_size()) for each in model.parameters()
    )
    return parameters + sum(each.numel() * each.element_size() for each in model.buffers())
