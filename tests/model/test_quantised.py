"""A layer in few bits computes what the dense layer with the same numbers computes, and keeps no dense weight."""

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from fewtune.engine.precision import Precision
from fewtune.model.linear import (
    bias_of,
    device_of,
    in_features,
    is_linear,
    is_transposed,
    out_features,
    plain_copy,
    plus,
    weight_of,
)
from fewtune.model.quantise import quantise_layer
from fewtune.model.quantised import Format, QuantLinear

BOTH: Any = pytest.mark.parametrize("format", ["nf4", "int8"])


def plain(kind: str = "linear", *, bias: bool = True, n: int = 70, m: int = 33) -> nn.Module:
    torch.manual_seed(0)
    layer = Conv1D(m, n) if kind == "conv1d" else nn.Linear(n, m, bias=bias)
    if kind == "conv1d":
        nn.init.normal_(layer.bias)
    return layer.requires_grad_(False)


@BOTH
@pytest.mark.parametrize("kind", ["linear", "conv1d"])
def test_it_stands_for_a_linear_layer(format: Format, kind: str) -> None:
    given = plain(kind)
    layer = quantise_layer(given, format)
    assert is_linear(layer)
    assert (in_features(layer), out_features(layer)) == (70, 33) == (layer.in_features, layer.out_features)
    assert weight_of(layer).shape == (33, 70)
    assert is_transposed(layer) == (kind == "conv1d")
    assert bias_of(layer) is bias_of(given)
    assert device_of(layer) == torch.device("cpu")
    assert (weight_of(layer) - weight_of(given)).abs().max() < 0.2 * weight_of(given).abs().max()
    assert not torch.equal(weight_of(layer), weight_of(given))


@BOTH
@pytest.mark.parametrize("kind", ["linear", "conv1d"])
@pytest.mark.parametrize("shape", [(5, 70), (2, 3, 70), (70,)])
def test_outputs_and_gradients_are_bitwise_those_of_the_dense_layer(
    format: Format, kind: str, shape: tuple[int, ...]
) -> None:
    layer = quantise_layer(plain(kind), format)
    # Conv1D adds its products in another order, so the plain twin of both is an nn.Linear.
    dense = nn.Linear(70, 33)
    dense.load_state_dict({"weight": weight_of(layer), "bias": bias_of(layer)})
    x = torch.randn(shape, requires_grad=True)
    found, expected = layer(x), dense(x)
    assert torch.equal(found, expected)
    g = torch.randn_like(found)
    (one,), (two,) = torch.autograd.grad(found, x, g), torch.autograd.grad(expected, x, g)
    torch.testing.assert_close(one, two, rtol=1e-6, atol=1e-6)


@BOTH
def test_gradients_in_double_precision(format: Format) -> None:
    layer = quantise_layer(plain(n=6, m=5).double(), format)
    assert layer.bias is not None
    bias = layer.bias.requires_grad_()
    x = torch.randn(2, 3, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, _: layer(x), (x, bias))


@BOTH
def test_no_dense_weight_is_kept_for_the_backward_pass(format: Format) -> None:
    layer = quantise_layer(plain(), format)
    kept: list[torch.Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda tensor: tensor):
        layer(torch.randn(4, 70, requires_grad=True)).sum()
    assert not any(tensor.numel() >= 33 * 70 for tensor in kept)
    assert all(parameter.numel() == 33 for parameter in layer.parameters())


@pytest.mark.parametrize(("format", "bits"), [("nf4", 4.2), ("int8", 8.1)])
def test_memory_is_really_smaller(format: Format, bits: float) -> None:
    layer = quantise_layer(plain(n=768, m=512), format)
    stored = sum(buffer.untyped_storage().nbytes() for buffer in layer.buffers())
    assert stored == layer.bytes
    assert 8 * stored / (768 * 512) < bits


@BOTH
@pytest.mark.parametrize("kind", ["linear", "conv1d"])
def test_the_way_back_is_a_plain_layer_that_computes_the_same(format: Format, kind: str) -> None:
    given = plain(kind)
    layer = quantise_layer(given, format)
    back = layer.dense()
    assert type(back) is type(given)
    assert torch.equal(weight_of(back), weight_of(layer))
    x = torch.randn(4, 70)
    torch.testing.assert_close(back(x), layer(x))
    with torch.no_grad():
        weight_of(back).zero_()
        assert layer.bias is not None
        bias_of(back).zero_()  # pyright: ignore[reportOptionalMemberAccess]
    assert weight_of(layer).any() and layer.bias.any()


@BOTH
@pytest.mark.parametrize("kind", ["linear", "conv1d"])
def test_what_is_added_to_it_is_not_lost(format: Format, kind: str) -> None:
    layer = quantise_layer(plain(kind), format)
    delta = torch.randn(33, 70)
    torch.testing.assert_close(weight_of(plus(layer, delta)), weight_of(layer) + delta)
    assert not isinstance(plain_copy(layer), QuantLinear)


@BOTH
def test_types_and_moves_leave_what_is_stored_alone(format: Format) -> None:
    layer = quantise_layer(plain(), format)
    before = {name: buffer.clone() for name, buffer in layer.named_buffers()}
    exact = layer.dequantised(torch.float32)
    layer.to(torch.bfloat16)
    assert layer.weight.dtype == torch.bfloat16
    assert layer.bias is not None and layer.bias.dtype == torch.bfloat16
    for name, buffer in layer.named_buffers():
        assert torch.equal(buffer, before[name]) and buffer.dtype == before[name].dtype
    assert torch.equal(layer.weight, exact.bfloat16())
    assert layer(torch.randn(3, 70, dtype=torch.bfloat16)).dtype == torch.bfloat16
    assert torch.equal(layer.double().weight, exact.double())
    assert {buffer.device.type for buffer in layer.to("meta").buffers()} == {"meta"}
    assert layer.dtype == torch.float64


@BOTH
def test_under_autocast_it_computes_as_the_dense_layer_does(format: Format) -> None:
    layer = quantise_layer(plain(), format)
    dense = layer.dense()
    assert isinstance(dense, nn.Linear)
    x = torch.randn(4, 70, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        found, expected = layer(x), dense(x)
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, expected)
    (one,), (two,) = torch.autograd.grad(found.sum(), x), torch.autograd.grad(expected.sum(), x)
    assert one.dtype == torch.float32
    assert torch.equal(one, two)


@BOTH
def test_a_run_in_bf16_stores_the_same_numbers(format: Format) -> None:
    layer = quantise_layer(plain(), format)
    exact = layer.dequantised(torch.float32)
    Precision("bf16", "cpu").store(layer)
    assert layer.weight.dtype == torch.bfloat16
    assert torch.equal(layer.dequantised(torch.float32), exact)


@BOTH
def test_copies_and_state_dicts(format: Format) -> None:
    layer = quantise_layer(plain(), format)
    x = torch.randn(4, 70)
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):  # noqa: S301  our own bytes
        assert torch.equal(copied(x), layer(x))
    other = quantise_layer(plain().apply(lambda module: nn.init.normal_(module.weight)), format)  # pyright: ignore
    assert not torch.equal(other(x), layer(x))
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(x), layer(x))


def test_without_a_bias() -> None:
    layer = quantise_layer(plain(bias=False), "nf4")
    assert layer.bias is None and layer.dense().bias is None
    x = torch.randn(4, 70, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad is not None and x.grad.any()
