"""PiSSA: Principal Singular Values and Singular Vectors Adaptation. LoRA that starts from the largest part of the weight.

    W' = W + s (B A − B₀ A₀)        W = U Σ Vᵀ,   B₀ = U_r (Σ_r / s)^½,   A₀ = (Σ_r / s)^½ V_rᵀ,   s = alpha / r

Meng, Wang and Zhang, PiSSA: Principal Singular Values and Singular Vectors Adaptation of Large Language Models,
2024, arXiv 2404.02948, equations 2 to 4. The r largest singular values and their vectors learn, the rest of W stays: s B₀ A₀ is the
best approximation of rank r to W. The paper has s = 1; dividing by the scale, which makes the start the same at every alpha, is
PEFT's. W itself is left alone: what is learned is B A − B₀ A₀, and what is saved is an ordinary LoRA of rank 2r on it.

The decomposition is exact, in fp32 or better: 11 to 23 s for BERT-base on one core. The paper also has a fast, random one.
"""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from fewtune.methods._base import Paper
from fewtune.methods._moved import Moved, MovedLinear, decomposed
from fewtune.model.linear import weight_of


class PissaLinear(MovedLinear):
    """A moved start at the weight's principal part."""

    def __init__(self, base: nn.Module, rank: int, scale: float, dropout: float = 0.0) -> None:
        super().__init__(base, rank, scale, dropout)
        if not self.A.is_meta:
            self.begin_at(*principal(weight_of(base), rank, scale))


@torch.no_grad()
def principal(W: Tensor, rank: int, scale: float) -> tuple[Tensor, Tensor]:
    """A₀ (r, n) and B₀ (m, r) with `scale · B₀ A₀` the best approximation of that rank to W (m, n), shared out evenly."""
    U, S, Vh = decomposed(W)
    root = (S[:rank] / scale).sqrt()
    return root[:, None] * Vh[:rank], U[:, :rank] * root


class Pissa(Moved):
    """LoRA that starts from the principal singular vectors of each weight."""

    name: Literal["pissa"] = "pissa"

    paper: ClassVar = Paper(
        "PiSSA: Principal Singular Values and Singular Vectors Adaptation of Large Language Models",
        "Meng, Wang and Zhang",
        2024,
        "2404.02948",
    )
    layer_class: ClassVar = PissaLinear
