"""OLoRA: Orthonormal Low-Rank Adaptation. LoRA that starts from the QR decomposition of the weight.

    W' = W + s (B A − B₀ A₀)        W = Q R,   B₀ = Q[:, :r],   A₀ = R[:r],   s = alpha / r

Büyükakyüz, OLoRA: Orthonormal Low-Rank Adaptation of Large Language Models, 2024, arXiv 2406.01775, algorithm 1. The columns of B₀
are orthonormal and span the first r columns of W. As in PEFT's code the scale is not divided out, so s B₀ A₀ grows with alpha.
W itself is left alone: what is learned is B A − B₀ A₀, and what is saved is an ordinary LoRA of rank 2r on it.
"""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from fewtune.methods._base import Paper
from fewtune.methods._moved import Moved, MovedLinear
from fewtune.model.linear import weight_of


class OloraLinear(MovedLinear):
    """A moved start at the first r rows and columns of the weight's QR decomposition."""

    def __init__(self, base: nn.Module, rank: int, scale: float, dropout: float = 0.0) -> None:
        super().__init__(base, rank, scale, dropout)
        if not self.A.is_meta:
            self.begin_at(*orthonormal(weight_of(base), rank))


@torch.no_grad()
def orthonormal(W: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """A₀ = R[:r] (r, n) and B₀ = Q[:, :r] (m, r) of W = Q R (m, n), in fp32 or better."""
    Q, R = torch.linalg.qr(W.to(torch.promote_types(W.dtype, torch.float32)))
    return R[:rank], Q[:, :rank]


class Olora(Moved):
    """LoRA that starts from an orthonormal basis of each weight's first columns."""

    name: Literal["olora"] = "olora"

    paper: ClassVar = Paper(
        "OLoRA: Orthonormal Low-Rank Adaptation of Large Language Models", "Büyükakyüz", 2024, "2406.01775"
    )
    layer_class: ClassVar = OloraLinear
