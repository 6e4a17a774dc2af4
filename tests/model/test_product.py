"""A model's own frozen layers through products of our own: which, that they come back, and that a model learns the same."""

from typing import Any

import pytest
import torch
from torch import nn

from fewtune import registry
from fewtune.adapted import adapt
from fewtune.engine.precision import Precision
from fewtune.kernels import native
from fewtune.model.linear import is_dense, is_plain_and_frozen
from fewtune.model.product import QuickLinear, quick_linear
from fewtune.model.quick import quick
from models import tiny_batch, tiny_config

pytestmark = pytest.mark.skipif(not native.has_tiles(), reason="no tiles here")
BF16 = torch.bfloat16
WIDE: dict[str, tuple[str, dict[str, int]]] = {
    "bert": ("AutoModelForSequenceClassification", {"hidden_size": 256, "intermediate_size": 512}),
    "t5": ("AutoModelForSeq2SeqLM", {"d_model": 256, "d_ff": 512, "d_kv": 64}),
    "qwen2": ("AutoModelForCausalLM", {"hidden_size": 256, "intermediate_size": 512, "num_key_value_heads": 4}),
}
"""Wide enough for the kernel; the tests' models are narrower."""


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """With more, the kernel wants wider layers."""
    torch.set_num_threads(1)


def wide(architecture: str) -> nn.Module:
    import transformers

    head, sizes = WIDE[architecture]
    config = tiny_config(architecture, labels=3, dropout=0.0)
    for name, value in sizes.items():
        setattr(config, name, value)
    torch.manual_seed(0)
    return getattr(transformers, head).from_config(config).eval()


def layer(**options: Any) -> nn.Linear:
    return nn.Linear(128, 256, dtype=BF16, **options).requires_grad_(False)


def test_which_layers_are_replaced_and_that_they_come_back() -> None:
    hooked = layer()
    hooked.register_forward_hook(lambda *_: None)
    someones = type("Someones", (nn.Linear,), {})(128, 256, dtype=BF16).requires_grad_(False)
    model = nn.ModuleDict(
        {
            "one": layer(),
            "bare": layer(bias=False),
            "hooked": hooked,
            "someones": someones,
            "learns": layer().requires_grad_(True),
            "learns_a_bias": layer(),
            "fp32": layer().float(),
            "odd": nn.Linear(100, 100, dtype=BF16).requires_grad_(False),
        }
    )
    model["learns_a_bias"].bias.requires_grad_(True)
    before, names = dict(model.named_modules()), list(model.state_dict())
    for learning in (True, False):
        with quick(model, learning=learning):
            inside = dict(model.named_modules())
            changed = {path for path in before if inside[path] is not before[path]}
            assert changed == {"one", "bare"}
            assert list(model.state_dict()) == names
            assert model["one"].weight is before["one"].weight and model["bare"].bias is None
            assert quick_linear(model["one"]) is None
            assert is_dense(model["one"]) and is_plain_and_frozen(model["one"]) and not is_dense(someones)
    assert dict(model.named_modules()) == before


def test_few_rows_go_through_torch() -> None:
    own = layer()
    found = quick_linear(own)
    assert isinstance(found, QuickLinear) and repr(found)
    for rows in (1, 31, 32, 50):
        x = torch.randn(rows, 128, dtype=BF16)
        torch.testing.assert_close(found(x), own(x))


@pytest.mark.parametrize("architecture", WIDE)
def test_a_model_learns_the_same_with_it(architecture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against fp32, the gradients are no worse than those of torch's products in bf16; and the kernel was really called."""
    calls: list[int] = []
    real = native.product

    def spied(*given: Any, **options: Any) -> torch.Tensor:
        calls.append(len(given[0]))
        return real(*given, **options)

    monkeypatch.setattr(native, "product", spied)
    batch = tiny_batch(architecture, rows=8, head=WIDE[architecture][0])
    method = registry.find("methods", "lora").model_validate({"name": "lora", "rank": 4, "targets": ["query", "value"]})

    def gradients(kind: torch.dtype, ours: bool) -> torch.Tensor:
        model = wide(architecture)
        torch.manual_seed(1)
        adapted = adapt(model, method)
        for each in adapted.trainable().values():
            nn.init.normal_(each, std=0.05)
        Precision("bf16" if kind == BF16 else "fp32", "cpu").store(model)
        with torch.autocast("cpu", BF16, enabled=kind == BF16):
            if ours:
                with quick(model):
                    model(**batch).loss.backward()
            else:
                model(**batch).loss.backward()
        return torch.cat([each.grad.flatten() for each in adapted.trainable().values()])

    exact, usual, found = gradients(torch.float32, False), gradients(BF16, False), None
    before = len(calls)
    found = gradients(BF16, True)
    assert len(calls) - before > 10
    norm = torch.linalg.vector_norm
    assert norm(found - exact) <= 1.2 * norm(usual - exact) + 1e-6 * norm(exact)
    assert norm(usual - exact) < 0.1 * norm(exact)
