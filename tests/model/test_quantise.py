"""A whole model in few bits: which layers, how many bytes, the same on an empty model, and the way back."""

import copy

import pytest
import torch
from torch import nn

from fewtune.adapted import adapt
from fewtune.methods.lora import Lora
from fewtune.model.anatomy import Anatomy
from fewtune.model.quantise import dequantised, quantise, quantised_layers, stored
from fewtune.model.quantised import Format
from fewtune.model.size import parameters
from models import ARCHITECTURES, tiny_batch, tiny_model


def storages(model: nn.Module) -> int:
    """Bytes of all parameters and buffers, shared memory once."""
    tensors = [*model.parameters(), *model.buffers()]
    return sum({tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}.values())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("format", ["nf4", "int8"])
def test_all_linear_layers_of_the_blocks_and_nothing_else(architecture: str, format: Format) -> None:
    model = tiny_model(architecture)
    inside = {layer.path for layer in Anatomy(model).layers if layer.block is not None}
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    layers = Anatomy(model).layers
    batch = tiny_batch(architecture)
    exact = model(**batch).logits
    quantise(model, format)
    assert set(quantised_layers(model)) == inside
    assert Anatomy(model).layers == layers
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name])
    gone = {name for name in before if name not in dict(model.named_parameters())}
    assert gone == {f"{path}.weight" for path in inside}
    assert parameters(model) == sum(parameter.numel() for parameter in before.values())
    near = model(**batch).logits
    assert not torch.equal(near, exact)
    again = copy.deepcopy(quantised_layers(model))
    quantise(model, format)
    assert all(torch.equal(again[path].weight, layer.weight) for path, layer in quantised_layers(model).items())
    # Back to a plain model of the same modules that computes the same.
    back = dequantised(model)
    assert [type(module) for module in back.modules()] == [
        type(module) for module in tiny_model(architecture).modules()
    ]
    torch.testing.assert_close(back(**batch).logits, near, rtol=1e-3, atol=1e-3)
    assert quantised_layers(model) and not quantised_layers(back)


@pytest.mark.parametrize("format", ["nf4", "int8"])
def test_the_bytes_that_are_said_are_those_that_are_saved(format: Format) -> None:
    model = tiny_model("bert")
    before = storages(model)
    with torch.device("meta"):
        empty = type(model)(copy.deepcopy(model.config))
    quantise(model, format)
    quantise(empty, format)
    said = stored(model, torch.float32)
    assert said is not None
    assert said == stored(empty, torch.float32)
    assert (said.format, said.layers) == (format, 12)
    assert said.weights == 2 * (4 * 32 * 32 + 2 * 32 * 48)
    assert before - storages(model) == said.bytes_before - said.bytes
    assert said.bytes_before == 4 * said.weights
    assert said.bytes < said.weights * {"nf4": 0.54, "int8": 1.14}[format]  # small layers, so scales weigh more
    assert parameters(empty) == parameters(model)
    assert stored(tiny_model("bert"), torch.float32) is None


def test_an_adapted_model_merges_into_a_plain_one() -> None:
    batch = tiny_batch("gpt2")
    adapted = adapt(tiny_model("gpt2"), Lora(rank=4), quantize="nf4")
    with torch.no_grad():
        for parameter in adapted.trainable().values():
            parameter.add_(0.1 * torch.randn_like(parameter))
    adapted.model.double()
    expected = adapted.model.eval()(**batch).logits
    merged = adapted.merged()
    assert [type(module) for module in merged.modules()] == [type(module) for module in tiny_model("gpt2").modules()]
    torch.testing.assert_close(merged(**batch).logits, expected, rtol=1e-6, atol=1e-6)
    assert quantised_layers(adapted.model)
