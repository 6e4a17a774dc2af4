"""Products by tiles: what fp64 gives, rounded once, whatever the shape, the threads and the other rows."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from fewtune.kernels import native, product

with_tiles = pytest.mark.skipif(not native.has_tiles(), reason="no tiles here")
BF16 = torch.bfloat16


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """`turned` of each call of the kernel."""
    calls: list[bool] = []
    real = native.product

    def spied(*given: Any, turned: bool) -> Tensor:
        calls.append(turned)
        return real(*given, turned=turned)

    monkeypatch.setattr(native, "product", spied)
    return calls


def whole(*shape: int, seed: int = 0) -> Tensor:
    """Small whole numbers: their sums are exact in fp32, so only the last rounding is left."""
    return torch.randint(-2, 3, shape, generator=torch.Generator().manual_seed(seed)).to(BF16)


SHAPES = [
    (32, 32, 32),  # one block
    (33, 32, 64),  # rows that do not fill the last block
    (63, 160, 96),
    (100, 1536, 64),  # as deep as one panel
    (70, 1568, 96),  # and deeper: sums that wait
    (40, 4640, 160),
    (384, 768, 1184),  # several panels
    (1100, 96, 128),  # threads share the rows
    (1633, 1600, 64),
]


@with_tiles
@pytest.mark.parametrize("turned", [True, False])
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(("m", "k", "n"), SHAPES)
def test_whole_numbers_come_out_exactly(m: int, k: int, n: int, threads: int, turned: bool) -> None:
    torch.set_num_threads(threads)
    x, w, bias = whole(m, k), whole(n, k, seed=1), whole(n, seed=2)
    expected = (x.double() @ w.double().T + bias.double()).to(BF16)
    given = w if turned else w.T.contiguous()
    assert torch.equal(native.product(x, given, bias, turned=turned), expected)
    without = (x.double() @ w.double().T).to(BF16)
    assert torch.equal(native.product(x, given, None, turned=turned), without)


@with_tiles
@pytest.mark.parametrize("turned", [True, False])
def test_any_numbers_are_rounded_once(turned: bool) -> None:
    """Half a unit of the last place of bf16, and what fp32 loses in the sum; torch's own is no nearer."""
    torch.manual_seed(0)
    for m, k, n in SHAPES:
        x, w, bias = torch.randn(m, k).to(BF16), torch.randn(n, k).to(BF16), torch.randn(n).to(BF16)
        exact = x.double() @ w.double().T + bias.double()
        size = x.double().abs() @ w.double().abs().T + bias.double().abs()
        found = native.product(x, w if turned else w.T.contiguous(), bias, turned=turned)
        assert ((found.double() - exact).abs() <= 2**-8 * exact.abs() + 2**-20 * size).all()


@with_tiles
def test_a_row_is_the_same_wherever_it_stands() -> None:
    """Not in torch's products, whose order of sums depends on the shape."""
    torch.manual_seed(0)
    x, w = torch.randn(1200, 1600).to(BF16), torch.randn(96, 1600).to(BF16)
    found = native.product(x, w, None, turned=True)
    for start, end in ((0, 32), (5, 70), (1100, 1200)):
        assert torch.equal(native.product(x[start:end].contiguous(), w, None, turned=True), found[start:end])


@with_tiles
def test_no_numbers_stay_none() -> None:
    x, w = whole(40, 64), whole(64, 64, seed=1)
    x[3, 5], x[4, 5], w[:, 5] = float("nan"), float("inf"), 1
    found = native.product(x, w, None, turned=True)
    assert found[3].isnan().all() and (found[4] == float("inf")).all()
    assert found[[*range(3), *range(5, 40)]].isfinite().all()


@with_tiles
def test_torchs_products_in_between_are_not_disturbed() -> None:
    """Both set up the tiles of a core for themselves."""
    x, w = whole(128, 256), whole(512, 256, seed=1)
    expected = (x.double() @ w.double().T).to(BF16)
    for _ in range(5):
        assert torch.equal(x @ w.T, expected)
        assert torch.equal(native.product(x, w, None, turned=True), expected)


@with_tiles
@pytest.mark.parametrize("autocast", [True, False])
def test_a_layer_there_and_back(autocast: bool, called: list[bool]) -> None:
    torch.set_num_threads(1)
    W, b = whole(256, 128, seed=1), whole(256, seed=2)
    x = whole(2, 20, 128).to(torch.float32 if autocast else BF16).requires_grad_()
    g = whole(2, 20, 256, seed=3)
    with torch.autocast("cpu", BF16, enabled=autocast):
        y = product.linear(product.as_autocast(x), W, b)
    assert torch.equal(y, (x.detach().double() @ W.double().T + b.double()).to(BF16))
    (dx,) = torch.autograd.grad(y, x, g)
    assert dx.dtype == x.dtype and torch.equal(dx, (g.double() @ W.double()).to(BF16).to(x.dtype))
    assert called == [True, False]


@with_tiles
def test_a_gradient_whose_rows_are_not_in_a_row(called: list[bool]) -> None:
    torch.set_num_threads(1)
    W, x = whole(128, 128, seed=1), whole(64, 128).requires_grad_()
    product.linear(x, W, None).sum().backward()  # one number, expanded
    assert torch.equal(x.grad, W.double().sum(0).to(BF16).expand(64, -1))
    assert called == [True, False]


@with_tiles
def test_without_something_that_learns_there_is_nothing_to_go_back_through() -> None:
    W = whole(128, 128)
    assert not product.linear(whole(64, 128), W, None).requires_grad


@with_tiles
def test_which_weights_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(2)
    good = whole(512, 256)
    assert product.takes(good) and product.takes(good, whole(512))
    refused = [good.float(), good.T, whole(512, 272), whole(500, 256), whole(512, 224), whole(512), good.to("meta")]
    assert not any(product.takes(each) for each in refused)
    assert not product.takes(good, whole(512).float())
    torch.set_num_threads(3)  # a third of 256 columns is too little for each
    assert not product.takes(good)
    torch.set_num_threads(2)
    monkeypatch.setattr(native, "library", lambda: None)
    assert not product.takes(good)


def test_which_rows_fit() -> None:
    assert product.fits(whole(32, 64)) and product.fits(whole(2, 16, 64))
    assert not any(map(product.fits, (whole(31, 64), whole(64, 64).float(), whole(64, 64).T, whole(64))))


@pytest.mark.parametrize("autocast", [True, False])
def test_torch_computes_what_is_not_taken(autocast: bool, called: list[bool]) -> None:
    x, W, b = torch.randn(40, 30), torch.randn(20, 30), torch.randn(20)
    with torch.autocast("cpu", BF16, enabled=autocast):
        assert torch.equal(product.through(x, W, b), F.linear(x, W, b))
        assert torch.equal(product.back(x, W.T), x @ W.T)
    assert not called


@with_tiles
def test_under_autocast_wide_rows_are_taken_too(called: list[bool]) -> None:
    torch.set_num_threads(1)
    x, W = whole(64, 128).float(), whole(128, 128, seed=1)
    with torch.autocast("cpu", BF16):
        assert torch.equal(product.through(x, W, None), (x.double() @ W.double().T).to(BF16))
    assert called == [True]


def test_without_tiles_there_are_no_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library for narrower vectors is compiled without them, and says so."""
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    native.library.cache_clear()
    assert not native.has_tiles()
    native.library.cache_clear()
