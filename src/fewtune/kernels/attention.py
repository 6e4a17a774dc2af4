"""Attention while learning on a processor, out of batched matrix products; torch's fused kernel is slow backwards there.

    softmax(s Q Kᵀ + bias) V        with dropout on the softmax

The fused kernel keeps no scores and forms them again in its backward pass, which for short texts costs more than it saves: with
16 texts of 32 tokens and 12 heads of width 64 in bf16 it took 22 ms there and back, this 6 (docs/decisions/speed-attention.md).
What is kept is of the size of the scores, so long texts without dropout stay with the fused kernel.
"""

import torch
from torch import Tensor

from fewtune.kernels.dropout import dropout as hide

LONGEST = 512
"""Keys up to which the scores are kept where the fused kernel could be used."""


def pays(q: Tensor, k: Tensor, dropout: float) -> bool:
    """Whether `attention` is the faster way to learn through: in bf16 always, in fp32 with dropout, for which nothing is fused."""
    if q.device.type != "cpu" or not torch.is_grad_enabled():
        return False
    return dropout > 0 or (q.dtype == torch.bfloat16 and k.shape[2] <= LONGEST)


def attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, scale: float, dropout: float = 0.0) -> Tensor:
    """`q` (B, H, L, D), `k` (B, h, M, D), `v` (B, h, M, E) → (B, H, L, E); each head of keys serves H / h heads of queries.

    `bias` (B or 1, H or 1, L or 1, M) is added to the scores, in their type: the lowest number of the type hides a key. A query
    from which all keys are hidden sees all of them equally, as in transformers' plain attention. The softmax is formed in fp32 and
    rounded to the type of `q`.
    """
    B, H, L, _ = q.shape
    h, M = k.shape[1:3]
    # Heads that share keys stand one below the other: one product serves them, and no key is copied.
    rows = (q * scale).reshape(B * h, H // h * L, -1)
    scores = torch.bmm(rows, k.reshape(B * h, M, -1).mT).view(B, H, L, M)
    if bias is not None:
        scores = scores + bias.to(scores.dtype)
    shares = torch.softmax(scores, dim=-1)
    if dropout:
        shares = hide(shares, dropout)
    return torch.bmm(shares.view(B * h, -1, M), v.reshape(B * h, M, -1)).view(B, H, L, -1)
