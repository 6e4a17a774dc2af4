"""A model's own linear layers, through products of our own."""

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from fewtune._compat import is_hooked
from fewtune.kernels import few_rows
from fewtune.kernels.product import as_autocast, fits, linear, takes


class QuickLinear(nn.Linear):
    """`nn.Linear` with the parameters of `own`; torch computes the rows that no kernel of ours takes."""

    def __init__(self, own: nn.Linear, tiled: bool) -> None:
        """`tiled`: kernels/product.py takes the weight."""
        nn.Module.__init__(self)  # not that of nn.Linear, which draws a weight
        self.tiled = tiled
        self.in_features, self.out_features = own.in_features, own.out_features
        self.weight = own.weight
        self.register_parameter("bias", own.bias)

    def forward(self, input: Tensor) -> Tensor:  # torch's name
        """`input` (..., in_features) → (..., out_features)."""
        if not torch.compiler.is_compiling():
            if self.tiled and fits(rows := as_autocast(input)):
                return linear(rows, self.weight, self.bias)
            if few_rows.takes(input, self.weight, self.bias):
                return few_rows.product(input, self.weight, self.bias)
        return super().forward(input)


class QuickConv1D(Conv1D):
    """GPT-2's layer, whose weight stands turned, with the parameters of `own`; torch computes all but few rows."""

    def __init__(self, own: Conv1D) -> None:
        nn.Module.__init__(self)  # not that of Conv1D, which draws a weight
        self.nf, self.nx = own.nf, own.nx
        self.weight, self.bias = own.weight, own.bias

    def forward(self, x: Tensor) -> Tensor:
        """`x` (..., nx) → (..., nf)."""
        if torch.compiler.is_compiling() or not few_rows.takes(x, self.weight.T, self.bias):
            return super().forward(x)
        return few_rows.product(x, self.weight.T, self.bias)


def quick_linear(module: nn.Module, learning: bool) -> QuickLinear | QuickConv1D | None:
    """What can stand in for `module`; None for all but a layer without hooks, torch's own or GPT-2's, whose weight a kernel takes.

    While a model learns that is tiles alone, and where the weight is frozen; where it answers, few rows in fp32 too.
    """
    if type(module) not in (nn.Linear, Conv1D) or is_hooked(module):
        return None
    if isinstance(module, Conv1D):
        few = not learning and few_rows.takes_weight(module.weight.T, module.bias)
        return QuickConv1D(module).train(module.training) if few else None
    assert isinstance(module, nn.Linear)
    weight, bias = module.weight, module.bias
    tiled = takes(weight, bias) and not any(each.requires_grad for each in module.parameters())
    few = not learning and few_rows.takes_weight(weight, bias)
    return QuickLinear(module, tiled).train(module.training) if tiled or few else None
