"""The layer of the methods that move LoRA's start: A and B begin where the weight or its gradient says, the model as it was.

    W' = W + s (B A − B₀ A₀)        A₀, B₀: where A and B started, frozen

The papers (PiSSA, OLoRA, LoRA-GA) take s B₀ A₀ out of W and train W − s B₀ A₀ + s B A. Here W is left alone, which is the same
and rounds nothing: what was learned is written as

    B A − B₀ A₀ = (B − B₀) A + B₀ (A − A₀)

which is exactly zero at the start, in every number format, and subtracts no large numbers that are nearly equal. It is a LoRA of
rank 2r on the original weight: [B − B₀, B₀] [A; A − A₀], equal to the [B, −B₀] [A; A₀] that PEFT makes of such an adapter.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from fewtune.methods._low_rank import LowRank, LowRankLinear


def decomposed(M: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """U, Σ and Vᵀ of M = U Σ Vᵀ, in fp32 or better; LAPACK takes three times as long for wide matrices as for tall ones."""
    wide = M.to(torch.promote_types(M.dtype, torch.float32))
    if wide.shape[0] >= wide.shape[1]:
        U, S, Vh = torch.linalg.svd(wide, full_matrices=False)
    else:
        V, S, Uh = torch.linalg.svd(wide.T, full_matrices=False)
        U, Vh = Uh.T, V.T
    return U, S, Vh


class MovedLinear(LowRankLinear):
    """`y = W x + b + s (B A − B₀ A₀) dropout(x)`; W (m, n), b, A₀ (r, n) and B₀ (m, r) frozen, A and B learned in fp32.

    Alone it starts like LoRA; `begin_at` moves the start.
    """

    depends_on_product: ClassVar = False
    A0: Tensor
    B0: Tensor

    def __init__(self, base: nn.Module, rank: int, scale: float, dropout: float = 0.0) -> None:
        super().__init__(base, rank, scale, dropout)
        self.register_buffer("A0", self.A.detach().clone())
        self.register_buffer("B0", self.B.detach().clone())

    @torch.no_grad()
    def begin_at(self, A: Tensor, B: Tensor) -> None:
        """Start from A (k, n) and B (m, k). Where a weight has fewer than r directions the rest starts as in LoRA."""
        self.A[: len(A)] = A
        self.B[:, : B.shape[1]] = B
        self.A0.copy_(self.A)
        self.B0.copy_(self.B)

    def change(self) -> tuple[Tensor, Tensor]:
        """The factors of what was learned, with their graph: A (2r, n) and B (m, 2r), which holds the scale."""
        return torch.cat([self.A, self.A - self.A0]), self.scale * torch.cat([self.B - self.B0, self.B0], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (..., n) → (..., m)."""
        return self.corrected(x, *self.change(), 1.0)

    def factors(self) -> tuple[Tensor, Tensor]:
        """A (2r, n) and B (m, 2r) of the LoRA that computes the same."""
        A, B = self.change()
        return A.detach(), B.detach()

    def delta(self) -> Tensor:
        """`s (B A − B₀ A₀)`, (m, n)."""
        A, B = self.change()
        return B @ A

    def tensors(self) -> dict[str, Tensor]:
        """`{"A": (r, n), "B": (m, r), "A0": (r, n), "B0": (m, r)}`."""
        return super().tensors() | {"A0": self.A0, "B0": self.B0}


class Moved(LowRank):
    """Options of the methods whose A and B both start at something."""

    starts_as_base: ClassVar = True
    mergeable: ClassVar = True
    plain_lora: ClassVar = True
    saved_as: ClassVar = "peft"
    peft_type: ClassVar = "LORA"
    layer_class: ClassVar = MovedLinear

    def default_learning_rate(self, width: int) -> float:
        """A quarter of LoRA's, argued and not measured; see docs/decisions/defaults.md."""
        return super().default_learning_rate(width) / 4
