"""The layer and the options that all low-rank methods share. A variant changes the init or the layer, in its own file."""

import math
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import ClassVar, Literal, Self

import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor, nn

from fewtune._compat import is_hooked
from fewtune.errors import MethodError
from fewtune.kernels.low_rank import lora_linear, low_rank, plus_low_rank
from fewtune.methods._base import Method
from fewtune.methods._defaults import epochs_for, rate_for
from fewtune.model.adapter import AdapterLayer
from fewtune.model.anatomy import Anatomy
from fewtune.model.dropout import QuickDropout
from fewtune.model.edits import Edit, Rate, Train, Wrap
from fewtune.model.linear import bias_of, device_of, in_features, is_plain_and_frozen, out_features, plus, weight_of


class LowRankLinear(AdapterLayer):
    """`y = W x + b + s B A dropout(x)`; W (m, n) and b frozen, A (r, n) and B (m, r) learned in fp32."""

    depends_on_product: ClassVar[bool] = True
    """What it computes depends on A and B through their product alone, so other factors with the same product serve as well."""

    def __init__(self, base: nn.Module, rank: int, scale: float, dropout: float = 0.0) -> None:
        super().__init__(base)
        m, n, device = out_features(base), in_features(base), device_of(base)
        self.A = nn.Parameter(torch.empty(rank, n, device=device, dtype=torch.float32))
        self.B = nn.Parameter(torch.zeros(m, rank, device=device, dtype=torch.float32))
        self.scale = scale
        self.dropout = nn.Dropout(dropout)
        # As the authors' code does (microsoft/LoRA, loralib/layers.py); the paper itself says Gaussian. B = 0, so BA = 0.
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        """`x` (..., n) → (..., m)."""
        return self.corrected(x, self.A, self.B, self.scale)

    def corrected(self, x: Tensor, A: Tensor, B: Tensor, scale: float) -> Tensor:
        """`base(x) + scale B A dropout(x)`, for factors A (k, n) and B (m, k).

        As one function (kernels/low_rank.py) where the base is a plain layer, frozen and without hooks; where it is not (weights in
        few bits, a hook, a bias that learns) it forms its own product, and the rest is one function. Somebody's own dropout, or a
        hook on ours, is called as a module, and torch.compile gets it all as written here: it fuses by itself.
        """
        dropout = self.dropout
        if torch.compiler.is_compiling() or type(dropout) not in (nn.Dropout, QuickDropout) or is_hooked(dropout):
            return self.base(x) + low_rank(dropout(x), A, B, scale)
        p = dropout.p if dropout.training else 0.0
        if is_plain_and_frozen(self.base):
            return lora_linear(x, weight_of(self.base), bias_of(self.base), A, B, scale, p)
        return plus_low_rank(self.base(x), x, A, B, scale, p)

    def delta(self) -> Tensor:
        """`s B A`, (m, n) in fp32."""
        return self.scale * (self.B @ self.A)

    def factors(self) -> tuple[Tensor, Tensor]:
        """A (k, n) and B (m, k) such that in evaluation mode `y = W x + b + B A x`, all scales inside; k is r here."""
        return self.A.detach(), self.scale * self.B.detach()

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
    ranks: dict[str, int] = Field(default_factory=dict)
    """Layers with a rank of their own, by role, name or path: `{query: 4, down: 16}`. Their scale follows their rank."""
    rate_ratio: float = Field(default=1, ge=1)
    """Learning rate of B, and of the new head, as a multiple of A's, which is `train.learning_rate` (LoRA+)."""
    also: tuple[str, ...] = ()
    """Modules that learn whole beside the correction: `embeddings`, or names or paths of modules outside the targets."""

    layer_class: ClassVar[type[LowRankLinear]] = LowRankLinear
    excluded: ClassVar[Mapping[str, str]] = {}
    """Options above that make no sense for a method, and the id of the sentence that says why."""

    @field_validator("ranks")
    @classmethod
    def _ranks(cls, ranks: dict[str, int]) -> dict[str, int]:
        if low := {target: rank for target, rank in ranks.items() if rank < 1}:
            raise ValueError(MethodError("ranks_low", ranks=low))
        return ranks

    @model_validator(mode="after")
    def _combines(self) -> Self:
        for option, reason in self.excluded.items():
            given, usual = getattr(self, option), type(self).model_fields[option].get_default(call_default_factory=True)
            if given != usual:
                raise ValueError(MethodError(reason, option=option, given=given, method=self.name))
        return self

    @property
    def scale(self) -> float:
        """s, the factor of BA."""
        return self.scale_at(self.rank)

    def scale_at(self, rank: int) -> float:
        """s of a layer with this rank."""
        return self.alpha / (math.sqrt(rank) if self.scaling == "rank_stabilized" else rank)

    def edits(self, anatomy: Anatomy) -> Iterator[Edit]:
        """Wrap the targets; train the head, which is new, the pooler that feeds it, and what `also` names."""
        ranks = self.rank_of(anatomy)
        for path, rank in ranks.items():
            yield Wrap(path, partial(self.layer_class, rank=rank, scale=self.scale_at(rank), dropout=self.dropout))
        others = [path for path in anatomy.modules(self.also) if path not in anatomy.top]
        if inside := next((path for path in others for wrapped in ranks if f"{wrapped}.".startswith(f"{path}.")), None):
            raise MethodError("also_is_target", module=inside)
        for name in anatomy.parameters_of((*anatomy.top, *others)):
            yield Train(name)
        if self.rate_ratio != 1:
            head = (f"^{re.escape(name)}$" for name in anatomy.parameters_of(anatomy.top))
            yield Rate("|".join([r"\.B$", *head]), self.rate_ratio)

    def rank_of(self, anatomy: Anatomy) -> dict[str, int]:
        """Path → rank, of every target. Raises MethodError for a rank of a layer that is no target."""
        found = {layer.path: self.rank for layer in anatomy.select(self.targets)}
        for target, rank in self.ranks.items():
            for layer in anatomy.select((target,)):
                if layer.path not in found:
                    raise MethodError("rank_without_target", target=target, layer=layer.path, targets=self.targets)
                found[layer.path] = rank
        return found

    def default_learning_rate(self, width: int) -> float:
        """LoRA's, measured at rank 8; with rank-stabilised scaling such that s times the rate is the same at that rank, and
        with a ratio of rates such that B learns at twice LoRA's rate. See docs/decisions/defaults.md.
        """
        rate = rate_for(width) / (math.sqrt(8) if self.scaling == "rank_stabilized" else 1)
        return rate if self.rate_ratio == 1 else 2 * rate / self.rate_ratio

    def default_epochs(self, rows: int, labels: int) -> int:
        """See docs/decisions/defaults.md."""
        return epochs_for(rows, labels)


def _shapes(tensors: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}
