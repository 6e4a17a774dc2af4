"""Inside, what is known stands in for a model's modules; outside they are its own again."""

import copy
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from fewtune.kernels.dropout import dropout
from fewtune.model.dropout import QuickDropout
from fewtune.model.norm import QuickRmsNorm
from fewtune.model.quick import quick
from models import ALL_ARCHITECTURES, inputs_of, tiny_batch, tiny_model


def own(model: nn.Module) -> dict[str, nn.Module]:
    return {path: each for path, each in model.named_modules(remove_duplicate=False) if isinstance(each, nn.Dropout)}


class Someones(nn.Dropout):
    """A subclass: it may do anything."""


def small() -> nn.ModuleDict:
    shared = nn.Dropout(0.25)
    hooked = nn.Dropout(0.5)
    hooked.register_forward_hook(lambda *_: None)
    return nn.ModuleDict(
        {
            "one": shared,
            "same": shared,
            "still": nn.Dropout(0.1).eval(),
            "deep": nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.3)),
            "hooked": hooked,
            "in_place": nn.Dropout(0.5, inplace=True),
            "someones": Someones(0.5),
            "channels": nn.Dropout1d(0.5),
        }
    )


def test_which_modules_are_replaced_and_that_they_come_back() -> None:
    model = small()
    before = dict(model.named_modules(remove_duplicate=False))
    with quick(model):
        inside = dict(model.named_modules(remove_duplicate=False))
        changed = {path for path in before if inside[path] is not before[path]}
        assert changed == {"one", "same", "still", "deep.1"}
        assert all(type(inside[path]) is QuickDropout for path in changed)
        assert inside["one"] is inside["same"]
        for path in changed:
            one, other = inside[path], before[path]
            assert isinstance(one, nn.Dropout) and isinstance(other, nn.Dropout)
            assert (one.p, one.training) == (other.p, other.training)
        model.eval()
    after = dict(model.named_modules(remove_duplicate=False))
    assert list(after) == list(before)
    assert all(after[path] is before[path] for path in before)
    assert not any(module.training for module in after.values())


def test_they_come_back_after_an_error() -> None:
    model = small()
    before = own(model)
    with pytest.raises(KeyboardInterrupt), quick(model):
        raise KeyboardInterrupt
    assert own(model) == before
    assert type(model["one"]) is nn.Dropout


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """p of each call of the kernel by a module."""
    calls: list[float] = []

    def spied(x: torch.Tensor, p: float) -> torch.Tensor:
        calls.append(p)
        return dropout(x, p)

    monkeypatch.setattr("fewtune.model.dropout.dropout", spied)
    yield calls


@pytest.mark.parametrize("architecture", ALL_ARCHITECTURES)
def test_every_architecture_learns_with_it(architecture: str, asked: list[float]) -> None:
    """Called as often as the model calls its modules; in evaluation mode never, with equal outputs."""
    model, batch = tiny_model(architecture, dropout=0.2), tiny_batch(architecture)
    usual = [0]
    for module in own(model).values():
        module.register_forward_hook(lambda *_: usual.__setitem__(0, usual[0] + 1))
    model.train()
    model(**batch)
    plain = tiny_model(architecture, dropout=0.2)
    expected = plain(**inputs_of(batch)).logits
    with quick(plain):
        assert torch.equal(plain(**inputs_of(batch)).logits, expected)
        assert not asked
        torch.manual_seed(2)
        plain.train()(**batch).loss.backward()
        assert len(asked) == usual[0]
    if architecture in ("bert", "t5", "gpt2", "roberta"):
        assert len(asked) > 2  # BART and decoders since Llama call dropout as a function, if at all


@pytest.mark.parametrize("architecture", ["t5", "t5_gated", "llama", "qwen2", "qwen3"])
def test_models_with_rms_norm_learn_the_same_with_it(architecture: str, compiled: bool) -> None:
    """Outputs to the last bit, or but for the order of a sum; gradients of all below the norms to rounding. Names stay."""
    batch = tiny_batch(architecture)
    model = tiny_model(architecture)
    model.requires_grad_(False)
    embedding = model.get_input_embeddings().weight
    embedding.requires_grad_(True)
    usual = model(**batch)
    (expected,) = torch.autograd.grad(usual.loss, embedding)
    names = list(model.state_dict())
    with quick(model):
        norms = [module for module in model.modules() if isinstance(module, QuickRmsNorm)]
        assert len(norms) == sum("Norm" in type(module.own[0]).__name__ for module in norms) > 4
        assert not any(type(module).__name__.endswith(("RMSNorm", "T5LayerNorm")) for module in model.modules())
        assert list(model.state_dict()) == names
        found = model(**batch)
        torch.testing.assert_close(found.logits, usual.logits, rtol=1e-5 * compiled, atol=1e-5 * compiled)
        torch.testing.assert_close(torch.autograd.grad(found.loss, embedding)[0], expected, rtol=1e-3, atol=1e-5)
    assert not any(isinstance(module, QuickRmsNorm) for module in model.modules())


def test_a_copy_made_afterwards_holds_nothing_of_ours() -> None:
    model = tiny_model("bert", dropout=0.2)
    with quick(model):
        pass
    kinds = {type(module).__module__.partition(".")[0] for module in copy.deepcopy(model).modules()}
    assert "fewtune" not in kinds
