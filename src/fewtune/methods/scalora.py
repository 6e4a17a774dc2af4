"""ScaLoRA: Optimally Scaled Low-Rank Adaptation. Factors that are rescaled on the way, so that their sum has a high rank.

    W' = W + R + s B A        B ← B diag(α),   A ← diag(β) A,   R ← R + s B diag(1 − α β) A        the function stays the same

    [(S_Aᵀ S_A) ∘ (S_Bᵀ S_B)] v = λ        S_A = [B, ∇B],   S_B = [∇Aᵀ, Aᵀ],   λ = [‖∇A_k‖² …, ‖∇B_k‖² …]
    [α; β] = √(v / (κ s²)) where all v > 0        else one number for each factor; where that has none, nothing is done

Zhang, Yang, Cai and Giannakis, ScaLoRA: Optimally Scaled Low-Rank Adaptation for Efficient High-Rank Fine-Tuning,
2025, arXiv 2510.23818, theorems 3.5 and 3.7. Now and then the factors are rescaled so that the next step comes nearest to a full
one; what the rescaling takes away stays behind as a frozen residual R, and the rank of the whole change grows. α and β minimise
‖G/L − η s² (B̃B̃ᵀG + G ÃᵀÃ)‖, where G is the gradient of the whole weight: of all rescaled factors these make the next step of
gradient descent nearest to the best full one; G itself is never formed. The moments of AdamW follow exactly: the new gradient of A
is the old one times α, and of B times β (lemmas 3.3 and 3.6), so A's moments are multiplied by α and α², B's by β and β².

The paper's text was not at hand. Its objective, the residual and the rule for the moments are from a third party's notes, the
closed forms derived here and proved by test against non-negative least squares. Not established: the values of L, the first step
and the learning rates of its experiments. κ = L η is one number here, with η the peak rate: with the scheduled one the factors
would grow without bound as it falls. R is kept as factors, so the base is never written, and what was learned is an exact LoRA.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from fewtune.kernels.factors import svd_of_product
from fewtune.methods._base import Paper
from fewtune.methods._low_rank import LowRank, LowRankLinear
from fewtune.model.anatomy import Anatomy
from fewtune.model.edits import Edit, Every, Moment

_BOUNDS = (0.1, 10.0)
"""The least and the most by which a factor is multiplied: beyond, the first rescaling acts like a jump of the learning rate."""
_COLUMNS = 64
"""Columns of the residual above which it is first written with as few as its rank allows; then again whenever they double."""


def scales(B: Tensor, A: Tensor, grad_B: Tensor, grad_A: Tensor, kappa: float) -> tuple[Tensor, Tensor] | None:
    """α (r,) and β (r,), in fp64, for the factors B (m, r) and A (r, n) and their gradients; None where there is no answer.

    `kappa` is L η times s²: the gradients of the factors hold the scale s, and a step of them holds it again.
    """
    B, A, grad_B, grad_A = (tensor.double() for tensor in (B, A.T, grad_B, grad_A.T))
    columns = torch.cat([B, grad_B], dim=1), torch.cat([grad_A, A], dim=1)
    K = (columns[0].T @ columns[0]) * (columns[1].T @ columns[1])
    wanted = torch.cat([grad_A.square().sum(dim=0), grad_B.square().sum(dim=0)])
    v, failed = torch.linalg.solve_ex(K, wanted)
    if not failed and v.isfinite().all() and (v > 0).all():
        alpha, beta = (v / kappa).sqrt().chunk(2)
        return alpha, beta
    # One number each (theorem 3.5): the same problem with two unknowns.
    a, b = grad_A.square().sum(), grad_B.square().sum()
    p = ((B.T @ B) * (grad_A.T @ grad_A)).sum()
    q = ((A.T @ A) * (grad_B.T @ grad_B)).sum()
    c = (B.T @ grad_B).square().sum()
    pair = torch.stack([a * q - b * c, b * p - a * c]) / (p * q - c * c)
    if not pair.isfinite().all() or not (pair > 0).all():
        return None  # the best would be to give up one of the factors
    alpha, beta = (pair / kappa).sqrt()
    return alpha.expand(B.shape[1]), beta.expand(B.shape[1])


class ScaledLinear(LowRankLinear):
    """`y = W x + b + R x + s B A dropout(x)`; R = R_B R_A frozen, (m, k) and (k, n) in fp32, at first of no columns at all."""

    R_A: Tensor
    R_B: Tensor

    def __init__(self, base: nn.Module, rank: int, scale: float, dropout: float = 0.0) -> None:
        super().__init__(base, rank, scale, dropout)
        self.register_buffer("R_A", self.A.detach().new_empty(0, self.in_features))
        self.register_buffer("R_B", self.B.detach().new_empty(self.out_features, 0))
        self.ready: tuple[Tensor, ...] = ()
        self.room = _COLUMNS

    def forward(self, x: Tensor) -> Tensor:
        """`x` (..., n) → (..., m). Dropout hides nothing from the residual, which counts as part of the weight."""
        y = super().forward(x)
        for factor in self._residual(x):
            x = F.linear(x, factor)
        return y + x if len(self.R_A) else y

    def _residual(self, x: Tensor) -> tuple[Tensor, ...]:
        """What x is multiplied by in turn, in its type: R_A and R_B, or R itself where that has fewer numbers.

        Kept until the residual changes, so that it is not cast at every pass.
        """
        if len(self.R_A) and not (self.ready and self.ready[0].dtype == x.dtype and self.ready[0].device == x.device):
            m, n, k = self.out_features, self.in_features, len(self.R_A)
            with (
                torch.inference_mode(False),
                torch.no_grad(),
            ):  # an evaluation may come first, and training goes on with it
                factors = (self.R_A, self.R_B) if k * (m + n) < m * n else (self.R_B @ self.R_A,)
                self.ready = tuple(factor.to(x.dtype) for factor in factors)
        return self.ready

    def delta(self) -> Tensor:
        """`R + s B A`, (m, n)."""
        return super().delta() + self.R_B @ self.R_A

    def factors(self) -> tuple[Tensor, Tensor]:
        """Both corrections behind one another: k + r columns."""
        A, B = super().factors()
        return torch.cat([A, self.R_A]), torch.cat([B, self.R_B], dim=1)

    def tensors(self) -> dict[str, Tensor]:
        """`{"A": (r, n), "B": (m, r), "R_A": (k, n), "R_B": (m, k)}`."""
        return super().tensors() | {"R_A": self.R_A, "R_B": self.R_B}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `tensors()` returned; the residual may have any number of columns."""
        self.ready = ()
        k = len(tensors.get("R_A", self.R_A))
        self.R_A, self.R_B = self.R_A.new_zeros(k, self.in_features), self.R_B.new_zeros(self.out_features, k)
        super().load(tensors)

    def remembered(self) -> dict[str, Tensor]:
        """How many columns the residual may have before it is written anew."""
        return {"room": torch.tensor(self.room)}

    def recall(self, tensors: dict[str, Tensor]) -> None:
        """Take that over."""
        self.room = int(tensors["room"])

    @torch.no_grad()
    def rescale(self, alpha: Tensor, beta: Tensor, optimizer: Optimizer) -> None:
        """B ← B diag(α), A ← diag(β) A, the difference into the residual; gradients and moments as they would be now."""
        A, B = self.A.double(), self.B.double()
        alpha, beta = alpha.to(A), beta.to(A)
        self._leave((B * (1 - alpha * beta) * self.scale).to(self.R_B), A.to(self.R_A))
        for parameter, own, other in ((self.A, beta[:, None], alpha[:, None]), (self.B, alpha, beta)):
            parameter.mul_(own)
            if parameter.grad is not None:
                parameter.grad.mul_(other)
            moments = optimizer.state.get(parameter, {})
            if moments:
                moments["exp_avg"].mul_(other)
                moments["exp_avg_sq"].mul_(other**2)

    def _leave(self, B: Tensor, A: Tensor) -> None:
        """Add B A to the residual; where there is no room it is written anew in as few columns as its rank is, to rounding."""
        self.ready = ()
        self.R_A, self.R_B = torch.cat([self.R_A, A]), torch.cat([self.R_B, B], dim=1)
        if len(self.R_A) > self.room:
            U, S, V = svd_of_product(self.R_B, self.R_A)
            rank = int((1e-7 * S[0] < S).sum())  # below is what fp32 cannot hold beside the largest
            root = S[:rank].sqrt()
            self.R_A, self.R_B = (root[:, None] * V[:rank]).to(self.R_A), (U[:, :rank] * root).to(self.R_B)
            self.room = max(_COLUMNS, 2 * rank)


@dataclass(frozen=True)
class Rescale:
    """Before an optimiser step: rescale every layer, each `interval` steps once the warm-up is over."""

    kappa: float
    interval: int
    warmup: float

    @torch.no_grad()
    def __call__(self, at: Moment) -> None:
        """With the gradients of this step."""
        if at.step < self.warmup * at.steps or at.step == 0 or at.step % self.interval:
            return
        for layer in at.model.modules():
            if isinstance(layer, ScaledLinear) and layer.A.grad is not None and layer.B.grad is not None:
                found = scales(layer.B, layer.A, layer.B.grad, layer.A.grad, self.kappa * layer.scale**2)
                if found:
                    alpha, beta = (each.clamp(*_BOUNDS) for each in found)
                    layer.rescale(alpha, beta, at.optimizer)


class Scalora(LowRank):
    """Low-rank corrections that are rescaled while they learn, so that their sum has a high rank."""

    name: Literal["scalora"] = "scalora"
    kappa: float = Field(default=1.0, gt=0)
    """κ, the smoothness of the loss times the learning rate: the smaller, the larger the factors become."""
    interval: int = Field(default=10, ge=1)
    """Optimiser steps from one rescaling to the next (I): 1 in ScaLoRA, 10 in ScaLoRA-I."""
    warmup: float = Field(default=0.1, ge=0, le=1)
    """Share of the steps before the first rescaling: with B near zero the equations say nothing."""

    paper: ClassVar = Paper(
        "ScaLoRA: Optimally Scaled Low-Rank Adaptation for Efficient High-Rank Fine-Tuning",
        "Zhang, Yang, Cai and Giannakis",
        2025,
        "2510.23818",
    )
    starts_as_base: ClassVar = True
    mergeable: ClassVar = True
    reads_weights: ClassVar = False
    saved_as: ClassVar = "own"
    plain_lora: ClassVar = True
    layer_class: ClassVar = ScaledLinear
    excluded: ClassVar[Mapping[str, str]] = {"rate_ratio": "scalora_rates"}

    def edits(self, anatomy: Anatomy) -> Iterator[Edit]:
        """LoRA's, and the rescaling."""
        yield from super().edits(anatomy)
        yield Every("gradients", Rescale(self.kappa, self.interval, self.warmup))
