"""Layers whose start was moved: against the papers' W − s B₀ A₀ + s B A, and exactly the base at the start."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from fewtune.adapted import adapt
from fewtune.methods._moved import MovedLinear
from fewtune.methods.lora_ga import LoraGa
from fewtune.methods.pissa import Pissa
from models import logits, tiny_batch, tiny_model


def base_of(n: int, m: int, *, conv1d: bool = False, bias: bool = True) -> nn.Module:
    base = Conv1D(m, n) if conv1d else nn.Linear(n, m, bias=bias)
    for parameter in base.parameters():
        nn.init.normal_(parameter)
    return base.requires_grad_(False)


def layer_of(base: nn.Module, rank: int = 2, scale: float = 0.7, dropout: float = 0.0) -> MovedLinear:
    layer = MovedLinear(base, rank, scale, dropout)
    layer.begin_at(torch.randn(rank, layer.in_features), torch.randn(layer.out_features, rank))
    return layer


shapes = st.tuples(*[st.integers(1, 9)] * 3)


@settings(max_examples=40, deadline=None)
@given(shapes, st.floats(0.1, 8), st.booleans(), st.booleans(), st.integers(0, 1000))
def test_outputs_and_gradients_are_those_of_the_papers_residual_weight(
    shape: tuple[int, int, int], scale: float, conv1d: bool, bias: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    n, m, r = shape
    base = base_of(n, m, conv1d=conv1d, bias=bias).double()
    layer = layer_of(base, r, scale).double().eval()
    W = base.weight.T if isinstance(base, Conv1D) else base.weight
    assert isinstance(W, Tensor)
    residual = W - scale * layer.B.detach() @ layer.A.detach()  # what the papers keep as the base
    for parameter in (layer.A, layer.B):
        nn.init.normal_(parameter)
    A, B = (parameter.detach().clone().requires_grad_(True) for parameter in (layer.A, layer.B))
    x, g = torch.randn(4, n, dtype=torch.float64), torch.randn(4, m, dtype=torch.float64)
    expected = x @ (residual + scale * B @ A).T + (0 if base.bias is None else base.bias)
    torch.testing.assert_close(layer(x), expected, rtol=1e-9, atol=1e-8)
    torch.testing.assert_close(layer.merged()(x), expected, rtol=1e-9, atol=1e-8)
    expected.backward(g)
    layer(x).backward(g)
    torch.testing.assert_close(layer.A.grad, A.grad, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(layer.B.grad, B.grad, rtol=1e-8, atol=1e-8)
    thin, wide = layer.factors()
    assert (len(thin), wide.shape[1]) == (2 * r, 2 * r)
    torch.testing.assert_close(base(x) + x @ thin.T @ wide.T, expected.detach(), rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("kind", ["fp32", "bf16", "fp16", "autocast"])
@pytest.mark.parametrize("training", [False, True])
def test_it_starts_bitwise_as_the_base_in_every_format_and_under_dropout(kind: str, training: bool) -> None:
    torch.manual_seed(0)
    base = base_of(33, 17)
    layer, x = layer_of(base, rank=5, scale=3.3, dropout=0.4).train(training), torch.randn(6, 33)
    if kind in ("bf16", "fp16"):
        dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}[kind]
        layer, x = layer.to(dtype), x.to(dtype)
    with torch.autocast("cpu", torch.bfloat16, enabled=kind == "autocast"):
        assert torch.equal(layer(x), layer.base(x))


def test_a_small_change_is_not_lost_in_bf16() -> None:
    """B A − B₀ A₀ formed from two products in bf16 would be wrong by more than the change itself."""
    torch.manual_seed(0)
    layer = layer_of(base_of(64, 48), rank=8, scale=1.0)
    with torch.no_grad():
        layer.B.add_(1e-3 * torch.randn_like(layer.B))
        layer.A.add_(1e-3 * torch.randn_like(layer.A))
    x = torch.randn(100, 64).bfloat16()
    exact = x.double() @ layer.double().delta().T
    layer = layer.float()
    with torch.autocast("cpu", torch.bfloat16):
        found = torch.nn.functional.linear(torch.nn.functional.linear(x, layer.change()[0]), layer.change()[1])
        naive = x @ layer.A.T @ layer.B.T - x @ layer.A0.T @ layer.B0.T
    assert (found - exact).norm() < 0.01 * exact.norm() < 0.3 * (naive - exact).norm()


def test_what_is_left_of_a_small_weight_starts_as_in_lora() -> None:
    layer = MovedLinear(base_of(9, 9), 5, 1.0)
    before = layer.A.detach().clone()
    layer.begin_at(torch.ones(2, 9), torch.ones(9, 3))
    assert torch.equal(layer.A[:2], torch.ones(2, 9)) and torch.equal(layer.A[2:], before[2:])
    assert torch.equal(layer.B[:, :3], torch.ones(9, 3)) and not layer.B[:, 3:].any()
    assert torch.equal(layer.A0, layer.A) and torch.equal(layer.B0, layer.B)


def test_what_was_learned_carries_its_start() -> None:
    """A model begun elsewhere computes the same once it has loaded all; so a resumed run need not find its start again."""
    batch = tiny_batch("bert")
    one = adapt(tiny_model("bert"), LoraGa(rank=2), [batch])
    with torch.no_grad():
        for parameter in one.trainable().values():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    other = adapt(tiny_model("bert"), LoraGa(rank=2), [tiny_batch("bert", seed=5)])
    path = next(iter(one.layers()))
    assert not torch.equal(one.layers()[path].tensors()["A0"], other.layers()[path].tensors()["A0"])
    other.load({name: tensor.clone() for name, tensor in one.tensors().items()})
    assert torch.equal(logits(other.model, batch), logits(one.model, batch))


def test_a_copy_keeps_the_start_and_the_start_does_not_learn() -> None:
    adapted = adapt(tiny_model("bert"), Pissa(rank=2))
    assert not any("A0" in name or "B0" in name for name in adapted.trainable())
    layer = next(iter(adapted.layers().values()))
    assert isinstance(layer, MovedLinear)
    twin = copy.deepcopy(layer)
    assert torch.equal(twin.A0, layer.A0) and twin.A0.data_ptr() != layer.A0.data_ptr()
    twin.A0.zero_()
    assert layer.A0.any()
