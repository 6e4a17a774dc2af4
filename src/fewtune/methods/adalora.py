"""AdaLoRA: LoRA in the form of a singular value decomposition, whose ranks go where they matter while it learns.

    W' = W + s P Λ Q        Λ = diag(λ₁ … λ_r) zero,   P (m × r) and Q (r × n) from N(0, 0.02²),   s = alpha / r

    Ī ← β₁ Ī + (1 − β₁) |w ∇w|        Ū ← β₂ Ū + (1 − β₂) | |w ∇w| − Ī |        s(w) = Ī Ū
    S_k = s(λ_k) + mean_i s(P_ik) + mean_j s(Q_kj)        every ΔT steps λ_k = 0 but for the b(t) largest S_k of all layers
    b(t) = b₀,   b_T + (b₀ − b_T) (1 − (t − t_i) / (T − t_i − t_f))³,   b_T        before, between, after t_i and T − t_f

Zhang et al., AdaLoRA: Adaptive Budget Allocation for Parameter-Efficient Fine-Tuning, 2023, arXiv 2303.10512, equations 3 and 8
to 13. The loss gets γ Σ (‖PᵀP − I‖² + ‖QQᵀ − I‖²), as in the paper; the authors' code takes the mean of the norms themselves. A
pruned λ may come back until the last phase, when the choice stands. What is left is an exact LoRA of fewer ranks.

The budget follows the optimiser's steps, so epochs must be known: early stopping may end a run before its budget is reached.
The lengths of the phases, ΔT and γ are options because the paper sets them for each data set; the defaults here are ours.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from fewtune.errors import MethodError
from fewtune.methods._base import Paper
from fewtune.methods._defaults import rate_for
from fewtune.methods._low_rank import LowRank, LowRankLinear
from fewtune.model.anatomy import Anatomy
from fewtune.model.edits import Edit, Every, Moment, Penalty

_BETA = 0.85
"""β₁ = β₂ of the paper (section 4.1) and of its code."""
_LEARNED = ("A", "B", "E")


class SvdLinear(LowRankLinear):
    """`y = W x + b + s P Λ Q dropout(x)`; `B` is P (m, r), `A` is Q (r, n), `E` the diagonal of Λ (r,), learned in fp32."""

    depends_on_product: ClassVar = False

    def __init__(self, base: nn.Module, rank: int, scale: float, dropout: float = 0.0) -> None:
        super().__init__(base, rank, scale, dropout)
        self.E = nn.Parameter(torch.zeros(rank, device=self.A.device, dtype=torch.float32))
        nn.init.normal_(self.A, std=0.02)
        nn.init.normal_(self.B, std=0.02)
        for symbol in _LEARNED:  # Ī and Ū
            for name in (f"importance_{symbol}", f"uncertainty_{symbol}"):
                self.register_buffer(name, torch.zeros_like(getattr(self, symbol).detach()), persistent=False)
        self.register_buffer("kept", torch.ones(rank, device=self.A.device, dtype=torch.bool), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (..., n) → (..., m)."""
        return self.corrected(x, self.A * self.E[:, None], self.B, self.scale)

    def delta(self) -> Tensor:
        """`s P Λ Q`, (m, n)."""
        return self.scale * (self.B @ (self.A * self.E[:, None]))

    def factors(self) -> tuple[Tensor, Tensor]:
        """Λ Q and s P of the ranks that are left."""
        left = self.E.detach() != 0
        return (self.A * self.E[:, None]).detach()[left], self.scale * self.B.detach()[:, left]

    def tensors(self) -> dict[str, Tensor]:
        """`{"A": (r, n), "B": (m, r), "E": (r,)}`."""
        return super().tensors() | {"E": self.E.detach()}

    def remembered(self) -> dict[str, Tensor]:
        """Smoothed importance and uncertainty, and which ranks are kept."""
        return dict(self.named_buffers(recurse=False))

    def recall(self, tensors: dict[str, Tensor]) -> None:
        """Take them over."""
        for name, buffer in self.named_buffers(recurse=False):
            buffer.copy_(tensors[name])

    def orthogonality(self) -> Tensor:
        """`‖PᵀP − I‖² + ‖QQᵀ − I‖²`."""
        unit = torch.eye(len(self.E), device=self.E.device, dtype=self.E.dtype)
        return (self.B.T @ self.B - unit).square().sum() + (self.A @ self.A.T - unit).square().sum()

    @torch.no_grad()
    def measure(self) -> None:
        """Smooth the importance `|w ∇w|` of everything learned; a gradient that overflowed says nothing."""
        grads = {symbol: getattr(self, symbol).grad for symbol in _LEARNED}
        if any(grad is None or not grad.isfinite().all() for grad in grads.values()):
            return
        for symbol, grad in grads.items():
            now = (getattr(self, symbol) * grad).abs()
            mean, spread = self.get_buffer(f"importance_{symbol}"), self.get_buffer(f"uncertainty_{symbol}")
            mean.lerp_(now.to(mean.dtype), 1 - _BETA)
            spread.lerp_((now - mean).abs().to(spread.dtype), 1 - _BETA)

    def scores(self) -> Tensor:
        """S_k, (r,)."""
        of = {
            symbol: self.get_buffer(f"importance_{symbol}") * self.get_buffer(f"uncertainty_{symbol}")
            for symbol in _LEARNED
        }
        return of["E"] + of["B"].mean(dim=0) + of["A"].mean(dim=1)


@dataclass(frozen=True)
class Budget:
    """How many ranks all layers together may have at each step."""

    first: int
    """b₀."""
    last: int
    """b_T."""
    warmup: float
    """t_i as a share of all steps."""
    final: float
    """t_f as a share of all steps."""

    def at(self, step: int, steps: int) -> int:
        """b(t) once `step` of `steps` steps were taken."""
        start, end = self.warmup * steps, (1 - self.final) * steps
        left = 1 - min(max((step - start) / (end - start), 0.0), 1.0)
        return round(self.last + (self.first - self.last) * left**3)


@dataclass(frozen=True)
class Allocate:
    """Prune to the budget, every `interval` steps between the phases; afterwards hold on to the last choice."""

    budget: Budget
    interval: int

    @torch.no_grad()
    def __call__(self, at: Moment) -> None:
        """After an optimiser step."""
        layers, taken = list(_layers(at.model)), at.step + 1
        start, end = self.budget.warmup * at.steps, math.floor((1 - self.budget.final) * at.steps)
        if (start < taken < end and taken % self.interval == 0) or taken == end:
            choice = largest([layer.scores() for layer in layers], self.budget.at(taken, at.steps))
            for layer, kept in zip(layers, choice, strict=True):
                layer.kept.copy_(kept)  # pyright: ignore[reportCallIssue]
                layer.E.mul_(kept)
        elif taken > end:
            for layer in layers:
                layer.E.mul_(layer.kept)  # pyright: ignore[reportArgumentType]


def largest(scores: Sequence[Tensor], budget: int) -> list[Tensor]:
    """Which of all scores are among the `budget` largest, as masks of the same shapes."""
    every = torch.cat(list(scores))
    kept = torch.zeros(len(every), dtype=torch.bool, device=every.device)
    kept[every.topk(min(budget, len(every))).indices] = True
    return list(kept.split([len(each) for each in scores]))


class Adalora(LowRank):
    """Low-rank corrections that share a shrinking budget of ranks."""

    name: Literal["adalora"] = "adalora"
    rank: int = Field(default=12, ge=1)
    """Rank r at the start."""
    target_rank: int = Field(default=8, ge=1)
    """Rank at the end, on average over the layers."""
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """Share of the steps before the first rank is pruned."""
    final: float = Field(default=0.4, ge=0, lt=1)
    """Share of the steps after the last rank was pruned."""
    interval: int = Field(default=10, ge=1)
    """Optimiser steps from one choice of ranks to the next (ΔT)."""
    orthogonality: float = Field(default=0.1, ge=0)
    """γ, weight of the penalty that keeps P and Q orthonormal; 0 leaves it out."""

    paper: ClassVar = Paper(
        "AdaLoRA: Adaptive Budget Allocation for Parameter-Efficient Fine-Tuning", "Zhang et al.", 2023, "2303.10512"
    )
    starts_as_base: ClassVar = True
    mergeable: ClassVar = True
    reads_weights: ClassVar = False
    saved_as: ClassVar = "peft"
    peft_type: ClassVar = "ADALORA"
    plain_lora: ClassVar = True
    layer_class: ClassVar = SvdLinear
    excluded: ClassVar[Mapping[str, str]] = {"rate_ratio": "rate_ratio_excluded"}

    @model_validator(mode="after")
    def _shrinks(self) -> Self:
        if self.target_rank > self.rank:
            raise ValueError(MethodError("adalora_grows", target=self.target_rank, rank=self.rank))
        if self.warmup + self.final >= 1:
            raise ValueError(MethodError("adalora_phases", warmup=self.warmup, final=self.final))
        return self

    def edits(self, anatomy: Anatomy) -> Iterator[Edit]:
        """LoRA's around layers in the form of a decomposition; the penalty, and the budget over time."""
        yield from super().edits(anatomy)
        first = sum(self.rank_of(anatomy).values())
        budget = Budget(first, round(first * self.target_rank / self.rank), self.warmup, self.final)
        if self.orthogonality:
            yield Penalty(_Orthogonality(self.orthogonality))
        yield Every("gradients", _measure)
        yield Every("moved", Allocate(budget, self.interval))

    def default_learning_rate(self, width: int) -> float:
        """2e-3 at width 384, the upper end of the paper's (5e-4 to 2e-3, from memory); see docs/decisions/defaults.md."""
        return 4 * rate_for(width)


@dataclass(frozen=True)
class _Orthogonality:
    weight: float

    def __call__(self, model: nn.Module) -> Tensor:
        return self.weight * torch.stack([layer.orthogonality() for layer in _layers(model)]).sum()


def _measure(at: Moment) -> None:
    for layer in _layers(at.model):
        layer.measure()


def _layers(model: nn.Module) -> Iterator[SvdLinear]:
    return (module for module in model.modules() if isinstance(module, SvdLinear))
