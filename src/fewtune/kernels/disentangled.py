"""DeBERTa's attention (He et al. 2021, arXiv 2006.03654, eq. 4), which adds to the scores how far apart two places are:

    S_ij = s (q_i · k_j  +  q_i · κ_δ  +  k_j · ρ_δ)        δ = i − j        softmax(S) V

With n queries and m keys there are n + m − 1 distances δ: 63 in a text of 32 tokens, where DeBERTa-v3 knows of 512. Rows of κ and ρ
stand in the order of the distances, so that what a place needs of `q κᵀ` lies in one row, one further for the next place: a view of
the product is all there is to read, and nothing is gathered.
"""

from collections.abc import Callable, Iterator
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def disentangled(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    kappa: Tensor | None,
    rho: Tensor | None,
    mask: Tensor | None,
    scale: float,
    hide: Callable[[Tensor], Tensor],
) -> Tensor:
    """`q` (H, B, n, D), `k` and `v` (H, B, m, D) → (H, B, n, D).

    `kappa` and `rho` (H, n + m − 1, D), for δ from n − 1 down to −(m − 1); None: without that part. `mask` (B, 1 or n, m) is true
    where a query sees a key; one that sees none sees all equally. `hide` is the dropout on the shares.

    It can be differentiated once.
    """
    q = q * scale
    scores = q @ k.mT
    if kappa is not None:
        scores = _added(scores, q, kappa, by_key=False)
    if rho is not None:
        scores = _added(scores, k, rho.flip(1) * scale, by_key=True)
    if mask is not None:
        scores = scores.masked_fill_(~mask, torch.finfo(scores.dtype).min)
    return hide(torch.softmax(scores, dim=-1)) @ v


_PART = 64
"""Places of a text that are taken at once: they need the distances from these places alone, and their products stay in a cache.

Of 32, 64 and 128 none was the quickest at all lengths up to 384; all places at once were slower there."""


def _added(scores: Tensor, x: Tensor, rows: Tensor, *, by_key: bool) -> Tensor:
    return cast(Tensor, _Added.apply(scores, x, rows, by_key))


class _Added(torch.autograd.Function):
    """`scores` (H, B, n, m), in place, plus `x_i · rows_(n − 1 − i + j)` for `x` (H, B, n, D) and `rows` (H, n + m − 1, D).

    By key `x` is (H, B, m, D), and n and m, i and j change places.
    """

    @staticmethod
    def forward(ctx: Any, scores: Tensor, x: Tensor, rows: Tensor, by_key: bool) -> Tensor:
        ctx.mark_dirty(scores)
        ctx.save_for_backward(x, rows)
        ctx.by_key = by_key
        for scores_part, x_part, rows_part in _parts(scores, x, rows, by_key):
            product = torch.bmm(x_part.flatten(1, 2), rows_part.mT)
            scores_part.add_(_sloping(product, scores_part.shape))
        return scores

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]  there is one output
        ctx: Any, g: Tensor
    ) -> tuple[Tensor, Tensor | None, Tensor | None, None]:
        x, rows = cast(tuple[Tensor, Tensor], ctx.saved_tensors)
        _, to_x, to_rows, _ = ctx.needs_input_grad
        wide = torch.promote_types(rows.dtype, torch.float32)
        dx, drows = torch.empty_like(x), torch.zeros_like(rows, dtype=wide)
        parts = zip(_parts(g, x, rows, ctx.by_key), _parts(g, dx, drows, ctx.by_key), strict=True)
        for (g_part, x_part, rows_part), (_, dx_part, drows_part) in parts:
            product = g.new_zeros(len(rows), x_part.shape[1] * x_part.shape[2], rows_part.shape[1])
            _sloping(product, g_part.shape).copy_(g_part)
            if to_x:
                dx_part.copy_(torch.bmm(product, rows_part).view(dx_part.shape))
            if to_rows:
                drows_part.add_(torch.bmm(product.mT, x_part.flatten(1, 2)))
        return g, dx if to_x else None, drows.to(rows.dtype) if to_rows else None, None


def _parts(scores: Tensor, x: Tensor, rows: Tensor, by_key: bool) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Views of all: some places of `x`, their scores, the rows for the distances from them."""
    if by_key:
        scores = scores.mT
    n, m = scores.shape[2:]
    for start in range(0, n, _PART):
        end = min(start + _PART, n)
        yield scores[:, :, start:end], x[:, :, start:end], rows[:, n - end : n - start + m - 1]


def _sloping(x: Tensor, shape: torch.Size) -> Tensor:
    """`x` (H, B n, n + m − 1), as it comes out of a product → (H, B, n, m): of row i what stands at n − 1 − i + j."""
    n, width = shape[2], x.shape[2]
    return x.as_strided(shape, (x.shape[1] * width, n * width, width - 1, 1), n - 1)
