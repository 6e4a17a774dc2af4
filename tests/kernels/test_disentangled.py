"""DeBERTa's attention out of views computes what its formula says, there and back."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from fewtune.kernels import disentangled as module
from fewtune.kernels.disentangled import disentangled

LENGTHS = [(5, 5), (1, 1), (1, 6), (3, 7), (6, 2)]
"""Queries and keys."""


@pytest.fixture(params=[64, 2])
def part(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All places of a text at once, and few of them at a time."""
    monkeypatch.setattr(module, "_PART", request.param)


def drawn(n: int, m: int, *, scale: float = 1.0, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """q, k, v, κ, ρ of three heads and two texts."""
    generator = torch.Generator().manual_seed(100 * n + m)
    shapes = (3, 2, n, 4), (3, 2, m, 4), (3, 2, m, 4), (3, n + m - 1, 4), (3, n + m - 1, 4)
    made = [scale * torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    return [each.to(dtype).requires_grad_() for each in made]


def as_it_is(shares: Tensor) -> Tensor:
    return shares


def formula(
    q: Tensor, k: Tensor, v: Tensor, kappa: Tensor | None, rho: Tensor | None, mask: Tensor | None, scale: float
) -> Tensor:
    """Number by number; rows of κ and ρ begin with the largest distance."""
    n, m = q.shape[2], k.shape[2]
    columns = []
    for i in range(n):
        for j in range(m):
            score, row = (q[:, :, i] * k[:, :, j]).sum(-1), n - 1 - (i - j)
            if kappa is not None:
                score = score + (q[:, :, i] * kappa[:, None, row]).sum(-1)
            if rho is not None:
                score = score + (k[:, :, j] * rho[:, None, row]).sum(-1)
            columns.append(score * scale)
    scores = torch.stack(columns, -1).unflatten(-1, (n, m))
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return torch.softmax(scores, -1, dtype=torch.promote_types(scores.dtype, torch.float32)).to(v.dtype) @ v


@pytest.mark.usefixtures("part")
@pytest.mark.parametrize("parts", ["both", "kappa", "rho", "none"])
@pytest.mark.parametrize("lengths", LENGTHS)
def test_equals_the_formula_there_and_back(lengths: tuple[int, int], parts: str) -> None:
    q, k, v, kappa, rho = drawn(*lengths)
    inputs = [q, k, v] + [kappa] * (parts in ("both", "kappa")) + [rho] * (parts in ("both", "rho"))
    given = q, k, v, kappa if parts in ("both", "kappa") else None, rho if parts in ("both", "rho") else None
    expected, found = formula(*given, None, 0.3), disentangled(*given, None, 0.3, as_it_is)
    g = torch.randn_like(expected)
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-12)
    both = [torch.autograd.grad(each, inputs, g, retain_graph=True) for each in (found, expected)]
    for one, two in zip(*both, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-10, atol=1e-12)
    if lengths[1] > 1:
        assert not torch.allclose(disentangled(*given, None, 0.31, as_it_is), expected, rtol=1e-6)


@pytest.mark.usefixtures("part")
def test_gradients_by_differences() -> None:
    def computed(*given: Tensor) -> Tensor:
        return disentangled(*given, None, 0.7, as_it_is)

    assert torch.autograd.gradcheck(computed, tuple(drawn(2, 3)))


def test_inputs_as_models_hand_them_over() -> None:
    """Heads side by side in memory, as they come out of one linear layer."""
    generator = torch.Generator().manual_seed(0)
    flat = torch.randn(2, 5, 12, generator=generator, dtype=torch.float64, requires_grad=True)
    rows = torch.randn(9, 12, generator=generator, dtype=torch.float64, requires_grad=True)
    x, positions = flat.view(2, 5, 3, 4).permute(2, 0, 1, 3), rows.view(9, 3, 4).transpose(0, 1)
    given = x, x, x, positions, positions
    found, expected = disentangled(*given, None, 0.5, as_it_is), formula(*given, None, 0.5)
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-12)
    both = [torch.autograd.grad(each.pow(2).sum(), (flat, rows)) for each in (found, expected)]
    for one, two in zip(*both, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("rows", [1, 4])
def test_hidden_keys_get_nothing_and_a_query_that_sees_nothing_sees_all_equally(rows: int) -> None:
    q, k, v, kappa, rho = drawn(4, 4)
    mask = torch.tensor([[True, True, False, False], [False] * 4])[:, None].expand(2, rows, 4)
    found = disentangled(q, k, v, kappa, rho, mask, 0.4, as_it_is)
    torch.testing.assert_close(found, formula(q, k, v, kappa, rho, mask, 0.4), rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(found[:, 1], v[:, 1].mean(1, keepdim=True).expand(3, 4, 4))
    for gradient in torch.autograd.grad(found[:, 0].sum(), (k, v)):
        assert not gradient[:, 0, 2:].any() and gradient[:, 0, :2].all()


@pytest.mark.parametrize("lowest", [0, 1, 2, 3, 4])
def test_what_need_not_learn_gets_no_gradient(lowest: int) -> None:
    """As under a method that leaves some of it frozen: the others' gradients are the same."""
    given, g = drawn(3, 4), torch.ones(3, 2, 3, 4, dtype=torch.float64)
    every = torch.autograd.grad(disentangled(*given, None, 0.3, as_it_is), given, g)
    frozen = [each.detach() if index < lowest else each for index, each in enumerate(given)]
    some = torch.autograd.grad(disentangled(*frozen, None, 0.3, as_it_is), frozen[lowest:], g)
    for one, two in zip(some, every[lowest:], strict=True):
        torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-12)


@pytest.mark.usefixtures("part")
def test_in_bf16_it_is_as_near_to_the_truth_as_the_formula() -> None:
    exact = drawn(17, 17, scale=1.3)
    g = torch.randn(3, 2, 17, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    def results(attend: Callable[..., Tensor], dtype: torch.dtype, *more: object) -> list[Tensor]:
        given = [each.detach().to(dtype).requires_grad_() for each in exact]
        out = attend(*given, None, 0.29, *more)
        return [each.double() for each in (out, *torch.autograd.grad(out, given, g.to(dtype)))]

    truth, plain = (results(formula, dtype) for dtype in (torch.float64, torch.bfloat16))
    ours = results(disentangled, torch.bfloat16, as_it_is)
    for name, a, b, c in zip(("out", "q", "k", "v", "kappa", "rho"), truth, ours, plain, strict=True):
        assert (a - b).norm() < 1.5 * (a - c).norm() < 0.05 * a.norm(), name


def test_dropout_is_asked_for_the_shares() -> None:
    asked = []

    def hide(shares: Tensor) -> Tensor:
        asked.append(shares.detach())
        return torch.zeros_like(shares)

    assert not disentangled(*drawn(3, 5), None, 0.3, hide).any()
    assert [each.shape for each in asked] == [(3, 2, 3, 5)]
    torch.testing.assert_close(asked[0].sum(-1), torch.ones(3, 2, 3, dtype=torch.float64))


def test_a_part_of_a_text_needs_the_distances_from_its_own_places(monkeypatch: pytest.MonkeyPatch) -> None:
    widths, bmm = [], torch.bmm

    def heard(one: Tensor, other: Tensor) -> Tensor:
        widths.append(other.shape[-1])
        return bmm(one, other)

    monkeypatch.setattr(module, "_PART", 2)
    given = drawn(5, 3)
    monkeypatch.setattr(torch, "bmm", heard)
    disentangled(*given, None, 0.3, as_it_is)
    by_query, by_key = [2 + 3 - 1, 2 + 3 - 1, 1 + 3 - 1], [2 + 5 - 1, 1 + 5 - 1]
    assert widths == [*by_query, *by_key]
