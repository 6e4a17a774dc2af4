"""An activation by table is the activation: outputs bit for bit, gradients as torch rounds them."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fewtune.kernels.activation import every, look_up, serves, table

pytestmark = pytest.mark.usefixtures("with_compiler")

ROUNDED_ONCE: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "gelu_tanh": nn.GELU("tanh"),
    "silu": F.silu,
    "relu": F.relu,
}
"""Those whose gradient torch forms in fp32 and rounds once."""


def both(f: Callable[[Tensor], Tensor], x: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
    x = x.detach().requires_grad_()
    y = f(x)
    return y, torch.autograd.grad(y, x, g)[0]


def test_every_number_stands_at_its_bits() -> None:
    found = every()
    assert found.dtype == torch.bfloat16
    assert found.view(torch.int16).tolist() == [*range(2**15), *range(-(2**15), 0)]
    assert found[0x3F80] == 1 and found[0xC000] == -2


@pytest.mark.parametrize("name", ROUNDED_ONCE)
def test_all_numbers_there_and_back(name: str) -> None:
    """All 65,536, the infinite and those that are none among them; each with another gradient."""
    f, g = ROUNDED_ONCE[name], torch.randn(2**16, generator=torch.Generator().manual_seed(0)).bfloat16()
    known = table(f)
    for found, expected in zip(both(lambda x: look_up(x, known), every(), g), both(f, every(), g), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("count", [0, 1, 511, 512, 513, 100_003])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_all_lengths_on_all_numbers_of_threads(count: int, threads: int) -> None:
    known = table(F.gelu)
    x, g = torch.randn(2, count, generator=torch.Generator().manual_seed(count)).bfloat16()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = both(lambda x: look_up(x, known), x, g)
    finally:
        torch.set_num_threads(before)
    for one, other in zip(found, both(F.gelu, x, g), strict=True):
        assert torch.equal(one, other)


def test_a_gradient_that_is_not_contiguous() -> None:
    known, x = table(F.gelu), torch.randn(6, 8).bfloat16()
    g = torch.randn(8, 6).bfloat16().T
    assert torch.equal(both(lambda x: look_up(x, known), x, g)[1], both(F.gelu, x, g.contiguous())[1])


def test_slopes_are_those_of_a_difference() -> None:
    """In fp64, where a difference is exact enough: a second derivation, for a function that torch differentiates op by op."""

    def squared(x: Tensor) -> Tensor:
        return F.relu(x) ** 2 + torch.sin(x)

    x = torch.linspace(-4, 4, 300).bfloat16()
    known = table(squared).slopes[x.view(torch.int16).long() & 0xFFFF].double()
    exact = x.double()
    expected = (squared(exact + 1e-6) - squared(exact - 1e-6)) / 2e-6
    torch.testing.assert_close(known, expected, rtol=1e-5, atol=1e-5)


def test_a_table_is_made_in_the_models_own_types_also_under_autocast() -> None:
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        inside = table(torch.exp)  # which autocast would compute in fp32
    outside = table(torch.exp)
    assert inside.values.dtype == torch.bfloat16 and inside.slopes.dtype == torch.float32
    torch.testing.assert_close(inside.values, outside.values, rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(inside.slopes, outside.slopes, rtol=0, atol=0, equal_nan=True)


def test_what_is_served() -> None:
    x = torch.zeros(4, 6, dtype=torch.bfloat16)
    assert serves(x)
    assert not any(map(serves, (x.float(), x.half(), x.T, x[:, ::2], x.to("meta"))))
