"""DoRA: Weight-Decomposed Low-Rank Adaptation. Each row of the weight learns its length apart from its direction.

    W' = m ⊙ (W + s B A) / ‖W + s B A‖        ‖·‖ and m (m numbers) by row,   m = ‖W‖ at the start,   s, A, B as in LoRA

Liu et al., DoRA: Weight-Decomposed Low-Rank Adaptation, 2024, arXiv 2402.09353, equation 5. B = 0 and m = ‖W‖, so the model
starts as it was. In the backward pass the norm is a constant, as section 4.3 of the paper proposes. A row holds the weights of one
output; the paper calls its norm column-wise, the authors' code and PEFT take it so. While training, dropout hides inputs from the
whole change W' − W, as in PEFT:

    y = W x + b + (m / ‖V‖ − 1) ⊙ W x̃ + m / ‖V‖ ⊙ s B A x̃        V = W + s B A,   x̃ = dropout(x)

A row of zeros has no direction and stays zero. W' − W has full rank, so it merges into a plain model but not into a plain LoRA.
Every step forms V (m × n) anew, in fp32: slower than LoRA. The magnitudes take LoRA's learning rate.
"""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fewtune.kernels.low_rank import low_rank
from fewtune.methods._base import Paper
from fewtune.methods._low_rank import LowRank, LowRankLinear
from fewtune.model.linear import weight_of


class DoraLinear(LowRankLinear):
    """`y = m ⊙ (W + s B A) x / ‖W + s B A‖ + b`; the norms (m,) by row, m, A and B learned in fp32."""

    def __init__(self, base: nn.Module, rank: int, scale: float, dropout: float = 0.0) -> None:
        super().__init__(base, rank, scale, dropout)
        self.magnitude = nn.Parameter(weight_of(base).detach().float().norm(dim=1))

    def direction(self) -> Tensor:
        """`V = W + s B A`, (m, n) in fp32 or wider, whatever autocast says."""
        W = weight_of(self.base)
        with torch.autocast(W.device.type, enabled=False):
            wide = torch.promote_types(W.dtype, torch.float32)
            return W.to(wide) + self.scale * (self.B.to(wide) @ self.A.to(wide))

    @torch.no_grad()
    def norm(self) -> Tensor:
        """`‖W + s B A‖` by row, (m,), a constant in the backward pass; above zero, so that a row of zeros stays one."""
        return self.direction().norm(dim=1).clamp(min=torch.finfo(torch.float32).tiny)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (..., n) → (..., m)."""
        y = self.base(x)
        seen = self.dropout(x)
        if self.training and self.dropout.p:
            straight = F.linear(seen, weight_of(self.base))
        else:
            straight = y if self.bias is None else y - self.bias.to(y.dtype)
        stretch = self.magnitude / self.norm()
        learned = low_rank(seen, self.A, self.B, self.scale)
        return y + (stretch - 1).to(y.dtype) * straight + stretch.to(y.dtype) * learned

    def delta(self) -> Tensor:
        """`W' − W`, (m, n) in fp32 or wider."""
        return (self.magnitude / self.norm())[:, None] * self.direction() - weight_of(self.base)

    def tensors(self) -> dict[str, Tensor]:
        """`{"A": (r, n), "B": (m, r), "m": (m,)}`."""
        return super().tensors() | {"m": self.magnitude.detach()}


class Dora(LowRank):
    """Low-rank corrections to the directions of a weight's rows, and their lengths."""

    name: Literal["dora"] = "dora"

    paper: ClassVar = Paper("DoRA: Weight-Decomposed Low-Rank Adaptation", "Liu et al.", 2024, "2402.09353")
    starts_as_base: ClassVar = True
    mergeable: ClassVar = True
    saved_as: ClassVar = "peft"
    peft_type: ClassVar = "LORA"
    layer_class: ClassVar = DoraLinear
