"""The low-rank product against the explicit one, and the layer as one function against its parts."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from fewtune.kernels.dropout import dropout
from fewtune.kernels.low_rank import lora_linear, low_rank, plus_low_rank


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


# --- the layer as one function


def layer(
    n: int, m: int, r: int, *, bias: bool = True, dtype: torch.dtype = torch.float64, transposed: bool = False
) -> dict[str, torch.Tensor | None]:
    """W, b (frozen), A and B (learning)."""
    generator = torch.Generator().manual_seed(n + 10 * m + 100 * r)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=dtype)

    W = drawn(n, m).T if transposed else drawn(m, n)
    return {
        "W": W,
        "b": drawn(m) if bias else None,
        "A": drawn(r, n).requires_grad_(),
        "B": drawn(m, r).requires_grad_(),
    }


def plain(x: Any, W: Any, b: Any, A: Any, B: Any, scale: float, p: float = 0.0) -> torch.Tensor:
    """What `lora_linear` says it is."""
    return F.linear(x, W, b) + low_rank(dropout(x, p), A, B, scale)


def plain_plus(x: Any, W: Any, b: Any, A: Any, B: Any, scale: float, p: float = 0.0) -> torch.Tensor:
    """`plus_low_rank` on a product that was formed elsewhere."""
    return plus_low_rank(F.linear(x, W, b), x, A, B, scale, p)


FORMS = [lora_linear, plain_plus]


def both_passes(form: Any, x: torch.Tensor, parts: dict[str, Any], scale: float, p: float) -> list[torch.Tensor]:
    """y and the gradients of x, A and B, with one mask at each call."""
    x = x.detach().requires_grad_()
    torch.manual_seed(11)
    y = form(x, *parts.values(), scale, p)
    weights = torch.randn(y.shape, generator=torch.Generator().manual_seed(12)).to(y.dtype)
    return [y, *torch.autograd.grad((y * weights).sum(), (x, parts["A"], parts["B"]))]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("p", [0.0, 0.3])
@pytest.mark.parametrize("rows", [(), (5,), (2, 7), (2, 3, 4), (0, 4)])
@pytest.mark.parametrize(("n", "m", "r"), [(6, 9, 2), (8, 8, 8), (5, 1, 1), (3, 4, 6)])
def test_the_layer_is_its_parts(form: Any, p: float, rows: tuple[int, ...], n: int, m: int, r: int) -> None:
    """Both orders of the products are among these shapes."""
    x = torch.randn(*rows, n, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for bias, transposed in ((True, False), (False, True)):
        parts = layer(n, m, r, bias=bias, transposed=transposed)
        for found, expected in zip(
            both_passes(form, x, parts, 0.7, p), both_passes(plain, x, parts, 0.7, p), strict=True
        ):
            torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("p", [0.0, 0.4])
@pytest.mark.parametrize("r", [2, 30])
def test_gradients_of_the_layer(form: Any, p: float, r: int) -> None:
    parts = layer(6, 5, r)
    x = torch.randn(2, 3, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()

    def seeded(x: torch.Tensor, A: torch.Tensor, B: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(13)
        return form(x, parts["W"], parts["b"], A, B, 1.5, p)

    assert torch.autograd.gradcheck(seeded, (x, parts["A"], parts["B"]))


@pytest.mark.parametrize("p", [0.0, 0.1])
@pytest.mark.parametrize("autocast", [False, True])
def test_bf16_is_no_further_from_the_truth_than_the_parts_are(p: float, autocast: bool) -> None:
    """At most 1.1 times the error of `plain`, of y and of each gradient, against fp64 with the same mask and numbers."""
    n, m, r, N = 96, 80, 8, 512
    rounded = layer(n, m, r, dtype=torch.float32)
    x = torch.randn(N, n, generator=torch.Generator().manual_seed(1)).bfloat16()
    W, b = rounded["W"], rounded["b"]
    assert W is not None and b is not None
    rounded |= {"W": W.bfloat16(), "b": b.bfloat16()}
    exact = {name: part.detach().double() for name, part in rounded.items() if part is not None}
    for name in ("A", "B"):
        exact[name].requires_grad_()
    truth = both_passes(plain, x.double(), exact, 2.0, p)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        given = x.float() if autocast else x  # autocast casts what comes in fp32
        found, parts = (both_passes(form, given, rounded, 2.0, p) for form in (lora_linear, plain))
    for name, one, other, true in zip(("y", "x", "A", "B"), found, parts, truth, strict=True):
        assert one.dtype == other.dtype, name
        error, usual = ((each.double() - true).norm() / true.norm() for each in (one, other))
        assert 1e-4 < error <= 1.1 * usual, name
    assert found[2].dtype == found[3].dtype == torch.float32


def flops(form: Any, x: torch.Tensor, parts: dict[str, Any], p: float = 0.0) -> int:
    def adds_in_place(_: Any, left: Any, right: Any, **options: Any) -> int:
        return 2 * left[0] * left[1] * right[1]

    with FlopCounterMode(
        display=False, custom_mapping={torch.ops.aten.addmm_: adds_in_place}
    ) as counter:  # it has none
        form(x, *parts.values(), 1.0, p).sum().backward()
    return counter.get_total_flops()


def test_no_product_that_nobody_asked_for() -> None:
    """In multiplications: the frozen product is N m n, and of each thin one there is one a pass."""
    N, n, m, r = 40, 24, 20, 2
    parts, x = layer(n, m, r), torch.randn(N, n, dtype=torch.float64)
    forward, factors_back = N * m * n + N * r * (m + n), N * r * (m + m + n)
    assert flops(lora_linear, x, parts) == 2 * (forward + factors_back)
    asked = x.clone().requires_grad_()
    assert flops(lora_linear, asked, parts) == 2 * (forward + factors_back + N * m * n + N * r * n)
    frozen = parts | {name: part.detach() for name in ("A", "B") if (part := parts[name]) is not None}
    assert flops(lora_linear, asked, frozen) == 2 * (forward + N * m * n + N * r * (m + n))


@pytest.mark.parametrize("r", [1, 8, 20, 40, 80])
@pytest.mark.parametrize("N", [1, 16, 400])
def test_the_order_with_fewer_products_is_taken(N: int, r: int) -> None:
    n, m = 24, 20
    x = torch.randn(N, n, dtype=torch.float64, requires_grad=True)
    thin, wide = 6 * N * r * (m + n), 6 * m * n * (N + r)
    assert flops(lora_linear, x, layer(n, m, r), 0.1) == 4 * N * m * n + min(thin, wide)


def test_what_stands_in_memory_between_the_passes(compiled: bool) -> None:
    """The input itself, the seed of the mask or two bytes for each of its elements, and thin things; neither x̃ nor a copy of W."""
    N, n, m, r = 64, 48, 32, 4
    parts, x = layer(n, m, r, dtype=torch.float32), torch.randn(N, n, requires_grad=True)
    kept: list[torch.Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda tensor: tensor):
        lora_linear(x, *parts.values(), 2.0, 0.1)  # pyright: ignore[reportArgumentType]
    W = parts["W"]
    assert W is not None
    old = {x.data_ptr(), W.data_ptr()}
    new = [tensor for tensor in kept if tensor.data_ptr() not in old]
    assert old <= {tensor.data_ptr() for tensor in kept}
    found = {tuple(tensor.shape): tensor.dtype.itemsize for tensor in new}
    # B itself is saved too, where no cast makes another of it.
    mask = {(2,): 8} if compiled else {(N, n): 2}
    assert found == mask | {(N, r): 4, (r, n): 4, (m, r): 4}


def test_it_can_be_differentiated_once() -> None:
    parts, x = layer(6, 5, 2), torch.randn(3, 6, dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(lora_linear(x, *parts.values(), 1.0).square().sum(), x, create_graph=True)  # pyright: ignore[reportArgumentType]
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


def test_what_it_gives_can_be_changed_in_place() -> None:
    """As models do with the output of a linear layer; a view made inside the function would refuse."""
    parts, x = layer(6, 5, 2), torch.randn(2, 3, 6, dtype=torch.float64, requires_grad=True)
    y = lora_linear(x, *parts.values(), 1.0)  # pyright: ignore[reportArgumentType]
    y += 1
    y.sum().backward()


def test_a_factor_changed_between_the_passes_is_noticed() -> None:
    parts, x = layer(6, 5, 2), torch.randn(3, 6, dtype=torch.float64, requires_grad=True)
    y = lora_linear(x, *parts.values(), 1.0)  # pyright: ignore[reportArgumentType]
    B = parts["B"]
    assert B is not None
    with torch.no_grad():
        B.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
