"""The one place that knows how a linear layer stores its weight: `nn.Linear` as (out, in), GPT-2's `Conv1D` as (in, out)."""

import copy

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D


def is_linear(module: nn.Module) -> bool:
    """Whether `module` computes `x Wᵀ + b` with a weight we can read."""
    return isinstance(module, nn.Linear | Conv1D)


def is_transposed(module: nn.Module) -> bool:
    """Whether the stored weight is (in, out); PEFT calls this `fan_in_fan_out`."""
    return isinstance(module, Conv1D)


def weight_of(module: nn.Module) -> Tensor:
    """The weight as a view of shape (out_features, in_features)."""
    weight = module.get_parameter("weight")
    return weight.T if is_transposed(module) else weight


def bias_of(module: nn.Module) -> Tensor | None:
    """The bias, (out_features,), or None."""
    return getattr(module, "bias", None)


def out_features(module: nn.Module) -> int:
    """Width of the output."""
    return weight_of(module).shape[0]


def in_features(module: nn.Module) -> int:
    """Width of the input."""
    return weight_of(module).shape[1]


def plus(module: nn.Module, delta: Tensor) -> nn.Module:
    """A new layer of the same kind with weight `W + delta`; `delta` is (out_features, in_features).

    The sum is formed in fp32 or better and rounded once to the type of the weight. `module` is left as it is.
    """
    result = copy.deepcopy(module)
    wide = torch.promote_types(delta.dtype, torch.float32)
    summed = (weight_of(module).to(wide) + delta.to(wide)).to(weight_of(module).dtype)
    with torch.no_grad():
        weight_of(result).copy_(summed)
    return result
