"""A low-rank layer with another rank, while training goes on: growing leaves its function as it is, pruning says how far it moves.

The scale stays, whatever alpha / rank would be now, and so do the moments of AdamW as far as they can:

    growing    A gets rows as at the start, B columns of zeros; their first moments are zero, their second the mean of the others'
    pruning    B A becomes its nearest product of the rank; B' = B T and A' = L A, so ∇A' = Tᵀ ∇A and ∇B' = ∇B Lᵀ: first moments
               follow exactly, second ones as if the entries of a gradient were independent
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fewtune.errors import MethodError
from fewtune.kernels.factors import rank_of_energy, svd_of_product, truncated
from fewtune.methods._low_rank import LowRankLinear

Moments = Mapping[str, Tensor]
"""`exp_avg` and `exp_avg_sq` of one parameter."""


@dataclass(frozen=True)
class Resized:
    """Factors of another rank."""

    A: Tensor
    B: Tensor
    moments: tuple[dict[str, Tensor], dict[str, Tensor]] | None
    """Of A and of B."""
    error: float
    """`‖s B A − s B' A'‖` (Frobenius); 0 where the rank grew."""


@torch.no_grad()
def resized(layer: LowRankLinear, rank: int, moments: tuple[Moments, Moments] | None = None) -> Resized:
    """The factors of `layer` at another rank, with the moments (of A, of B) that belong to them; the layer stays as it is.

    Raises MethodError for a layer whose function is not one of the product BA alone.
    """
    if not layer.depends_on_product:
        raise MethodError("not_resizable", layer=type(layer).__name__)
    if rank < 1:
        raise MethodError("ranks_low", ranks=rank)
    A, B = layer.A.detach(), layer.B.detach()
    return _grown(A, B, rank, moments) if rank >= len(A) else _pruned(A, B, rank, layer.scale, moments)


def rank_for(layer: LowRankLinear, energy: float) -> int:
    """The rank that holds this share (0 to 1) of the sum of the squared singular values of the correction."""
    _, S, _ = svd_of_product(layer.B.detach(), layer.A.detach())
    return rank_of_energy(S, energy)


def _grown(A: Tensor, B: Tensor, rank: int, moments: tuple[Moments, Moments] | None) -> Resized:
    more = rank - len(A)
    fresh = nn.init.kaiming_uniform_(A.new_empty(rank, A.shape[1]), a=math.sqrt(5))[:more]
    found = None
    if moments:
        of_A, of_B = moments
        found = (
            {
                "exp_avg": F.pad(of_A["exp_avg"], (0, 0, 0, more)),
                "exp_avg_sq": torch.cat(
                    [of_A["exp_avg_sq"], of_A["exp_avg_sq"].mean(0, keepdim=True).expand(more, -1)]
                ),
            },
            {
                "exp_avg": F.pad(of_B["exp_avg"], (0, more)),
                "exp_avg_sq": torch.cat(
                    [of_B["exp_avg_sq"], of_B["exp_avg_sq"].mean(1, keepdim=True).expand(-1, more)], 1
                ),
            },
        )
    return Resized(torch.cat([A, fresh]), F.pad(B, (0, more)), found, error=0.0)


def _pruned(A: Tensor, B: Tensor, rank: int, scale: float, moments: tuple[Moments, Moments] | None) -> Resized:
    less_B, less_A, error = truncated(B, A, rank)
    found = None
    if moments:
        of_A, of_B = moments
        T, L = torch.linalg.pinv(B.double()) @ less_B.double(), less_A.double() @ torch.linalg.pinv(A.double())
        found = (
            {
                "exp_avg": (T.T @ of_A["exp_avg"].double()).to(A),
                "exp_avg_sq": (T.T.square() @ of_A["exp_avg_sq"].double()).to(A),
            },
            {
                "exp_avg": (of_B["exp_avg"].double() @ L.T).to(B),
                "exp_avg_sq": (of_B["exp_avg_sq"].double() @ L.T.square()).to(B),
            },
        )
    return Resized(less_A, less_B, found, error=scale * error)
