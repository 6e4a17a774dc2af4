"""The one place that knows how a linear layer stores its weight: `nn.Linear` as (out, in), GPT-2's `Conv1D` as (in, out), a
quantised layer in few bits.
"""

import copy

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from fewtune._compat import is_hooked
from fewtune.model.product import QuickConv1D, QuickLinear
from fewtune.model.quantised import QuantLinear


def is_linear(module: nn.Module) -> bool:
    """Whether `module` computes `x Wᵀ + b` with a weight we can read."""
    return isinstance(module, nn.Linear | Conv1D | QuantLinear)


def is_dense(module: nn.Module) -> bool:
    """Whether `module` is torch's own linear layer or what stands in for it, and no subclass of somebody's."""
    return type(module) in (nn.Linear, QuickLinear)


def is_transposed(module: nn.Module) -> bool:
    """Whether the model's own layer keeps its weight as (in, out); PEFT calls this `fan_in_fan_out`."""
    return module.transposed if isinstance(module, QuantLinear) else isinstance(module, Conv1D)


def is_plain_and_frozen(module: nn.Module) -> bool:
    """Whether calling `module` gives `x Wᵀ + b` and nothing else happens: a dense weight, nothing that learns, no hooks."""
    return (
        (is_dense(module) or type(module) in (Conv1D, QuickConv1D))
        and not is_hooked(module)
        and not any(parameter.requires_grad for parameter in module.parameters())
    )


def weight_of(module: nn.Module) -> Tensor:
    """The weight, (out_features, in_features): a view, or of a quantised layer what its codes mean, formed at each call."""
    if isinstance(module, QuantLinear):
        return module.weight
    weight = module.get_parameter("weight")
    return weight.T if is_transposed(module) else weight


def bias_of(module: nn.Module) -> Tensor | None:
    """The bias, (out_features,), or None."""
    return getattr(module, "bias", None)


def out_features(module: nn.Module) -> int:
    """Width of the output."""
    return module.out_features if isinstance(module, QuantLinear) else weight_of(module).shape[0]


def in_features(module: nn.Module) -> int:
    """Width of the input."""
    return module.in_features if isinstance(module, QuantLinear) else weight_of(module).shape[1]


def device_of(module: nn.Module) -> torch.device:
    """Where the weight lies."""
    return next(module.buffers()).device if isinstance(module, QuantLinear) else weight_of(module).device


def plain_copy(module: nn.Module) -> nn.Module:
    """A new layer with a weight that can be written; of a quantised layer the plain one that computes the same."""
    return module.dense() if isinstance(module, QuantLinear) else copy.deepcopy(module)


def plus(module: nn.Module, delta: Tensor) -> nn.Module:
    """A new plain layer of the same kind with weight `W + delta`; `delta` is (out_features, in_features).

    The sum is formed in fp32 or better and rounded once to the type of the weight. `module` is left as it is.
    """
    result = plain_copy(module)
    wide = torch.promote_types(delta.dtype, torch.float32)
    summed = (weight_of(result).to(wide) + delta.to(wide)).to(weight_of(result).dtype)
    with torch.no_grad():
        weight_of(result).copy_(summed)
    return result
