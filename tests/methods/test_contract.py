"""Every method keeps the public contract: `lora` on every shape of model, each other on a few that cover all traits of them.

`make matrix` tries all pairs and writes docs/methods-matrix.md.
"""

from collections.abc import Callable
from functools import partial

import pytest
from transformers import PreTrainedModel

from fewtune.adapted import adapt
from fewtune.errors import MethodError
from fewtune.methods._base import Method
from fewtune.methods.adalora import Adalora
from fewtune.methods.bitfit import Bitfit
from fewtune.methods.bottleneck import Bottleneck
from fewtune.methods.dora import Dora
from fewtune.methods.full import Full
from fewtune.methods.head import Head
from fewtune.methods.ia3 import Ia3
from fewtune.methods.last_layers import LastLayers
from fewtune.methods.lora import Lora
from fewtune.methods.nb_lora import NbLora
from fewtune.methods.prefix_tuning import PrefixTuning
from fewtune.methods.qlora import Qlora
from fewtune.methods.scalora import Scalora
from fewtune.model.anatomy import Anatomy
from fewtune.model.edits import Train
from fewtune.model.quantise import quantise
from fewtune.model.quantised import Format, QuantLinear
from fewtune.registry import find
from fewtune.testing import method_checks
from methods.grid import METHODS, REFUSED, covering, fitting, traits, traits_of
from models import SHAPES, tiny_batch, tiny_model

COVERING = [(name, shape) for name in METHODS for shape in covering(name)]
VARIANTS: dict[str, tuple[str, Method]] = {
    "stabilized": ("gpt2", Lora(rank=4, alpha=4, scaling="rank_stabilized")),
    "dropout": ("bert", Lora(rank=2, alpha=4, targets=("out", "down"), dropout=0.2)),
    "dora": ("gpt2", Dora(rank=2, alpha=4, targets=("qkv", "down"), dropout=0.0)),
    "roles": ("t5_gated", Lora(rank=2, alpha=4, targets=("query", "up"), dropout=0.2)),
    "query_mlp": ("bert", Bitfit(biases="query_mlp")),
    "two": ("t5", LastLayers(layers=2)),
    "tied_output": ("gemma_lm", Lora(rank=4, alpha=8, targets=("blocks", "lm_head"))),
    "tied_output_t5": ("t5_gated_lm", Dora(rank=4, alpha=8, targets=("lm_head",))),
    "tied_embeddings": ("gemma_lm", Lora(rank=4, alpha=8, also=("embeddings",))),
    "tied_embeddings_t5": ("t5_gated_lm", Lora(rank=4, alpha=8, targets=("query",), also=("embeddings",))),
    "tied_embeddings_bias": ("bert_lm", Lora(rank=4, alpha=8, targets=("query",), also=("embeddings",))),
    "tied_output_bias": ("bert_lm", Lora(rank=4, alpha=8, targets=("cls.predictions.decoder",))),
    "pfeiffer": ("gpt2", Bottleneck(placement="pfeiffer", size=8, activation="tanh")),
    "made_prefix": ("t5", PrefixTuning(tokens=3, reparameterise=True, hidden=16)),
}
RATES = {
    **dict.fromkeys(("lora", "dora", "loftq", "bottleneck", "nb_lora", "scalora"), 5e-4),
    **dict.fromkeys(("pissa", "olora", "lora_ga", "eva"), 1.25e-4),
    **dict.fromkeys(("full", "last_layers"), 5e-5),
    **dict.fromkeys(("bitfit", "hira"), 1e-3),
    **dict.fromkeys(("head", "ia3"), 3e-3),
    **dict.fromkeys(("vera", "prefix_tuning"), 5e-3),
    "lora_plus": 6.25e-5,
    "rslora": 1.768e-4,
    "qlora": 2e-4,
    "adalora": 2e-3,
    "prompt_tuning": 1e-2,
}
"""Learning rate by default at width 384."""
each_check = pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)


@each_check
@pytest.mark.parametrize(("name", "shape"), COVERING)
def test_method_keeps_the_contract(name: str, shape: str, check: Callable[..., None]) -> None:
    check(METHODS[name], SHAPES[shape].model, SHAPES[shape].batch())


@each_check
@pytest.mark.parametrize("variant", VARIANTS)
def test_variant_keeps_the_contract(variant: str, check: Callable[..., None]) -> None:
    shape, method = VARIANTS[variant]
    check(method, SHAPES[shape].model, SHAPES[shape].batch())


@pytest.mark.parametrize(("name", "shape"), [(name, "bert") for name in METHODS])
def test_a_new_head_learns_and_defaults_are_those_written_down(name: str, shape: str) -> None:
    """What comes after the blocks is new in a classifier. Rates and epochs: docs/decisions/defaults.md; as a user gets them."""
    anatomy, method = Anatomy(SHAPES[shape].model()), find("methods", name)()
    learns = {edit.parameter for edit in method.edits(anatomy) if isinstance(edit, Train)}
    assert anatomy.top and set(anatomy.parameters_of(anatomy.top)) <= learns
    assert method.default_learning_rate(384) == pytest.approx(RATES[name], rel=1e-3)
    longer = 2 if name in ("head", "prompt_tuning") else 1
    assert (method.default_epochs(3500, 4), method.default_epochs(100_000, 2)) == (6 * longer, 3 * longer)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_refused_where_we_say_so_and_nowhere_else(name: str) -> None:
    refused = []
    for shape in SHAPES:
        try:
            list(METHODS[name].edits(Anatomy(SHAPES[shape].model())))
        except MethodError:
            refused.append(shape)
    assert set(refused) == set(SHAPES) - set(fitting(name))


def stored_model(architecture: str, format: Format) -> PreTrainedModel:
    model = tiny_model(architecture)
    quantise(model, format)
    return model


@each_check
@pytest.mark.parametrize(
    ("architecture", "method", "format"),
    [
        ("bert", Lora(rank=4, alpha=8), "nf4"),
        ("gpt2", Lora(rank=4, alpha=8), "int8"),
        ("t5_gated", Dora(rank=4, alpha=8), "nf4"),
        ("gpt2", Ia3(), "nf4"),
        ("llama", Head(), "int8"),
        ("bert", Scalora(rank=4, alpha=8), "nf4"),
        ("gpt2", NbLora(rank=4), "nf4"),
        ("llama", Adalora(rank=4, target_rank=2, alpha=8), "int8"),
    ],
    ids=lambda each: each if isinstance(each, str) else each.name,
)
def test_method_keeps_the_contract_on_a_base_in_few_bits(
    architecture: str, method: Method, format: Format, check: Callable[..., None]
) -> None:
    check(method, partial(stored_model, architecture, format), tiny_batch(architecture))


@pytest.mark.parametrize("method", [Full(), LastLayers(layers=1), Bitfit()], ids=lambda method: method.name)
@pytest.mark.parametrize("model", [partial(tiny_model, "bert"), partial(stored_model, "bert", "nf4")])
def test_a_method_that_trains_the_blocks_is_refused_on_a_base_in_few_bits(
    method: Method, model: Callable[[], PreTrainedModel]
) -> None:
    given = model()
    before = [type(module) for module in given.modules()]
    with pytest.raises(MethodError, match=r"trains weights of the blocks themselves \(bert\.encoder\.layer\."):
        adapt(given, method, quantize=None if any(issubclass(kind, QuantLinear) for kind in before) else "int8")
    assert [type(module) for module in given.modules()] == before


def test_two_wishes_for_the_base_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(MethodError, match=r"'qlora' stores its base in nf4, but model\.quantize=int8"):
        adapt(tiny_model("bert"), Qlora(), quantize="int8")


@pytest.mark.parametrize(("name", "shape"), [(name, REFUSED[name][0][0]) for name in REFUSED])
def test_what_does_not_fit_is_refused_with_the_reason_and_the_model_stays(name: str, shape: str) -> None:
    model = SHAPES[shape].model()
    with pytest.raises(MethodError, match=REFUSED[name][1]):
        adapt(model, METHODS[name])
    assert all(parameter.requires_grad for parameter in model.parameters())


# --- what `make test` tries stands for all of it

# Written by hand from what the models are.
TRAITS = {
    "bert": set(),
    "modernbert": {"fused qkv", "no biases"},
    "gpt2": {"Conv1D", "fused qkv"},
    "gpt_neox": {"fused qkv"},
    "qwen2": {"gated"},
    "gemma_lm": {"gated", "no biases", "tied"},
    "t5": {"no biases", "two stacks"},
    "t5_gated_lm": {"gated", "no biases", "two stacks", "tied"},
    "bart": {"two stacks"},
    "vit": {"no text"},
    "whisper_lm": {"no text", "two stacks", "tied"},
}


@pytest.mark.parametrize("shape", TRAITS)
def test_traits_are_read_from_the_model(shape: str) -> None:
    assert traits(shape) == TRAITS[shape]


@pytest.mark.parametrize("name", METHODS)
def test_few_shapes_cover_every_trait(name: str) -> None:
    chosen = covering(name)
    assert traits_of(chosen) == traits_of(fitting(name))
    assert set(chosen) <= set(fitting(name))
    if name not in REFUSED:
        assert traits_of(chosen) == frozenset().union(*TRAITS.values())
    assert len(chosen) <= 4 or name == "lora"


def test_one_method_is_tried_on_every_shape() -> None:
    assert covering("lora") == tuple(SHAPES)
