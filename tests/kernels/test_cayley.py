"""The Cayley map: orthonormal columns for every matrix, the textbook's formula, and a derivative that autograd confirms."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fewtune.kernels.cayley import cayley, cayley_backward, cayley_forward

shapes = st.tuples(st.integers(1, 6), st.integers(0, 9)).map(lambda pair: (pair[0] + pair[1], pair[0]))


def drawn(shape: tuple[int, int], seed: int, size: float = 1.0) -> Tensor:
    return size * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_autograd(F: Tensor) -> Tensor:
    """The definition word by word: (I − Z)(I + Z)⁻¹ above, −2 Y (I + Z)⁻¹ below."""
    r = F.shape[1]
    X, Y, unit = F[:r], F[r:], torch.eye(r, dtype=F.dtype)
    Z = X - X.T + Y.T @ Y
    inverse = torch.linalg.solve(unit + Z, unit)
    return torch.cat([(unit - Z) @ inverse, -2 * Y @ inverse])


@settings(max_examples=100, deadline=None)
@given(shapes, st.integers(0, 10_000), st.floats(1e-3, 100))
def test_columns_are_orthonormal_whatever_comes_in(shape: tuple[int, int], seed: int, size: float) -> None:
    G = cayley(drawn(shape, seed, size))
    torch.testing.assert_close(G.T @ G, torch.eye(shape[1], dtype=G.dtype), rtol=0, atol=1e-8)


@settings(max_examples=50, deadline=None)
@given(shapes, st.integers(0, 10_000))
def test_value_and_gradient_are_those_of_the_definition(shape: tuple[int, int], seed: int) -> None:
    one, two = (drawn(shape, seed).requires_grad_(True) for _ in range(2))
    grad = drawn(shape, seed + 1)
    found, expected = cayley(one), by_autograd(two)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    found.backward(grad)
    expected.backward(grad)
    torch.testing.assert_close(one.grad, two.grad, rtol=1e-8, atol=1e-9)
    torch.testing.assert_close(cayley_backward(grad, one.detach(), *cayley_forward(one.detach())), two.grad)


@pytest.mark.parametrize("shape", [(7, 3), (4, 4), (5, 1)])
def test_gradcheck(shape: tuple[int, int]) -> None:
    assert torch.autograd.gradcheck(cayley, (drawn(shape, 0).requires_grad_(True),))


def test_the_symmetric_part_above_gets_no_gradient() -> None:
    F = drawn((8, 3), 0).requires_grad_(True)
    (cayley(F) * drawn((8, 3), 1)).sum().backward()
    assert F.grad is not None
    torch.testing.assert_close(F.grad[:3] + F.grad[:3].T, torch.zeros(3, 3, dtype=F.dtype), rtol=0, atol=1e-12)
    assert F.grad[:3].abs().max() > 1e-3


def test_it_computes_in_fp32_under_autocast_and_from_bf16() -> None:
    F = torch.randn(40, 6, generator=torch.Generator().manual_seed(0))
    exact = cayley(F.double())
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(cayley(F).double(), exact, rtol=0, atol=1e-5)
    coarse = cayley(F.bfloat16())
    assert coarse.dtype == torch.float32
    torch.testing.assert_close(coarse.T @ coarse, torch.eye(6), rtol=0, atol=1e-5)
