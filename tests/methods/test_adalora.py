"""AdaLoRA against its equations in numpy, its budget, and PEFT's layers and allocator."""

from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft.tuners.adalora.layer import RankAllocator
from pydantic import ValidationError
from torch import Tensor, nn

from engine.runs import FP32, make_loop, reviews
from fewtune.adapted import Adapted, adapt
from fewtune.engine.optim import Optimizer
from fewtune.methods.adalora import Adalora, Budget, SvdLinear, largest
from fewtune.model.find import Origin
from fewtune.save.folder import load_adapter, save_tuned
from fewtune.settings import TrainConfig
from fewtune.testing._probe import move
from models import ARCHITECTURES, logits, tiny_batch, tiny_model, tiny_tokenizer

pytestmark = [
    # peft 0.21.2 still calls transformers' older name for it
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]


def svd_layers(adapted: Adapted) -> list[SvdLinear]:
    return [layer for layer in adapted.layers().values() if isinstance(layer, SvdLinear)]


def layer_of(n: int = 6, m: int = 5, rank: int = 3, seed: int = 0) -> SvdLinear:
    torch.manual_seed(seed)
    layer = SvdLinear(nn.Linear(n, m).requires_grad_(False), rank, 0.7).double().eval()
    for parameter in (layer.A, layer.B, layer.E):
        nn.init.normal_(parameter)
    return layer


def test_the_equation_and_the_plain_lora_of_the_ranks_that_are_left() -> None:
    layer, x = layer_of(), torch.randn(4, 6, dtype=torch.float64)
    layer.E.data[1] = 0
    change = 0.7 * layer.B @ torch.diag(layer.E) @ layer.A
    expected = layer.base(x) + x @ change.T
    torch.testing.assert_close(layer(x), expected)
    torch.testing.assert_close(layer.merged()(x), expected)
    A, B = layer.factors()
    assert (A.shape, B.shape) == ((2, 6), (5, 2))
    torch.testing.assert_close(layer.base(x) + x @ A.T @ B.T, expected)


def test_it_starts_with_lambda_zero_and_factors_of_their_size() -> None:
    torch.manual_seed(0)
    layer = SvdLinear(nn.Linear(300, 200), rank=12, scale=1.0)
    assert not layer.E.any()
    for factor in (layer.A, layer.B):
        assert float(factor.detach().std()) == pytest.approx(0.02, rel=0.05)


def test_importance_and_uncertainty_are_smoothed_as_in_equations_9_and_10() -> None:
    layer, draw = layer_of(), np.random.default_rng(0)
    mean = {s: np.zeros(tuple(getattr(layer, s).shape)) for s in "ABE"}
    spread = {s: np.zeros_like(value) for s, value in mean.items()}
    for _ in range(5):
        for symbol in "ABE":
            parameter = getattr(layer, symbol)
            grad = draw.normal(size=tuple(parameter.shape))
            parameter.grad = torch.from_numpy(grad)
            now = np.abs(parameter.detach().numpy() * grad)
            mean[symbol] = 0.85 * mean[symbol] + 0.15 * now
            spread[symbol] = 0.85 * spread[symbol] + 0.15 * np.abs(now - mean[symbol])
        layer.measure()
    score = {s: mean[s] * spread[s] for s in mean}
    expected = score["E"] + score["B"].mean(axis=0) + score["A"].mean(axis=1)
    np.testing.assert_allclose(layer.scores().numpy(), expected, rtol=1e-12)
    before = layer.scores().clone()
    layer.A.grad = torch.full_like(layer.A, torch.inf)
    layer.measure()
    assert torch.equal(layer.scores(), before), "a gradient that overflowed says nothing"


def test_the_penalty_is_zero_for_orthonormal_factors_and_the_papers_else() -> None:
    layer = layer_of()
    P, Q = layer.B.detach().numpy(), layer.A.detach().numpy()
    expected = np.linalg.norm(P.T @ P - np.eye(3)) ** 2 + np.linalg.norm(Q @ Q.T - np.eye(3)) ** 2
    assert float(layer.orthogonality().detach()) == pytest.approx(expected)
    layer.A.data, layer.B.data = torch.eye(3, 6).double(), torch.eye(5, 3).double()
    assert float(layer.orthogonality().detach()) == 0


@given(st.integers(1, 300), st.data(), st.integers(10, 2000), st.floats(0, 0.5), st.floats(0, 0.49))
def test_the_budget_falls_from_first_to_last_along_a_cube(
    first: int, data: st.DataObject, steps: int, warmup: float, final: float
) -> None:
    last = data.draw(st.integers(1, first))
    budget = Budget(first, last, warmup, final)
    course = [budget.at(step, steps) for step in range(steps + 1)]
    assert course == sorted(course, reverse=True)
    assert (course[0], course[-1]) == (first, last)
    for step, found in enumerate(course):
        if step <= warmup * steps:
            assert found == first
        elif step >= (1 - final) * steps:
            assert found == last
        else:
            share = 1 - (step - warmup * steps) / (steps - warmup * steps - final * steps)
            assert found == pytest.approx(last + (first - last) * share**3, abs=0.5 + 1e-6)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), st.integers(0, 40), st.integers(0, 1000))
def test_the_largest_scores_of_all_layers_are_kept_and_exactly_so_many(
    sizes: list[int], budget: int, seed: int
) -> None:
    scores = list(torch.rand(sum(sizes), generator=torch.Generator().manual_seed(seed)).split(sizes))
    kept = largest(scores, budget)
    assert [len(each) for each in kept] == sizes
    every, mask = torch.cat(scores), torch.cat(kept)
    assert int(mask.sum()) == min(budget, sum(sizes))
    if 0 < budget < sum(sizes):
        assert every[mask].min() >= every[~mask].max()
    assert int(torch.cat(largest([torch.zeros(n) for n in sizes], budget)).sum()) == min(budget, sum(sizes)), "ties"


def lambdas(adapted: Adapted) -> Tensor:
    return torch.cat([layer.E.detach().clone() for layer in svd_layers(adapted)])


def test_a_run_keeps_to_its_budget_and_the_last_choice_stands() -> None:
    steps, method = 40, Adalora(rank=3, target_rank=1, warmup=0.2, final=0.3, interval=4, dropout=0.0)
    adapted = adapt(tiny_model("bert"), method)
    optimizer = Optimizer(adapted, TrainConfig(warmup=0.0), 1e-2, steps)
    layers, left = len(adapted.layers()), []
    for taken in range(1, steps + 1):
        (adapted.model.train()(**tiny_batch("bert", seed=taken)).loss + adapted.penalty()).backward()
        optimizer.step(FP32.scaler())
        left.append(int((lambdas(adapted) != 0).sum()))
        if taken in (12, 16, 20, 24):
            assert left[-1] == Budget(3 * layers, layers, 0.2, 0.3).at(taken, steps), taken
    assert set(left[:8]) == {3 * layers}, "before the first choice"
    assert left[12] == 3 * layers, "what was pruned may come back"
    assert set(left[27:]) == {layers}, "and no more in the last phase"
    norms = [float(layer.orthogonality().detach()) for layer in svd_layers(adapted)]
    fresh = [float(layer.orthogonality().detach()) for layer in svd_layers(adapt(tiny_model("bert"), method))]
    assert sum(norms) < sum(fresh)


@pytest.mark.filterwarnings("ignore:Note that `r` is not used in AdaLora:UserWarning")
def test_the_choice_is_that_of_pefts_allocator() -> None:
    """Its importance too, which looks at parameters and gradients at one moment: here before the step for both."""
    adapted = adapt(tiny_model("bert"), Adalora(rank=3, target_rank=1, warmup=0, final=0.1, interval=1))
    paths = list(adapted.layers())
    config = peft.AdaLoraConfig(init_r=3, target_r=1, total_step=10, tfinal=1, target_modules=paths, lora_alpha=16)
    theirs = peft.get_peft_model(tiny_model("bert"), config)
    move(adapted, seed=5)
    twins: list[tuple[nn.Parameter, nn.Parameter]] = []
    for path, layer in zip(paths, svd_layers(adapted), strict=True):
        other = theirs.get_submodule(f"base_model.model.{path}")
        twins += [
            (layer.A, other.lora_A["default"]),
            (layer.B, other.lora_B["default"]),
            (layer.E, other.lora_E["default"]),
        ]
    generator = torch.Generator().manual_seed(0)
    for mine, other in twins:
        other.data.copy_(mine.data.reshape(other.shape))
        mine.grad = torch.randn(mine.shape, generator=generator)
        other.grad = mine.grad.reshape(other.shape)
    allocator = RankAllocator(theirs.base_model.model, config, "default")
    optimizer: Any = None
    for taken in range(1, 4):
        adapted.act("gradients", taken - 1, 10, optimizer)
        adapted.act("moved", taken - 1, 10, optimizer)
        allocator.update_ipt(theirs.base_model.model)
        budget = Budget(3 * len(paths), len(paths), 0, 0.1).at(taken, 10)
        allocator.init_bgt, allocator.budget_schedule = 3 * len(paths), lambda step, budget=budget: (budget, True)
        allocator.mask_to_budget(theirs.base_model.model, budget)
    kept = torch.cat([layer.E for layer in svd_layers(adapted)]) != 0
    expected = torch.cat([other.flatten() for mine, other in twins if mine.dim() == 1]) != 0
    assert 0 < int(kept.sum()) < len(kept)
    # theirs keeps those above the k-th smallest
    assert torch.equal(kept, expected)


def test_an_interrupted_run_remembers_what_it_measured(tmp_path: Path) -> None:
    """Bit for bit the same as without the interruption, its masks included."""
    options: dict[str, Any] = {"train": reviews(40), "batch_size": 8, "epochs": 3}
    options["method"] = Adalora(rank=3, target_rank=1, interval=1)
    whole = make_loop(tmp_path / "whole", **options)
    whole.run()

    def stop(event: Any) -> None:
        if event.kind == "step" and event.step == 7:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        make_loop(tmp_path / "cut", **options, emit=stop).run()
    again = make_loop(tmp_path / "cut", **options)
    assert again.has_checkpoint()
    again.resume()
    again.run()
    for name, tensor in whole.adapted.tensors().items():
        assert torch.equal(tensor, again.adapted.tensors()[name]), name
    assert int((lambdas(again.adapted) == 0).sum()) > 0


def equal(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_peft_reads_ours_with_equal_logits(architecture: str, tmp_path: Path, record_property: Any) -> None:
    adapted = adapt(tiny_model(architecture), Adalora(rank=4, target_rank=2, alpha=10, ranks={"down": 2}))
    move(adapted, seed=1)
    for layer in svd_layers(adapted):
        layer.E.data[0] = 0
    save_tuned(adapted, tmp_path / "a", Origin("a/base", None, tmp_path), tiny_tokenizer(architecture), "SEQ_CLS")
    batch = tiny_batch(architecture)
    expected = logits(adapted.model, batch)
    theirs = peft.PeftModel.from_pretrained(tiny_model(architecture), tmp_path / "a")
    far = equal(logits(theirs, batch), expected)
    record_property("difference", far)
    assert far <= 5e-5
    assert equal(logits(load_adapter(tiny_model(architecture), tmp_path / "a").model, batch), expected) <= 5e-5
    assert equal(logits(tiny_model(architecture), batch), expected) > 0.05


@pytest.mark.filterwarnings("ignore:Note that `r` is not used in AdaLora:UserWarning")
@pytest.mark.parametrize("pruned", [False, True])
@pytest.mark.parametrize("architecture", ["bert", "gpt2", "t5"])
def test_we_read_pefts_with_equal_logits(architecture: str, pruned: bool, tmp_path: Path) -> None:
    """Pruned as its training leaves it: with a pattern that says which ranks were kept."""
    paths = list(adapt(tiny_model(architecture), Adalora()).layers())
    config = peft.AdaLoraConfig(
        init_r=4, target_r=2, total_step=10, lora_alpha=12, target_modules=paths, fan_in_fan_out=architecture == "gpt2"
    )
    theirs = peft.get_peft_model(tiny_model(architecture), config)
    generator = torch.Generator().manual_seed(3)
    for name, parameter in theirs.named_parameters():
        if "lora_" in name:
            parameter.data.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    if pruned:
        config.rank_pattern = {
            f"{path}.lora_E": [True, False, True, index % 2 == 0] for index, path in enumerate(paths)
        }
        for path in paths:
            theirs.get_submodule(f"base_model.model.{path}").lora_E["default"].data[1] = 0
            if not config.rank_pattern[f"{path}.lora_E"][3]:
                theirs.get_submodule(f"base_model.model.{path}").lora_E["default"].data[3] = 0
    batch = tiny_batch(architecture)
    expected = logits(theirs, batch)
    theirs.save_pretrained(tmp_path)
    found = load_adapter(tiny_model(architecture), tmp_path)
    assert equal(logits(found.model, batch), expected) <= 5e-5
    assert {len(layer.E) for layer in svd_layers(found)} == ({2, 3} if pruned else {4})


@pytest.mark.parametrize(
    "options", [{"rank": 4, "target_rank": 5}, {"warmup": 0.6, "final": 0.4}, {"rate_ratio": 16}, {"interval": 0}]
)
def test_what_cannot_be_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Adalora(**options)


def test_the_penalty_of_a_model_is_the_weighted_sum_over_its_layers() -> None:
    adapted = adapt(tiny_model("bert"), Adalora(orthogonality=0.25))
    penalty = adapted.penalty()
    assert penalty is not None
    terms = [float(layer.orthogonality().detach()) for layer in svd_layers(adapted)]
    assert float(penalty.detach()) == pytest.approx(0.25 * sum(terms)) and min(terms) > 0


def test_without_a_penalty_there_is_none() -> None:
    assert adapt(tiny_model("bert"), Adalora(orthogonality=0)).penalty() is None
