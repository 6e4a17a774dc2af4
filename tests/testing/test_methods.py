"""The contract notices each way to break it: for every check, methods that must fail it."""

from collections.abc import Iterator
from functools import partial
from typing import ClassVar, Literal

import pytest
import torch
from pydantic import Field
from torch import Tensor, nn

from fewtune.methods._low_rank import LowRank, LowRankLinear
from fewtune.methods.dora import DoraLinear
from fewtune.methods.lora import Lora
from fewtune.model.anatomy import Anatomy
from fewtune.model.edits import Edit, Train
from fewtune.model.linear import plus
from fewtune.testing import check_method, method_checks
from models import tiny_batch, tiny_model

CHECKS = {check.__name__: check for check in method_checks()}


class Plain(LowRank):
    """LoRA under another class, to be broken in one place below."""

    name: Literal["plain"] = "plain"
    starts_as_base: ClassVar[bool] = True
    mergeable: ClassVar[bool] = True
    saved_as: ClassVar = "peft"
    peft_type: ClassVar = "LORA"


def with_layer(layer: type[LowRankLinear], name: str, **declared: object) -> LowRank:
    return type(name, (Plain,), {"layer_class": layer, "__module__": __name__, **declared})(rank=2)


class DropsBase(LowRankLinear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(nn.functional.dropout(x, 0.2, self.training))


class StartsElsewhere(LowRankLinear):
    def __init__(self, base: nn.Module, rank: int, scale: float, dropout: float = 0.0) -> None:
        super().__init__(base, rank, scale, dropout)
        nn.init.constant_(self.B, 0.01)


class GrowsOnRealDevices(LowRankLinear):
    def __init__(self, base: nn.Module, rank: int, scale: float, dropout: float = 0.0) -> None:
        super().__init__(base, rank + (base.weight.device.type != "meta"), scale, dropout)


class TrainsTheBase(LowRankLinear):
    def __init__(self, base: nn.Module, rank: int, scale: float, dropout: float = 0.0) -> None:
        super().__init__(base.requires_grad_(True), rank, scale, dropout)


class HasAnIdleParameter(LowRankLinear):
    def __init__(self, base: nn.Module, rank: int, scale: float, dropout: float = 0.0) -> None:
        super().__init__(base, rank, scale, dropout)
        self.idle = nn.Parameter(torch.zeros(2))


class NeverMoves(LowRankLinear):
    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + 0 * super().forward(x)


class WritesTheBase(LowRankLinear):
    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.base.weight.data.mul_(1.0001)
        return super().forward(x)


class MergesTwice(LowRankLinear):
    def merged(self) -> nn.Module:
        return plus(super().merged(), self.delta().detach())


class MergesIntoItself(LowRankLinear):
    def merged(self) -> nn.Module:
        with torch.no_grad():
            self.base.weight.add_(self.delta())
        return self.base


class ForgetsHalf(LowRankLinear):
    def tensors(self) -> dict[str, Tensor]:
        return super().tensors() | {"B": torch.zeros_like(self.B)}


class UnderflowsInBf16(LowRankLinear):
    def forward(self, x: Tensor) -> Tensor:
        both = self.base(x) + (super().forward(x) - self.base(x)) * 1e-3
        return self.base(x) + (both - self.base(x)) * 1e3


class SharesItself(LowRankLinear):
    def __deepcopy__(self, memo: dict) -> LowRankLinear:
        return self


class CountsItsCalls(LowRankLinear):
    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += self.training
        return self.base(x) + (super().forward(x) - self.base(x)) * (1 + 0.1 * self.calls)


class LosesAnOption(Plain):
    secret: int = Field(default=0, exclude=True)


class FeedsThePoolerNothing(Plain):
    """Trains a weight whose gradient is always zero."""

    def edits(self, anatomy: Anatomy) -> Iterator[Edit]:
        yield from super().edits(anatomy)
        yield Train("bert.pooler.dense.weight")
        anatomy.model.bert.pooler.dense.register_forward_pre_hook(lambda _, inputs: (inputs[0] * 0,))


class Climbs(Plain):
    def default_learning_rate(self, width: int) -> float:
        return 30.0


class SharesItselfMethod(Plain):
    layer_class: ClassVar[type[LowRankLinear]] = SharesItself


class MergesIntoItselfMethod(Plain):
    layer_class: ClassVar[type[LowRankLinear]] = MergesIntoItself


BROKEN = [
    ("options_come_back", LosesAnOption(secret=1)),
    ("starts_as_base", with_layer(StartsElsewhere, "StartsElsewhereMethod")),
    ("starts_as_base", with_layer(LowRankLinear, "TooModest", starts_as_base=False)),
    ("starts_as_base", with_layer(DropsBase, "DropsBaseMethod")),
    ("plan_counts_what_is_built", with_layer(GrowsOnRealDevices, "GrowsMethod")),
    ("only_planned_learns", with_layer(TrainsTheBase, "TrainsTheBaseMethod")),
    ("only_planned_learns", with_layer(HasAnIdleParameter, "IdleMethod")),
    ("only_planned_learns", with_layer(NeverMoves, "NeverMovesMethod")),
    ("only_planned_learns", FeedsThePoolerNothing()),
    ("base_stays", with_layer(WritesTheBase, "WritesTheBaseMethod")),
    ("three_steps_lower_the_loss", Climbs()),
    ("merged_equals_adapted", with_layer(MergesTwice, "MergesTwiceMethod")),
    ("merged_equals_adapted", with_layer(NeverMoves, "NeverMovesToo")),
    ("saved_comes_back", with_layer(ForgetsHalf, "ForgetsHalfMethod")),
    ("works_in_bf16", with_layer(UnderflowsInBf16, "UnderflowsMethod")),
    ("reads_weights_as_declared", with_layer(DoraLinear, "ReadsMethod", reads_weights=False)),
    ("can_be_copied", SharesItselfMethod()),
    ("can_be_copied", with_layer(LowRankLinear, "OfNoModule")),  # made on the fly, so pickle cannot find its class
    ("checkpointing_changes_nothing", with_layer(CountsItsCalls, "CountsMethod")),
]


@pytest.mark.parametrize(("name", "method"), BROKEN, ids=[f"{name}-{type(method).__name__}" for name, method in BROKEN])
def test_a_broken_promise_is_noticed(name: str, method: LowRank) -> None:
    with pytest.raises(AssertionError, match=r"\w+ .*\w"):
        CHECKS[name](method, partial(tiny_model, "bert"), tiny_batch("bert"))


def test_merging_into_the_adapted_model_is_noticed() -> None:
    """`Adapted.merged` works on a copy, so only a layer that shares its base can do it; the layer alone shows it."""
    layer = MergesIntoItself(nn.Linear(4, 4), rank=2, scale=1.0)
    nn.init.ones_(layer.B)
    x = torch.ones(1, 4)
    before = layer(x).detach()
    layer.merged()
    assert not torch.equal(layer(x), before)
    check_method(MergesIntoItselfMethod(rank=2), partial(tiny_model, "bert"), tiny_batch("bert"))


def test_a_method_that_cannot_merge_is_taken_at_its_word() -> None:
    method = with_layer(LowRankLinear, "CannotMerge", mergeable=False)
    CHECKS["merged_equals_adapted"](method, partial(tiny_model, "bert"), tiny_batch("bert"))


def test_check_method_runs_every_check_with_a_loss_of_ones_own() -> None:
    calls = []

    def loss(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        calls.append(1)
        inputs = {name: value for name, value in batch.items() if name != "labels"}
        return nn.functional.cross_entropy(model(**inputs).logits, batch["labels"], reduction="sum")

    check_method(Lora(rank=2), partial(tiny_model, "bert"), tiny_batch("bert"), loss=loss)
    assert calls
    with pytest.raises(AssertionError):
        check_method(Climbs(), partial(tiny_model, "bert"), tiny_batch("bert"), loss=loss)


def test_the_checks_have_names_and_say_what_they_prove() -> None:
    assert len(CHECKS) == len(method_checks()) == 13
    assert all((check.__doc__ or "").strip().endswith(".") for check in CHECKS.values())
    assert {name for name, _ in BROKEN} | {"second_adapt_is_refused"} == CHECKS.keys()
