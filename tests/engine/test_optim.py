"""The optimiser against AdamW written by hand in numpy, the schedule against transformers', and exact continuation."""

import math
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from transformers import get_cosine_schedule_with_warmup, get_linear_schedule_with_warmup

from fewtune.adapted import Adapted
from fewtune.engine.optim import Optimizer, schedule
from fewtune.engine.precision import Precision
from fewtune.methods.lora import Lora
from fewtune.model.edits import Every, Moment, Rate, Train
from fewtune.settings import TrainConfig

STEPS = 12
SHAPES = {"body.A": (3, 5), "body.B": (4, 3), "head.weight": (2, 4), "head.bias": (2,), "norm.weight": (4,)}
NO_SCALER = Precision("fp32", "cpu").scaler()


class Named(nn.Module):
    """Parameters under dotted names, and one that is frozen."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        for name, shape in SHAPES.items():
            module, parameter = name.split(".")
            if module not in dict(self.named_children()):
                self.add_module(module, nn.Module())
            value = nn.Parameter(torch.randn(shape, generator=generator))
            self.get_submodule(module).register_parameter(parameter, value)
        self.frozen = nn.Parameter(torch.randn(2, 2), requires_grad=False)


def adapted(*rates: Rate, seed: int = 0) -> Adapted:
    return Adapted(Named(seed), Lora(), (*(Train(name) for name in SHAPES), *rates))  # pyright: ignore[reportArgumentType]


def gradients(steps: int, seed: int = 1) -> Iterator[dict[str, np.ndarray]]:
    draw = np.random.default_rng(seed)
    for _ in range(steps):
        yield {name: draw.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}


def take(optimizer: Optimizer, given_gradients: dict[str, np.ndarray]) -> float:
    for parameter, name in optimizer.names.items():
        parameter.grad = torch.from_numpy(given_gradients[name].copy())
    return float(optimizer.step(NO_SCALER))


def values(of: Adapted) -> dict[str, np.ndarray]:
    return {name: parameter.detach().numpy().copy() for name, parameter in of.trainable().items()}


def by_hand(
    start: dict[str, np.ndarray], train: TrainConfig, rate: float, factors: dict[str, float]
) -> dict[str, np.ndarray]:
    """AdamW in fp64 as in the paper (arXiv 1711.05101, algorithm 2), gradients clipped by their common norm."""
    theta = {name: value.astype(np.float64) for name, value in start.items()}
    m = {name: np.zeros_like(value) for name, value in theta.items()}
    v = {name: np.zeros_like(value) for name, value in theta.items()}
    for t, found in enumerate(gradients(STEPS), start=1):
        g = {name: value.astype(np.float64) for name, value in found.items()}
        norm = math.sqrt(sum(float((value**2).sum()) for value in g.values()))
        if train.clip is not None and norm > train.clip:
            g = {name: value * train.clip / norm for name, value in g.items()}
        for name in theta:
            alpha = rate * factors.get(name, 1.0) * schedule(t - 1, STEPS, train.warmup, train.schedule)
            decay = train.weight_decay if theta[name].ndim > 1 else 0.0
            m[name] = 0.9 * m[name] + 0.1 * g[name]
            v[name] = 0.999 * v[name] + 0.001 * g[name] ** 2
            moved = (m[name] / (1 - 0.9**t)) / (np.sqrt(v[name] / (1 - 0.999**t)) + 1e-8)
            theta[name] = theta[name] - alpha * decay * theta[name] - alpha * moved
    return theta


def worst(one: dict[str, np.ndarray], two: dict[str, np.ndarray]) -> float:
    return max(float(np.abs(one[name] - two[name]).max()) for name in one)


@pytest.mark.parametrize("clip", [None, 1.0, 100.0])
@pytest.mark.parametrize("kind", ["linear", "cosine", "constant"])
def test_equals_adamw_by_hand_with_clipping_schedule_decay_and_factors(clip: float | None, kind: Any) -> None:
    train = TrainConfig(clip=clip, schedule=kind, weight_decay=0.1, warmup=0.2)
    model = adapted(Rate(r"\.B$", 16.0))
    expected = by_hand(values(model), train, 1e-2, {"body.B": 16.0})
    optimizer = Optimizer(model, train, 1e-2, STEPS)
    for found in gradients(STEPS):
        take(optimizer, found)
    assert worst(values(model), expected) < 2e-6


@pytest.mark.parametrize(
    "wrong", [{"clip": None}, {"weight_decay": 0.0}, {"warmup": 0.0}, {"schedule": "constant"}, {"factor": 1.0}]
)
def test_the_comparison_by_hand_sees_each_part_that_is_missing(wrong: dict[str, Any]) -> None:
    train = TrainConfig(clip=1.0, schedule="linear", weight_decay=0.1, warmup=0.2)
    model = adapted(Rate(r"\.B$", 16.0))
    factor = wrong.pop("factor", 16.0)
    expected = by_hand(values(model), train.model_copy(update=wrong), 1e-2, {"body.B": factor})
    optimizer = Optimizer(model, train, 1e-2, STEPS)
    for found in gradients(STEPS):
        take(optimizer, found)
    # A clipped gradient changes Adam little, since it divides by the gradient's own size.
    assert worst(values(model), expected) > 5e-5


def test_biases_and_norms_get_no_weight_decay_and_frozen_parameters_are_left_alone() -> None:
    model = adapted()
    frozen = model.model.frozen.detach().clone()
    before = values(model)
    optimizer = Optimizer(model, TrainConfig(weight_decay=0.5, warmup=0.0, schedule="constant"), 0.1, STEPS)
    take(optimizer, {name: np.zeros(shape, np.float32) for name, shape in SHAPES.items()})
    for name, value in values(model).items():
        expected = before[name] * (0.95 if value.ndim > 1 else 1.0)
        np.testing.assert_allclose(value, expected, rtol=1e-6, err_msg=name)
    assert torch.equal(model.model.frozen, frozen)
    assert "frozen" not in optimizer.names.values()


def test_gives_the_norm_before_clipping_and_clears_the_gradients() -> None:
    optimizer = Optimizer(adapted(), TrainConfig(clip=0.1), 1e-3, STEPS)
    found = next(gradients(1))
    norm = math.sqrt(sum(float((value.astype(np.float64) ** 2).sum()) for value in found.values()))
    assert take(optimizer, found) == pytest.approx(norm, rel=1e-6)
    assert all(parameter.grad is None for parameter in optimizer.names)


def test_the_first_adamw_step_moves_by_the_rate_times_the_factor() -> None:
    model = adapted(Rate(r"^body", 3.0), Rate(r"\.B$", 5.0))
    before = values(model)
    take(Optimizer(model, TrainConfig(weight_decay=0, warmup=0, clip=None), 1e-3, STEPS), next(gradients(1)))
    moved = {name: float(np.abs(value - before[name]).max()) for name, value in values(model).items()}
    factors = {"body.A": 3.0, "body.B": 15.0, "head.weight": 1.0, "head.bias": 1.0, "norm.weight": 1.0}
    assert moved == {name: pytest.approx(1e-3 * factor, rel=1e-3) for name, factor in factors.items()}


def test_rate_is_the_one_of_the_step_that_comes_next() -> None:
    optimizer = Optimizer(adapted(), TrainConfig(warmup=0.25), 1e-2, STEPS)
    rates = []
    for found in gradients(STEPS):
        rates.append(optimizer.rate())
        take(optimizer, found)
    assert rates == [1e-2 * schedule(step, STEPS, 0.25, "linear") for step in range(STEPS)]
    assert optimizer.adamw.param_groups[0]["lr"] == rates[-1]


def test_goes_on_bitwise_where_the_state_was_taken() -> None:
    train = TrainConfig(weight_decay=0.1)
    whole, part = adapted(), adapted()
    one, two = Optimizer(whole, train, 1e-2, STEPS), Optimizer(part, train, 1e-2, STEPS)
    found = list(gradients(STEPS))
    for each in found:
        take(one, each)
    for each in found[:5]:
        take(two, each)
    state = {name: tensor.clone() for name, tensor in two.state().items()}

    later = adapted(seed=9)
    for name, parameter in later.trainable().items():
        parameter.data.copy_(part.trainable()[name])
    three, forgetful = Optimizer(later, train, 1e-2, STEPS), Optimizer(part, train, 1e-2, STEPS)
    three.restore(state)
    for each in found[5:]:
        take(three, each)
        take(forgetful, each)
    assert worst(values(later), values(whole)) == 0.0
    assert worst(values(part), values(whole)) > 1e-3
    assert int(three.state()["step_count"]) == STEPS


def test_restoring_does_not_share_memory_with_the_state() -> None:
    one, two = Optimizer(adapted(), TrainConfig(), 1e-2, STEPS), Optimizer(adapted(), TrainConfig(), 1e-2, STEPS)
    first, second = gradients(2)
    take(one, first)
    two.restore(one.state())
    before = one.state()["body.A.exp_avg"].clone()
    take(two, second)
    assert torch.equal(one.state()["body.A.exp_avg"], before)


def test_a_state_before_the_first_step_restores_too() -> None:
    one, two = adapted(), adapted()
    first, second = Optimizer(one, TrainConfig(), 1e-2, STEPS), Optimizer(two, TrainConfig(), 1e-2, STEPS)
    second.restore(first.state())
    for optimizer in (first, second):
        take(optimizer, next(gradients(1)))
    assert worst(values(one), values(two)) == 0.0


def replaced(
    model: Adapted, optimizer: Optimizer, shape: tuple[int, ...], moments: dict[str, torch.Tensor] | None
) -> nn.Parameter:
    new = nn.Parameter(torch.ones(shape))
    optimizer.replace(model.model.body.A, new, moments)
    model.model.body.A = new
    return new


def test_a_replaced_parameter_keeps_moments_and_number_of_steps() -> None:
    model = adapted()
    optimizer = Optimizer(model, TrainConfig(warmup=0), 1e-2, STEPS)
    assert optimizer.moments(model.model.body.A) is None
    for found in gradients(3):
        take(optimizer, found)
    assert (optimizer.moments(model.model.body.A) or {}).keys() == {"exp_avg", "exp_avg_sq"}
    moments = {name: torch.full((7, 5), 0.25) for name in ("exp_avg", "exp_avg_sq")}
    new = replaced(model, optimizer, (7, 5), moments)
    assert optimizer.names[new] == "body.A"
    state = optimizer.state()
    assert float(state["body.A.step"]) == 3.0
    assert torch.equal(state["body.A.exp_avg"], torch.full((7, 5), 0.25))

    rate = optimizer.rate()
    for parameter in optimizer.names:
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step(NO_SCALER)
    first, second = 0.9 * 0.25 / (1 - 0.9**4), 0.999 * 0.25 / (1 - 0.999**4)
    expected = 1 - rate * 0.01 - rate * first / (math.sqrt(second) + 1e-8)
    torch.testing.assert_close(new.detach(), torch.full((7, 5), expected))
    assert float(optimizer.state()["body.A.step"]) == 4.0


def test_replacing_without_moments_starts_the_parameter_anew() -> None:
    model = adapted()
    optimizer = Optimizer(model, TrainConfig(), 1e-2, STEPS)
    first, second = gradients(2)
    take(optimizer, first)
    new = replaced(model, optimizer, (3, 5), None)
    assert "body.A.step" not in optimizer.state()
    take(optimizer, second)
    assert float(optimizer.state()["body.A.step"]) == 1.0
    assert not torch.equal(new.detach(), torch.ones(3, 5))
    replaced(model, optimizer, (3, 5), {name: torch.zeros(3, 5) for name in ("exp_avg", "exp_avg_sq")})
    assert (float(optimizer.state()["body.A.step"]), optimizer.step_count) == (1.0, 2)


def test_a_parameter_replaced_before_the_first_step_has_seen_no_step() -> None:
    model = adapted()
    optimizer = Optimizer(model, TrainConfig(), 1e-2, STEPS)
    replaced(model, optimizer, (3, 5), {name: torch.zeros(3, 5) for name in ("exp_avg", "exp_avg_sq")})
    assert float(optimizer.state()["body.A.step"]) == 0.0
    take(optimizer, next(gradients(1)))


@pytest.mark.parametrize(
    "moments",
    [
        {"exp_avg": torch.zeros(3, 5), "exp_avg_sq": torch.zeros(5, 3)},
        {"exp_avg": torch.zeros(3, 5)},
        {"exp_avg": torch.zeros(3, 5), "exp_avg_sq": torch.zeros(3, 5), "other": torch.zeros(3, 5)},
    ],
)
def test_wrong_moments_are_refused_and_nothing_has_changed(moments: dict[str, torch.Tensor]) -> None:
    model = adapted()
    optimizer = Optimizer(model, TrainConfig(), 1e-2, STEPS)
    take(optimizer, next(gradients(1)))
    before = optimizer.state()
    with pytest.raises(ValueError, match="moments must be"):
        optimizer.replace(model.model.body.A, nn.Parameter(torch.ones(3, 5)), moments)
    assert optimizer.state().keys() == before.keys()
    assert any(
        parameter is model.model.body.A for group in optimizer.adamw.param_groups for parameter in group["params"]
    )


# Our first step already moves: in the warm-up the factor at step t is transformers' at t + 1, which starts with a step of
# rate 0. After the warm-up the two are equal, step for step, so the peak is held for two steps here and for one there.
THEIRS = {"linear": get_linear_schedule_with_warmup, "cosine": get_cosine_schedule_with_warmup}


def theirs(kind: Literal["linear", "cosine"], rising: int, steps: int) -> Any:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    return THEIRS[kind](optimizer, rising, steps).lr_lambdas[0]


@pytest.mark.parametrize("kind", ["linear", "cosine"])
@pytest.mark.parametrize(("steps", "warmup"), [(100, 0.06), (37, 0.1), (10, 0.0), (5, 0.5), (2, 0.06), (1000, 0.3)])
def test_schedule_is_transformers_with_the_warm_up_one_step_ahead(kind: Any, steps: int, warmup: float) -> None:
    rising = math.ceil(warmup * steps)
    factor = theirs(kind, rising, steps)
    for step in range(steps):
        assert schedule(step, steps, warmup, kind) == pytest.approx(
            factor(step + 1 if step < rising else step), abs=1e-12
        )


@given(st.integers(1, 500), st.floats(0, 0.99), st.sampled_from(["linear", "cosine", "constant"]))
def test_schedule_rises_to_one_then_never_rises_again_and_every_step_moves(
    steps: int, warmup: float, kind: Any
) -> None:
    factors = [schedule(step, steps, warmup, kind) for step in range(steps)]
    top = factors.index(max(factors))
    assert factors[top] == 1.0
    assert factors[:top] == sorted(factors[:top])
    assert factors[top:] == sorted(factors[top:], reverse=True)
    assert all(0 < factor <= 1 for factor in factors)


def test_schedule_without_warm_up_starts_at_the_peak_and_constant_stays() -> None:
    assert schedule(0, 10, 0.0, "linear") == 1.0
    assert {schedule(step, 10, 0.3, "constant") for step in range(3, 10)} == {1.0}
    assert [schedule(step, 10, 0.3, "constant") for step in range(3)] == pytest.approx([1 / 3, 2 / 3, 1])


def test_a_step_that_overflowed_in_fp16_is_left_out() -> None:
    """The scaler sees the inf, skips the step and halves its scale; the schedule goes on."""
    model = adapted()
    optimizer, scaler = Optimizer(model, TrainConfig(), 1e-2, STEPS), Precision("fp16", "cpu").scaler()
    before = values(model)
    scaler.scale(sum((p * torch.inf).sum() for p in optimizer.names)).backward()
    assert not math.isfinite(optimizer.step(scaler))
    assert worst(values(model), before) == 0.0
    assert scaler.get_scale() == 2**15
    assert optimizer.step_count == 1
    scaler.scale(sum((p * 3).sum() for p in optimizer.names)).backward()
    norm = optimizer.step(scaler)
    assert norm == pytest.approx(3 * math.sqrt(sum(math.prod(shape) for shape in SHAPES.values())))
    assert worst(values(model), before) > 1e-4


def heard(*, gradient: float = 0.5) -> tuple[list[str], list[float]]:
    """What a method sees at the two moments of a step: which comes when, and how far the parameters have moved."""
    moments: list[str] = []
    norms: list[float] = []

    def act(at: Moment) -> None:
        bias = at.model.get_parameter("head.bias")
        assert bias.grad is not None
        moments.append(
            f"{at.step} of {at.steps}: {at.optimizer.state[bias]['step'] if bias in at.optimizer.state else 0}"
        )
        norms.append(float(bias.grad.norm()))

    model = adapted()
    model = Adapted(model.model, model.method, (*model.edits, Every("gradients", act), Every("moved", act)))
    optimizer = Optimizer(model, TrainConfig(clip=0.1), 1e-2, STEPS)
    for _ in range(2):
        for parameter in optimizer.names:
            parameter.grad = torch.full_like(parameter, gradient)
        optimizer.step(NO_SCALER)
    assert all(parameter.grad is None for parameter in optimizer.names)
    return moments, norms


def test_a_method_acts_on_the_gradients_before_they_are_clipped_and_once_all_has_moved() -> None:
    moments, norms = heard()
    assert moments == ["0 of 12: 0", "0 of 12: 1.0", "1 of 12: 1.0", "1 of 12: 2.0"]
    assert norms[0] == pytest.approx(0.5 * math.sqrt(2))
    assert norms[1] < 0.1 < norms[0], "clipped between the two"


def test_a_step_whose_gradients_overflowed_has_not_moved() -> None:
    moments, _ = heard(gradient=math.inf)
    assert [moment[0] for moment in moments] == ["0", "1"]
