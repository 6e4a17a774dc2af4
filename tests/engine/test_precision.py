"""Which format on which hardware, and what is kept in it."""

from typing import Any

import pytest
import torch
from torch import nn

from fewtune import _compat
from fewtune.adapted import adapt
from fewtune.engine.precision import Precision, choose_device, choose_precision
from fewtune.errors import ConfigError
from fewtune.methods.bitfit import Bitfit
from fewtune.methods.lora import Lora
from fewtune.settings import HardwareConfig
from models import SHAPES, tiny_batch, tiny_model

AUTO = HardwareConfig()


@pytest.mark.parametrize(("native", "expected"), [(True, "bf16"), (False, "fp32")])
def test_a_cpu_computes_in_bf16_only_where_its_hardware_does(
    native: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_compat, "cpu_computes_bf16", lambda: native)
    assert choose_precision(AUTO, "cpu") == Precision(expected, "cpu")


@pytest.mark.parametrize(("native", "expected"), [(True, "bf16"), (False, "fp16")])
def test_a_cuda_card_that_only_emulates_bf16_gets_fp16(
    native: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A T4 answers True when emulation counts."""
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: native or including_emulation)
    assert choose_precision(AUTO, "cuda") == Precision(expected, "cuda")


def test_apples_gpu_computes_in_fp32() -> None:
    assert choose_precision(AUTO, "mps") == Precision("fp32", "mps")


@pytest.mark.parametrize("name", ["fp32", "bf16", "fp16"])
def test_what_is_asked_for_is_taken_whatever_the_hardware(name: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_compat, "cpu_computes_bf16", lambda: name == "fp32")
    assert choose_precision(HardwareConfig(precision=name), "cpu") == Precision(name, "cpu")


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, False, "cuda"), (False, True, "mps"), (True, True, "cuda"), (False, False, "cpu")],
)
def test_the_device_is_the_fastest_that_is_there(
    cuda: bool, mps: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert choose_device(AUTO) == expected
    assert choose_device(HardwareConfig(device="cpu")) == "cpu"


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_an_error_that_names_those_that_are(
    device: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ConfigError, match=rf"hardware.device={device}: not on this machine, which has 'cpu'"):
        choose_device(HardwareConfig(device=device))


@pytest.mark.parametrize(
    ("name", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)]
)
def test_products_are_computed_in_the_format_and_frozen_parameters_kept_in_it(name: str, dtype: torch.dtype) -> None:
    precision, model = Precision(name, "cpu"), tiny_model("bert")
    model.requires_grad_(False)
    model.classifier.requires_grad_(True)
    model.bert.embeddings.position_ids = torch.arange(64)[None]
    precision.store(model)
    kinds = {name: parameter.dtype for name, parameter in model.named_parameters()}
    assert {kind for path, kind in kinds.items() if path.startswith("classifier")} == {torch.float32}
    assert {kind for path, kind in kinds.items() if not path.startswith("classifier")} == {dtype}
    assert model.bert.embeddings.position_ids.dtype == torch.int64
    with precision.context():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype
    assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_a_norm_whose_bias_learns_computes_with_one_type() -> None:
    """Its gain stays fp32 with it, 32 numbers; the matrix beside a bias that learns is stored in bf16 all the same."""
    model, precision = tiny_model("bert"), Precision("bf16", "cpu")
    adapted = adapt(model, Bitfit())
    precision.store(model)
    kinds = {name: parameter.dtype for name, parameter in model.named_parameters()}
    block = "bert.encoder.layer.0.output"
    assert {kinds[name] for name in adapted.trainable()} == {torch.float32}
    assert kinds[f"{block}.LayerNorm.weight"] == torch.float32
    assert kinds[f"{block}.dense.weight"] == torch.bfloat16
    with precision.context():
        model(**tiny_batch("bert")).loss.backward()
    assert all(parameter.grad is not None for parameter in adapted.trainable().values())


@pytest.mark.parametrize("shape", ["bert", "gpt2_lm", "bart", "t5_gated_lm", "modernbert", "deberta_v2"])
def test_embeddings_that_learn_widen_the_norms_behind_them(shape: str) -> None:
    """The hidden states are fp32 then, and LayerNorm on a CPU refuses what is wider than its gain."""
    model, precision = SHAPES[shape].model(), Precision("bf16", "cpu")
    adapted = adapt(model, Lora(rank=2, targets=("down",), also=("embeddings",)))
    precision.store(model)
    norms = {module.weight.dtype for module in model.modules() if isinstance(module, nn.LayerNorm)}
    assert norms <= {torch.float32}
    frozen = {p.dtype for p in model.parameters() if p.dim() > 1 and not p.requires_grad}
    assert frozen == {torch.bfloat16}
    with precision.context():
        model.train()(**SHAPES[shape].batch()).loss.backward()
    assert all(parameter.grad is not None for parameter in adapted.trainable().values())


def test_only_fp16_scales_its_loss() -> None:
    assert [Precision(name, "cpu").scaler().is_enabled() for name in ("fp32", "bf16", "fp16")] == [False, False, True]
