"""The low-rank product against the explicit one."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from fewtune.kernels.low_rank import low_rank


def factors(rows: tuple[int, ...], n: int, m: int, r: int, dtype: torch.dtype = torch.float64) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(n + 10 * m + 100 * r)
    return [torch.randn(shape, generator=generator, dtype=dtype) for shape in ((*rows, n), (r, n), (m, r))]


@pytest.mark.parametrize("rows", [(), (5,), (2, 7), (2, 3, 4), (0, 4)])
@pytest.mark.parametrize(("n", "m", "r"), [(6, 9, 2), (8, 8, 8), (5, 1, 1), (3, 4, 6)])
def test_it_is_the_product_written_out(rows: tuple[int, ...], n: int, m: int, r: int) -> None:
    x, A, B = factors(rows, n, m, r)
    expected = 0.7 * (x.numpy() @ (B.numpy() @ A.numpy()).T)
    assert low_rank(x, A, B, 0.7).shape == (*rows, m)
    np.testing.assert_allclose(low_rank(x, A, B, 0.7).numpy(), expected, rtol=1e-12, atol=1e-12)


def test_gradients_of_all_three_factors() -> None:
    x, A, B = (tensor.requires_grad_() for tensor in factors((2, 3), 5, 4, 2))
    assert torch.autograd.gradcheck(lambda x, A, B: low_rank(x, A, B, 1.5), (x, A, B))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_computes_in_the_type_of_the_input(dtype: torch.dtype) -> None:
    x, A, B = factors((64,), 48, 32, 8, torch.float32)
    found = low_rank(x.to(dtype), A, B, 2.0)
    exact = 2.0 * x @ A.T @ B.T
    assert found.dtype == dtype
    # Three roundings (x and A, the small product, B) of at most 2^-9 (bf16) or 2^-12 (fp16), over sums of independent errors.
    share = float((found.float() - exact).norm() / exact.norm())
    assert share < 3 * torch.finfo(dtype).eps
    assert share > 0.02 * torch.finfo(dtype).eps  # the input was rounded at all, so the bound above says something


def test_the_large_matrix_is_never_formed() -> None:
    x, A, B = factors((10,), 64, 96, 2, torch.float32)
    with FlopCounterMode(display=False) as counter:
        low_rank(x, A, B, 1.0)
    assert counter.get_total_flops() == 2 * 10 * 2 * (64 + 96)
