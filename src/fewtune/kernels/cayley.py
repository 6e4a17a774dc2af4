"""The Cayley map of a tall matrix onto matrices with orthonormal columns, with its derivative written by hand.

For F = [X; Y], X (r, r), Y (k − r, r):

    Z = X − Xᵀ + YᵀY        M = (I + Z)⁻¹        G = [(I − Z) M; −2 Y M] = [2M − I; −2 Y M]        GᵀG = I

I + Z is never singular: its symmetric part I + YᵀY is positive definite. The same map is in the code of LBDN (Wang and
Manchester, arXiv 2301.11526, layer.py). The derivative is our own derivation, proved by `gradcheck`:

    H = −(Γ₁ + Gᵀ Γ) Mᵀ        dX = H − Hᵀ        dY = −2 Γ₂ Mᵀ + Y (H + Hᵀ)        Γ = dL/dG = [Γ₁; Γ₂]
"""

from typing import Any

import torch
from torch import Tensor


def cayley(F: Tensor) -> Tensor:
    """F (k, r), k ≥ r → G (k, r) with GᵀG = I, in fp32 or wider; differentiable."""
    return _Cayley.apply(F.to(torch.promote_types(F.dtype, torch.float32)))  # pyright: ignore[reportReturnType]


def cayley_forward(F: Tensor) -> tuple[Tensor, Tensor]:
    """G (k, r), and M (r, r), which the derivative needs. F in fp32 or fp64, since inverses exist in no other type."""
    r = F.shape[1]
    with torch.autocast(F.device.type, enabled=False):
        X, Y = F[:r], F[r:]
        unit = torch.eye(r, dtype=F.dtype, device=F.device)
        M = torch.linalg.inv(unit + X - X.T + Y.T @ Y)
        return torch.cat([2 * M - unit, -2 * Y @ M]), M


def cayley_backward(grad: Tensor, F: Tensor, G: Tensor, M: Tensor) -> Tensor:
    """dL/dF (k, r) from dL/dG (k, r) and what `cayley_forward` gave for F."""
    r = F.shape[1]
    with torch.autocast(F.device.type, enabled=False):
        H = -(grad[:r] + G.T @ grad) @ M.T
        return torch.cat([H - H.T, -2 * grad[r:] @ M.T + F[r:] @ (H + H.T)])


class _Cayley(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, F: Tensor) -> Tensor:
        G, M = cayley_forward(F)
        ctx.save_for_backward(F, G, M)
        return G

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return cayley_backward(grad, *ctx.saved_tensors)
