"""VeRA: Vector-based Random Matrix Adaptation. All layers share two random matrices that stay; each learns two vectors.

    W' = W + Λ_b B Λ_d A        A (r × n), B (m × r) random, frozen, shared;   b (m) zero and d (r) at 0.1 learned,   Λ = diag

Kopiczko, Blankevoort and Asano, VeRA: Vector-based Random Matrix Adaptation, 2023, arXiv 2310.11454, equation 2. m + r parameters
learn in each layer, so r can be large: 256. A and B are drawn (Kaiming-uniform) as large as the largest layer needs, from `seed`
alone, number for number as PEFT draws them; a smaller layer takes their first columns and rows. Since b starts at zero the model
starts as it was.

Which numbers a seed gives may differ between versions of torch, so what is saved holds A and B too, once. What was learned is
exactly a LoRA of rank r on each layer: larger on disk, but any program reads it.

The vectors learn at `train.learning_rate` and the new head at a tenth of it, as the paper has two rates.
"""

import math
import re
from collections.abc import Iterator
from functools import partial
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from fewtune.methods._base import Method, Paper
from fewtune.methods._defaults import epochs_for, rate_for
from fewtune.model.adapter import AdapterLayer
from fewtune.model.anatomy import Anatomy
from fewtune.model.edits import Edit, Rate, Train, Wrap
from fewtune.model.linear import plus, weight_of


class Projections(nn.Module):
    """The two shared matrices, A (r, widest input) and B (widest output, r), frozen in fp32.

    A module, so that the layers that hold it go on sharing it when the model is moved, copied or changes its type.
    """

    A: Tensor
    B: Tensor

    def __init__(self, A: Tensor, B: Tensor) -> None:
        super().__init__()
        self.register_buffer("A", A)
        self.register_buffer("B", B)

    @classmethod
    def drawn(cls, rank: int, inputs: int, outputs: int, seed: int) -> "Projections":
        """Kaiming-uniform from `seed`, A before B, as in PEFT 0.21."""
        generator = torch.Generator().manual_seed(seed)
        A, B = torch.empty(rank, inputs, device="cpu"), torch.empty(outputs, rank, device="cpu")
        for tensor in (A, B):
            bound = math.sqrt(3) * (math.sqrt(2) / math.sqrt(tensor.shape[1]))
            tensor.uniform_(-bound, bound, generator=generator)
        return cls(A, B)


class VeraLinear(AdapterLayer):
    """`y = W x + c + b ⊙ B (d ⊙ A dropout(x))`; W (m, n), its bias c, A and B frozen, b (m,) and d (r,) learned in fp32."""

    def __init__(self, base: nn.Module, shared: Projections, initial: float = 0.1, dropout: float = 0.0) -> None:
        super().__init__(base)
        W = weight_of(base)
        self.shared = shared.to(W.device)
        self.b = nn.Parameter(torch.zeros(W.shape[0], device=W.device, dtype=torch.float32))
        self.d = nn.Parameter(torch.full((len(shared.A),), initial, device=W.device, dtype=torch.float32))
        self.dropout = nn.Dropout(dropout)

    @property
    def A(self) -> Tensor:  # noqa: N802  the paper's symbol
        """This layer's part, (r, n)."""
        return self.shared.A[:, : self.in_features]

    @property
    def B(self) -> Tensor:  # noqa: N802  the paper's symbol
        """This layer's part, (m, r)."""
        return self.shared.B[: self.out_features]

    def forward(self, x: Tensor) -> Tensor:
        """`x` (..., n) → (..., m)."""
        y = self.base(x)
        inner = F.linear(self.dropout(x), self.A.to(x.dtype))
        outer = F.linear((inner * self.d).to(x.dtype), self.B.to(x.dtype))
        return y + (outer * self.b).to(y.dtype)

    def factors(self) -> tuple[Tensor, Tensor]:
        """A (r, n) and B (m, r) of the LoRA that computes the same."""
        return self.d.detach()[:, None] * self.A, self.b.detach()[:, None] * self.B

    def merged(self) -> nn.Module:
        """A plain linear layer with weight `W + Λ_b B Λ_d A`."""
        A, B = self.factors()
        return plus(self.base, B @ A)

    def tensors(self) -> dict[str, Tensor]:
        """`{"b": (m,), "d": (r,)}`; A and B come from the seed."""
        return {"b": self.b.detach(), "d": self.d.detach()}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take over b and d."""
        mine = self.tensors()
        if {name: t.shape for name, t in tensors.items()} != {name: t.shape for name, t in mine.items()}:
            found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
            raise ValueError(f"expected b {tuple(self.b.shape)} and d {tuple(self.d.shape)}, got {found}")
        for name, tensor in mine.items():
            tensor.copy_(tensors[name])

    def extra_repr(self) -> str:
        """The rank, for `print(model)`."""
        return f"rank={len(self.d)}"


class Vera(Method):
    """Two learned vectors around shared random projections in each linear layer, and the new head."""

    name: Literal["vera"] = "vera"
    rank: int = Field(default=256, ge=1)
    """Rank r of the random projections: learned numbers per layer, beside one for each output."""
    initial: float = 0.1
    """What d starts from."""
    seed: int = Field(default=0, ge=0)
    """The random projections; apart from the run's seed, since an adapter is for one pair of them."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of the layer's inputs hidden from the correction while training."""
    targets: tuple[str, ...] = Field(default=("blocks",), min_length=1)
    """Which linear layers: `blocks` (all in the blocks), roles (query, key, value, qkv, out, up, gate, down), names or paths."""

    paper: ClassVar = Paper(
        "VeRA: Vector-based Random Matrix Adaptation", "Kopiczko, Blankevoort and Asano", 2023, "2310.11454"
    )
    starts_as_base: ClassVar = True
    mergeable: ClassVar = True
    reads_weights: ClassVar = False
    plain_lora: ClassVar = True
    saved_as: ClassVar = "peft"
    peft_type: ClassVar = "VERA"

    def edits(self, anatomy: Anatomy) -> Iterator[Edit]:
        """Wrap the targets around one pair of projections; train the head at a tenth of the rate."""
        layers = anatomy.select(self.targets)
        inputs, outputs = max(each.in_features for each in layers), max(each.out_features for each in layers)
        shared = Projections.drawn(self.rank, inputs, outputs, self.seed)
        for layer in layers:
            yield Wrap(layer.path, partial(VeraLinear, shared=shared, initial=self.initial, dropout=self.dropout))
        head = tuple(anatomy.parameters_of(anatomy.top))
        for name in head:
            yield Train(name)
        if head:
            yield Rate("|".join(f"^{re.escape(name)}$" for name in head), 0.1)

    def default_learning_rate(self, width: int) -> float:
        """Ten times LoRA's; not measured here, see docs/decisions/defaults.md."""
        return 10 * rate_for(width)

    def default_epochs(self, rows: int, labels: int) -> int:
        """See docs/decisions/defaults.md."""
        return epochs_for(rows, labels)
