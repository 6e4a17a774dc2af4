"""The layer and the options that all low-rank methods share. A variant changes the init or the layer, in its own file."""

import math
from collections.abc import Iterator
from functools import partial
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from fewtune.kernels.low_rank import low_rank
from fewtune.methods._base import Method
from fewtune.methods._defaults import epochs_for, rate_for
from fewtune.model.adapter import AdapterLayer
from fewtune.model.anatomy import Anatomy
from fewtune.model.edits import Edit, Train, Wrap
from fewtune.model.linear import plus, weight_of


class LowRankLinear(AdapterLayer):
    """`y = W x + b + s B A dropout(x)`; W (m, n) and b frozen, A (r, n) and B (m, r) learned in fp32."""

    def __init__(self, base: nn.Module, rank: int, scale: float, dropout: float = 0.0) -> None:
        super().__init__(base)
        m, n = weight_of(base).shape
        device = weight_of(base).device
        self.A = nn.Parameter(torch.empty(rank, n, device=device, dtype=torch.float32))
        self.B = nn.Parameter(torch.zeros(m, rank, device=device, dtype=torch.float32))
        self.scale = scale
        self.dropout = nn.Dropout(dropout)
        # As the authors' code does (microsoft/LoRA, loralib/layers.py); the paper itself says Gaussian. B = 0, so BA = 0.
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        """`x` (..., n) → (..., m)."""
        return self.base(x) + low_rank(self.dropout(x), self.A, self.B, self.scale)

    def delta(self) -> Tensor:
        """`s B A`, (m, n) in fp32."""
        return self.scale * (self.B @ self.A)

    def merged(self) -> nn.Module:
        """A plain linear layer with weight `W + s B A`."""
        return plus(self.base, self.delta().detach())

    def tensors(self) -> dict[str, Tensor]:
        """`{"A": (r, n), "B": (m, r)}`."""
        return {"A": self.A.detach(), "B": self.B.detach()}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `tensors()` returned."""
        mine = self.tensors()
        if _shapes(tensors) != _shapes(mine):
            expected = " and ".join(f"{symbol} {shape}" for symbol, shape in _shapes(mine).items())
            raise ValueError(f"expected {expected}, got {_shapes(tensors)}")
        for symbol, tensor in mine.items():
            tensor.copy_(tensors[symbol])

    def extra_repr(self) -> str:
        """Rank and scale, for `print(model)`."""
        return f"rank={self.A.shape[0]}, scale={self.scale:g}"


class LowRank(Method):
    """Options of every low-rank method."""

    rank: int = Field(default=8, ge=1)
    """Rank r of the correction BA."""
    alpha: float = Field(default=16, gt=0)
    """Strength of the correction: it is multiplied by alpha / rank, or by what `scaling` says."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Share of the layer's inputs hidden from the correction while training."""
    scaling: Literal["standard", "rank_stabilized"] = "standard"
    """`standard`: alpha / rank (LoRA, section 4.1). `rank_stabilized`: alpha / sqrt(rank) (rsLoRA, arXiv 2312.03732)."""
    targets: tuple[str, ...] = Field(default=("blocks",), min_length=1)
    """Which linear layers: `blocks` (all in the blocks), roles (query, key, value, qkv, out, up, gate, down), names or paths."""

    layer_class: ClassVar[type[LowRankLinear]] = LowRankLinear

    @property
    def scale(self) -> float:
        """s, the factor of BA."""
        return self.alpha / (math.sqrt(self.rank) if self.scaling == "rank_stabilized" else self.rank)

    def edits(self, anatomy: Anatomy) -> Iterator[Edit]:
        """Wrap the targets; train the head, which is new, and the pooler that feeds it."""
        build = partial(self.layer_class, rank=self.rank, scale=self.scale, dropout=self.dropout)
        for layer in anatomy.select(self.targets):
            yield Wrap(layer.path, build)
        for name in anatomy.parameters_of(anatomy.top):
            yield Train(name)

    def default_learning_rate(self, width: int) -> float:
        """LoRA's, measured at rank 8; with rank-stabilised scaling such that s times the rate is the same at that rank.

        See docs/decisions/defaults.md.
        """
        return rate_for(width) / (math.sqrt(8) if self.scaling == "rank_stabilized" else 1)

    def default_epochs(self, rows: int, labels: int) -> int:
        """See docs/decisions/defaults.md."""
        return epochs_for(rows, labels)


def _shapes(tensors: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}
