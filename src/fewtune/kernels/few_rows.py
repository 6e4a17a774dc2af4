"""Products of few rows with a weight in fp32, where nothing is learned: native_rows.h.

    y = x Wᵀ + b + s (x Aᵀ) Bᵀ        x (N, n), W (m, n), b (m,), A (r, n), B (m, r); the correction where there is one

A model that writes asks each weight once a token, for as many rows as texts are written at a time. torch brings a weight into
another order first, which pays where many rows go past it: for 16 rows it reads a quarter of what memory could give. Here the
weight is used as it stands, and LoRA's two products and the sum are in the same call (docs/decisions/speed-writing.md).
"""

import torch
from torch import Tensor

from fewtune.kernels import native

FEWEST, MOST = 6, 32
"""Rows. Below, torch multiplies vectors, as fast as memory gives; above, its order pays."""


def takes(x: Tensor, W: Tensor, b: Tensor | None, *factors: Tensor) -> bool:
    """Whether `product` can be called and is worth it: nothing to be learned, few rows, all in one place and one type. An x of
    another width is left to torch, which says so.
    """
    return (
        not torch.is_grad_enabled()
        and FEWEST <= x.shape[:-1].numel() <= MOST
        and x.shape[-1] == W.shape[1]
        and takes_weight(W, b)
        and native.serves(x, *factors)
        and x.dtype == W.dtype
        and not torch.is_autocast_enabled("cpu")
    )


def takes_weight(W: Tensor, b: Tensor | None) -> bool:
    """Whether W (m, n) can be the weight: in fp32 on a CPU, dense as it stands or turned, as GPT-2 keeps it; and b (m,) like it."""
    dense = W if W.is_contiguous() else W.T
    return W.dtype == torch.float32 and native.serves(*((dense,) if b is None else (dense, b)))


def product(
    x: Tensor, W: Tensor, b: Tensor | None, A: Tensor | None = None, B: Tensor | None = None, scale: float = 0.0
) -> Tensor:
    """`x Wᵀ + b + scale (x Aᵀ) Bᵀ`, x (..., n) → (..., m), where `takes(x, W, b, A, B)`."""
    y = native.few_rows(x.view(-1, x.shape[-1]), W, b, A, B, scale)
    return y.view(*x.shape[:-1], len(W))
