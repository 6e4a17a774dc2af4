"""The low-rank products of the LoRA family: their definition, and the layer around a frozen weight as one function.

    y = x Wᵀ + b + s x̃ Aᵀ Bᵀ        x̃ = dropout(x);  x (N, n), W (m, n) and b (m,) frozen, A (r, n), B (m, r)

    h = x̃ (s A)ᵀ    y = x Wᵀ + b + h Bᵀ                                        h (N, r) is kept, and the mask, not x̃
    z = g B         dB = (hᵀ g)ᵀ    dA = s zᵀ x̃    dx = g W + mask ∘ (z (s A))      g = dL/dy (N, m)

What is added is added by the product itself, s stands on A, the smallest of all, and the gradient of B is formed as its transpose,
which on a CPU takes half the time. W gets no gradient, and x none where nobody asks.

**The order** (RunLoRA, Cherniuk et al. 2023, arXiv 2312.03415): thin, as above, takes 6 N r (m + n) products in both passes,
forming `s B A` first 6 m n (N + r); the fewer are taken. The third, the weight `W + s B A`, is not: bf16 would round small
updates away, and dropout hides inputs from the correction alone.
"""

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from fewtune.kernels import few_rows
from fewtune.kernels.dropout import add_only, draw, dropout, only
from fewtune.kernels.product import back, through


def low_rank(x: Tensor, A: Tensor, B: Tensor, scale: float) -> Tensor:
    """The correction `s x Aᵀ Bᵀ` of LoRA (Hu et al. 2021, eq. 3), computed in the type of `x`.

    x: (..., n); A: (r, n); B: (m, r); returns (..., m). The scale is put on the (..., r) product, the smallest of the
    three, and the m × n matrix BA is never formed: per token r (m + n) products instead of m n.
    """
    return F.linear(F.linear(x, A.to(x.dtype)) * scale, B.to(x.dtype))


def lora_linear(x: Tensor, W: Tensor, b: Tensor | None, A: Tensor, B: Tensor, scale: float, p: float = 0.0) -> Tensor:
    """`x Wᵀ + b + low_rank(dropout(x, p), A, B, scale)`, for a frozen W (m, n) and b; x (..., n) → (..., m).

    In autocast's type where that is on, else in that of x, which W then has too. The gradients of A and B have their own types.
    It can be differentiated once. Few rows of which nothing is learned are one call of kernels/few_rows.py.
    """
    m, n = W.shape
    if not p and few_rows.takes(x, W, b, A, B):
        return few_rows.product(x, W, b, A, B, scale)
    if _thin_is_cheaper(x.shape[:-1].numel(), m, n, len(A)):
        return _on_rows(x, None, W, b, A, B, scale, p)
    seen = dropout(x, p) if p else x
    return F.linear(x, W, b) + F.linear(seen, ((B * scale) @ A).to(seen.dtype))


def plus_low_rank(y: Tensor, x: Tensor, A: Tensor, B: Tensor, scale: float, p: float = 0.0) -> Tensor:
    """`y + low_rank(dropout(x, p), A, B, scale)` in the type of y, where a layer forms y (..., m) from x (..., n) its own way."""
    return _on_rows(x, y, None, None, A, B, scale, p)


def _on_rows(x: Tensor, y: Tensor | None, *others: Any) -> Tensor:
    """The function takes rows and gives rows, not views of rows, which a model could not change in place."""
    given = None if y is None else y.reshape(-1, y.shape[-1])
    out = cast(Tensor, _LowRank.apply(x.reshape(-1, x.shape[-1]), given, *others))
    return out.view(*x.shape[:-1], out.shape[-1])


def _thin_is_cheaper(N: int, m: int, n: int, r: int) -> bool:
    return N * r * (m + n) <= m * n * (N + r)


class _LowRank(torch.autograd.Function):
    """Either y, the frozen product, is given, or W and b are, which form it."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        y: Tensor | None,
        W: Tensor | None,
        b: Tensor | None,
        A: Tensor,
        B: Tensor,
        scale: float,
        p: float,
    ) -> Tensor:
        frozen = y if W is None else through(x, W, b)
        assert frozen is not None
        dtype = frozen.dtype  # autocast's, where that is on
        kept = draw(x.shape, p, x.device) if p else None
        scale *= kept.scale if kept else 1
        A_cast, B_cast = (A * scale).to(dtype), B.to(dtype)
        mask = kept.told if kept else None
        h = _seen(x, mask, dtype) @ A_cast.T
        ctx.save_for_backward(x, W, mask, h, A_cast, B_cast)
        ctx.scale, ctx.types = scale, (A.dtype, B.dtype)
        return torch.addmm(frozen, h, B_cast.T) if W is None else frozen.addmm_(h, B_cast.T)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]  there is one output
        ctx: Any, g: Tensor
    ) -> tuple[Tensor | None, ...]:
        x, W, mask, h, A, B = cast(
            tuple[Tensor, Tensor | None, Tensor | None, Tensor, Tensor, Tensor], ctx.saved_tensors
        )
        wants_x, wants_y, _, _, wants_A, wants_B, _, _ = ctx.needs_input_grad
        type_A, type_B = ctx.types
        dx = dA = dB = None
        if wants_B:
            dB = (h.T @ g).T.to(type_B)
        if wants_A or wants_x:
            z = g @ B
            if wants_A:
                dA = (z.T @ _seen(x, mask, z.dtype)).to(type_A).mul_(ctx.scale)
            if wants_x:
                dx = _to_inputs(g, W, z, A, mask, x.dtype)
        return dx, g if wants_y else None, None, None, dA, dB, None, None


def _seen(x: Tensor, mask: Tensor | None, dtype: torch.dtype) -> Tensor:
    """x̃ without its scale."""
    x = x.to(dtype)
    return x if mask is None else only(x, mask)


def _to_inputs(g: Tensor, W: Tensor | None, z: Tensor, A: Tensor, mask: Tensor | None, dtype: torch.dtype) -> Tensor:
    """`g W + mask ∘ (z A)`, the first where there is a W; added in the type of x, which under autocast may be wider."""
    frozen = None if W is None else back(g, W).to(dtype)
    if frozen is not None and frozen.dtype == z.dtype:
        return frozen.addmm_(z, A) if mask is None else add_only(frozen, z @ A, mask)
    learned = z @ A if mask is None else only(z @ A, mask)
    return learned.to(dtype) if frozen is None else frozen.add_(learned)
