"""LoRA against its equation, computed independently with numpy in fp64: W x + b + s B A x."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats
from torch import nn
from transformers.pytorch_utils import Conv1D

from fewtune.adapted import adapt
from fewtune.methods._low_rank import LowRankLinear
from fewtune.methods.lora import Lora
from models import tiny_batch, tiny_model


def linear(n: int, m: int, *, conv1d: bool = False, bias: bool = True) -> nn.Module:
    layer = Conv1D(m, n) if conv1d else nn.Linear(n, m, bias=bias)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    return layer.double()


def wrapped(base: nn.Module, method: Lora) -> LowRankLinear:
    """The layer that `method` builds around `base`, with both factors drawn at random, in fp64, in evaluation mode."""
    layer = method.layer_class(base, rank=method.rank, scale=method.scale, dropout=method.dropout)
    nn.init.normal_(layer.A)
    nn.init.normal_(layer.B)
    return layer.double().eval()


def as_numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().numpy().astype(np.float64)


def expected(base: nn.Module, layer: LowRankLinear, x: torch.Tensor, s: float) -> np.ndarray:
    """Row by row and by the stored arrays: nn.Linear keeps W (m, n), Conv1D its transpose."""
    W = as_numpy(base.weight)
    W = W.T if isinstance(base, Conv1D) else W
    b = as_numpy(base.bias) if base.bias is not None else np.zeros(len(W))
    A, B = as_numpy(layer.A), as_numpy(layer.B)
    return np.stack([W @ row + b + s * (B @ (A @ row)) for row in as_numpy(x)])


shapes = st.tuples(*[st.integers(1, 12)] * 3)


@settings(max_examples=60, deadline=None)
@given(shapes, st.floats(0.1, 64), st.booleans(), st.booleans(), st.booleans(), st.integers(0, 1000))
def test_equation(
    shape: tuple[int, int, int], alpha: float, conv1d: bool, bias: bool, stabilized: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    n, m, r = shape
    base, x = linear(n, m, conv1d=conv1d, bias=bias), torch.randn(4, n, dtype=torch.float64)
    layer = wrapped(base, Lora(rank=r, alpha=alpha, scaling="rank_stabilized" if stabilized else "standard"))
    s = alpha / math.sqrt(r) if stabilized else alpha / r
    y = expected(base, layer, x, s)
    np.testing.assert_allclose(as_numpy(layer(x)), y, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(
        as_numpy(layer.merged()(x)), y, rtol=1e-5, atol=1e-5
    )  # the sum is formed in fp32 or wider


@pytest.mark.parametrize(
    ("scaling", "rank", "alpha", "s"),
    [
        ("standard", 8, 16, 2.0),
        ("standard", 64, 16, 0.25),
        ("standard", 3, 1, 1 / 3),
        ("rank_stabilized", 4, 16, 8.0),
        ("rank_stabilized", 64, 16, 2.0),
        ("rank_stabilized", 1, 16, 16.0),
    ],
)
def test_scale(scaling: str, rank: int, alpha: float, s: float) -> None:
    method = Lora(rank=rank, alpha=alpha, scaling=scaling)
    assert method.scale == s
    layers = adapt(tiny_model("bert"), method).layers().values()
    assert {layer.scale for layer in layers} == {s}


def test_a_512_by_512_layer_at_rank_1_learns_1024_parameters() -> None:
    layer = LowRankLinear(nn.Linear(512, 512).requires_grad_(False), rank=1, scale=1.0)
    assert sum(parameter.numel() for parameter in layer.parameters() if parameter.requires_grad) == 1024


def test_number_of_parameters_is_rank_times_both_widths() -> None:
    adapted = adapt(tiny_model("t5"), Lora(rank=5))
    counted = sum(p.numel() for path, p in adapted.trainable().items() if not path.startswith("classification_head"))
    assert counted == sum(5 * (layer.in_features + layer.out_features) for layer in adapted.layers().values())


@pytest.mark.parametrize("n", [16, 256])
def test_one_factor_starts_uniform_within_one_over_root_n_the_other_at_zero(n: int) -> None:
    """Kaiming-uniform with a = √5 has the bound √(6 / ((1 + a²) n)) = 1/√n."""
    torch.manual_seed(0)
    layer = LowRankLinear(nn.Linear(n, 24), rank=64, scale=1.0)
    A = as_numpy(layer.A).ravel()
    bound = 1 / math.sqrt(n)
    assert np.abs(A).max() <= bound
    assert stats.kstest(A, "uniform", args=(-bound, 2 * bound)).pvalue > 0.01
    assert stats.kstest(A, "uniform", args=(-1.25 * bound, 2.5 * bound)).pvalue < 1e-3  # the test can tell
    assert not layer.B.any()
    assert layer.A.dtype == layer.B.dtype == torch.float32


def test_the_seed_decides_the_start_and_layers_start_differently() -> None:
    def start(seed: int) -> list[torch.Tensor]:
        torch.manual_seed(seed)
        return [layer.tensors()["A"] for layer in adapt(tiny_model("bert"), Lora()).layers().values()]

    assert all(torch.equal(one, other) for one, other in zip(start(3), start(3), strict=True))
    assert not torch.equal(start(3)[0], start(4)[0])
    assert not torch.equal(start(3)[0], start(3)[1])


def test_gradients_at_the_start() -> None:
    """dB = s gᵀ (x Aᵀ) for the gradient g of the output; dA = s Bᵀ gᵀ x is exactly zero while B is."""
    base = linear(6, 5).requires_grad_(False)
    layer = LowRankLinear(base, rank=3, scale=0.5).double()
    x, g = torch.randn(4, 6, dtype=torch.float64), torch.randn(4, 5, dtype=torch.float64)
    layer(x).backward(g)
    assert layer.A.grad is not None and not layer.A.grad.any()
    np.testing.assert_allclose(layer.B.grad, 0.5 * as_numpy(g).T @ as_numpy(x) @ as_numpy(layer.A).T, rtol=1e-10)
    assert base.weight.grad is None
    nn.init.normal_(layer.B)
    layer.zero_grad()
    layer(x).backward(g)
    np.testing.assert_allclose(layer.A.grad, 0.5 * as_numpy(layer.B).T @ as_numpy(g).T @ as_numpy(x), rtol=1e-10)


def test_dropout_hides_inputs_from_the_correction_alone() -> None:
    torch.manual_seed(0)
    base = linear(8, 5)
    layer, x = wrapped(base, Lora(rank=2, dropout=0.5)), torch.randn(3, 8, dtype=torch.float64)
    A, B = as_numpy(layer.A), as_numpy(layer.B)
    layer.train()
    masks = []
    layer.dropout.register_forward_hook(lambda _, inputs, output: masks.append(output / inputs[0]))
    for _ in range(3):
        found = as_numpy(layer(x[:1]))
        kept = as_numpy(x[:1] * masks[-1])
        np.testing.assert_allclose(found, as_numpy(base(x[:1])) + layer.scale * kept @ A.T @ B.T, rtol=1e-9)
    assert set(torch.cat(masks).flatten().tolist()) == {0.0, 2.0}  # hidden, or doubled to make up for it
    layer.eval()
    np.testing.assert_allclose(as_numpy(layer(x)), expected(base, layer, x, layer.scale), rtol=1e-9)


@pytest.mark.parametrize("architecture", ["bert", "gpt2"])
def test_a_whole_model_computes_the_equation_in_each_layer(architecture: str) -> None:
    """Each target's output, heard inside the model, against numpy on the same input; gpt2 stores its weights transposed."""
    torch.manual_seed(0)
    adapted = adapt(tiny_model(architecture), Lora(rank=3, alpha=12))
    heard = {}
    for path, layer in adapted.layers().items():
        nn.init.normal_(layer.B, std=0.2)
        layer.register_forward_hook(lambda _, inputs, output, path=path: heard.update({path: (inputs[0], output)}))
    with torch.no_grad():
        adapted.model(**tiny_batch(architecture))
    assert heard.keys() == adapted.layers().keys()
    for path, (x, y) in heard.items():
        layer = adapted.layers()[path]
        rows = expected(layer.base, layer, x.reshape(-1, x.shape[-1]), 4.0)
        np.testing.assert_allclose(as_numpy(y).reshape(rows.shape), rows, rtol=2e-4, atol=2e-4, err_msg=path)


def test_what_is_wrapped_and_what_learns() -> None:
    adapted = adapt(tiny_model("bert"), Lora(targets=("query", "value")))
    assert list(adapted.layers()) == [
        f"bert.encoder.layer.{block}.attention.self.{name}" for block in range(2) for name in ("query", "value")
    ]
    factors = [f"{path}.{symbol}" for path in adapted.layers() for symbol in "AB"]
    top = [f"{path}.{kind}" for path in ("bert.pooler.dense", "classifier") for kind in ("weight", "bias")]
    assert sorted(adapted.trainable()) == sorted([*factors, *top])


def test_load_refuses_other_names_and_shapes() -> None:
    layer = LowRankLinear(nn.Linear(4, 5), rank=2, scale=1.0)
    A, B = torch.ones(2, 4), torch.ones(5, 2)
    for wrong in ({"A": A}, {"A": A, "B": B, "C": B}, {"A": A.T, "B": B}, {"A": A[:1], "B": B[:, :1]}):
        with pytest.raises(ValueError, match=r"expected A \(2, 4\) and B \(5, 2\)"):
            layer.load(wrong)
    layer.load({"A": A, "B": B})
    assert torch.equal(layer.delta(), torch.full((5, 4), 2.0))


def test_the_layer_reads_like_the_one_it_wraps() -> None:
    layer = LowRankLinear(Conv1D(6, 4), rank=2, scale=0.25)
    assert (layer.in_features, layer.out_features, tuple(layer.weight.shape)) == (4, 6, (6, 4))
    assert layer.bias is layer.base.bias
    assert "rank=2, scale=0.25" in repr(layer)


@pytest.mark.parametrize(
    "options",
    [{"rank": 0}, {"alpha": 0}, {"dropout": 1.0}, {"dropout": -0.1}, {"targets": ()}, {"scaling": "rs"}, {"r": 8}],
    ids=str,
)
def test_options_out_of_range_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Lora(**options)


def test_the_count_of_a_square_layer_at_rank_1() -> None:
    """512 + 512 instead of 512²: 256 times fewer, 4,096 bytes in fp32 (32,768 is the number of bits)."""
    layer = LowRankLinear(nn.Linear(512, 512, bias=False), rank=1, scale=1.0)
    learned, whole = layer.A.numel() + layer.B.numel(), layer.weight.numel()
    assert (learned, whole, whole // learned) == (1024, 262_144, 256)
    assert sum(tensor.nbytes for tensor in layer.tensors().values()) == 4096
