"""DoRA against its equation, computed densely and by autograd in fp64, and against PEFT's layer."""

import numpy as np
import peft
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from fewtune.adapted import adapt
from fewtune.methods.dora import Dora, DoraLinear
from fewtune.methods.lora import Lora
from models import tiny_batch, tiny_model


def base_of(n: int, m: int, *, conv1d: bool = False, bias: bool = True) -> nn.Module:
    base = Conv1D(m, n) if conv1d else nn.Linear(n, m, bias=bias)
    for parameter in base.parameters():
        nn.init.normal_(parameter)
    return base.double().requires_grad_(False)


def layer_of(base: nn.Module, rank: int = 2, scale: float = 0.7, dropout: float = 0.0) -> DoraLinear:
    """A layer in fp64 and evaluation mode with everything that it learns drawn at random."""
    layer = DoraLinear(base, rank, scale, dropout).double().eval()
    for parameter in (layer.A, layer.B, layer.magnitude):
        nn.init.normal_(parameter)
    return layer


def dense(layer: DoraLinear, x: Tensor, A: Tensor, B: Tensor, m: Tensor, *, constant: bool = True) -> Tensor:
    """The paper's equation 5 word by word: the new weight as a whole, and one product with it."""
    W = layer.base.weight.T if isinstance(layer.base, Conv1D) else layer.base.weight
    V = W + layer.scale * B @ A
    length = torch.sqrt((V * V).sum(dim=1, keepdim=True))
    new = m[:, None] * V / (length.detach() if constant else length)
    return x @ new.T + (0 if layer.base.bias is None else layer.base.bias)


shapes = st.tuples(*[st.integers(1, 9)] * 3)


@settings(max_examples=60, deadline=None)
@given(shapes, st.floats(0.1, 8), st.booleans(), st.booleans(), st.integers(0, 1000))
def test_outputs_and_gradients_are_those_of_the_dense_equation(
    shape: tuple[int, int, int], scale: float, conv1d: bool, bias: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    n, m, r = shape
    layer = layer_of(base_of(n, m, conv1d=conv1d, bias=bias), r, scale)
    x, g = torch.randn(4, n, dtype=torch.float64, requires_grad=True), torch.randn(4, m, dtype=torch.float64)
    learned = (layer.A, layer.B, layer.magnitude)
    copies = [tensor.detach().clone().requires_grad_(True) for tensor in (x, *learned)]
    expected = dense(layer, *copies)
    found = layer(x)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(layer.merged()(x), expected, rtol=1e-9, atol=1e-9)
    expected.backward(g)
    found.backward(g)
    for tensor, copy in zip((x, *learned), copies, strict=True):
        torch.testing.assert_close(tensor.grad, copy.grad, rtol=1e-8, atol=1e-8)


def test_the_norm_counts_as_constant_in_the_backward_pass_and_that_makes_a_difference() -> None:
    torch.manual_seed(0)
    layer, x = layer_of(base_of(6, 5)), torch.randn(4, 6, dtype=torch.float64)
    gradients = []
    for constant in (True, False):
        A, B, m = (t.detach().clone().requires_grad_(True) for t in (layer.A, layer.B, layer.magnitude))
        dense(layer, x, A, B, m, constant=constant).square().sum().backward()
        gradients.append(B.grad)
    layer(x).square().sum().backward()
    torch.testing.assert_close(layer.B.grad, gradients[0])
    assert not torch.allclose(gradients[0], gradients[1], rtol=0.1)


@pytest.mark.parametrize("conv1d", [False, True])
def test_it_starts_as_the_base_with_the_lengths_of_its_rows(conv1d: bool) -> None:
    base = base_of(6, 4, conv1d=conv1d)
    layer = DoraLinear(base, rank=2, scale=2.0).double()
    rows = base.weight.numpy() if not conv1d else base.weight.numpy().T
    np.testing.assert_allclose(layer.magnitude.detach(), np.sqrt((rows**2).sum(axis=1)), rtol=1e-6)
    x = torch.randn(3, 6, dtype=torch.float64)
    torch.testing.assert_close(layer(x), base(x), rtol=1e-6, atol=1e-6)


def test_the_rows_of_the_merged_weight_are_as_long_as_their_magnitudes() -> None:
    layer = layer_of(base_of(7, 5, conv1d=True))
    rows = layer.merged().get_parameter("weight").T
    torch.testing.assert_close(rows.norm(dim=1), layer.magnitude.abs())


def test_a_row_of_zeros_stays_one_and_nothing_becomes_nan() -> None:
    base = base_of(6, 4)
    with torch.no_grad():
        base.get_parameter("weight")[1] = 0
    layer, x = DoraLinear(base, rank=2, scale=2.0).double(), torch.randn(3, 6, dtype=torch.float64)
    torch.testing.assert_close(layer(x), base(x), rtol=1e-6, atol=1e-6)
    layer(x).square().sum().backward()
    for parameter in (layer.A, layer.B, layer.magnitude):
        assert parameter.grad is not None and parameter.grad.isfinite().all()
    assert layer.merged().get_parameter("weight").isfinite().all()


def test_dropout_hides_inputs_from_all_that_was_learned_and_leaves_the_base() -> None:
    """y = W x + b + (W' − W) x̃, as in PEFT."""
    torch.manual_seed(0)
    base = base_of(8, 5)
    layer, x = layer_of(base, dropout=0.5).train(), torch.randn(3, 8, dtype=torch.float64)
    masks: list[Tensor] = []
    layer.dropout.register_forward_hook(lambda _, inputs, output: masks.append(output / inputs[0]))
    found = layer(x)
    assert set(masks[0].flatten().tolist()) == {0.0, 2.0}
    learned = (layer.A, layer.B, layer.magnitude)
    change = dense(layer, x * masks[0], *learned) - base(x * masks[0])
    torch.testing.assert_close(found, base(x) + change, rtol=1e-9, atol=1e-9)


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
@pytest.mark.parametrize("architecture", ["bert", "gpt2"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_gradients_in_a_model_are_pefts(architecture: str, dropout: float) -> None:
    """In training mode, dropout included: the same random numbers hide the same inputs."""
    ours = adapt(tiny_model(architecture), Dora(rank=3, alpha=6, dropout=dropout))
    options = {
        "r": 3,
        "lora_alpha": 6,
        "lora_dropout": dropout,
        "use_dora": True,
        "fan_in_fan_out": architecture == "gpt2",
    }
    theirs = peft.get_peft_model(
        tiny_model(architecture), peft.LoraConfig(target_modules=list(ours.layers()), **options)
    )
    torch.manual_seed(1)
    pairs = []
    for path, layer in ours.layers().items():
        assert isinstance(layer, DoraLinear)
        for parameter in (layer.A, layer.B, layer.magnitude):
            nn.init.normal_(parameter, mean=float(parameter is layer.magnitude), std=0.2)
        other = theirs.get_submodule(f"base_model.model.{path}")
        same = (
            other.lora_A["default"].weight,
            other.lora_B["default"].weight,
            other.lora_magnitude_vector["default"].weight,
        )
        for parameter, twin in zip((layer.A, layer.B, layer.magnitude), same, strict=True):
            twin.data.copy_(parameter.data)
            pairs.append((parameter, twin))
    losses = []
    for model in (ours.model.double(), theirs.double()):
        torch.manual_seed(2)
        losses.append(model.train()(**tiny_batch(architecture)).loss)
        losses[-1].backward()
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-6, atol=1e-6)
    for parameter, twin in pairs:
        torch.testing.assert_close(parameter.grad, twin.grad, rtol=1e-4, atol=1e-5)


def test_what_learns() -> None:
    """LoRA's factors and one number for each output."""
    lora, dora = (adapt(tiny_model("bert"), kind(rank=2)) for kind in (Lora, Dora))
    extra = dora.trainable().keys() - lora.trainable().keys()
    assert extra == {f"{path}.magnitude" for path in dora.layers()}
    assert {path: tuple(dora.trainable()[f"{path}.magnitude"].shape) for path in dora.layers()} == {
        path: (layer.out_features,) for path, layer in lora.layers().items()
    }
    assert all(dora.trainable()[name].dtype == torch.float32 for name in extra)


def test_the_norm_is_exact_under_autocast() -> None:
    """In bf16 the product B A alone would be off by 0.4 %, and so would the length of every row."""
    torch.manual_seed(0)
    layer = layer_of(base_of(64, 8), scale=5.0).float()
    exact = layer.norm()
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(layer.norm(), exact, rtol=1e-6, atol=0)


def test_load_refuses_other_names_and_shapes() -> None:
    layer = DoraLinear(nn.Linear(4, 5), rank=2, scale=1.0)
    right = {"A": torch.ones(2, 4), "B": torch.ones(5, 2), "m": torch.ones(5)}
    for wrong in ({"A": right["A"], "B": right["B"]}, right | {"m": torch.ones(4)}, right | {"C": torch.ones(1)}):
        with pytest.raises(ValueError, match=r"expected A \(2, 4\) and B \(5, 2\) and m \(5,\)"):
            layer.load(wrong)
    layer.load(right)
    assert all(torch.equal(layer.tensors()[symbol], tensor) for symbol, tensor in right.items())
