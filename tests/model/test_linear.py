"""Linear layers and Conv1D look alike: (out, in), whatever their storage."""

import pytest
import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from fewtune.model.linear import (
    bias_of,
    in_features,
    is_linear,
    is_plain_and_frozen,
    is_transposed,
    out_features,
    plus,
    weight_of,
)


def filled(layer: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    for parameter in layer.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator)
    return layer


LAYERS = {
    "linear": lambda: filled(nn.Linear(5, 3)),
    "without_bias": lambda: filled(nn.Linear(5, 3, bias=False)),
    "conv1d": lambda: filled(Conv1D(3, 5)),
}
each = pytest.mark.parametrize("kind", LAYERS)


def applied(layer: nn.Module, x: Tensor) -> Tensor:
    """`x Wᵀ + b` from what the functions under test say."""
    bias = bias_of(layer)
    return x @ weight_of(layer).T + (0 if bias is None else bias)


@each
def test_weight_and_bias_say_what_the_layer_computes(kind: str) -> None:
    layer, x = LAYERS[kind](), torch.randn(4, 5)
    assert is_linear(layer)
    assert (out_features(layer), in_features(layer)) == tuple(weight_of(layer).shape) == (3, 5)
    torch.testing.assert_close(applied(layer, x), layer(x))


def test_only_conv1d_is_transposed() -> None:
    assert {kind: is_transposed(make()) for kind, make in LAYERS.items()} == {
        "linear": False,
        "without_bias": False,
        "conv1d": True,
    }
    assert not is_linear(nn.Embedding(3, 3))
    assert not is_linear(nn.LayerNorm(3))
    assert not is_linear(nn.Conv1d(3, 3, 1))


@each
def test_weight_is_a_view(kind: str) -> None:
    layer = LAYERS[kind]()
    assert weight_of(layer).data_ptr() == layer.get_parameter("weight").data_ptr()


@each
def test_plus_adds_to_a_new_layer_of_the_same_kind(kind: str) -> None:
    layer, x, delta = LAYERS[kind](), torch.randn(4, 5), torch.randn(3, 5)
    before = {name: parameter.clone() for name, parameter in layer.named_parameters()}
    result = plus(layer, delta)
    assert type(result) is type(layer)
    torch.testing.assert_close(result(x), layer(x) + x @ delta.T)
    for name, parameter in result.named_parameters():
        assert parameter.shape == before[name].shape
        parameter.data.zero_()
    for name, parameter in layer.named_parameters():
        assert torch.equal(parameter, before[name]), f"{name} of the layer that was given changed"


def test_a_square_conv1d_is_transposed_too() -> None:
    # Where in = out, a forgotten transposition raises no error (PEFT #3532 corrupted weights silently).
    layer, x, delta = filled(Conv1D(4, 4)), torch.randn(2, 4), torch.randn(4, 4)
    torch.testing.assert_close(plus(layer, delta)(x), layer(x) + x @ delta.T)
    assert not torch.allclose(plus(layer, delta)(x), layer(x) + x @ delta)


def test_the_sum_is_rounded_once() -> None:
    layer = nn.Linear(64, 64, bias=False).to(torch.bfloat16)
    delta = 0.01 * torch.randn(64, 64)
    found = weight_of(plus(layer, delta))
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, (layer.weight.float() + delta).bfloat16())
    assert not torch.equal(found, layer.weight + delta.bfloat16())


@each
def test_plain_and_frozen_is_a_layer_that_nothing_else_happens_in(kind: str) -> None:
    layer = LAYERS[kind]()
    assert not is_plain_and_frozen(layer), "its weight learns"
    assert is_plain_and_frozen(layer.requires_grad_(False))
    handle = layer.register_forward_hook(lambda *_: None)
    assert not is_plain_and_frozen(layer)
    handle.remove()
    layer.weight.requires_grad_(True)
    nn.utils.parametrizations.weight_norm(layer)
    assert not is_plain_and_frozen(layer.requires_grad_(False)), "its weight is formed at each call"


def test_others_are_not_plain() -> None:
    assert not any(is_plain_and_frozen(module) for module in (nn.Embedding(3, 3), nn.Identity(), nn.Sequential()))
