"""Which activations are looked up, that a model's layers share a table, and when the model's own computes."""

import gc
from typing import Any

import pytest
import torch
from torch import nn
from transformers.activations import ACT2FN

from fewtune.kernels import native
from fewtune.kernels.activation import look_up
from fewtune.model import activation
from fewtune.model.activation import QuickActivation, quick_activation
from fewtune.model.quick import quick
from models import logits_and_gradients, tiny_batch, tiny_model

USED = (
    "gelu",
    "gelu_new",
    "gelu_fast",
    "gelu_pytorch_tanh",
    "quick_gelu",
    "relu2",
    "silu",
    "swish",
    "mish",
    "tanh",
)
needs_compiler = pytest.mark.usefixtures("with_compiler")


class Someones(nn.GELU):
    """A subclass: it may do anything."""


@needs_compiler
@pytest.mark.parametrize("name", USED)
def test_known_ones_give_the_same_bits(name: str) -> None:
    own = ACT2FN[name]
    made = quick_activation(own)
    assert made is not None
    # 70 whole vectors: of GELU with tanh, torch itself rounds four numbers near −5.1 in another way where a vector is not full.
    x = (3 * torch.randn(7, 320)).bfloat16()
    assert torch.equal(made(x), own(x))
    given = x.requires_grad_()
    found, expected = (torch.autograd.grad(each(given).sum(), given)[0].float() for each in (made, own))
    # NewGELU and its like are written out in bf16, operation by operation, and autograd rounds after each.
    torch.testing.assert_close(found, expected, rtol=0.02, atol=0.04)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["gelu_new", "gelu_fast", "gelu_accurate"])
def test_those_written_out_are_one_operation_where_they_are_not_looked_up(name: str, dtype: torch.dtype) -> None:
    own = ACT2FN[name]
    made = quick_activation(own)
    assert made is not None and made.written_out and made.training
    drawn = torch.Generator().manual_seed(0)
    x = (3 * torch.randn(70, 33, dtype=dtype, generator=drawn)).requires_grad_()
    found, expected = made(x), own(x)
    assert type(found.grad_fn).__name__ == "GeluBackward0"
    near = {"rtol": 1e-6, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 0, "atol": 1e-9}
    torch.testing.assert_close(found, expected, **near)
    g = torch.randn(x.shape, dtype=dtype, generator=drawn)
    torch.testing.assert_close(*(torch.autograd.grad(each, x, g)[0] for each in (found, expected)), **near)
    truth = own(x.double())
    assert dtype == torch.float64 or (found - truth).norm() <= 1.1 * (expected - truth).norm()
    half = x.detach().half()
    assert torch.equal(made(half), own(half))
    assert torch.equal(made.eval()(x), own(x)), "a model that answers answers as before"


def test_what_only_has_the_name_of_one_computes_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    class Theirs(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 1.001 * nn.functional.gelu(x)

    Theirs.__module__, Theirs.__name__ = "transformers.activations", "NewGELUActivation"
    made, x = quick_activation(Theirs()), torch.randn(3, 5)
    assert made is not None and torch.equal(made(x), Theirs()(x))


@pytest.mark.parametrize("architecture", ["gpt2", "t5_gated"])
def test_models_learn_the_same_with_one_operation(architecture: str) -> None:
    model, batch = tiny_model(architecture).double().train(), tiny_batch(architecture)
    expected = logits_and_gradients(model, batch)
    with quick(model):
        assert any(getattr(module, "written_out", False) for module in model.modules())
        found = logits_and_gradients(model, batch)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-11)


def test_others_stay() -> None:
    hooked = nn.GELU()
    hooked.register_forward_hook(lambda *_: None)
    others = [
        hooked,
        Someones(),
        nn.ReLU(),
        nn.SiLU(inplace=True),
        nn.PReLU(),
        nn.RReLU(),
        nn.Softmax(-1),
        nn.GLU(),
        nn.Identity(),
    ]
    assert [type(module).__name__ for module in others if quick_activation(module)] == []
    assert quick_activation(nn.GELU()) is not None


def test_layers_share_a_table_which_goes_with_them() -> None:
    one, two, other = (quick_activation(each) for each in (nn.GELU(), ACT2FN["gelu"], nn.GELU("tanh")))
    assert one is not None and two is not None and other is not None
    assert one.table is two.table is not other.table
    del one, two, other
    gc.collect()
    assert not activation._TABLES


@needs_compiler
def test_what_is_not_bf16_and_torch_compile_get_the_models_own(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def counted(*arguments: Any) -> torch.Tensor:
        calls.append(1)
        return look_up(*arguments)

    monkeypatch.setattr(activation, "look_up", counted)
    own = nn.GELU()
    made = QuickActivation(own, activation.table(own))
    x = torch.randn(5, 6)
    made(x.bfloat16())
    assert len(calls) == 1
    assert torch.equal(made(x), own(x))
    torch.testing.assert_close(torch.compile(made, backend="eager")(x.bfloat16()), own(x.bfloat16()))
    monkeypatch.setattr(native, "library", lambda: None)
    assert torch.equal(made(x.bfloat16()), own(x.bfloat16()))
    assert len(calls) == 1


@needs_compiler
@pytest.mark.parametrize("architecture", ["bert", "t5_gated", "llama", "gpt2", "bart"])
def test_models_learn_with_it(architecture: str) -> None:
    """In bf16: the same loss and gradients but for rounding, through the tables; names of parameters stay."""
    model, batch = tiny_model(architecture).bfloat16(), tiny_batch(architecture)
    names, embedding = list(model.state_dict()), model.get_input_embeddings().weight
    usual = model(**batch).loss
    (expected,) = torch.autograd.grad(usual, embedding)
    with quick(model):
        assert any(isinstance(module, QuickActivation) for module in model.modules())
        assert list(model.state_dict()) == names
        for module in model.modules():
            if isinstance(module, QuickActivation):
                module.register_forward_hook(lambda *_: seen.append(1))
        seen: list[int] = []
        found = model(**batch).loss
        assert seen
        (gradient,) = torch.autograd.grad(found, embedding)
    torch.testing.assert_close(found, usual, rtol=0.01, atol=0)
    assert float((gradient - expected).float().norm() / expected.float().norm()) < 0.02
    assert not any(isinstance(module, QuickActivation) for module in model.modules())
