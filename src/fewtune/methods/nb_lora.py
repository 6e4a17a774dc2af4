"""NB-LoRA: Norm-Bounded Low-Rank Adaptation. No singular value of the correction can pass its bound, at any learning rate.

    W' = W + 2 Bᵀ S A        [Aᵀ; Bᵀ] = Cayley([Ãᵀ; B̃ᵀ]),   A Aᵀ + B Bᵀ = I,   S = diag(s₁ … s_r)        σ_j(W' − W) ≤ s_j

Wang, Dvijotham and Manchester, Norm-Bounded Low-Rank Adaptation, 2025, arXiv 2501.19050, equations 3 and 4. Ã (r × n) and B̃
(r × m) are free; whatever an optimiser makes of them, the bound holds, since 2 σ_j(Xᵀ Y) ≤ σ_j(X Xᵀ + Y Yᵀ) for the factors
X = √S B, Y = √S A. Conversely every correction of this rank within the bound is reached. B̃ = 0 gives B = 0 and A Aᵀ = I, so the
model starts as it was. With `norm` the bound is on the spectral, Frobenius or nuclear norm of the correction: s_j = bound r^(−1/p).

The paper's text was not at hand; the equations are from its reviews and from the authors' earlier code, and hold here by proof
and by test. Not established: how the paper starts Ã and B̃ (Kaiming-uniform and zero here, as in LoRA), and whether it learns S
(fixed here; with equal s_j the Frobenius and nuclear balls are not filled). A bound of 1 is that of the authors' code for
language models. There is no alpha: its factor would move the bound.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from fewtune._compat import version
from fewtune.errors import MethodError
from fewtune.kernels.cayley import cayley, cayley_backward, cayley_forward
from fewtune.methods._base import Paper
from fewtune.methods._low_rank import LowRank, LowRankLinear
from fewtune.model.anatomy import Anatomy
from fewtune.model.edits import Edit, Every, Moment

_POWER = {"spectral": 0.0, "frobenius": 0.5, "nuclear": 1.0}
"""1/p of the Schatten norm."""


@dataclass(frozen=True)
class _Held:
    """The map of the parameters as they are now, for all passes of one optimiser step."""

    G: Tensor
    """(n + m, r), a leaf that gathers the gradients of all passes."""
    M: Tensor
    versions: tuple[int | None, int | None]
    """Of the two parameters when it was made: it serves no others."""


class NormBoundedLinear(LowRankLinear):
    """`y = W x + b + 2 s Bᵀ A dropout(x)`; A (r, n) and B (r, m) the Cayley map of the free parameters.

    The free ones are kept in LoRA's shapes, `A` (r, n) and `B` (m, r), in fp32.
    """

    depends_on_product: ClassVar = False

    def __init__(self, base: nn.Module, rank: int, scale: float, dropout: float = 0.0) -> None:
        super().__init__(base, rank, scale, dropout)
        self.held: _Held | None = None

    def free(self) -> Tensor:
        """(n + m, r) in fp32 or wider."""
        stacked = torch.cat([self.A.T, self.B])
        return stacked.to(torch.promote_types(stacked.dtype, torch.float32))

    def semi_orthogonal(self) -> Tensor:
        """`[Aᵀ; Bᵀ]`, (n + m, r), with orthonormal columns."""
        if self.held and self.training and torch.is_grad_enabled() and self.held.versions == self._versions():
            return self.held.G
        return cayley(self.free())

    def forward(self, x: Tensor) -> Tensor:
        """`x` (..., n) → (..., m)."""
        A, B = self._split(self.semi_orthogonal())
        return self.corrected(x, A, B, 2 * self.scale)

    def delta(self) -> Tensor:
        """`2 s Bᵀ A`, (m, n) in fp32 or wider."""
        A, B = self._split(self.semi_orthogonal())
        return 2 * self.scale * (B @ A)

    def factors(self) -> tuple[Tensor, Tensor]:
        """A (r, n) and 2 s Bᵀ (m, r)."""
        A, B = self._split(cayley(self.free()).detach())
        return A, 2 * self.scale * B

    def hold(self) -> None:
        """Compute the map once for the step that comes."""
        versions = self._versions()
        if None not in versions:  # else nobody would notice a held value that is out of date
            with torch.no_grad():
                G, M = cayley_forward(self.free())
            self.held = _Held(G.requires_grad_(True), M, versions)

    def pull_back(self) -> None:
        """Give the gradients that the held map gathered in this step to the free parameters."""
        held, self.held = self.held, None
        if held is None or held.G.grad is None:
            return
        with torch.no_grad():
            grad = cayley_backward(held.G.grad, self.free(), held.G, held.M)
            for parameter, part in ((self.A, grad[: self.in_features].T), (self.B, grad[self.in_features :])):
                part = part.to(parameter.dtype).contiguous()
                parameter.grad = part if parameter.grad is None else parameter.grad + part

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `tensors()` returned, the free parameters."""
        self.held = None
        super().load(tensors)

    def _split(self, G: Tensor) -> tuple[Tensor, Tensor]:
        return G[: self.in_features].T, G[self.in_features :]

    def _versions(self) -> tuple[int | None, int | None]:
        return version(self.A), version(self.B)


class NbLora(LowRank):
    """Low-rank corrections whose norm cannot pass a bound."""

    name: Literal["nb_lora"] = "nb_lora"
    bound: float = Field(default=1.0, gt=0)
    """Largest norm that the correction of a weight may have."""
    norm: Literal["spectral", "frobenius", "nuclear"] = "spectral"
    """Which norm: the largest singular value, the root of the sum of their squares, or their sum."""

    paper: ClassVar = Paper("Norm-Bounded Low-Rank Adaptation", "Wang, Dvijotham and Manchester", 2025, "2501.19050")
    starts_as_base: ClassVar = True
    mergeable: ClassVar = True
    reads_weights: ClassVar = False
    saved_as: ClassVar = "own"
    plain_lora: ClassVar = True
    layer_class: ClassVar = NormBoundedLinear
    excluded: ClassVar[Mapping[str, str]] = {
        "alpha": "nb_lora_alpha",
        "scaling": "nb_lora_alpha",
        "rate_ratio": "rate_ratio_excluded",
    }

    def scale_at(self, rank: int) -> float:
        """s_j, equal for all j."""
        return self.bound * rank ** -_POWER[self.norm]

    def edits(self, anatomy: Anatomy) -> Iterator[Edit]:
        """LoRA's; the map is computed once a step, and its gradient taken back once."""
        for path, rank in self.rank_of(anatomy).items():
            narrow = next(layer.in_features for layer in anatomy.layers if layer.path == path)
            if rank > narrow:
                raise MethodError("nb_lora_rank", rank=rank, layer=path, width=narrow)
        yield from super().edits(anatomy)
        yield Every("gradients", _pull_back)
        yield Every("moved", _hold)


def _pull_back(at: Moment) -> None:
    for layer in _layers(at.model):
        layer.pull_back()


def _hold(at: Moment) -> None:
    for layer in _layers(at.model):
        layer.hold()


def _layers(model: nn.Module) -> Iterator[NormBoundedLinear]:
    return (module for module in model.modules() if isinstance(module, NormBoundedLinear))
