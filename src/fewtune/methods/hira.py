"""HiRA: Hadamard High-Rank Adaptation. Each number of the weight is multiplied by one plus a low-rank correction.

    W' = W + W ⊙ (B A)        A (r × n) Kaiming-uniform,   B (m × r) zero,   W (m × n) frozen,   ⊙ number by number

Huang et al., HiRA: Parameter-Efficient Hadamard High-Rank Adaptation for Large Language Models, ICLR 2025, OpenReview TwJrTz9cRS.
The product with W lets the change have any rank up to r times that of W; where W is zero it stays zero. Since B starts at zero the
model starts as it was. There is no scale, as in PEFT. It merges into a plain model but not into a plain LoRA.

Every step forms the change (m × n) anew: slower than LoRA, and with memory for two more matrices as large as W. While training,
dropout hides inputs from the change. The rate is that of the paper's text, 1e-3 for Llama with 7 and 8 billion parameters; its
table 7 says 1e-4 and 2e-4, and a benchmark in PEFT's repository has 4.5e-3.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from fewtune.methods._base import Paper
from fewtune.methods._low_rank import LowRank, LowRankLinear
from fewtune.model.linear import weight_of

RATE = 1e-3
"""The paper's, for models 4,096 wide."""


class HiraLinear(LowRankLinear):
    """`y = W x + b + (W ⊙ B A) dropout(x)`; W (m, n) and b frozen, A (r, n) and B (m, r) learned in fp32."""

    depends_on_product: ClassVar = False  # it does, but what pruning says of the error of BA is not that of W ⊙ BA

    def delta(self) -> Tensor:
        """`W ⊙ s B A`, (m, n) in fp32 or wider, whatever autocast says; s is 1 in all that fewtune makes."""
        W = weight_of(self.base)
        with torch.autocast(W.device.type, enabled=False):
            wide = torch.promote_types(W.dtype, torch.float32)
            return W.to(wide) * (self.scale * (self.B.to(wide) @ self.A.to(wide)))

    def forward(self, x: Tensor) -> Tensor:
        """`x` (..., n) → (..., m)."""
        return self.base(x) + F.linear(self.dropout(x), self.delta().to(x.dtype))


class Hira(LowRank):
    """Corrections of high rank: the weight times a low-rank product, number by number."""

    name: Literal["hira"] = "hira"
    rank: int = Field(default=32, ge=1)
    """Rank r of the factor BA."""

    paper: ClassVar = Paper(
        "HiRA: Parameter-Efficient Hadamard High-Rank Adaptation for Large Language Models",
        "Huang et al.",
        2025,
        None,
        "TwJrTz9cRS",
    )
    starts_as_base: ClassVar = True
    mergeable: ClassVar = True
    reads_weights: ClassVar = False
    saved_as: ClassVar = "peft"
    peft_type: ClassVar = "HIRA"
    layer_class: ClassVar = HiraLinear
    excluded: ClassVar[Mapping[str, str]] = {"alpha": "hira_no_scale", "scaling": "hira_no_scale"}

    def scale_at(self, rank: int) -> float:
        """1: the method has no scale."""
        return 1.0

    def default_learning_rate(self, width: int) -> float:
        """The paper's, at every width; not measured here, see docs/decisions/defaults.md."""
        return RATE
