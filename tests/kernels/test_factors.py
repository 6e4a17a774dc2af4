"""Products of thin matrices, against numpy on the whole matrix."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fewtune.kernels.factors import rank_of_energy, svd_of_product, truncated

shapes = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 12))


def drawn(shape: tuple[int, int, int], seed: int) -> tuple[Tensor, Tensor]:
    m, n, r = shape
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(m, r, generator=generator), torch.randn(r, n, generator=generator)


@settings(max_examples=80, deadline=None)
@given(shapes, st.integers(0, 1000))
def test_it_is_the_decomposition_of_the_product(shape: tuple[int, int, int], seed: int) -> None:
    B, A = drawn(shape, seed)
    product = B.double().numpy() @ A.double().numpy()
    U, S, V = svd_of_product(B, A)
    expected = np.linalg.svd(product, compute_uv=False)
    np.testing.assert_allclose(S.numpy(), expected[: len(S)], rtol=1e-9, atol=1e-9)
    assert np.abs(expected[len(S) :]).max(initial=0) < 1e-9
    np.testing.assert_allclose((U * S @ V).numpy(), product, rtol=1e-9, atol=1e-9)


@settings(max_examples=80, deadline=None)
@given(shapes, st.integers(1, 9), st.integers(0, 1000))
def test_the_nearest_product_of_a_rank_and_how_far_it_is(shape: tuple[int, int, int], rank: int, seed: int) -> None:
    B, A = drawn(shape, seed)
    less_B, less_A, error = truncated(B, A, rank)
    assert less_B.shape[1] == len(less_A) == min(rank, *shape)
    product = (B @ A).double().numpy()
    assert np.linalg.norm(product - (less_B @ less_A).double().numpy()) == np.float64(error) or np.isclose(
        np.linalg.norm(product - (less_B @ less_A).double().numpy()), error, atol=1e-4
    )
    expected = np.linalg.svd(product, compute_uv=False)[rank:]
    np.testing.assert_allclose(error, np.sqrt((expected**2).sum()), atol=1e-4)


def test_energy_is_the_share_of_the_squares() -> None:
    S = torch.tensor([3.0, 2.0, 1.0, 0.0]).double()  # 9, 4, 1, 0 of 14
    for energy, rank in ((0.01, 1), (9 / 14, 1), (0.65, 2), (13 / 14, 2), (0.95, 3), (1.0, 3)):
        assert rank_of_energy(S, energy) == rank, energy
    assert rank_of_energy(torch.zeros(3).double(), 1.0) in (1, 3)
