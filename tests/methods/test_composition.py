"""Options that combine with any low-rank method: ranks of single layers, a ratio of rates, modules that learn whole."""

from typing import ClassVar, Literal

import pytest
import torch
from pydantic import ValidationError

from fewtune.adapted import Adapted, adapt
from fewtune.engine.precision import Precision
from fewtune.errors import MethodError
from fewtune.methods._defaults import rate_for
from fewtune.methods._low_rank import LowRank, LowRankLinear
from fewtune.methods.dora import Dora
from fewtune.methods.lora import Lora
from fewtune.methods.rslora import Rslora
from fewtune.model.edits import Rate
from models import ARCHITECTURES, tiny_batch, tiny_model

KINDS = (Lora, Rslora, Dora)


def ranks_of(adapted: Adapted) -> dict[str, tuple[int, float]]:
    found = {path: layer for path, layer in adapted.layers().items() if isinstance(layer, LowRankLinear)}
    return {path: (len(layer.A), layer.scale) for path, layer in found.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_may_have_a_rank_of_its_own_and_its_scale_follows(kind: type[LowRank]) -> None:
    first = "bert.encoder.layer.0.attention.self.query"
    method = kind(rank=4, alpha=8, ranks={"query": 2, first: 6})
    power = 0.5 if kind is Rslora else 1
    for path, (rank, scale) in ranks_of(adapt(tiny_model("bert"), method)).items():
        expected = 6 if path == first else 2 if path.endswith("query") else 4
        assert (rank, scale) == (expected, pytest.approx(8 / expected**power)), path


def test_a_rank_for_a_layer_that_is_no_target_or_that_is_not_there_is_refused() -> None:
    with pytest.raises(MethodError, match=r"method.ranks: 'up' means bert\S+intermediate.dense, which is not among"):
        adapt(tiny_model("bert"), Lora(targets=("query",), ranks={"up": 2}))
    with pytest.raises(MethodError, match="q_proj"):
        adapt(tiny_model("bert"), Lora(ranks={"q_proj": 2}))
    with pytest.raises(ValidationError, match="must be >= 1"):
        Lora(ranks={"query": 0})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_embeddings_may_learn_beside_the_correction(kind: type[LowRank], architecture: str) -> None:
    plain = adapt(tiny_model(architecture), kind(rank=2))
    adapted = adapt(tiny_model(architecture), kind(rank=2, also=("embeddings",)))
    weight = adapted.model.get_input_embeddings().weight
    added = adapted.trainable().keys() - plain.trainable().keys()
    assert [adapted.trainable()[name] is weight for name in added] == [True]
    adapted.model(**tiny_batch(architecture)).loss.backward()
    assert weight.grad is not None and weight.grad.any()


def test_a_module_by_its_name_or_path_and_never_one_that_carries_a_correction() -> None:
    norms = adapt(tiny_model("bert"), Lora(also=("LayerNorm",))).directly()
    assert sum(name.endswith("LayerNorm.weight") for name in norms) == 5
    one = adapt(tiny_model("bert"), Lora(targets=("query",), also=("bert.encoder.layer.1.output",))).directly()
    assert {name.removeprefix("bert.encoder.layer.1.output.") for name in one if "encoder" in name} == {
        f"{module}.{name}" for module in ("dense", "LayerNorm") for name in ("weight", "bias")
    }
    with pytest.raises(MethodError, match=r"method.also: bert.encoder.layer.1.output holds layers that carry"):
        adapt(tiny_model("bert"), Lora(also=("bert.encoder.layer.1.output",)))
    with pytest.raises(MethodError, match=r"'embeding' is no module of BertFor.*did you mean 'embeddings'"):
        adapt(tiny_model("bert"), Lora(also=("embeding",)))
    model = tiny_model("bert")
    with pytest.raises(MethodError):
        adapt(model, Lora(also=("nothing_like_it",)))
    assert all(parameter.requires_grad for parameter in model.parameters()), "refused, so unchanged"


def test_naming_the_head_changes_nothing() -> None:
    plain, named = (adapt(tiny_model("bert"), Lora(also=also)) for also in ((), ("classifier",)))
    assert plain.trainable().keys() == named.trainable().keys()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ratio", [1, 2, 16])
def test_every_low_rank_method_takes_a_ratio_of_rates(kind: type[LowRank], ratio: int) -> None:
    adapted = adapt(tiny_model("bert"), kind(rank=2, rate_ratio=ratio))
    assert any(isinstance(edit, Rate) for edit in adapted.edits) == (ratio != 1)
    for name in adapted.trainable():
        expected = ratio if name.endswith(".B") or name.startswith(("classifier", "bert.pooler")) else 1
        assert adapted.rate_factor(name) == expected, name


def test_default_rates_follow_the_ratio_and_the_scaling() -> None:
    """With a ratio B learns at twice LoRA's rate; rank-stabilised at rank 8 the scale times the rate is LoRA's."""
    width = 384
    plain = Lora().default_learning_rate(width)
    assert plain == rate_for(width)
    assert 16 * Lora(rate_ratio=16).default_learning_rate(width) == pytest.approx(2 * plain)
    stabilised = Lora(scaling="rank_stabilized")
    assert stabilised.scale * stabilised.default_learning_rate(width) == pytest.approx(Lora().scale * plain)


class Fixed(LowRank):
    """A method that has no B."""

    name: Literal["fixed"] = "fixed"
    rate_ratio: float = 1
    excluded: ClassVar = {"rate_ratio": "not_mergeable", "ranks": "not_mergeable"}

    starts_as_base: ClassVar = True
    mergeable: ClassVar = True
    saved_as: ClassVar = "own"


def test_what_does_not_combine_is_refused_unless_it_is_as_usual() -> None:
    assert Fixed(rate_ratio=1, ranks={}, also=("embeddings",)).rate_ratio == 1
    for options in ({"rate_ratio": 2}, {"ranks": {"query": 2}}):
        with pytest.raises(ValidationError):
            Fixed(**options)


def test_factors_are_the_correction_with_the_scale_inside() -> None:
    torch.manual_seed(0)
    layer = LowRankLinear(torch.nn.Linear(5, 4), rank=2, scale=3.0)
    torch.nn.init.normal_(layer.B)
    A, B = layer.factors()
    x = torch.randn(3, 5)
    torch.testing.assert_close(layer.eval()(x), layer.base(x) + x @ A.T @ B.T)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_learned_embeddings_train_in_bf16_too(architecture: str) -> None:
    """What they give is fp32, which a norm does not take with a gain in bf16."""
    adapted = adapt(tiny_model(architecture), Lora(rank=2, also=("embeddings",)))
    precision = Precision("bf16", "cpu")
    precision.store(adapted.model)
    with precision.context():
        adapted.model.train()(**tiny_batch(architecture)).loss.backward()
    assert adapted.model.get_input_embeddings().weight.grad.dtype == torch.float32
