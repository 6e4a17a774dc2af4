"""A model's own frozen linear layers, through a product of our own."""

import torch
from torch import Tensor, nn

from fewtune._compat import is_hooked
from fewtune.kernels.product import as_autocast, fits, linear, takes


class QuickLinear(nn.Linear):
    """`nn.Linear` with the parameters of `own`, which the kernel takes; torch computes rows that do not fit."""

    def __init__(self, own: nn.Linear) -> None:
        nn.Module.__init__(self)  # not that of nn.Linear, which draws a weight
        self.in_features, self.out_features = own.in_features, own.out_features
        self.weight = own.weight
        self.register_parameter("bias", own.bias)

    def forward(self, input: Tensor) -> Tensor:  # torch's name
        """`input` (..., in_features) → (..., out_features)."""
        if torch.compiler.is_compiling() or not fits(rows := as_autocast(input)):
            return super().forward(input)
        return linear(rows, self.weight, self.bias)


def quick_linear(module: nn.Module) -> QuickLinear | None:
    """What can stand in for `module`; None for all but a frozen `nn.Linear` without hooks whose weight the kernel takes."""
    if type(module) is not nn.Linear or is_hooked(module) or any(each.requires_grad for each in module.parameters()):
        return None
    return QuickLinear(module).train(module.training) if takes(module.weight, module.bias) else None
