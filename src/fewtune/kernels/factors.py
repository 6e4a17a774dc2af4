"""Products of two thin matrices: their singular values, and the same product at another rank, without the m × n matrix."""

import torch
from torch import Tensor


def svd_of_product(B: Tensor, A: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """U (m, k), S (k,), Vᵀ (k, n) with `B A = U diag(S) Vᵀ`, in fp64; k = min(r, m, n).

    B: (m, r), A: (r, n). Both are made orthonormal first, so that only an r × r matrix is decomposed: O((m + n) r²).
    """
    Q_B, R_B = torch.linalg.qr(B.double())
    Q_A, R_A = torch.linalg.qr(A.double().T)
    U, S, V = torch.linalg.svd(R_B @ R_A.T, full_matrices=False)
    return Q_B @ U, S, V @ Q_A.T


def truncated(B: Tensor, A: Tensor, rank: int) -> tuple[Tensor, Tensor, float]:
    """The nearest product of this rank, with its error: B (m, rank), A (rank, n), and `‖B A − new B new A‖` (Frobenius).

    The singular values are shared by both factors, which keep their types (Eckart and Young 1936).
    """
    U, S, V = svd_of_product(B, A)
    root = S[:rank].sqrt()
    return (
        (U[:, :rank] * root).to(B.dtype),
        (root[:, None] * V[:rank]).to(A.dtype),
        float(S[rank:].square().sum().sqrt()),
    )


def rank_of_energy(S: Tensor, energy: float) -> int:
    """How many of the singular values S, falling, hold this share (0 to 1) of the sum of their squares; at least one."""
    share = S.square().cumsum(0) / S.square().sum().clamp(min=torch.finfo(S.dtype).tiny)
    return min(int((share < energy - 1e-12).sum()) + 1, max(len(S), 1))
