"""A model's own frozen layers through products of our own: which, that they come back, and that a model learns the same."""

from typing import Any

import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from fewtune import registry
from fewtune.adapted import adapt
from fewtune.engine.precision import Precision
from fewtune.kernels import few_rows, native
from fewtune.model.linear import is_dense, is_linear, is_plain_and_frozen, is_transposed
from fewtune.model.product import QuickLinear, quick_linear
from fewtune.model.quick import quick
from models import tiny_batch, tiny_config

with_tiles = pytest.mark.skipif(not native.has_tiles(), reason="no tiles here")
BF16 = torch.bfloat16
WIDE: dict[str, tuple[str, dict[str, int]]] = {
    "bert": ("AutoModelForSequenceClassification", {"hidden_size": 256, "intermediate_size": 512}),
    "t5": ("AutoModelForSeq2SeqLM", {"d_model": 256, "d_ff": 512, "d_kv": 64}),
    "gpt2": ("AutoModelForCausalLM", {"n_embd": 256, "n_inner": 512}),
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


def layers() -> nn.ModuleDict:
    hooked = layer()
    hooked.register_forward_hook(lambda *_: None)
    model = nn.ModuleDict(
        {
            "one": layer(),
            "bare": layer(bias=False),
            "hooked": hooked,
            "someones": type("Someones", (nn.Linear,), {})(128, 256).requires_grad_(False),
            "learns": layer().requires_grad_(True),
            "learns_a_bias": layer(),
            "fp32": layer().float(),
            "learns_in_fp32": nn.Linear(9, 7),
            "turned": Conv1D(128, 256).requires_grad_(False),
            "turned_in_bf16": Conv1D(128, 256).to(BF16).requires_grad_(False),
            "fp16": layer().half(),
            "odd": nn.Linear(100, 100, dtype=BF16).requires_grad_(False),
        }
    )
    model["learns_a_bias"].bias.requires_grad_(True)
    return model


@pytest.mark.parametrize("tiles", [True, False])
@pytest.mark.parametrize("learning", [True, False])
def test_which_layers_are_replaced_and_that_they_come_back(
    learning: bool, tiles: bool, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen ones in bf16 where there are tiles; where nothing is learned, those in fp32 too."""
    monkeypatch.setattr("fewtune.model.product.takes", lambda W, b: tiles and W.dtype == BF16 and len(W) == 256)
    model = layers()
    before, names = dict(model.named_modules()), list(model.state_dict())
    with quick(model, learning=learning):
        inside = dict(model.named_modules())
        changed = {path for path in before if inside[path] is not before[path]}
        in_tiles = {"one", "bare"} if tiles else set()
        in_fp32 = {"fp32", "learns_in_fp32", "turned"} if compiled and not learning else set()
        assert changed == in_tiles | in_fp32
        assert list(model.state_dict()) == names
        for path in changed:
            assert inside[path].weight is before[path].weight and inside[path].bias is before[path].bias
            assert quick_linear(inside[path], learning) is None
            assert is_linear(inside[path]) and is_dense(inside[path]) is (path != "turned")
            assert is_transposed(inside[path]) is (path == "turned")
            assert is_plain_and_frozen(inside[path]) is (path != "learns_in_fp32")
    assert not is_dense(model["someones"])
    assert dict(model.named_modules()) == before


@with_tiles
def test_few_rows_go_through_torch() -> None:
    own = layer()
    found = quick_linear(own, learning=True)
    assert isinstance(found, QuickLinear) and repr(found)
    for rows in (1, 31, 32, 50):
        x = torch.randn(rows, 128, dtype=BF16)
        torch.testing.assert_close(found(x), own(x))


@pytest.mark.parametrize("architecture", WIDE)
@pytest.mark.usefixtures("with_compiler")
def test_a_model_answers_the_same_with_few_rows(architecture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain layers and LoRA's go through the kernel, and the logits are as near to fp64's as torch's are."""
    calls: list[tuple[int, bool]] = []
    real = native.few_rows

    def spied(x: torch.Tensor, W: torch.Tensor, b: torch.Tensor | None, A: torch.Tensor | None, *given: Any) -> Any:
        calls.append((len(x), A is not None))
        return real(x, W, b, A, *given)

    monkeypatch.setattr(native, "few_rows", spied)
    torch.manual_seed(1)
    model = wide(architecture)
    targets = ["qkv"] if architecture == "gpt2" else ["query", "value"]
    method = registry.find("methods", "lora").model_validate({"name": "lora", "rank": 4, "targets": targets})
    adapted = adapt(model, method)
    for each in adapted.trainable().values():
        nn.init.normal_(each, std=0.05)
    batch = tiny_batch(architecture, rows=2, head=WIDE[architecture][0])
    linear = [
        path for path, module in model.named_modules() if type(module) in (nn.Linear, Conv1D) and ".base" not in path
    ]

    def logits() -> torch.Tensor:
        return model(**batch).logits

    with torch.inference_mode():
        with monkeypatch.context() as without:
            without.setattr(native, "library", lambda: None)
            usual = logits()
        assert not calls
        with quick(model, learning=False):
            found = logits()
        model.double()
        exact = logits()
    norm = torch.linalg.vector_norm
    assert norm(found - exact) <= 3 * norm(usual - exact) + 1e-7 * norm(exact)
    wrapped = [corrected for _, corrected in calls]
    layers_of_lora = sum(type(module).__name__ == "LowRankLinear" for module in model.modules())
    assert wrapped.count(True) == layers_of_lora and wrapped.count(False) >= len(linear) - 3
    assert {rows for rows, _ in calls} <= set(range(few_rows.FEWEST, few_rows.MOST + 1))


@with_tiles
@pytest.mark.parametrize("architecture", [name for name in WIDE if name != "gpt2"])
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
