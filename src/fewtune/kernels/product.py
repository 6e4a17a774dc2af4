"""Products with a frozen weight in bf16, on a processor that multiplies tiles, by a kernel of our own: native_tiles.h.

    y = x Wᵀ + b        dx = g W        x (N, n), W (m, n), b (m,); g = dL/dy (N, m)

torch's own (oneDNN's) are as good where matrices are large and square. A training step has few rows and asks each weight once:
here the next weights are read while these are multiplied, and shapes that are long one way and narrow the other lose nothing
(docs/decisions/speed-products.md). Sums are formed in fp32 and rounded once, as torch's are, in another order.
"""

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from fewtune.kernels import native

SIDE = 32
"""Rows, and numbers of rows and columns of W, that the kernel takes at a time."""
PER_THREAD = 4
"""Such columns that each thread must have at least, or some would wait for the others."""


def takes(W: Tensor, b: Tensor | None = None) -> bool:
    """Whether the kernel can have W (m, n) for its right factor, forwards and backwards: dense and in bf16, on a CPU with tiles."""
    parts = (W,) if b is None else (W, b)
    plain = all(each.dtype == torch.bfloat16 and each.device.type == "cpu" and each.is_contiguous() for each in parts)
    fits = W.dim() == 2 and not (W.shape[0] % SIDE or W.shape[1] % SIDE)
    return plain and fits and native.has_tiles() and min(W.shape) >= SIDE * PER_THREAD * torch.get_num_threads()


def fits(x: Tensor) -> bool:
    """Whether x (..., n) can be the left factor: in bf16, one row after the other, and at least 32."""
    return x.dtype == torch.bfloat16 and x.is_contiguous() and x.shape[:-1].numel() >= SIDE


def through(x: Tensor, W: Tensor, b: Tensor | None) -> Tensor:
    """`x Wᵀ + b`, x (N, n), in autocast's type where that is on; no gradients."""
    x = as_autocast(x)
    return native.product(x, W, b, turned=True) if fits(x) and takes(W, b) else F.linear(x, W, b)


def back(g: Tensor, W: Tensor) -> Tensor:
    """`g W`, g (N, m), in the type of g."""
    return native.product(g, W, None, turned=False) if fits(g) and takes(W) else g @ W.to(g.dtype)


def linear(x: Tensor, W: Tensor, b: Tensor | None) -> Tensor:
    """`x Wᵀ + b` for frozen W and b, x (..., n) → (..., m), where `fits(x)` and `takes(W, b)`. It can be differentiated once."""
    out = cast(Tensor, _Linear.apply(x.view(-1, x.shape[-1]), W, b))
    return out.view(*x.shape[:-1], len(W))


def as_autocast(x: Tensor) -> Tensor:
    """x in the type in which autocast multiplies, where that is on."""
    kind = x.device.type
    return x.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else x


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, W: Tensor, b: Tensor | None) -> Tensor:
        ctx.save_for_backward(W)
        return native.product(x, W, b, turned=True)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return (back(g.contiguous(), ctx.saved_tensors[0]) if ctx.needs_input_grad[0] else None), None, None
