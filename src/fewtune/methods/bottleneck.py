"""Bottleneck adapters. Small two-layer networks inside the blocks learn what to add to the output of a sublayer.

    h' = h + f(h Dᵀ + c) Uᵀ + e        D (k × m) Kaiming-uniform, U (m × k), c and e zero, all learned; f an activation

Houlsby et al., Parameter-Efficient Transfer Learning for NLP, 2019, arXiv 1902.00751, section 2.1: h (m numbers for each token)
is what attention gives, and what the feed-forward gives, before the residual is added: `placement=houlsby`, in every block and
after cross-attention too. `placement=pfeiffer` puts one adapter into a block instead of two, behind the feed-forward: Pfeiffer
et al., AdapterFusion, 2020, arXiv 2005.00247, found that to be enough. Their adapter reads the sum with the residual after the
block's norm; ours reads the feed-forward's output alone, which stands in the same place in every architecture.

An adapter stands right behind the last linear layer of its sublayer, so the model's own dropout there, if it has any, hides some
of what the adapter adds as well; the authors' stands behind that dropout. U = 0, so the model starts as it was: the paper draws
both near zero, and zero is what He et al. (arXiv 2110.04366) took. Between the two layers stands a nonlinearity, so it cannot
be merged into the weights, and every token costs 2 k m products more in each place.
"""

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from fewtune.errors import MethodError
from fewtune.methods._base import Method, Paper
from fewtune.methods._defaults import epochs_for, rate_for
from fewtune.model.adapter import AdapterLayer
from fewtune.model.anatomy import Anatomy
from fewtune.model.edits import Edit, Train, Wrap
from fewtune.model.linear import weight_of

Activation = Literal["relu", "gelu", "silu", "tanh"]
_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "gelu": F.gelu,
    "silu": F.silu,
    "tanh": torch.tanh,
}
_PLACES = {"houlsby": ("out", "down"), "pfeiffer": ("down",)}
"""Roles of the layers behind which an adapter stands."""


class BottleneckAdapter(AdapterLayer):
    """`h = W x + b`, `y = h + f(h Dᵀ + c) Uᵀ + e`; W and b frozen, D (k, m), c (k,), U (m, k) and e (m,) learned in fp32."""

    def __init__(self, base: nn.Module, size: int, activation: Activation) -> None:
        super().__init__(base)
        self.activation = activation
        m, device = weight_of(base).shape[0], weight_of(base).device
        self.D = nn.Parameter(torch.empty(size, m, device=device, dtype=torch.float32))
        self.c = nn.Parameter(torch.zeros(size, device=device, dtype=torch.float32))
        self.U = nn.Parameter(torch.zeros(m, size, device=device, dtype=torch.float32))
        self.e = nn.Parameter(torch.zeros(m, device=device, dtype=torch.float32))
        nn.init.kaiming_uniform_(self.D, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        """`x` (..., n) → (..., m), computed in the type of the base's output."""
        h = self.base(x)
        D, c, U, e = (parameter.to(h.dtype) for parameter in (self.D, self.c, self.U, self.e))
        return h + F.linear(_ACTIVATIONS[self.activation](F.linear(h, D, c)), U, e)

    def merged(self) -> nn.Module:
        """Raises MethodError: no linear layer computes this."""
        raise MethodError("not_mergeable", method="bottleneck")

    def tensors(self) -> dict[str, Tensor]:
        """`{"D": (k, m), "c": (k,), "U": (m, k), "e": (m,)}`."""
        return {"D": self.D.detach(), "c": self.c.detach(), "U": self.U.detach(), "e": self.e.detach()}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `tensors()` returned."""
        mine = self.tensors()
        expected, found = ({name: tuple(t.shape) for name, t in given.items()} for given in (mine, tensors))
        if expected != found:
            raise ValueError(f"expected {expected}, got {found}")
        for name, tensor in mine.items():
            tensor.copy_(tensors[name])

    def extra_repr(self) -> str:
        """Size and activation, for `print(model)`."""
        return f"size={len(self.D)}, activation={self.activation}"


class Bottleneck(Method):
    """Small networks behind attention and feed-forward learn, and the new head."""

    name: Literal["bottleneck"] = "bottleneck"
    placement: Literal["houlsby", "pfeiffer"] = "houlsby"
    """`houlsby`: behind every attention and every feed-forward. `pfeiffer`: behind the feed-forward alone."""
    reduction: float = Field(default=16, ge=1)
    """How many times smaller than the layer's output the inside of an adapter is: k = m / reduction, at least 1."""
    size: int | None = Field(default=None, ge=1)
    """k itself, instead of `reduction`."""
    activation: Activation = "relu"
    """f."""

    paper: ClassVar = Paper("Parameter-Efficient Transfer Learning for NLP", "Houlsby et al.", 2019, "1902.00751")
    starts_as_base: ClassVar = True
    mergeable: ClassVar = False
    reads_weights: ClassVar = False
    saved_as: ClassVar = "own"

    def edits(self, anatomy: Anatomy) -> Iterator[Edit]:
        """An adapter behind each sublayer's last linear layer; train the head."""
        roles = _PLACES[self.placement]
        found = [layer for layer in anatomy.layers if layer.role in roles]
        if missing := set(roles) - {layer.role for layer in found}:
            known = ", ".join(sorted({layer.role for layer in anatomy.layers if layer.role})) or "-"
            raise MethodError("bottleneck_no_layers", model=anatomy.kind, missing=sorted(missing), roles=known)
        for layer in found:
            size = self.size or max(1, round(layer.out_features / self.reduction))
            yield Wrap(layer.path, partial(BottleneckAdapter, size=size, activation=self.activation))
        for name in anatomy.parameters_of(anatomy.top):
            yield Train(name)

    def default_learning_rate(self, width: int) -> float:
        """LoRA's, 3.5e-4 at BERT's width; the authors tried 3e-5, 3e-4 and 3e-3. Not measured, see docs/decisions/defaults.md."""
        return rate_for(width)

    def default_epochs(self, rows: int, labels: int) -> int:
        """See docs/decisions/defaults.md."""
        return epochs_for(rows, labels)
