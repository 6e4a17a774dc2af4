"""The low-rank product of the LoRA family."""

from torch import Tensor
from torch.nn import functional as F


def low_rank(x: Tensor, A: Tensor, B: Tensor, scale: float) -> Tensor:
    """The correction `s x Aᵀ Bᵀ` of LoRA (Hu et al. 2021, eq. 3), computed in the type of `x`.

    x: (..., n); A: (r, n); B: (m, r); returns (..., m). The scale is put on the (..., r) product, the smallest of the
    three, and the m × n matrix BA is never formed: per token r (m + n) products instead of m n.
    """
    return F.linear(F.linear(x, A.to(x.dtype)) * scale, B.to(x.dtype))
