"""Every method keeps the public contract on every architecture, its variants on one."""

from collections.abc import Callable
from functools import partial

import pytest
from transformers import PreTrainedModel

from fewtune import registry
from fewtune.adapted import adapt
from fewtune.errors import MethodError
from fewtune.methods._base import Method
from fewtune.methods.adalora import Adalora
from fewtune.methods.bitfit import Bitfit
from fewtune.methods.bottleneck import Bottleneck
from fewtune.methods.dora import Dora
from fewtune.methods.eva import Eva
from fewtune.methods.full import Full
from fewtune.methods.head import Head
from fewtune.methods.hira import Hira
from fewtune.methods.ia3 import Ia3
from fewtune.methods.last_layers import LastLayers
from fewtune.methods.loftq import Loftq
from fewtune.methods.lora import Lora
from fewtune.methods.lora_ga import LoraGa
from fewtune.methods.lora_plus import LoraPlus
from fewtune.methods.nb_lora import NbLora
from fewtune.methods.olora import Olora
from fewtune.methods.pissa import Pissa
from fewtune.methods.prefix_tuning import PrefixTuning
from fewtune.methods.prompt_tuning import PromptTuning
from fewtune.methods.qlora import Qlora
from fewtune.methods.rslora import Rslora
from fewtune.methods.scalora import Scalora
from fewtune.methods.vera import Vera
from fewtune.model.quantise import quantise
from fewtune.model.quantised import Format, QuantLinear
from fewtune.testing import method_checks
from models import ARCHITECTURES, tiny_batch, tiny_model

METHODS: tuple[Method, ...] = (
    Lora(rank=4, alpha=8),
    Rslora(rank=4, alpha=4),  # s = 2 as above: at 4 rounding alone reaches the bounds on T5
    LoraPlus(rank=4, alpha=8),
    Dora(rank=4, alpha=8),
    Head(),
    Full(),
    LastLayers(layers=1),
    Bitfit(),
    Ia3(),
    NbLora(rank=4),
    Adalora(rank=4, target_rank=2, alpha=8),
    Scalora(rank=4, alpha=8),
    Pissa(rank=4, alpha=8),
    Olora(rank=4, alpha=8),
    LoraGa(rank=4, alpha=4),  # likewise
    Eva(rank=4, alpha=8),
    Vera(rank=16),
    Hira(rank=4),
    Bottleneck(reduction=4),
    PromptTuning(tokens=4),
    PrefixTuning(tokens=4),
    Qlora(rank=4, alpha=8),
    Loftq(rank=4, alpha=8, steps=2),
)
# Method → architectures it does not fit, with a word of the reason.
REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "prefix_tuning": (("deberta_v2",), "computed by 'eager'"),
    "bitfit": (("modernbert", "llama", "qwen3", "t5", "t5_gated"), "bias terms"),
}
PAIRS = [(method, architecture) for method in METHODS for architecture in ARCHITECTURES]


def is_refused(method: Method, architecture: str) -> bool:
    return architecture in REFUSED.get(method.name, ((), ""))[0]


VARIANTS: tuple[tuple[str, Method], ...] = (
    ("gpt2", Lora(rank=4, alpha=4, scaling="rank_stabilized")),
    ("bert", Lora(rank=2, alpha=4, targets=("out", "down"), dropout=0.2)),
    ("gpt2", Dora(rank=2, alpha=4, targets=("qkv", "down"), dropout=0.0)),
    ("t5_gated", Lora(rank=2, alpha=4, targets=("query", "up"), dropout=0.2)),
    ("bert", Bitfit(biases="query_mlp")),
    ("t5", LastLayers(layers=2)),
    ("gpt2", Bottleneck(placement="pfeiffer", size=8, activation="tanh")),
    ("t5", PrefixTuning(tokens=3, reparameterise=True, hidden=16)),
)
check_parameter = pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)


@check_parameter
@pytest.mark.parametrize(
    ("method", "architecture"),
    [pair for pair in PAIRS if not is_refused(*pair)],
    ids=lambda each: each if isinstance(each, str) else each.name,
)
def test_method_keeps_the_contract(method: Method, architecture: str, check: Callable[..., None]) -> None:
    check(method, partial(tiny_model, architecture), tiny_batch(architecture))


@check_parameter
@pytest.mark.parametrize(
    ("architecture", "method"),
    VARIANTS,
    ids=["stabilized", "dropout", "dora", "roles", "query_mlp", "two", "pfeiffer", "made_prefix"],
)
def test_variant_keeps_the_contract(architecture: str, method: Method, check: Callable[..., None]) -> None:
    check(method, partial(tiny_model, architecture), tiny_batch(architecture))


def stored_model(architecture: str, format: Format) -> PreTrainedModel:
    model = tiny_model(architecture)
    quantise(model, format)
    return model


@check_parameter
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


@pytest.mark.parametrize(
    ("method", "architecture"),
    [pair for pair in PAIRS if is_refused(*pair)],
    ids=lambda each: each if isinstance(each, str) else each.name,
)
def test_what_does_not_fit_is_refused_with_the_reason_and_the_model_stays(method: Method, architecture: str) -> None:
    model = tiny_model(architecture)
    with pytest.raises(MethodError, match=REFUSED[method.name][1]):
        adapt(model, method)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_no_method_is_left_out() -> None:
    assert sorted(method.name for method in METHODS) == registry.names("methods")
