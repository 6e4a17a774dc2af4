"""IA³ against its equation in numpy, and which layers it means in each architecture."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from transformers import AutoModel
from transformers.pytorch_utils import Conv1D

from fewtune.adapted import adapt
from fewtune.errors import MethodError
from fewtune.methods.ia3 import Ia3, Rescaled
from models import INNER, SHAPES, WIDTH, logits, tiny_batch, tiny_config, tiny_model
from steps import method_losses

# Last names of what rescales its output, and of what rescales its input: written by hand.
EXPECTED = {
    "bert": ("key value", "output.dense"),
    "roberta": ("key value", "output.dense"),
    "deberta_v2": ("key_proj value_proj", "output.dense"),
    "modernbert": ("Wqkv", "mlp.Wo"),
    "gpt2": ("c_attn", "mlp.c_proj"),
    "llama": ("k_proj v_proj", "down_proj"),
    "qwen2": ("k_proj v_proj", "down_proj"),
    "qwen3": ("k_proj v_proj", "down_proj"),
    "t5": ("k v", "wo"),
    "t5_gated": ("k v", "wo"),
    "bart": ("k_proj v_proj", "fc2"),
    "distilbert": ("k_lin v_lin", "ffn.lin2"),
    "gemma": ("k_proj v_proj", "down_proj"),
    "gpt_neox": ("query_key_value", "mlp.dense_4h_to_h"),
    "vit": ("k_proj v_proj", "mlp.fc2"),
    "whisper": ("k_proj v_proj", "fc2"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_keys_values_and_inner_activations_are_rescaled(shape: str) -> None:
    model = SHAPES[shape].model()
    outer, inner = EXPECTED[SHAPES[shape].architecture]
    linear = [path for path, module in model.named_modules() if isinstance(module, nn.Linear | Conv1D)]
    ends = tuple(f".{name}" for name in outer.split())
    expected = {path for path in linear if path.endswith(ends)}
    expected_inner = {path for path in linear if path.endswith("." + inner) and ".attention." not in path}
    layers = adapt(model, Ia3()).layers()
    assert {path for path, layer in layers.items() if layer.inner} == expected_inner
    assert {path for path, layer in layers.items() if not layer.inner} == expected


def test_number_of_parameters_by_hand() -> None:
    """Each of T5's four blocks: l_k and l_v in each attention (one in the encoder, two in the decoder), and l_ff."""
    learned = adapt(tiny_model("t5"), Ia3()).trainable()
    counted = sum(p.numel() for name, p in learned.items() if name.endswith(".l"))
    assert counted == 2 * (2 * WIDTH + INNER) + 2 * (4 * WIDTH + INNER)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.booleans(), st.booleans(), st.booleans(), st.integers(0, 99))
def test_equation(n: int, m: int, conv1d: bool, bias: bool, inner: bool, seed: int) -> None:
    torch.manual_seed(seed)
    base = Conv1D(m, n) if conv1d else nn.Linear(n, m, bias=bias)
    for parameter in base.parameters():
        nn.init.normal_(parameter)
    layer = Rescaled(base, inner).double()
    nn.init.normal_(layer.l)
    x = torch.randn(4, n, dtype=torch.float64)
    W = base.weight.detach().numpy().T if conv1d else base.weight.detach().numpy()
    b = np.zeros(m) if base.bias is None else base.bias.detach().numpy()
    l = layer.l.detach().numpy()  # noqa: E741
    rows = x.numpy()
    expected = (rows * l) @ W.T + b if inner else l * (rows @ W.T + b)
    with torch.no_grad():
        np.testing.assert_allclose(layer(x), expected, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(layer.merged()(x), expected, rtol=1e-9, atol=1e-9)


def test_starts_at_one_and_learns_in_fp32() -> None:
    layers = adapt(tiny_model("bert").to(torch.bfloat16), Ia3()).layers().values()
    assert all(torch.equal(layer.l, torch.ones_like(layer.l)) and layer.l.dtype == torch.float32 for layer in layers)


def test_a_factor_close_to_one_is_not_lost_in_bf16() -> None:
    """In bf16 the number after 1 is 1.0078; 1.003 times 100 is 100.3, which rounds to 100.5 and not to 100."""
    layer = Rescaled(nn.Linear(1, 1, bias=False).to(torch.bfloat16), inner=False)
    with torch.no_grad():
        layer.base.weight.fill_(100)
        layer.l.fill_(1.003)
        assert float(layer(torch.ones(1, 1, dtype=torch.bfloat16))) == 100.5


def test_rescaling_the_query_too_is_rescaling_the_key_where_nothing_stands_between() -> None:
    """As the docstring says of GPT-2's fused projection."""
    one, other, batch = tiny_model("gpt2"), tiny_model("gpt2"), tiny_batch("gpt2")
    l_q, l_k = 0.5 + torch.rand(WIDTH), 0.5 + torch.rand(WIDTH)
    path = "transformer.h.0.attn.c_attn"
    for model, start in ((one, (l_q, l_k)), (other, (torch.ones(WIDTH), l_q * l_k))):
        layer = adapt(model, Ia3()).layers()[path]
        layer.load({"l": torch.cat([*start, torch.ones(WIDTH)])})
    torch.testing.assert_close(logits(one, batch), logits(other, batch), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(logits(one, batch), logits(tiny_model("gpt2"), batch), atol=1e-3)


def test_the_gradients_at_the_start() -> None:
    """dl = Σ g ⊙ (W x + b) where outputs are rescaled, Σ x ⊙ (Wᵀ g) where inputs are."""
    base, x, g = nn.Linear(6, 5).requires_grad_(False).double(), *(torch.randn(4, k).double() for k in (6, 5))
    outer, inner = Rescaled(base, inner=False), Rescaled(base, inner=True)
    outer(x).backward(g)
    inner(x).backward(g)
    torch.testing.assert_close(outer.l.grad.double(), (g * base(x)).sum(0), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(inner.l.grad.double(), (x * (g @ base.weight)).sum(0), rtol=1e-5, atol=1e-5)
    assert base.weight.grad is None


def test_the_loss_falls() -> None:
    losses = method_losses(Ia3(), "bert")
    assert losses[-1] < losses[0] - 0.1


def test_load_refuses_other_names_and_shapes() -> None:
    layer = Rescaled(nn.Linear(4, 5), inner=False)
    for wrong in ({}, {"l": torch.ones(4)}, {"l": torch.ones(5), "A": torch.ones(5)}):
        with pytest.raises(ValueError, match=r"expected l \(5,\)"):
            layer.load(wrong)
    assert "rescales=output" in repr(layer)


def test_a_model_whose_layers_are_not_known_is_refused_and_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    from fewtune.model import roles

    known = tuple(pair for pair in roles._ROLE_PATTERNS if pair[0] != "down")
    monkeypatch.setattr(roles, "_ROLE_PATTERNS", known)
    model = AutoModel.from_config(tiny_config("bert"))
    with pytest.raises(MethodError, match="of BertModel only these are known: key, out, query, up, value") as refused:
        adapt(model, Ia3())
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert "chỉ nhận ra: key, out" in refused.value.say("vi")
