"""Ranks that change in mid-training: the function stays or moves as far as is said, and training goes on as from there."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from engine.runs import FP32
from fewtune.adapted import Adapted, adapt
from fewtune.engine.optim import Optimizer
from fewtune.engine.resize import ranks_for, resize
from fewtune.errors import MethodError
from fewtune.methods._low_rank import LowRankLinear
from fewtune.methods._resize import rank_for, resized
from fewtune.methods.adalora import Adalora
from fewtune.methods.dora import Dora
from fewtune.methods.head import Head
from fewtune.methods.lora import Lora
from fewtune.methods.nb_lora import NbLora
from fewtune.methods.scalora import Scalora
from fewtune.model.find import Origin
from fewtune.save.folder import load_adapter, save_tuned
from fewtune.settings import TrainConfig
from models import logits, tiny_batch, tiny_model, tiny_tokenizer

CONSTANT = TrainConfig(weight_decay=0.0, warmup=0.0, schedule="constant", clip=None)


def take(adapted: Adapted, optimizer: Optimizer, steps: int, first: int = 0) -> None:
    for seed in range(first, first + steps):
        adapted.model.train()(**tiny_batch("bert", seed=seed)).loss.backward()
        optimizer.step(FP32.scaler())


def trained(method: Any, steps: int = 4) -> tuple[Adapted, Optimizer]:
    torch.manual_seed(0)
    adapted = adapt(tiny_model("bert"), method)
    optimizer = Optimizer(adapted, CONSTANT, 1e-2, 100)
    take(adapted, optimizer, steps)
    return adapted, optimizer


def delta(layer: Any) -> np.ndarray:
    return layer.delta().detach().double().numpy()


@pytest.mark.parametrize("kind", [Lora, Dora, Scalora])
def test_growing_leaves_the_function_and_training_goes_on(kind: type[Lora]) -> None:
    adapted, optimizer = trained(kind(rank=2, dropout=0.0))
    before = logits(adapted.model, tiny_batch("bert"))
    assert set(resize(adapted, dict.fromkeys(adapted.layers(), 5), optimizer).values()) == {0.0}
    torch.testing.assert_close(logits(adapted.model, tiny_batch("bert")), before, rtol=1e-6, atol=1e-6)
    take(adapted, optimizer, 4, first=4)
    for layer in adapted.layers().values():
        assert isinstance(layer, LowRankLinear)
        assert (len(layer.A), layer.B.shape[1], layer.scale) == (5, 5, 16 / 2)
        assert np.linalg.matrix_rank((layer.B @ layer.A).detach().numpy(), tol=1e-6) == 5, "the new ranks learn"


def test_new_ranks_start_as_those_of_a_new_layer() -> None:
    """Uniform within one over the root of the width, as LoRA's A starts; and from B = 0."""
    layer = LowRankLinear(nn.Linear(400, 6), rank=2, scale=1.0)
    found = resized(layer, 102)
    fresh = found.A[2:].double().numpy() * 400**0.5
    assert 0.99 < np.abs(fresh).max() <= 1 and np.std(fresh) == pytest.approx(3**-0.5, rel=0.02)
    assert torch.equal(found.A[:2], layer.A.detach()) and not found.B[:, 2:].any()


def test_what_was_there_goes_on_as_if_nothing_had_happened() -> None:
    """For one step the old rows and columns move exactly as they would have without growing."""
    (one, first), (two, second) = trained(Lora(rank=2, dropout=0.0)), trained(Lora(rank=2, dropout=0.0))
    resize(two, dict.fromkeys(two.layers(), 4), second)
    take(one, first, 1, first=9), take(two, second, 1, first=9)
    for path, layer in one.layers().items():
        other = two.layers()[path]
        assert isinstance(layer, LowRankLinear) and isinstance(other, LowRankLinear)
        torch.testing.assert_close(other.A[:2], layer.A, rtol=1e-5, atol=1e-7)
        torch.testing.assert_close(other.B[:, :2], layer.B, rtol=1e-5, atol=1e-7)
        moved = float(other.B[:, 2:].detach().abs().max())
        assert 0 < moved < 0.05, "no first step as large as a fresh Adam's after others have calmed down"


def test_the_moments_of_new_ranks_are_zero_and_the_mean_of_the_others() -> None:
    adapted, optimizer = trained(Lora(rank=2))
    path, layer = next(iter(adapted.layers().items()))
    assert isinstance(layer, LowRankLinear)
    old = optimizer.moments(layer.A), optimizer.moments(layer.B)
    resize(adapted, {path: 3}, optimizer)
    new = optimizer.moments(layer.A), optimizer.moments(layer.B)
    assert all(old) and all(new)
    for axis, (before, after) in enumerate(zip(old, new, strict=True)):
        assert before and after
        assert not after["exp_avg"].select(axis, 2).any()
        torch.testing.assert_close(after["exp_avg"].narrow(axis, 0, 2), before["exp_avg"])
        torch.testing.assert_close(after["exp_avg_sq"].select(axis, 2), before["exp_avg_sq"].mean(axis))


shapes = st.tuples(st.integers(2, 8), st.integers(2, 8), st.integers(2, 6))


@settings(max_examples=50, deadline=None)
@given(shapes, st.integers(1, 5), st.integers(0, 1000))
def test_pruning_is_the_nearest_of_its_rank_and_says_how_far(shape: tuple[int, int, int], rank: int, seed: int) -> None:
    torch.manual_seed(seed)
    m, n, r = shape
    layer = LowRankLinear(nn.Linear(n, m), r, scale=1.7).double()
    nn.init.normal_(layer.B)
    if rank >= r:
        return
    found = resized(layer, rank)
    U, S, V = np.linalg.svd(delta(layer))
    k = min(rank, len(S))
    nearest = (U[:, :k] * S[:k]) @ V[:k]
    np.testing.assert_allclose(1.7 * (found.B @ found.A).numpy(), nearest, atol=1e-8)
    assert found.error == pytest.approx(np.sqrt((S[rank:] ** 2).sum()), abs=1e-8)
    for energy in (0.3, 0.9, 0.999):
        least = rank_for(layer, energy)
        share = np.cumsum(S**2) / (S**2).sum()
        assert share[least - 1] >= energy - 1e-9 and (least == 1 or share[least - 2] < energy)


def test_first_moments_follow_a_pruning_exactly_where_nothing_is_lost() -> None:
    """A rank that was never used is pruned away: the same gradients in the new factors have just these first moments."""
    torch.manual_seed(0)
    layer = LowRankLinear(nn.Linear(6, 5), 3, scale=1.0).double()
    nn.init.normal_(layer.B)
    with torch.no_grad():
        layer.B[:, 2] = layer.B[:, 0] - layer.B[:, 1]  # so that BA has rank 2
        layer.A[2] = layer.A[0] + layer.A[1]
    draw = torch.Generator().manual_seed(1)
    gradients = [torch.randn(5, 6, generator=draw, dtype=torch.float64) for _ in range(3)]

    def moments(A: Tensor, B: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        parameters = [nn.Parameter(A.detach().clone()), nn.Parameter(B.detach().clone())]
        adamw = torch.optim.AdamW(parameters, lr=0.0)
        for G in gradients:
            parameters[0].grad, parameters[1].grad = B.detach().T @ G, G @ A.detach().T
            adamw.step()
        return tuple({name: adamw.state[p][name] for name in ("exp_avg", "exp_avg_sq")} for p in parameters)  # pyright: ignore[reportReturnType]

    found = resized(layer, 2, moments(layer.A, layer.B))
    assert found.error < 1e-9 and found.moments
    expected = moments(found.A, found.B)
    torch.testing.assert_close(found.moments[0]["exp_avg"], expected[0]["exp_avg"])
    torch.testing.assert_close(found.moments[1]["exp_avg"], expected[1]["exp_avg"])
    for mine, theirs in zip(found.moments, expected, strict=True):
        assert (mine["exp_avg_sq"] > 0).all()
        ratio = mine["exp_avg_sq"].mean() / theirs["exp_avg_sq"].mean()
        assert 0.2 < float(ratio) < 5, "of the right size"


def test_a_pruned_model_is_saved_with_its_ranks_and_comes_back(tmp_path: Path) -> None:
    adapted, optimizer = trained(Lora(rank=4, alpha=8, dropout=0.0), steps=6)
    ranks = ranks_for(adapted, 0.9)
    assert len(set(ranks.values())) > 1
    errors = resize(adapted, ranks, optimizer)
    assert all((errors[path] > 0) == (rank < 4) for path, rank in ranks.items())
    take(adapted, optimizer, 2, first=20)
    expected = logits(adapted.model, tiny_batch("bert"))
    save_tuned(adapted, tmp_path / "a", Origin("a/base", None, tmp_path), tiny_tokenizer(), "SEQ_CLS")
    torch.testing.assert_close(
        logits(load_adapter(tiny_model("bert"), tmp_path / "a").model, tiny_batch("bert")), expected
    )


def test_more_energy_keeps_more_and_the_errors_add_up_to_what_is_lost() -> None:
    adapted, _ = trained(Lora(rank=4, dropout=0.0), steps=6)
    before = {path: delta(layer) for path, layer in adapted.layers().items()}
    kept = [sum(ranks_for(adapted, energy).values()) for energy in (0.5, 0.9, 0.99, 1.0)]
    assert kept == sorted(kept) and kept[0] < kept[-1]
    for path, error in resize(adapted, ranks_for(adapted, 0.9)).items():
        assert np.linalg.norm(delta(adapted.layers()[path]) - before[path]) == pytest.approx(error, abs=1e-5)
        assert error**2 <= 0.1 * np.linalg.norm(before[path]) ** 2 + 1e-6


@pytest.mark.parametrize("method", [Adalora(), NbLora(), Head()])
def test_where_more_than_the_product_counts_it_is_refused(method: Any) -> None:
    adapted = adapt(tiny_model("bert"), method)
    with pytest.raises(MethodError, match="cannot be given another rank"):
        resize(adapted, {next(iter(adapted.layers()), "classifier"): 2})
    with pytest.raises(MethodError, match="cannot be given another rank"):
        resize(adapt(tiny_model("bert"), Lora()), {"classifier": 2})
