"""NB-LoRA: no singular value above its bound, every correction within it reachable, and the map computed once a step."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn

from engine.runs import FP32, make_loop, reviews
from fewtune.adapted import Adapted, adapt
from fewtune.engine.optim import Optimizer
from fewtune.errors import MethodError
from fewtune.kernels.cayley import cayley
from fewtune.methods import nb_lora
from fewtune.methods.nb_lora import NbLora, NormBoundedLinear
from fewtune.settings import TrainConfig
from models import ARCHITECTURES, tiny_batch, tiny_model


def layer_of(n: int, m: int, rank: int, *, seed: int = 0, size: float = 1.0, scale: float = 1.0) -> NormBoundedLinear:
    """A layer in fp64 whose free parameters are drawn at random."""
    torch.manual_seed(seed)
    layer = NormBoundedLinear(nn.Linear(n, m).requires_grad_(False), rank, scale).double().eval()
    nn.init.normal_(layer.A, std=size)
    nn.init.normal_(layer.B, std=size)
    return layer


def singular(layer: NormBoundedLinear) -> np.ndarray:
    return np.linalg.svd(layer.delta().detach().double().numpy(), compute_uv=False)


def test_500_random_draws_keep_every_singular_value_within_its_bound() -> None:
    """And they come near it, or the bound would say nothing."""
    nearest, draw = 0.0, np.random.default_rng(0)
    for seed in range(500):
        n, m = (int(size) for size in draw.integers(1, 40, 2))
        rank, bound = int(draw.integers(1, n + 1)), float(10 ** draw.uniform(-3, 3))
        layer = layer_of(n, m, rank, seed=seed, size=float(10 ** draw.uniform(-2, 2)), scale=bound)
        ratio = singular(layer).max() / bound
        assert ratio <= 1 + 1e-9, (n, m, rank, bound)
        nearest = max(nearest, ratio)
    assert nearest > 0.999


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 9), st.integers(2, 9), st.data())
def test_every_correction_within_the_bound_can_be_reached(n: int, m: int, data: st.DataObject) -> None:
    """A = cos Θ Vᵀ, B = sin Θ Uᵀ with sin 2θ_j = σ_j / s_j; the free parameters by inverting the map."""
    rank = data.draw(st.integers(1, min(n, m)))
    sigma = torch.tensor(data.draw(st.lists(st.floats(0.01, 0.99), min_size=rank, max_size=rank))).double()
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 1000)))
    U, V = (torch.linalg.qr(torch.randn(k, rank, generator=generator, dtype=torch.float64))[0] for k in (m, n))
    target = U @ torch.diag(sigma) @ V.T
    theta = torch.asin(sigma) / 2
    G = torch.cat([V * theta.cos(), U * theta.sin()])
    # The columns' signs are free; among all of them choose the one whose upper square is best to invert.
    signs = torch.tensor([[1.0 if bits >> j & 1 else -1.0 for j in range(rank)] for bits in range(2**rank)]).double()
    unit = torch.eye(rank, dtype=torch.float64)
    G = max((G * sign for sign in signs), key=lambda each: torch.linalg.svdvals(unit + each[:rank]).min())
    M = (unit + G[:rank]) / 2
    Z = torch.linalg.inv(M) - unit
    F = torch.cat([(Z - Z.T) / 4, -G[rank:] @ torch.linalg.inv(M) / 2])
    torch.testing.assert_close(cayley(F), G, rtol=1e-6, atol=1e-6)
    layer = layer_of(n, m, rank)
    layer.load({"A": F[:n].T, "B": F[n:]})
    torch.testing.assert_close(layer.delta(), target, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("norm", "order"), [("spectral", 2), ("frobenius", "fro"), ("nuclear", "nuc")])
def test_the_bound_is_on_the_norm_that_was_asked_for(norm: str, order: int | str) -> None:
    found = []
    for seed in range(60):
        scale = NbLora(rank=3, bound=0.7, norm=norm).scale_at(3)  # pyright: ignore[reportArgumentType]
        delta = layer_of(9, 8, 3, seed=seed, size=0.3 + seed / 40, scale=scale).delta().detach().numpy()
        found.append(np.linalg.norm(delta, order))  # pyright: ignore[reportArgumentType, reportCallIssue]
    assert 0.6 < max(found) <= 0.7 * (1 + 1e-9)


def test_it_starts_as_the_base_with_orthonormal_rows() -> None:
    torch.manual_seed(0)
    layer = NormBoundedLinear(nn.Linear(30, 20), rank=5, scale=1.0)
    A, B = layer.factors()
    assert not B.any()
    torch.testing.assert_close(A @ A.T, torch.eye(5), rtol=0, atol=1e-5)


def test_the_equation_and_the_plain_lora_that_equals_it() -> None:
    layer = layer_of(7, 6, 3, scale=0.4)
    x = torch.randn(5, 7, dtype=torch.float64)
    G = cayley(torch.cat([layer.A.T, layer.B])).detach()
    expected = layer.base(x) + x @ (2 * 0.4 * G[7:] @ G[:7].T).T
    torch.testing.assert_close(layer(x), expected)
    torch.testing.assert_close(layer.merged()(x), expected)
    A, B = layer.factors()
    torch.testing.assert_close(layer.base(x) + x @ A.T @ B.T, expected)


RUNAWAY = TrainConfig(weight_decay=0.0, warmup=0.0, schedule="constant", clip=None)


@pytest.mark.parametrize("architecture", ["bert", "gpt2", "t5"])
def test_a_run_at_learning_rate_10_keeps_the_bound_at_every_step(architecture: str) -> None:
    adapted = adapt(tiny_model(architecture), NbLora(rank=3, bound=0.5, dropout=0.0))
    optimizer, largest = Optimizer(adapted, RUNAWAY, 10.0, steps=20), 0.0
    for _ in range(20):
        adapted.model.train()(**tiny_batch(architecture)).loss.backward()
        optimizer.step(FP32.scaler())
        for layer in adapted.layers().values():
            assert isinstance(layer, NormBoundedLinear)
            assert layer.A.isfinite().all() and layer.B.isfinite().all()
            largest = max(largest, float(singular(layer).max()))
    assert largest <= 0.5 * (1 + 1e-5)
    assert max(float(p.detach().abs().max()) for name, p in adapted.trainable().items() if name.endswith(".B")) > 10


def passes(adapted: Adapted, batches: int) -> Optimizer:
    """Two steps over so many micro-batches each."""
    optimizer = Optimizer(adapted, TrainConfig(clip=0.3), 1e-2, steps=10)
    for _ in range(2):
        for seed in range(batches):
            (adapted.model.train()(**tiny_batch("bert", seed=seed)).loss / batches).backward()
        optimizer.step(FP32.scaler())
    return optimizer


def test_the_map_is_computed_once_a_step_and_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    held, plain = (adapt(tiny_model("bert"), NbLora(rank=2, dropout=0.0)) for _ in range(2))
    plain.load(held.tensors())
    for layer in plain.layers().values():
        assert isinstance(layer, NormBoundedLinear)
        monkeypatch.setattr(layer, "hold", lambda: None)
    counts = {"forward": 0, "graph": 0}
    for name, what in (("forward", "cayley_forward"), ("graph", "cayley")):
        real = getattr(nb_lora, what)

        def counted(*tensors: Tensor, real: object = real, name: str = name) -> object:
            counts[name] += 1
            return real(*tensors)  # pyright: ignore[reportCallIssue]

        monkeypatch.setattr(nb_lora, what, counted)
    layers = len(held.layers())
    passes(held, batches=3)
    assert counts == {"forward": 2 * layers, "graph": 3 * layers}, "in the first step nothing is held yet"
    passes(plain, batches=3)
    for name, parameter in held.trainable().items():
        torch.testing.assert_close(parameter, plain.trainable()[name], rtol=1e-4, atol=1e-6, msg=name)


def test_a_held_map_serves_no_other_parameters() -> None:
    layer = layer_of(6, 5, 2).train()
    layer.hold()
    x = torch.randn(3, 6, dtype=torch.float64)
    before = layer(x)
    with torch.no_grad():
        layer.A.add_(1.0)
    assert not torch.allclose(layer(x), before)
    layer.hold()
    layer.load({"A": torch.ones(2, 6), "B": torch.zeros(5, 2)})
    torch.testing.assert_close(layer(x), layer.base(x))


def test_evaluation_between_two_steps_sees_the_parameters_as_they_are(tmp_path: Path) -> None:
    """A whole run, its evaluations included: what is kept at the end computes what was judged best."""
    judged: list[float] = []
    loop = make_loop(
        tmp_path,
        train=reviews(40),
        method=NbLora(rank=2),
        epochs=2,
        emit=lambda event: judged.append(event.loss or math.nan) if event.kind == "evaluation" else None,
    )
    loop.run()
    assert loop._outputs(loop.validation).loss == pytest.approx(judged[loop.progress.best_epoch - 1], rel=1e-6)
    assert len(set(judged)) == 2


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_factors_that_count_never_pass_the_bound_in_a_model(architecture: str) -> None:
    adapted = adapt(tiny_model(architecture), NbLora(rank=2, bound=0.1))
    for parameter in adapted.trainable().values():
        parameter.data.normal_(std=3.0)
    for layer in adapted.layers().values():
        assert isinstance(layer, NormBoundedLinear)
        assert singular(layer).max() <= 0.1 * (1 + 1e-5)


@pytest.mark.parametrize("options", [{"alpha": 32}, {"scaling": "rank_stabilized"}, {"rate_ratio": 4}, {"bound": 0}])
def test_what_would_move_the_bound_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        NbLora(**options)  # pyright: ignore[reportArgumentType]


def test_a_rank_above_the_inputs_of_a_layer_is_refused() -> None:
    with pytest.raises(MethodError, match=r"method.rank=40 is above the 32 inputs of"):
        adapt(tiny_model("bert"), NbLora(rank=40))
