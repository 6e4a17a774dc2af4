"""Which norms are known, and when another computes in their place."""

from typing import Any

import pytest
import torch
from torch import nn
from transformers.models.gemma.modeling_gemma import GemmaRMSNorm
from transformers.models.gemma3.modeling_gemma3 import Gemma3RMSNorm
from transformers.models.llama.modeling_llama import LlamaRMSNorm
from transformers.models.qwen3.modeling_qwen3 import Qwen3RMSNorm
from transformers.models.t5.modeling_t5 import T5LayerNorm

from fewtune.kernels.rms_norm import rms_norm
from fewtune.model import norm
from fewtune.model.norm import QuickRmsNorm, quick_rms_norm


def filled(made: Any) -> Any:
    nn.init.normal_(made.weight)
    return made.requires_grad_(False)


class Shifted(LlamaRMSNorm):
    """Looks the same and computes something else."""

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        return super().forward(hidden_states) + 1e-3


class Biased(LlamaRMSNorm):
    """Has something more."""

    def __init__(self, n: int) -> None:
        super().__init__(n)
        self.bias = nn.Parameter(torch.zeros(n))


@pytest.mark.parametrize("kind", [LlamaRMSNorm, T5LayerNorm, Qwen3RMSNorm, GemmaRMSNorm, Gemma3RMSNorm])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_known_ones(kind: Any, dtype: torch.dtype, compiled: bool) -> None:
    own = filled(kind(16, eps=1e-3)).to(dtype).eval()
    made = quick_rms_norm(own)
    assert made is not None
    assert made.weight is own.weight and made.variance_epsilon == 1e-3 and not made.training
    assert [name for name, _ in made.named_parameters()] == ["weight"]
    x = torch.randn(3, 5, 16).to(dtype)
    if compiled:
        torch.testing.assert_close(made(x), own(x), rtol=1e-6 if dtype == torch.float32 else 2**-7, atol=1e-6)
    else:
        assert torch.equal(made(x), own(x))


def test_others_stay() -> None:
    learning, hooked = filled(LlamaRMSNorm(16)), filled(LlamaRMSNorm(16))
    learning.requires_grad_(True)
    hooked.register_forward_hook(lambda *_: None)
    others = [
        filled(nn.LayerNorm(16)),
        filled(nn.LayerNorm(16, bias=False)),
        filled(nn.RMSNorm(16)),
        filled(Shifted(16)),
    ]
    others += [filled(Biased(16)), learning, hooked, filled(LlamaRMSNorm(16)).to("meta"), nn.Identity()]
    assert [type(module).__name__ for module in others if quick_rms_norm(module)] == []


def test_an_input_of_another_type_and_torch_compile_get_the_models_own(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def counted(*arguments: Any) -> torch.Tensor:
        calls.append(1)
        return rms_norm(*arguments)

    own = filled(T5LayerNorm(16))
    made = QuickRmsNorm(own, own.variance_epsilon)
    monkeypatch.setattr(norm, "rms_norm", counted)
    x = torch.randn(3, 16)
    made(x)
    assert len(calls) == 1
    assert torch.equal(made(x.bfloat16()), own(x.bfloat16()))
    torch.testing.assert_close(torch.compile(made, backend="eager")(x), own(x))
    assert len(calls) == 1
