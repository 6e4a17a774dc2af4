"""VeRA against its equation, number for number PEFT's projections, and one pair of them for all layers whatever is done."""

import copy
import pickle

import peft
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from transformers.pytorch_utils import Conv1D

from fewtune.adapted import Adapted, adapt
from fewtune.engine.precision import Precision
from fewtune.methods.vera import Projections, Vera, VeraLinear
from fewtune.model.size import parameters
from models import logits, tiny_batch, tiny_model
from steps import method_losses


def layers_of(adapted: Adapted) -> list[VeraLinear]:
    return [layer for layer in adapted.layers().values() if isinstance(layer, VeraLinear)]


def memories(adapted: Adapted) -> set[int]:
    """Where the projections of all layers lie."""
    return {tensor.untyped_storage().data_ptr() for layer in layers_of(adapted) for tensor in (layer.A, layer.B)}


shapes = st.tuples(*[st.integers(1, 9)] * 3)


@settings(max_examples=40, deadline=None)
@given(shapes, shapes, st.booleans(), st.booleans(), st.integers(0, 1000))
def test_outputs_and_gradients_are_those_of_the_dense_equation(
    shape: tuple[int, int, int], more: tuple[int, int, int], conv1d: bool, bias: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    n, m, r = shape
    base = (Conv1D(m, n) if conv1d else nn.Linear(n, m, bias=bias)).double().requires_grad_(False)
    shared = Projections.drawn(r, n + more[0], m + more[1], seed)
    layer = VeraLinear(base, shared).double().eval()
    nn.init.normal_(layer.b), nn.init.normal_(layer.d)
    b, d = (parameter.detach().clone().requires_grad_(True) for parameter in (layer.b, layer.d))
    W = base.weight.T if isinstance(base, Conv1D) else base.weight
    new = W + torch.diag(b) @ shared.B[:m] @ torch.diag(d) @ shared.A[:, :n]
    x, g = torch.randn(4, n, dtype=torch.float64), torch.randn(4, m, dtype=torch.float64)
    expected = x @ new.T + (0 if base.bias is None else base.bias)
    torch.testing.assert_close(layer(x), expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(layer.merged()(x), expected, rtol=1e-9, atol=1e-9)
    A, B = layer.factors()
    torch.testing.assert_close(base(x) + x @ A.T @ B.T, expected.detach(), rtol=1e-9, atol=1e-9)
    expected.backward(g)
    layer(x).backward(g)
    torch.testing.assert_close(layer.b.grad, b.grad, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(layer.d.grad, d.grad, rtol=1e-9, atol=1e-9)


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
@pytest.mark.parametrize("seed", [0, 7])
def test_the_projections_are_pefts(seed: int) -> None:
    ours = adapt(tiny_model("bert"), Vera(rank=5, seed=seed))
    config = peft.VeraConfig(r=5, target_modules=list(ours.layers()), projection_prng_key=seed)
    theirs = peft.get_peft_model(tiny_model("bert"), config)
    shared = layers_of(ours)[0].shared
    assert torch.equal(shared.A, theirs.base_model.vera_A["default"])
    assert torch.equal(shared.B, theirs.base_model.vera_B["default"])
    assert shared.A.shape == (5, 48) and shared.B.shape == (48, 5)


def test_drawing_them_leaves_the_runs_random_numbers_alone() -> None:
    before = torch.get_rng_state()
    Projections.drawn(3, 4, 5, 0)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("how", ["adapt", "deepcopy", "pickle", "double", "bf16", "stored", "moved"])
def test_all_layers_share_one_pair_whatever_is_done(how: str) -> None:
    adapted = adapt(tiny_model("bert"), Vera(rank=5))
    first = memories(adapted)
    match how:
        case "deepcopy":
            adapted = copy.deepcopy(adapted)
        case "pickle":
            adapted = pickle.loads(pickle.dumps(adapted))  # noqa: S301  our own bytes
        case "double":
            adapted.model.double()
        case "bf16":
            adapted.model.bfloat16()
        case "stored":
            Precision("bf16", "cpu").store(adapted.model)
        case "moved":
            adapted.model.to("cpu")
    assert len(layers_of(adapted)) == 12 and len(memories(adapted)) == 2
    if how in ("deepcopy", "pickle"):
        assert not memories(adapted) & first
    buffers = [name for name, _ in adapted.model.named_buffers() if name.endswith((".A", ".B"))]
    assert len(buffers) == 2  # counted once
    assert all(layer.dtype == torch.float32 for layer in (layers_of(adapted)[0].A,)) == (how not in ("double", "bf16"))


def test_a_merged_model_holds_no_projections() -> None:
    merged = adapt(tiny_model("bert"), Vera(rank=5)).merged()
    assert not any(isinstance(module, Projections) for module in merged.modules())


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_what_learns_and_a_plan_holds_nothing(device: str) -> None:
    model = tiny_model("bert")
    with torch.device(device):
        empty = type(model)(model.config)
    adapted = adapt(empty, Vera(rank=7))
    vectors = {name: tuple(p.shape) for name, p in adapted.trainable().items() if name.endswith((".b", ".d"))}
    assert len(vectors) == 24 and {shape for name, shape in vectors.items() if name.endswith(".d")} == {(7,)}
    assert layers_of(adapted)[0].A.device.type == device
    assert parameters(adapted.model, trainable=True) == sum(shape[0] for shape in vectors.values()) + sum(
        parameter.numel() for parameter in adapted.directly().values()
    )


def test_the_head_learns_at_a_tenth_of_the_vectors_rate() -> None:
    adapted = adapt(tiny_model("bert"), Vera(rank=2))
    factors = {name: adapted.rate_factor(name) for name in adapted.trainable()}
    assert {factor for name, factor in factors.items() if name in adapted.directly()} == {0.1}
    assert {factor for name, factor in factors.items() if name not in adapted.directly()} == {1.0}


def test_another_seed_is_another_model() -> None:
    batch, found = tiny_batch("bert"), []
    for seed in (0, 1):
        adapted = adapt(tiny_model("bert"), Vera(rank=5, seed=seed))
        with torch.no_grad():
            for layer in layers_of(adapted):
                layer.b.fill_(0.5)
        found.append(logits(adapted.model, batch))
    assert float((found[0] - found[1]).abs().max()) > 0.01


def test_load_refuses_other_names_and_shapes() -> None:
    layer = VeraLinear(nn.Linear(4, 5), Projections.drawn(2, 4, 5, 0))
    right = {"b": torch.ones(5), "d": torch.ones(2)}
    for wrong in ({"b": right["b"]}, right | {"d": torch.ones(3)}, right | {"A": torch.ones(1)}):
        with pytest.raises(ValueError, match=r"expected b \(5,\) and d \(2,\)"):
            layer.load(wrong)
    layer.load(right)
    assert all(torch.equal(layer.tensors()[symbol], tensor) for symbol, tensor in right.items())


def test_it_learns() -> None:
    losses = method_losses(Vera(), "bert")
    assert losses[-1] < losses[0] / 2
