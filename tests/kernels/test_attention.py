"""Attention out of batched products computes what torch's own does, there and back."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from fewtune.kernels.attention import LONGEST, attention, pays


def drawn(*shapes: tuple[int, ...], dtype: torch.dtype = torch.float64) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype).requires_grad_() for shape in shapes]


BIASES = {"none": None, "hides": (2, 1, 1, 7), "positions": (1, 6, 5, 7), "both": (2, 6, 5, 7)}


@pytest.mark.parametrize("heads", [6, 3, 1])
@pytest.mark.parametrize("bias", BIASES)
def test_equals_torch_there_and_back(heads: int, bias: str) -> None:
    """Heads that share keys, keys of another number than queries, values of another width; bias of every shape, learned too."""
    q, k, v, g = drawn((2, 6, 5, 4), (2, heads, 7, 4), (2, heads, 7, 3), (2, 6, 5, 3))
    shape = BIASES[bias]
    inputs = [q, k, v] if shape is None else [q, k, v, *drawn(shape)]
    added = inputs[3] if shape else None
    repeated = [each.repeat_interleave(6 // heads, dim=1) for each in (k, v)]
    expected = F.scaled_dot_product_attention(
        q, *repeated, attn_mask=None if added is None else added.expand(2, 6, 5, 7), scale=0.3
    )
    found = attention(q, k, v, added, 0.3)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    for one, two in zip(*(torch.autograd.grad(each, inputs, g) for each in (found, expected)), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-11, atol=1e-11)
    assert not torch.allclose(attention(q, k, v, added, 0.31), expected, rtol=1e-6)


def test_inputs_as_models_hand_them_over() -> None:
    """Heads side by side in memory, as they come out of one linear layer."""
    flat = drawn((2, 5, 6 * 4))[0]
    seen = flat.view(2, 5, 6, 4).transpose(1, 2)
    torch.testing.assert_close(
        attention(seen, seen, seen, None, 0.5), F.scaled_dot_product_attention(seen, seen, seen, scale=0.5)
    )


def test_hidden_keys_get_nothing_and_a_query_that_sees_nothing_sees_all_equally() -> None:
    q, k, v = drawn((1, 1, 2, 4), (1, 1, 3, 4), (1, 1, 3, 2))
    lowest = torch.finfo(torch.float64).min
    bias = torch.tensor([[0.0, 0.0, lowest], [lowest] * 3], dtype=torch.float64)[None, None]
    found = attention(q, k, v, bias, 1.0)
    torch.testing.assert_close(
        found[:, :, 0], F.scaled_dot_product_attention(q, k[:, :, :2], v[:, :, :2], scale=1.0)[:, :, 0]
    )
    torch.testing.assert_close(found[0, 0, 1], v[0, 0].mean(dim=0))


def test_in_bf16_it_is_as_near_to_the_truth_as_transformers_plain_attention() -> None:
    """Scores of standard deviation 3, as trained models have them: within 1.5 times the error of the same written in bf16."""
    exact = drawn((4, 4, 33, 16), (4, 4, 33, 16), (4, 4, 33, 16), (4, 4, 33, 16))
    g, inputs = exact[3], [(3**0.5 * exact[0]).detach(), (3**0.5 * exact[1]).detach(), exact[2].detach()]

    def errors(attend: object, dtype: torch.dtype) -> list[Tensor]:
        given = [each.to(dtype).requires_grad_() for each in inputs]
        out = attend(*given)  # pyright: ignore[reportCallIssue]
        return [each.double() for each in (out, *torch.autograd.grad(out, given, g.to(dtype)))]

    def plainly(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return torch.softmax(q @ k.mT * 0.25, dim=-1, dtype=torch.float32).to(q.dtype) @ v

    truth = errors(plainly, torch.float64)
    ours = errors(lambda *qkv: attention(*qkv, None, 0.25), torch.bfloat16)
    plain = errors(plainly, torch.bfloat16)
    for name, a, b, c in zip(("out", "q", "k", "v"), truth, ours, plain, strict=True):
        assert (a - b).norm() < 1.5 * (a - c).norm() < 0.05 * a.norm(), name


def test_dropout_keeps_the_mean_and_hides_single_keys() -> None:
    torch.manual_seed(0)
    q, k = torch.zeros(64, 1, 8, 4), torch.zeros(64, 1, 50, 4)
    seen = attention(q, k, torch.eye(50).expand(64, 1, 50, 50), None, 1.0, dropout=0.2) * 50
    assert all(value == 0 or value == pytest.approx(1.25, rel=0.01) for value in seen.unique().tolist())
    assert float(seen.mean()) == pytest.approx(1.0, abs=0.02)
    torch.manual_seed(0)
    again = attention(q, k, torch.eye(50).expand(64, 1, 50, 50), None, 1.0, dropout=0.2) * 50
    assert torch.equal(seen, again)


@pytest.mark.parametrize(
    ("dtype", "keys", "dropout", "expected"),
    [
        (torch.bfloat16, 32, 0.0, True),
        (torch.bfloat16, LONGEST, 0.0, True),
        (torch.bfloat16, LONGEST + 1, 0.0, False),
        (torch.bfloat16, LONGEST + 1, 0.1, True),
        (torch.float32, 32, 0.0, False),
        (torch.float32, 32, 0.1, True),
    ],
)
def test_when_it_pays(dtype: torch.dtype, keys: int, dropout: float, expected: bool) -> None:
    q, k = torch.empty(1, 1, 4, 8, dtype=dtype), torch.empty(1, 1, keys, 8, dtype=dtype)
    assert pays(q, k, dropout) == expected
    with torch.no_grad():
        assert not pays(q, k, dropout)
    assert not pays(q.to("meta"), k, dropout)
