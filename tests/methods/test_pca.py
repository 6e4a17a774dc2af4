"""Incremental principal components against scikit-learn's, and against those of all rows at once."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA, IncrementalPCA

from fewtune.methods._pca import Components


def rows_of(count: int, n: int, rank: int, seed: int) -> torch.Tensor:
    """Rows that vary in `rank` directions around a mean far from zero, with falling variance."""
    generator = torch.Generator().manual_seed(seed)
    inside = torch.randn(count, rank, generator=generator) * torch.logspace(1, 0, rank)
    return 5 + inside @ torch.linalg.qr(torch.randn(n, rank, generator=generator))[0].T


def same_directions(found: torch.Tensor, expected: np.ndarray, atol: float) -> None:
    """Up to the sign of each."""
    np.testing.assert_allclose(np.abs(np.einsum("ij,ij->i", found.numpy(), expected)), 1.0, atol=atol)


@settings(max_examples=40, deadline=None)
@given(st.integers(5, 30), st.integers(1, 4), st.lists(st.integers(1, 40), min_size=1, max_size=5), st.integers(0, 99))
def test_where_k_directions_hold_all_it_is_the_decomposition_of_all_rows(
    n: int, rank: int, sizes: list[int], seed: int
) -> None:
    X = rows_of(sum(sizes), n, rank, seed)
    components = Components(rank)
    for part in X.split(sizes):
        components.see(part)
    few = min(rank, len(X) - 1)
    if not few:
        return
    expected = PCA(few, svd_solver="full").fit(X.double().numpy())
    assert components.directions is not None
    np.testing.assert_allclose(components.explained()[:few], expected.explained_variance_ratio_, atol=1e-4)
    same_directions(components.directions[:few], expected.components_, atol=1e-3)


def test_where_they_do_not_it_is_scikit_learns_incremental_one() -> None:
    X = torch.randn(400, 20, generator=torch.Generator().manual_seed(0)) * torch.logspace(1, 0, 20)
    components, expected = Components(6), IncrementalPCA(6)
    for part in X.split(80):
        components.see(part)
        expected.partial_fit(part.double().numpy())
    assert components.directions is not None and components.mean is not None
    np.testing.assert_allclose(components.mean, expected.mean_, atol=1e-5)
    np.testing.assert_allclose(components.explained(), expected.explained_variance_ratio_, rtol=1e-3)
    same_directions(components.directions, expected.components_, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_it_draws_no_random_number_and_repeats_itself(dtype: torch.dtype) -> None:
    X = rows_of(50, 12, 4, 0).to(dtype)
    before, found = torch.get_rng_state(), []
    for _ in range(2):
        components = Components(3)
        components.see(X)
        components.see(X[:0])
        found.append(components.directions)
    assert torch.equal(found[0], found[1]) and torch.equal(before, torch.get_rng_state())
    assert found[0].dtype == torch.float32 and components.count == 50


def test_rows_that_do_not_vary_explain_nothing() -> None:
    components = Components(2)
    components.see(torch.ones(5, 4))
    assert components.explained().isfinite().all() and float(components.explained().sum()) < 1e-6
