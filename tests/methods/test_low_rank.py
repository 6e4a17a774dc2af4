"""Which way a low-rank layer computes, and that both ways compute the same."""

import copy
import math
import pickle
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from fewtune.adapted import Adapted, adapt
from fewtune.engine.precision import Precision
from fewtune.kernels import nf4
from fewtune.kernels.dropout import dropout
from fewtune.methods import _low_rank
from fewtune.methods._low_rank import LowRank, LowRankLinear
from fewtune.methods.adalora import Adalora
from fewtune.methods.lora import Lora
from fewtune.methods.nb_lora import NbLora
from fewtune.methods.pissa import Pissa
from fewtune.methods.scalora import Scalora
from fewtune.model.dropout import QuickDropout
from fewtune.model.quantised import Nf4Linear
from fewtune.model.quick import quick
from fewtune.testing._probe import move
from models import ALL_ARCHITECTURES, tiny_batch, tiny_model

WAYS = ("lora_linear", "plus_low_rank", "low_rank")


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each way was taken by a layer."""
    taken: Counter[str] = Counter()

    def spied(name: str, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def call(*arguments: Any) -> Tensor:
            taken[name] += 1
            return function(*arguments)

        return call

    for name in WAYS:
        monkeypatch.setattr(_low_rank, name, spied(name, getattr(_low_rank, name)))
    return taken


class OwnLinear(nn.Linear):
    """A subclass: it may compute anything."""


class PlainDropout(nn.Dropout):
    """The same masks, but not ours, so the layer is computed as it is written."""

    def forward(self, input: Tensor) -> Tensor:
        return dropout(input, self.p) if self.training else input


def hooked(module: nn.Module, kind: str = "forward_hook") -> nn.Module:
    getattr(module, f"register_{kind}")(lambda *_: None)
    return module


def learning_bias() -> nn.Module:
    made = nn.Linear(24, 20).requires_grad_(False)
    assert made.bias is not None
    made.bias.requires_grad_(True)
    return made


def own_forward() -> nn.Module:
    made = nn.Linear(24, 20).requires_grad_(False)
    made.forward = lambda x: nn.functional.linear(x, made.weight, made.bias)  # as accelerate's hooks do
    return made


BASES: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "linear": (lambda: nn.Linear(24, 20), "lora_linear"),
    "without bias": (lambda: nn.Linear(24, 20, bias=False), "lora_linear"),
    "Conv1D": (lambda: Conv1D(20, 24), "lora_linear"),
    "4 bits": (lambda: Nf4Linear(nf4.quantise(torch.randn(20, 64)), None, torch.float32), "plus_low_rank"),
    "hook": (lambda: hooked(nn.Linear(24, 20)), "plus_low_rank"),
    "hook before": (lambda: hooked(nn.Linear(24, 20), "forward_pre_hook"), "plus_low_rank"),
    "hook on the way back": (lambda: hooked(nn.Linear(24, 20), "full_backward_hook"), "plus_low_rank"),
    "subclass": (lambda: OwnLinear(24, 20), "plus_low_rank"),
    "own forward": (own_forward, "plus_low_rank"),
    "twice": (lambda: LowRankLinear(nn.Linear(24, 20).requires_grad_(False), 2, 1.0), "plus_low_rank"),
    "learning bias": (learning_bias, "plus_low_rank"),
}


def passes(layer: LowRankLinear, x: Tensor) -> list[Tensor]:
    """y, and the gradients of x and of all that learns, with the same mask at each call."""
    x = x.clone().requires_grad_()
    torch.manual_seed(3)
    y = layer(x)
    learned = [parameter for parameter in layer.parameters() if parameter.requires_grad]
    weights = torch.randn(y.shape, generator=torch.Generator().manual_seed(4))
    return [y, *torch.autograd.grad((y * weights).sum(), [x, *learned])]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", BASES)
def test_every_kind_of_base_and_the_way_it_goes(kind: str, training: bool, ways: Counter[str]) -> None:
    made, way = BASES[kind]
    torch.manual_seed(0)
    base = made()
    if kind != "learning bias":
        base.requires_grad_(False)
    layer = LowRankLinear(base, rank=3, scale=2.0, dropout=0.25).train(training)
    nn.init.normal_(layer.B)
    x = torch.randn(4, 5, layer.in_features)
    found = passes(layer, x)
    assert ways - Counter(lora_linear=kind == "twice") == {way: 1}
    layer.dropout = PlainDropout(0.25).train(training)
    ways.clear()
    expected = passes(layer, x)
    assert ways["low_rank"]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_a_hook_on_the_base_hears_of_every_call() -> None:
    heard: list[tuple[int, ...]] = []
    layer = LowRankLinear(nn.Linear(6, 5).requires_grad_(False), rank=2, scale=1.0)
    handle = layer.base.register_forward_hook(lambda _, inputs, output: heard.append(output.shape))
    layer(torch.randn(3, 6))
    handle.remove()
    layer(torch.randn(3, 6))
    assert heard == [(3, 5)]


@pytest.mark.parametrize("kind", ["hooked", "someone's"])
def test_dropout_that_is_not_ours_alone_is_called_as_a_module(kind: str, ways: Counter[str]) -> None:
    layer = LowRankLinear(nn.Linear(6, 5).requires_grad_(False), rank=2, scale=1.0, dropout=0.5)
    layer.dropout = hooked(nn.Dropout(0.5)) if kind == "hooked" else nn.AlphaDropout(0.5)  # pyright: ignore[reportAttributeAccessIssue]
    layer(torch.randn(3, 6))
    assert ways == {"low_rank": 1}


def test_the_mode_of_its_dropout_decides(ways: Counter[str]) -> None:
    layer = LowRankLinear(nn.Linear(6, 5).requires_grad_(False), rank=2, scale=1.0, dropout=0.5).train()
    nn.init.normal_(layer.B)
    x = torch.randn(30, 6)
    layer.dropout.eval()
    assert torch.equal(layer(x), layer(x))
    layer.dropout.train()
    assert not torch.equal(layer(x), layer(x))
    assert ways == {"lora_linear": 4}


def test_torch_compile_gets_it_as_it_is_written(ways: Counter[str]) -> None:
    layer = LowRankLinear(nn.Linear(6, 5).requires_grad_(False), rank=2, scale=1.0).eval()
    nn.init.normal_(layer.B)
    x = torch.randn(3, 6)
    torch.testing.assert_close(torch.compile(layer, backend="eager")(x), layer(x))
    assert ways["lora_linear"] == 1


def test_the_layer_can_be_copied_and_pickled_inside_a_run() -> None:
    layer = LowRankLinear(nn.Linear(6, 5).requires_grad_(False), rank=2, scale=1.0, dropout=0.5)
    nn.init.normal_(layer.B)
    x = torch.randn(3, 6)
    with quick(layer):
        assert type(layer.dropout) is QuickDropout
        for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):  # noqa: S301  our own
            torch.testing.assert_close(other.eval()(x), layer.eval()(x))


def written_out(adapted: Adapted) -> Adapted:
    """The same model, whose layers take the way that is the definition."""
    for module in adapted.layers().values():
        assert isinstance(module, LowRankLinear)
        module.dropout = PlainDropout(module.dropout.p).train(module.dropout.training)
    return adapted


def gradients(adapted: Adapted, batch: dict[str, Tensor], autocast: bool = False) -> dict[str, Tensor]:
    torch.manual_seed(5)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        output = adapted.model.train()(**batch)
    output.loss.float().backward()
    return {"loss": output.loss.detach()} | {
        name: parameter.grad for name, parameter in adapted.trainable().items() if parameter.grad is not None
    }


def made(method: LowRank, architecture: str) -> Adapted:
    torch.manual_seed(6)
    adapted = adapt(tiny_model(architecture), method)
    move(adapted, seed=0)
    return adapted


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("architecture", ALL_ARCHITECTURES)
def test_a_whole_model_learns_the_same(architecture: str, padded: bool, ways: Counter[str]) -> None:
    """In fp64, padded and not, with dropout: loss and every gradient."""
    batch = tiny_batch(architecture)
    if not padded:  # rows of one length, as bucketing makes them
        batch |= {"attention_mask": torch.ones_like(batch["attention_mask"])}
        batch["input_ids"] = batch["input_ids"][:1].expand(4, -1).contiguous()
    quick, plain = (made(Lora(rank=2, dropout=0.2), architecture) for _ in range(2))
    quick.model.double()  # pyright: ignore[reportCallIssue]
    found = gradients(quick, batch)
    calls = len(quick.layers())
    assert ways["lora_linear"] >= calls and not ways["low_rank"] and not ways["plus_low_rank"]
    ways.clear()
    plain.model.double()  # pyright: ignore[reportCallIssue]
    expected = gradients(written_out(plain), batch)
    assert ways["low_rank"] >= calls and not ways["lora_linear"]
    assert found.keys() == expected.keys() == quick.trainable().keys() | {"loss"}
    for name, grad in expected.items():
        torch.testing.assert_close(found[name], grad, rtol=1e-8, atol=1e-8, msg=lambda m, n=name: f"{n}: {m}")


def test_in_bf16_models_are_no_further_from_the_truth() -> None:
    """As fewtune trains, without dropout: relative errors of all gradients of all architectures, against fp64.

    One such model amplifies rounding, so that the two ways differ by chance, up to three times either way; hence the geometric
    mean of all. What one layer may lose stands in tests/kernels/test_low_rank.py.
    """
    method, ratios = Lora(rank=2, dropout=0), []
    for architecture in ALL_ARCHITECTURES:
        batch = tiny_batch(architecture)
        exact = written_out(made(method, architecture))
        exact.model.double()  # pyright: ignore[reportCallIssue]
        truth = gradients(exact, batch)
        quick, plain = made(method, architecture), written_out(made(method, architecture))
        for adapted in (quick, plain):
            Precision("bf16", "cpu").store(adapted.model)
        found, usual = (gradients(adapted, batch, autocast=True) for adapted in (quick, plain))
        for name, grad in truth.items():
            if grad.any():
                ratios.append(float((found[name] - grad).norm() / (usual[name] - grad).norm()))
    assert 1 / 1.5 < math.exp(sum(map(math.log, ratios)) / len(ratios)) < 1.5


@pytest.mark.parametrize("method", [Lora, Pissa, Adalora, NbLora, Scalora], ids=lambda kind: kind.__name__)
def test_the_methods_that_go_this_way(method: type[LowRank], ways: Counter[str]) -> None:
    adapted = adapt(tiny_model("bert"), method())
    move(adapted, seed=0)
    adapted.model.train()(**tiny_batch("bert")).loss.backward()
    assert ways == {"lora_linear": len(adapted.layers())}
