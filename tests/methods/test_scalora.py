"""ScaLoRA's eight invariants, its closed forms against independent solvers, and runs in which the rank grows."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.optimize import minimize, nnls
from torch import Tensor, nn

from engine.runs import FP32, make_loop, reviews
from fewtune.adapted import Adapted, adapt
from fewtune.engine.optim import Optimizer
from fewtune.methods import scalora
from fewtune.methods.lora import Lora
from fewtune.methods.scalora import Rescale, ScaledLinear, Scalora, scales
from fewtune.model.edits import Moment
from fewtune.settings import TrainConfig
from models import tiny_batch, tiny_model

PLAIN = TrainConfig(weight_decay=0.0, warmup=0.0, schedule="constant", clip=None)


class Problem:
    """A random layer with a random gradient G of its whole weight, in fp64."""

    def __init__(self, seed: int, m: int = 9, n: int = 8, r: int = 3, scale: float = 1.5) -> None:
        torch.manual_seed(seed)
        self.layer = ScaledLinear(nn.Linear(n, m).requires_grad_(False), r, scale).double().eval()
        nn.init.normal_(self.layer.A)
        nn.init.normal_(self.layer.B)
        self.G = torch.randn(m, n, dtype=torch.float64)
        self.grad_A = scale * self.layer.B.detach().T @ self.G
        self.grad_B = scale * self.G @ self.layer.A.detach().T

    def scales(self, kappa: float) -> tuple[Tensor, Tensor] | None:
        layer = self.layer
        return scales(layer.B.detach(), layer.A.detach(), self.grad_B, self.grad_A, kappa * layer.scale**2)

    def design(self, scalar: bool = False) -> np.ndarray:
        """The columns vec(∂/∂α_k²) and vec(∂/∂β_k²) of B̃B̃ᵀG + G ÃᵀÃ, s² inside: the problem as least squares."""
        A, B, G = (tensor.detach().numpy() for tensor in (self.layer.A, self.layer.B, self.G))
        left = [np.outer(B[:, k], B[:, k]) @ G for k in range(B.shape[1])]
        right = [G @ np.outer(A[k], A[k]) for k in range(len(A))]
        columns = [sum(left), sum(right)] if scalar else left + right
        return self.layer.scale**2 * np.stack([np.ravel(column) for column in columns], axis=1)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.floats(0.1, 10))
def test_5_the_closed_form_is_the_non_negative_least_squares_solution(seed: int, r: int, kappa: float) -> None:
    problem = Problem(seed, r=r)
    found = problem.scales(kappa)
    expected, _ = nnls(kappa * problem.design(), problem.G.numpy().ravel())
    if found is not None and (expected > 1e-9).all():
        squares = torch.cat(found).square().numpy()
        np.testing.assert_allclose(squares, expected, rtol=1e-6)


def test_5_most_random_problems_have_a_column_solution() -> None:
    solved = [nnls(Problem(seed).design(), Problem(seed).G.numpy().ravel())[0].min() > 1e-9 for seed in range(50)]
    assert sum(solved) > 25, "else the property above would compare little"


def disagreeing() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Two nearly equal columns: the unrestricted solution has a negative part."""
    for seed in range(200):
        problem = Problem(seed, r=2)
        problem.layer.B.data[:, 1] = problem.layer.B.data[:, 0] + 0.05 * problem.layer.B.data[:, 1]
        problem.layer.A.data[1] = problem.layer.A.data[0] + 0.05 * problem.layer.A.data[1]
        A, B = problem.layer.A.detach(), problem.layer.B.detach()
        s = problem.layer.scale
        grad_A, grad_B = s * B.T @ problem.G, s * problem.G @ A.T
        solution = np.linalg.lstsq(problem.design(), problem.G.numpy().ravel(), rcond=None)[0]
        single = nnls(problem.design(scalar=True), problem.G.numpy().ravel())[0]
        if solution.min() < -1e-3 and single.min() > 1e-3:
            np.testing.assert_allclose(
                np.sort(single),
                np.sort(np.linalg.lstsq(problem.design(True), problem.G.numpy().ravel(), rcond=None)[0]),
            )
            found = scales(B, A, grad_B, grad_A, 2.0 * s**2)
            assert found is not None
            np.testing.assert_allclose([float(found[0][0]) ** 2, float(found[1][0]) ** 2], single / 2, rtol=1e-6)
            assert len({float(each) for each in found[0]}) == len({float(each) for each in found[1]}) == 1
            return B, A, grad_B, grad_A
    raise AssertionError("no such problem found")


def test_where_the_columns_disagree_one_number_scales_each_factor() -> None:
    disagreeing()


def test_where_one_factor_should_vanish_nothing_is_done() -> None:
    """The gradient lies wholly in what one factor reaches already: the other's number would be negative or none."""
    B, A = torch.eye(4, 2).double(), torch.eye(2, 5).double()
    assert scales(B, A, torch.zeros(4, 2).double(), torch.ones(2, 5).double(), 1.0) is None
    assert scales(B, A, torch.full((4, 2), torch.inf).double(), torch.ones(2, 5).double(), 1.0) is None
    assert scales(torch.zeros(4, 2), A.float(), torch.ones(4, 2), torch.zeros(2, 5), 1.0) is None, "LoRA's first step"


def test_the_next_step_comes_nearest_to_the_best_full_one() -> None:
    """Against a solver that knows nothing of the closed form."""
    problem, kappa = Problem(1), 2.0
    G, A, B = (tensor.detach().numpy() for tensor in (problem.G, problem.layer.A, problem.layer.B))

    def far(logs: np.ndarray) -> float:
        alpha, beta = np.exp(logs[:3]), np.exp(logs[3:])
        scaled_B, scaled_A = B * alpha, beta[:, None] * A
        step = problem.layer.scale**2 * (scaled_B @ scaled_B.T @ G + G @ scaled_A.T @ scaled_A)
        return float(np.linalg.norm(G - kappa * step) ** 2)

    found = problem.scales(kappa)
    assert found is not None
    ours = torch.cat(found).log().numpy()
    best = minimize(far, ours + 0.3, method="BFGS", options={"gtol": 1e-9})
    assert far(ours) <= best.fun * (1 + 1e-9)
    np.testing.assert_allclose(ours, best.x, atol=1e-4)
    assert far(np.zeros(6)) > 1.5 * far(ours)


def rescaled(problem: Problem, optimizer: Any = None) -> tuple[Tensor, Tensor]:
    found = problem.scales(2.0)
    assert found is not None
    problem.layer.A.grad, problem.layer.B.grad = problem.grad_A.clone(), problem.grad_B.clone()
    problem.layer.rescale(*found, optimizer or torch.optim.AdamW([problem.layer.A, problem.layer.B]))
    return found


def test_1_a_rescaling_leaves_the_function() -> None:
    problem, x = Problem(0), torch.randn(5, 8, dtype=torch.float64)
    before = problem.layer(x)
    alpha, beta = rescaled(problem)
    assert float((alpha * beta - 1).abs().min()) > 0.01
    torch.testing.assert_close(problem.layer(x), before, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(problem.layer.merged()(x), before)
    A, B = problem.layer.factors()
    torch.testing.assert_close(problem.layer.base(x) + x @ A.T @ B.T, before)


def test_2_the_gradients_are_those_at_the_rescaled_point() -> None:
    problem = Problem(0)
    rescaled(problem)
    layer = problem.layer
    mapped = layer.A.grad.clone(), layer.B.grad.clone()  # pyright: ignore[reportOptionalMemberAccess]
    layer.A.grad = layer.B.grad = None
    (layer.delta() * problem.G).sum().backward()
    torch.testing.assert_close(layer.A.grad, mapped[0])
    torch.testing.assert_close(layer.B.grad, mapped[1])


def test_3_the_moments_are_those_of_a_past_at_the_rescaled_point() -> None:
    """AdamW that had seen the rescaled gradients all along has just these moments, so its direction stays."""
    problem = Problem(0)
    optimizer = torch.optim.AdamW([problem.layer.A, problem.layer.B], lr=0.0)
    draw = torch.Generator().manual_seed(1)
    past = [
        tuple(torch.randn(p.shape, generator=draw, dtype=torch.float64) for p in (problem.layer.A, problem.layer.B))
        for _ in range(4)
    ]
    for grads in past:
        problem.layer.A.grad, problem.layer.B.grad = (grad.clone() for grad in grads)
        optimizer.step()
    alpha, beta = rescaled(problem, optimizer)
    fresh = torch.optim.AdamW([problem.layer.A, problem.layer.B], lr=0.0)
    for grad_A, grad_B in past:
        problem.layer.A.grad, problem.layer.B.grad = alpha[:, None] * grad_A, beta * grad_B
        fresh.step()
    for parameter in (problem.layer.A, problem.layer.B):
        for moment in ("step", "exp_avg", "exp_avg_sq"):
            torch.testing.assert_close(optimizer.state[parameter][moment], fresh.state[parameter][moment])


def test_4_the_residual_is_what_the_scaling_took_away() -> None:
    problem = Problem(0)
    A, B = problem.layer.A.detach().clone(), problem.layer.B.detach().clone()
    alpha, beta = rescaled(problem)
    expected = 1.5 * B @ torch.diag(1 - alpha * beta) @ A
    torch.testing.assert_close(problem.layer.R_B @ problem.layer.R_A, expected)
    torch.testing.assert_close(problem.layer.B.detach(), B @ torch.diag(alpha))
    torch.testing.assert_close(problem.layer.A.detach(), torch.diag(beta) @ A)


def test_6_scaling_twice_with_the_same_gradient_changes_nothing_more() -> None:
    problem = Problem(0)
    rescaled(problem)
    layer = problem.layer
    assert layer.A.grad is not None and layer.B.grad is not None
    again = scales(layer.B.detach(), layer.A.detach(), layer.B.grad, layer.A.grad, 2.0 * layer.scale**2)
    assert again is not None
    torch.testing.assert_close(torch.cat(again), torch.ones(6, dtype=torch.float64))


def trained(method: Lora | Scalora, steps: int = 12, **options: Any) -> Adapted:
    torch.manual_seed(0)
    adapted = adapt(tiny_model("bert"), method)
    optimizer = Optimizer(adapted, TrainConfig(**(PLAIN.model_dump() | options)), 1e-2, steps)
    for step in range(steps):
        torch.manual_seed(step)
        adapted.model.train()(**tiny_batch("bert", seed=step)).loss.backward()
        optimizer.step(FP32.scaler())
    return adapted


def ranks(adapted: Adapted) -> list[int]:
    return [int(np.linalg.matrix_rank(layer.delta().detach().numpy(), tol=1e-5)) for layer in adapted.layers().values()]  # pyright: ignore[reportAttributeAccessIssue]


def test_7_the_rank_of_the_change_passes_that_of_the_factors() -> None:
    options: dict[str, Any] = {"rank": 2, "alpha": 4, "dropout": 0.0}
    assert set(ranks(trained(Lora(**options)))) == {2}
    grown = ranks(trained(Scalora(**options, interval=2, warmup=0.2)))
    assert min(grown) > 2 and max(grown) >= 6, grown


def test_8_without_a_rescaling_it_is_lora_bit_for_bit() -> None:
    """With dropout too."""
    options: dict[str, Any] = {"rank": 2, "alpha": 4, "dropout": 0.2}
    lora = trained(Lora(**options)).tensors()
    for never in (Scalora(**options, interval=100), Scalora(**options, warmup=1.0)):
        found = trained(never).tensors()
        assert all(torch.equal(found[name], tensor) for name, tensor in lora.items())
        assert all(not tensor.numel() for name, tensor in found.items() if ".R_" in name)
    assert not torch.equal(
        trained(Scalora(**options, interval=2)).tensors()[next(iter(lora))], next(iter(lora.values()))
    )


def test_the_residual_is_written_with_few_columns_again_and_the_function_stays() -> None:
    problem, x = Problem(0, m=20, n=16), torch.randn(5, 16, dtype=torch.float64)
    problem.layer.float()
    before = problem.layer(x.float())
    sizes = []
    optimizer = torch.optim.AdamW([problem.layer.A, problem.layer.B])
    draw = torch.Generator().manual_seed(2)
    for _ in range(60):
        alpha, beta = (0.5 + torch.rand(3, generator=draw) for _ in range(2))
        problem.layer.rescale(alpha, beta, optimizer)
        with torch.no_grad():  # a step, whose change is taken out of the comparison
            moved = 0.1 * torch.randn(problem.layer.B.shape, generator=draw)
            before += problem.layer.scale * x.float() @ problem.layer.A.T @ moved.T
            problem.layer.B += moved
        sizes.append(len(problem.layer.R_A))
    assert max(sizes) <= 64 + 3
    assert any(later < earlier for earlier, later in pairwise(sizes))
    torch.testing.assert_close(problem.layer(x.float()), before, rtol=1e-4, atol=1e-3)


def test_a_residual_of_high_rank_is_written_anew_only_when_it_has_doubled(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a run that goes on does so at the same steps."""
    layer = Problem(0, m=90, n=80, r=4).layer
    counts: list[int] = []
    real = scalora.svd_of_product

    def counted(B: Tensor, A: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        counts.append(len(A))
        return real(B, A)

    monkeypatch.setattr(scalora, "svd_of_product", counted)
    optimizer = torch.optim.AdamW([layer.A, layer.B])
    draw = torch.Generator().manual_seed(0)
    for _ in range(60):
        with torch.no_grad():
            for factor in (layer.A, layer.B):
                factor.copy_(torch.randn(factor.shape, generator=draw, dtype=torch.float64))
        layer.rescale(torch.full((4,), 0.5), torch.full((4,), 0.5), optimizer)
    assert counts == [68, 140, 164], "beyond 64, then beyond twice the rank, which is 80 at most"
    other = Problem(0, m=90, n=80, r=4).layer
    other.recall(layer.remembered())
    assert other.room == layer.room == 160


def test_kappa_is_that_of_the_whole_correction_its_scale_included() -> None:
    problem = Problem(0)
    A, B, found = problem.layer.A.detach().clone(), problem.layer.B.detach().clone(), problem.scales(0.2)
    assert found is not None and all(0.1 < float(each) < 10 for each in torch.cat(found))
    problem.layer.A.grad, problem.layer.B.grad = problem.grad_A, problem.grad_B
    adamw = torch.optim.AdamW([problem.layer.A, problem.layer.B])
    Rescale(kappa=0.2, interval=1, warmup=0.0)(Moment(nn.ModuleList([problem.layer]), 1, 10, adamw))
    torch.testing.assert_close(problem.layer.B.detach(), B * found[0])
    torch.testing.assert_close(problem.layer.A.detach(), found[1][:, None] * A)


@pytest.mark.parametrize("columns", [1, 5, 12])
def test_however_the_residual_is_multiplied_it_is_the_residual(columns: int) -> None:
    """In two thin products or as one matrix, whichever is smaller; and a change of it is never overlooked."""
    layer = Problem(0, m=12, n=10).layer
    for seed in range(2):
        torch.manual_seed(seed)
        A, B = torch.randn(columns, 10, dtype=torch.float64), torch.randn(12, columns, dtype=torch.float64)
        layer.load({"A": layer.A.detach(), "B": layer.B.detach(), "R_A": A, "R_B": B})
        x = torch.randn(4, 10, dtype=torch.float64)
        torch.testing.assert_close(layer(x), layer.base(x) + x @ layer.delta().T)
        torch.testing.assert_close(layer.delta(), B @ A + 1.5 * layer.B @ layer.A)
    assert len(layer.ready) == (1 if columns == 12 else 2)
    layer.rescale(torch.full((3,), 0.5), torch.full((3,), 0.7), torch.optim.AdamW([layer.A, layer.B]))
    torch.testing.assert_close(layer(x), layer.base(x) + x @ layer.delta().T)
    layer.float()
    found, expected = layer(x.float()), layer.base(x.float()) + x.float() @ layer.delta().T
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("columns", [1, 12])
def test_training_goes_on_after_an_evaluation_in_bf16(columns: int) -> None:
    """What an evaluation made ready of the residual may be used where gradients flow."""
    layer = Problem(0, m=12, n=10).layer.float()
    R_A, R_B = torch.randn(columns, 10), torch.randn(12, columns)
    layer.load({"A": layer.A.detach(), "B": layer.B.detach(), "R_A": R_A, "R_B": R_B})
    layer.base.bfloat16()
    x = torch.randn(4, 10, dtype=torch.bfloat16, requires_grad=True)
    with torch.inference_mode():
        layer(x)
    layer(x).sum().backward()
    assert layer.A.grad is not None and x.grad is not None


def test_it_acts_at_its_steps_and_within_its_bounds() -> None:
    adapted = adapt(tiny_model("bert"), Scalora(rank=2, dropout=0.0))
    seen: list[tuple[int, float, float]] = []
    for layer in adapted.layers().values():
        assert isinstance(layer, ScaledLinear)
        layer.B.data.normal_(std=1e-4)  # so small that the best scale is out of bounds
        layer.rescale = lambda alpha, beta, optimizer: seen.append((step, float(alpha.min()), float(alpha.max())))  # pyright: ignore[reportAttributeAccessIssue]
    adapted.model(**tiny_batch("bert")).loss.backward()
    optimizer = torch.optim.AdamW(adapted.trainable().values())
    for step in range(30):
        Rescale(kappa=1.0, interval=4, warmup=0.3)(Moment(adapted.model, step, 30, optimizer))
    assert {step for step, *_ in seen} == {12, 16, 20, 24, 28}
    assert all(0.1 <= low <= high <= 10 for _, low, high in seen)
    assert max(high for *_, high in seen) == 10


def test_a_run_goes_on_after_an_interruption_bit_for_bit(tmp_path: Path) -> None:
    options: dict[str, Any] = {"train": reviews(40), "batch_size": 8, "epochs": 3}
    options["method"] = Scalora(rank=2, interval=2)
    whole = make_loop(tmp_path / "whole", **options)
    whole.run()

    def stop(event: Any) -> None:
        if event.kind == "step" and event.step == 8:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        make_loop(tmp_path / "cut", **options, emit=stop).run()
    again = make_loop(tmp_path / "cut", **options)
    again.resume()
    again.run()
    assert whole.adapted.tensors().keys() == again.adapted.tensors().keys()
    for name, tensor in whole.adapted.tensors().items():
        assert torch.equal(tensor, again.adapted.tensors()[name]), name
    assert any(tensor.numel() for name, tensor in whole.adapted.tensors().items() if ".R_" in name)


@pytest.mark.parametrize("options", [{"kappa": 0}, {"interval": 0}, {"warmup": 1.5}, {"rate_ratio": 16}])
def test_what_cannot_be_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Scalora(**options)
