"""Principal components of more rows than fit in memory, batch by batch."""

from dataclasses import dataclass

import torch
from torch import Tensor

OVERSAMPLED = 2
"""The random range finder looks for this many times as many components as are kept, as the authors of EVA do."""
ROUNDS = 4
"""Power iterations of the range finder."""


@dataclass
class Components:
    """Incremental principal components (Ross et al. 2008, as in scikit-learn's IncrementalPCA), of rows of n numbers.

    What was seen so far is kept as k directions with their singular values, the mean and the variance, all in fp32.
    """

    k: int
    """Directions to keep."""
    count: int = 0
    """Rows seen."""
    mean: Tensor | None = None
    """(n,)"""
    scatter: Tensor | None = None
    """Sum of squared distances from the mean, by column (n,), in fp64."""
    values: Tensor | None = None
    """Singular values of what was seen, less its mean: (up to k,), falling."""
    directions: Tensor | None = None
    """(up to k, n), orthonormal rows."""

    @torch.no_grad()
    def see(self, X: Tensor) -> None:
        """Take in the rows of X (t, n)."""
        if not len(X):
            return
        X = X.float()
        mean, rows, total = X.mean(dim=0), X - X.mean(dim=0), self.count + len(X)
        scatter = rows.double().square().sum(dim=0)
        if self.mean is None or self.scatter is None or self.values is None or self.directions is None:
            self.mean, self.scatter = mean, scatter
        else:
            share = self.count * len(X) / total
            moved = (self.mean - mean)[None]
            rows = torch.cat([self.values[:, None] * self.directions, rows, share**0.5 * moved])
            self.scatter = self.scatter + scatter + share * moved[0].double().square()
            self.mean = self.mean + (len(X) / total) * (mean - self.mean)
        self.count = total
        self.values, self.directions = _leading(rows, self.k)

    def explained(self) -> Tensor:
        """Of the variance of all that was seen, the share along each direction, falling (up to k,)."""
        assert self.values is not None and self.scatter is not None, "nothing was seen"
        return (self.values.double().square() / self.scatter.sum().clamp(min=torch.finfo(torch.float64).tiny)).float()


def _leading(rows: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest singular values of `rows` (t, n) and their right vectors, as rows; the same at each call."""
    q = min(OVERSAMPLED * k, *rows.shape)
    devices = [rows.device] if rows.is_cuda else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(0)
        _, S, V = torch.svd_lowrank(rows, q=q, niter=ROUNDS)
    return S[:k], V[:, :k].T
