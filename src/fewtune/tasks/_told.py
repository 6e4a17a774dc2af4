"""How well the tokens of each piece were foreseen, put together from what is known of each token."""

import torch
from torch import Tensor

from fewtune.kernels.cross_entropy import Likelihood


def by_piece(said: Likelihood, of: Tensor, pieces: int) -> Tensor:
    """Of each piece −log p summed, the number of its tokens, and how many were foreseen rightly (pieces, 3), off the device.

    `of` (n,) says which piece each token is of.
    """
    nats = said.nats.double()
    each = torch.stack([nats, torch.ones_like(nats), said.right.double()], dim=1).cpu()
    return torch.zeros(pieces, 3, dtype=torch.float64).index_add_(0, of.cpu(), each)
