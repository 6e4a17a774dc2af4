"""LoftQ: nearer to the weights than NF4 alone, layer by layer; the factors are the best there are; saved with its base."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from fewtune.adapted import adapt
from fewtune.kernels import nf4
from fewtune.methods.loftq import Loftq, LoftqLinear
from fewtune.model.find import Origin
from fewtune.model.linear import weight_of
from fewtune.model.quantise import quantise, quantised_layers
from fewtune.model.quantised import Nf4Linear
from fewtune.save.folder import load_adapter, save_tuned
from fewtune.testing._probe import any_tokenizer
from models import ARCHITECTURES, tiny_batch, tiny_model


def start(layer: nn.Module) -> np.ndarray:
    """The weight with which training starts."""
    assert isinstance(layer, LoftqLinear)
    return (weight_of(layer.base) + layer.delta()).detach().double().numpy()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("steps", [1, 5])
def test_every_layer_starts_nearer_to_its_weight_than_nf4_alone(architecture: str, steps: int) -> None:
    plain = tiny_model(architecture)
    adapted = adapt(tiny_model(architecture), Loftq(rank=4, steps=steps))
    for path, layer in adapted.layers().items():
        W = weight_of(plain.get_submodule(path)).detach()
        lost = (W - nf4.dequantise(nf4.quantise(W), torch.float32)).double().numpy()
        singular = np.linalg.svd(lost, compute_uv=False)
        bound = np.sqrt((singular[4:] ** 2).sum())
        found = np.linalg.norm(W.double().numpy() - start(layer))
        assert found < np.linalg.norm(lost)
        if steps == 1:  # Eckart and Young: what is left are the other singular values
            assert found == pytest.approx(bound, rel=1e-4)


def test_each_further_step_comes_nearer() -> None:
    torch.manual_seed(0)
    plain = nn.Linear(96, 64)
    errors = []
    for steps in (1, 2, 5):
        layer = LoftqLinear(plain, rank=8, scale=2.0, steps=steps)
        errors.append(np.linalg.norm(plain.weight.detach().double().numpy() - start(layer)))
    assert errors == sorted(errors, reverse=True)
    assert errors[2] < 0.99 * errors[0]


@pytest.mark.parametrize("scale", [1.0, 0.25, 4.0])
def test_two_steps_written_out_in_numpy(scale: float) -> None:
    torch.manual_seed(0)
    plain = nn.Linear(40, 24)
    W, product = plain.weight.detach().double().numpy(), np.zeros((24, 40))
    for _ in range(2):
        Q = nf4.quantise(torch.from_numpy(W - product).float())
        U, S, Vh = np.linalg.svd(W - nf4.dequantise(Q, torch.float64).numpy(), full_matrices=False)
        product = (U[:, :3] * S[:3]) @ Vh[:3]
    layer = LoftqLinear(plain, rank=3, scale=scale, steps=2)
    base = layer.base
    assert isinstance(base, Nf4Linear)
    assert torch.equal(base.packed, Q.packed)
    np.testing.assert_allclose(layer.delta().detach().numpy(), product, atol=1e-6)
    A, B = layer.A.detach().numpy(), layer.B.detach().numpy()
    np.testing.assert_allclose(np.linalg.norm(A, axis=1), np.linalg.norm(B, axis=0), rtol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(A, axis=1) ** 2 * scale, S[:3], rtol=1e-4)


def test_a_rank_beyond_the_width_still_learns_in_every_row() -> None:
    layer = LoftqLinear(nn.Linear(6, 4), rank=7, scale=1.0)
    assert layer.A.abs().sum(dim=1).min() > 0
    layer(torch.randn(5, 6)).square().sum().backward()
    assert layer.B.grad is not None and layer.B.grad.abs().sum(dim=0).min() > 0


def test_layers_that_are_no_targets_are_stored_in_nf4_as_they_are() -> None:
    adapted = adapt(tiny_model("bert"), Loftq(rank=2, targets=("query",)))
    plain = tiny_model("bert")
    quantise(plain, "nf4")
    others = {path: layer for path, layer in quantised_layers(adapted.model).items() if not path.endswith(".base")}
    assert (len(others), len(adapted.layers())) == (10, 2)
    for path, layer in others.items():
        assert torch.equal(layer.weight, weight_of(plain.get_submodule(path)))


@pytest.mark.parametrize("quantised", [False, True])
def test_what_is_saved_holds_the_base_bit_for_bit(tmp_path: Path, quantised: bool) -> None:
    batch = tiny_batch("gpt2")
    adapted = adapt(tiny_model("gpt2"), Loftq(rank=4, steps=3))
    expected = adapted.model.eval()(**batch).logits
    save_tuned(adapted, tmp_path / "adapter", Origin("a/model", None, tmp_path), any_tokenizer())
    about = json.loads((tmp_path / "adapter" / "fewtune.json").read_text(encoding="utf-8"))
    assert about["method"]["name"] == "loftq"
    # Another machine may choose otherwise: what is loaded must not depend on what is chosen again.
    with torch.no_grad():
        other = tiny_model("gpt2")
        for name, parameter in other.named_parameters():
            if name.startswith("transformer.h.") and parameter.dim() == 2:
                parameter.add_(0.01 * torch.randn_like(parameter))
    if quantised:
        quantise(other, "nf4")
    assert torch.equal(load_adapter(other, tmp_path / "adapter").model.eval()(**batch).logits, expected)
