"""Products of few rows: what fp64 gives, whatever the shape, the threads, the width of the registers and the other rows."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from fewtune.kernels import few_rows, native
from fewtune.kernels.low_rank import lora_linear


@pytest.fixture(params=["as it is", "AVX2"])
def width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, with_compiler: None) -> Iterator[None]:
    """The library for this processor, and that for narrower registers."""
    if request.param == "AVX2":
        if torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
            pytest.skip("no AVX2 here")
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
        native.library.cache_clear()
    yield
    native.library.cache_clear()


def turned(w: Tensor) -> Tensor:
    """The same numbers, standing as GPT-2 keeps them."""
    return w.T.contiguous().T


def whole(*shape: int, seed: int = 0) -> Tensor:
    """Small whole numbers: their sums are exact in fp32."""
    return torch.randint(-2, 3, shape, generator=torch.Generator().manual_seed(seed)).float()


ROWS = [1, 6, 15, 16, 17, 32, 48, 50]
SHAPES = [  # n, k, r
    (1, 1, 1),
    (5, 3, 2),  # fewer than a group
    (37, 129, 3),  # nothing fits
    (64, 256, 8),  # all fits
    (200, 257, 9),  # one number more than a piece
    (130, 1000, 16),
    (512, 64, 0),  # no correction; more than one thread
]


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(("n", "k", "r"), SHAPES)
@pytest.mark.usefixtures("width")
def test_whole_numbers_come_out_exactly(n: int, k: int, r: int, threads: int) -> None:
    torch.set_num_threads(threads)
    w, bias = whole(n, k, seed=1), whole(n, seed=2)
    a, b = (whole(r, k, seed=3), whole(n, r, seed=4)) if r else (None, None)
    for m in ROWS:
        x = whole(m, k)
        plain = x @ w.T
        corrected = plain if a is None or b is None else plain + 0.5 * (x @ a.T) @ b.T
        for given in (w, turned(w)):
            assert torch.equal(native.few_rows(x, given, bias, a, b, 0.5), corrected + bias)
            assert torch.equal(native.few_rows(x, given, None, None, None, 0.5), plain)


@pytest.mark.usefixtures("width")
def test_any_numbers_are_as_near_as_torchs() -> None:
    torch.manual_seed(0)
    ours, theirs = [], []
    for n, k, _ in SHAPES:
        x, w = torch.randn(16, k), torch.randn(n, k)
        exact, size = x.double() @ w.double().T, x.double().abs() @ w.double().abs().T
        mine = [native.few_rows(x, given, None, None, None, 0.0) for given in (w, turned(w))]
        for found, errors in ((mine[0], ours), (mine[1], ours), (x @ w.T, theirs)):
            errors.append(float(((found - exact).abs() / size).max()))
    assert max(ours) < 1e-6 and max(ours) < 3 * max(theirs)


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.usefixtures("width")
def test_a_row_is_the_same_wherever_it_stands(across: bool) -> None:
    """And whatever the number of threads, which torch's products do not promise."""
    torch.manual_seed(0)
    x, w, a, b = torch.randn(48, 300), torch.randn(90, 300), torch.randn(8, 300), torch.randn(90, 8)
    w = turned(w) if across else w
    found = native.few_rows(x, w, None, a, b, 2.0)
    for threads in (1, 3):
        torch.set_num_threads(threads)
        for start, end in ((0, 1), (3, 19), (20, 48)):
            part = native.few_rows(x[start:end].contiguous(), w, None, a, b, 2.0)
            assert torch.equal(part, found[start:end])


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.usefixtures("width")
def test_no_numbers_stay_none_and_stay_in_their_row(across: bool) -> None:
    x, w = whole(20, 40).abs() + 1, whole(30, 40, seed=1).abs() + 1
    x[3, 5], w[7, 5] = float("nan"), float("inf")
    w = turned(w) if across else w
    found = native.few_rows(x, w, None, None, None, 0.0)
    others = [row for row in range(20) if row != 3]
    assert found[3].isnan().all()
    assert (found[others, 7] == float("inf")).all()
    assert found[others][:, [column for column in range(30) if column != 7]].isfinite().all()


@pytest.mark.usefixtures("with_compiler")
def test_what_is_taken() -> None:
    x, W, b, A = whole(16, 8), whole(12, 8), whole(12), whole(4, 8)
    B = whole(12, 4)
    assert not few_rows.takes(x, W, b, A, B)  # something might be learned
    with torch.no_grad():
        assert few_rows.takes(x, W, b, A, B) and few_rows.takes(x, W, None)
        assert few_rows.takes(whole(3, 4, 8), W, b) and few_rows.takes(x, turned(W), b, A, B)
        for rows in (few_rows.FEWEST, few_rows.MOST):
            assert few_rows.takes(whole(rows, 8), W, None)
        for rows in (0, few_rows.FEWEST - 1, few_rows.MOST + 1):
            assert not few_rows.takes(whole(rows, 8), W, None)
        refused = [(x.double(), W, b), (x, W.double(), None), (x, W.bfloat16(), None), (x, whole(12, 16)[:, ::2], None)]
        refused += [(whole(16, 9), W, b), (whole(16, 7), turned(W), b)]
        refused += [
            (x, W, b.double()),
            (whole(8, 16).T, W, b),
            (x.to("meta"), W, None),
            (x, W, b, A.T, B),
            (x, W, b, A.double(), B),
        ]
        assert not any(few_rows.takes(*each) for each in refused)
        with torch.autocast("cpu", torch.bfloat16):
            assert not few_rows.takes(x, W, b)


@pytest.mark.parametrize("p", [0.0, 0.5])
@pytest.mark.parametrize("learning", [True, False])
def test_a_lora_layer_goes_through_it_where_it_answers(
    learning: bool, p: float, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    real = native.few_rows
    monkeypatch.setattr(native, "few_rows", lambda x, *given: calls.append(len(x)) or real(x, *given))
    x, W, b, A, B = (
        whole(4, 3, 70),
        whole(50, 70, seed=1),
        whole(50, seed=2),
        whole(4, 70, seed=3),
        whole(50, 4, seed=4),
    )
    with torch.set_grad_enabled(learning):
        found = lora_linear(x, W, b, A, B, 0.5, p)
    assert calls == ([12] if compiled and not learning and not p else [])
    if not p:
        assert torch.equal(found, F.linear(x, W, b) + 0.5 * (x @ A.T) @ B.T)


def test_without_a_compiler_nothing_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "library", lambda: None)
    with torch.no_grad():
        assert not few_rows.takes(whole(16, 8), whole(12, 8), None)
