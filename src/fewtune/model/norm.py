"""A model's own RMSNorm, where it is one that we know, with a quick backward pass."""

from typing import Any

import torch
from torch import Tensor, nn

from fewtune._compat import is_hooked
from fewtune.kernels.rms_norm import rms_norm


class QuickRmsNorm(nn.Module):
    """In the place of `own`: the same parameter under the same name, the same outputs to the last bit.

    Its gain is the parameter w or, `about_one`, 1 + w in fp32. Where it is no CPU that computes, where the input has another type
    than w and while torch.compile traces, `own` does.
    """

    def __init__(self, own: nn.Module, epsilon: float, *, about_one: bool = False) -> None:
        super().__init__()
        self.about_one = about_one
        self.weight = own.get_parameter("weight")
        self.variance_epsilon = epsilon
        self.own = (own,)
        """In a tuple, so that it is no child: the parameter would have two names."""

    def forward(self, x: Tensor) -> Tensor:
        """`x` (..., n)."""
        if x.device.type != "cpu" or x.dtype != self.weight.dtype or torch.compiler.is_compiling():
            return self.own[0](x)
        return rms_norm(x, 1 + self.weight.float() if self.about_one else self.weight, self.variance_epsilon)


def quick_rms_norm(module: nn.Module) -> QuickRmsNorm | None:
    """What can stand in for `module` while its gain is frozen; None where it is something else.

    transformers has a class of its own in each model. One counts as known when it has nothing but a gain and an epsilon, and gives
    on random inputs bit for bit what we do, with w as its gain or, as Gemma's, 1 + w.
    """
    epsilon = getattr(module, "variance_epsilon", getattr(module, "eps", None))
    names = [name for name, _ in module.named_parameters()]
    if not isinstance(epsilon, float) or names != ["weight"] or any(module.buffers()) or is_hooked(module):
        return None
    weight = module.get_parameter("weight")
    if weight.requires_grad or weight.device.type != "cpu" or weight.dim() != 1:
        return None
    wanted = _tried(module, weight)
    kinds = (QuickRmsNorm(module, epsilon, about_one=each).train(module.training) for each in (False, True))
    return next((made for made in kinds if torch.equal(_tried(made, weight), wanted)), None)


@torch.no_grad()
def _tried(module: nn.Module, weight: Tensor) -> Any:
    draw = torch.Generator().manual_seed(0)
    x = 3 * torch.randn(4, 2 * weight.shape[0], generator=draw) + 1
    return module(x.to(weight)[:, ::2])  # not contiguous, so torch computes, in the order of sums that the model has
