"""RMSNorm (Zhang and Sennrich 2019, arXiv 1910.07467) with a frozen gain, whose backward pass is one formula.

    y = w ∘ round(x ρ)        ρ = 1 / √(mean(x²) + ε) by row        round: from fp32 to the type of w

    dx = ρ (u − x ρ² mean(u ∘ x))        u = w ∘ g,  g = dL/dy,  all in fp32, rounded once

The forward pass is what T5, Llama and Qwen compute, and with a gain in fp32, before which nothing is rounded, what Gemma does: bit
for bit where torch's operations do it, else but for the order of a sum.
Taken apart by autograd the backward pass is about twenty passes over memory, most of them from one type to another. Here both are
compiled (native.c) where there is a C compiler, and else go through the rows in parts that stay in a core's cache.
"""

from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from fewtune.kernels import native

_PART = 65536
"""Numbers in a part, in fp32 256 KB: the quickest of 16,384 to 262,144 at widths of 512 and 1,024, by a little."""


def rms_norm(x: Tensor, w: Tensor, epsilon: float) -> Tensor:
    """`x` (..., n) over the root of the mean of its squares, times the gain w (n,), in the type of x.

    The gain gets no gradient; it has the type of x or fp32. It can be differentiated once.
    """
    return cast(Tensor, _RmsNorm.apply(x.reshape(-1, x.shape[-1]), w, epsilon)).view(x.shape)


class _RmsNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, epsilon: float) -> Tensor:
        between = w.dtype == x.dtype
        if native.serves(x) and native.serves(gain := w.float()):
            y, root = native.rms_norm(x, gain, epsilon, between)
            ctx.save_for_backward(x, w, root)
            return y
        y, wide = torch.empty_like(x), torch.promote_types(x.dtype, torch.float32)
        root = torch.empty(len(x), 1, dtype=wide, device=x.device)
        buffers = _buffers(x, wide)
        for x_part, y_part, root_part in _parts(x, y, root):
            scaled, squares = (buffer[: len(x_part)] for buffer in buffers)
            torch.pow(scaled.copy_(x_part), 2, out=squares)
            torch.mean(squares, -1, keepdim=True, out=root_part)
            scaled.mul_(root_part.add_(epsilon).rsqrt_())
            if between:
                y_part.copy_(scaled).mul_(w)
            else:
                y_part.copy_(scaled.mul_(w))
        ctx.save_for_backward(x, w, root)
        return y

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]  there is one output
        ctx: Any, g: Tensor
    ) -> tuple[Tensor, None, None]:
        x, w, root = cast(tuple[Tensor, Tensor, Tensor], ctx.saved_tensors)
        if native.serves(x) and native.serves(gain := w.float()):
            return native.rms_norm_backward(g.contiguous(), x, gain, root), None, None
        dx, gain, buffers = torch.empty_like(x), w.to(root.dtype), _buffers(x, root.dtype)
        for g_part, x_part, dx_part, root_part in _parts(g, x, dx, root):
            u, wide = (buffer[: len(x_part)] for buffer in buffers)
            u.copy_(g_part).mul_(gain)
            shared = torch.linalg.vecdot(u, wide.copy_(x_part)).unsqueeze_(-1) * root_part.pow(3) / x.shape[-1]
            dx_part.copy_(u.mul_(root_part).sub_(wide.mul_(shared)))
        return dx, None, None


def _rows(n: int) -> int:
    return max(1, _PART // n)


def _parts(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Rows of all, as many as make a part of the first."""
    return zip(*(tensor.split(_rows(tensors[0].shape[-1])) for tensor in tensors), strict=True)


def _buffers(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Two of the size of a part."""
    return torch.empty(2, min(len(x), _rows(x.shape[-1])), x.shape[-1], dtype=dtype, device=x.device)
