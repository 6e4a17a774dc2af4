"""LoRA-GA: its gradient is autograd's, its start the authors', and its first step goes where full fine-tuning would go."""

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from fewtune.adapted import adapt
from fewtune.errors import MethodError
from fewtune.methods._moved import MovedLinear
from fewtune.methods.lora_ga import LoraGa, gradient_factors, gradients
from models import logits, tiny_batch, tiny_model
from steps import losses


def weight_gradients(model: PreTrainedModel, paths: list[str], batches: list[dict[str, torch.Tensor]]) -> dict:
    """By autograd, as (out, in), summed over the batches."""
    model.eval().zero_grad()
    for batch in batches:
        model(**batch).loss.backward()
    found = {path: model.get_parameter(f"{path}.weight").grad for path in paths}
    return {path: G.T if "Conv1D" in type(model.get_submodule(path)).__name__ else G for path, G in found.items()}


@pytest.mark.parametrize("architecture", ["bert", "gpt2", "llama", "t5_gated", "modernbert"])
def test_the_gradient_is_autograds(architecture: str) -> None:
    batches = [tiny_batch(architecture, seed=seed) for seed in (0, 1)]
    paths = list(adapt(tiny_model(architecture), LoraGa(rank=2), batches).layers())
    expected = weight_gradients(tiny_model(architecture), paths, batches)
    frozen = tiny_model(architecture).requires_grad_(False)
    with gradients(frozen, paths) as found:
        for batch in batches:
            frozen(**batch).loss.backward()
    assert set(found) == set(paths)
    for path in paths:
        torch.testing.assert_close(found[path], expected[path], rtol=1e-4, atol=1e-5)
    assert not any(module._forward_hooks for module in frozen.modules())
    assert all(parameter.grad is None for parameter in frozen.parameters())


def test_the_start_is_the_authors() -> None:
    """`ArB2r`, `stable`: A from the first r right singular vectors, B from the next r left ones, both times m^¼ / √γ."""
    torch.manual_seed(0)
    G = torch.randn(12, 9)
    A, B = gradient_factors(G, 3, 16.0)
    U, S, Vh = np.linalg.svd(G.numpy().astype(np.float64), full_matrices=False)
    c = 12**0.25 / 4
    np.testing.assert_allclose(np.abs(np.einsum("ij,ij->i", A.numpy(), Vh[:3])), [c] * 3, rtol=1e-5)
    np.testing.assert_allclose(np.abs(np.einsum("ij,ij->j", B.numpy(), U[:, 3:6])), [c] * 3, rtol=1e-5)
    # Theorem 3.1: a step of gradient descent on A and B moves BA by G seen through both, which is G's best rank-2r part.
    step = (B @ B.T @ G + G @ A.T @ A).numpy() / c**2
    np.testing.assert_allclose(step, U[:, :6] * S[:6] @ Vh[:6], atol=1e-4)


def test_a_gradient_of_few_directions_leaves_the_rest_as_in_lora() -> None:
    A, B = gradient_factors(torch.randn(5, 4), 3, 16.0)
    assert A.shape == (3, 4) and B.shape == (5, 1)


@pytest.mark.parametrize("architecture", ["bert", "t5"])
def test_each_layer_begins_at_its_own_gradient(architecture: str) -> None:
    batches = [tiny_batch(architecture, seed=seed) for seed in range(3)]
    method = LoraGa(rank=2, batches=2, gamma=4)
    adapted = adapt(tiny_model(architecture).train(), method, batches)
    assert adapted.model.training
    expected = weight_gradients(tiny_model(architecture), list(adapted.layers()), batches[:2])
    for path, layer in adapted.layers().items():
        assert isinstance(layer, MovedLinear)
        A, B = gradient_factors(expected[path], 2, 4)
        torch.testing.assert_close((layer.A @ A.T).abs(), A @ A.T, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close((layer.B.T @ B).abs(), B.T @ B, rtol=1e-3, atol=1e-3)
    assert torch.equal(logits(adapted.model, batches[0]), logits(tiny_model(architecture), batches[0]))


def test_a_loss_of_ones_own_decides_and_batches_may_come_one_by_one() -> None:
    batch = {name: value for name, value in tiny_batch("bert").items() if name != "labels"}
    seen: list[int] = []

    def loss(model: PreTrainedModel, batch: dict) -> torch.Tensor:
        seen.append(1)
        return model(**batch).logits[:, 2].sum()

    adapted = adapt(tiny_model("bert"), LoraGa(rank=2, batches=3), iter([batch, batch]), loss)
    assert len(seen) == 2
    assert "BertForSequenceClassification" in type(adapted.model).__name__


def test_without_batches_it_says_what_to_do_and_the_model_stays() -> None:
    model = tiny_model("bert")
    for batches in (None, []):
        with pytest.raises(MethodError, match=r"'lora_ga' looks at 8 training batches.*batches="):
            adapt(model, LoraGa(), batches)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_the_same_batches_give_the_same_start_and_no_random_number_is_drawn_for_it() -> None:
    starts, states = [], []
    for _ in range(2):
        torch.manual_seed(3)
        adapted = adapt(tiny_model("bert"), LoraGa(rank=2), [tiny_batch("bert")])
        starts.append({name: tensor.clone() for name, tensor in adapted.tensors().items()})
        states.append(torch.get_rng_state())
    assert all(torch.equal(starts[0][name], starts[1][name]) for name in starts[0])
    assert torch.equal(*states)


def test_it_learns() -> None:
    model, batch = tiny_model("bert"), tiny_batch("bert")
    learning = adapt(model, LoraGa(), [batch]).trainable().values()
    found = losses(lambda: model(**batch).loss, learning, rate=LoraGa().default_learning_rate(32), steps=19)
    assert found[-1] < found[0] / 2
